"""The text of every stub, by its path in the checkout."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import motor.legacy
from motor import core
from motor.core import AgnosticBase
from stubs.annotations import Imports
from stubs.classes import TEMPLATE_NAMES, AgnosticClasses, StubClass
from stubs.fronts import LOOPS, concrete_class, renamed
from stubs.legacy import legacy_classes, old_module_names
from stubs.render import TYPE_VARIABLES, class_lines, function_lines, type_variable_lines
from stubs.source import Function, module_of

__all__ = ["CORE", "stub_texts"]

#: The stub of the agnostic classes, which shows what is derived from PyMongo.
CORE = "motor/core/__init__.pyi"

#: The modules that hold classes for a framework, or names of such. What does not exist is left out.
FRONTS = ("motor.motor_asyncio", "motor.motor_tornado", "motor.motor_gridfs")


#: The base of what has a name. Its subclasses' stubs have its members, with their own types.
_BASE_PROPERTIES = [
    "class AgnosticBaseProperties(AgnosticBase):",
    '    """A client, a database or a collection: the base of all of them."""',
    "    __iter__: None",
    "    def __getattr__(self, name: str) -> Any: ...",
    "    def __getitem__(self, name: str) -> Any: ...",
    "    def __setattr__(self, name: str, value: Any) -> None: ...",
    "",
]


def stub_texts(header: str) -> dict[str, str]:
    """What each stub should contain, below `header`."""
    fronts = [importlib.import_module(n) for n in FRONTS if importlib.util.find_spec(n)]
    imports = Imports("motor.core")
    agnostic = AgnosticClasses(_agnostic_classes(), imports)
    texts = {CORE: _core_text(agnostic)}
    for module in fronts:
        path = f"{module.__name__.replace('.', '/')}.pyi"
        texts[path] = _front_text(module, agnostic)
    texts["motor/legacy/__init__.pyi"] = _legacy_text(agnostic)
    texts["motor/__init__.pyi"] = _package_text()
    return {path: header + text for path, text in texts.items()}


def _agnostic_classes() -> list[Any]:
    found = [c for c in _members(core).values() if isinstance(c, type)]
    classes = [c for c in dict.fromkeys(found) if issubclass(c, AgnosticBase)]
    return [c for c in classes if c is not core.AgnosticBaseProperties]


def _members(module: ModuleType) -> dict[str, Any]:
    """What the module has, in its own order, and after it what it makes when it is asked for it."""
    own = dict(vars(module))
    return {**own, **{name: getattr(module, name) for name in dir(module) if name not in own}}


def _concrete_classes(module: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for name, value in _members(module).items()
        if isinstance(value, type) and "_framework" in vars(value)
    }


class _Body:
    """A stub in the making: its classes, and the names that they use."""

    def __init__(self, module: str) -> None:
        self.imports = Imports(module)
        self.variables: set[str] = set()
        self.lines: list[str] = []

    def use(self, node: ast.AST, agnostic: AgnosticClasses, own: set[str]) -> None:
        """Import what `node` names."""
        for part in ast.walk(node):
            if not isinstance(part, ast.Name) or part.id in own:
                continue
            if part.id in agnostic.runtime:
                self.imports.name("motor.core", part.id)
            elif part.id in TYPE_VARIABLES:
                self.variables.add(part.id)
            elif part.id in agnostic.imports.origins:
                self.imports.name(*agnostic.imports.origins[part.id])
            elif part.id in TEMPLATE_NAMES:
                self.imports.name(TEMPLATE_NAMES[part.id], part.id)

    def text(self) -> str:
        """Everything, with the imports before it."""
        if self.variables:
            self.imports.name("typing_extensions", "TypeVar")
            for name in self.variables:
                if "Mapping" in TYPE_VARIABLES[name]:
                    self.imports.name("collections.abc", "Mapping")
                if "Any" in TYPE_VARIABLES[name]:
                    self.imports.name("typing", "Any")
        variables = list(type_variable_lines(self.variables))
        parts = ["\n".join(self.imports.lines()), "\n".join(variables), "\n".join(self.lines)]
        return "\n" + "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _core_text(agnostic: AgnosticClasses) -> str:
    body = _Body("motor.core")
    for stub in agnostic.stubs.values():
        derived, declared = _split(stub)
        if derived.members:
            body.imports.name("typing", "type_check_only")
            body.lines.append("@type_check_only")
            _add_classes(body, [derived], agnostic, set(agnostic.runtime))
        _add_classes(body, [declared], agnostic, set(agnostic.runtime))
    body.lines += _BASE_PROPERTIES
    _reexport_names_of_motor_3(core, body)
    body.lines.append("HAS_SSL: bool")
    body.lines.append(_all_line(core.__all__))
    return body.text()


def _reexport_names_of_motor_3(module: ModuleType, body: _Body) -> None:
    """What the module imports when it is asked for it."""
    for name, origin in vars(module).get("_NAMES_OF_MOTOR_3", {}).items():
        if not name.startswith("_"):
            body.imports.reexport(origin, name)


def _split(stub: StubClass) -> tuple[StubClass, StubClass]:
    """The class in two: what it has only as a base of a framework's class, and what it has itself.

    Type checkers see the former as one more base. As for the event loop, it is anything here.
    """
    members = {
        name: [renamed(node, {}, "Any") for node in nodes] for name, nodes in stub.members.items()
    }
    generic = f"Generic[{', '.join(stub.parameters)}]" if stub.parameters else ""
    bases = [ast.parse(generic, mode="eval").body] if generic else []
    derived = StubClass(f"_{stub.name.removeprefix('Agnostic')}OfPyMongo", bases)
    derived.members = {name: members[name] for name in stub.derived if name in members}
    derived.members = {name: members.pop(name) for name in sorted(derived.members)}
    derived.docs = stub.docs
    extra = [derived.reference()] if derived.members else []
    first = [base for base in stub.bases if not ast.unparse(base).startswith("Generic")]
    last = [base for base in stub.bases if base not in first]
    return derived, StubClass(stub.name, [*extra, *first, *last], members, stub.runtime)


def _add_classes(
    body: _Body, classes: list[StubClass], agnostic: AgnosticClasses, own: set[str]
) -> None:
    for stub in classes:
        for node in (*stub.bases, *(n for nodes in stub.members.values() for n in nodes)):
            body.use(node, agnostic, own)
        body.lines += [*class_lines(stub), ""]


def _front_text(module: ModuleType, agnostic: AgnosticClasses) -> str:
    body = _Body(module.__name__)
    concrete = _concrete_classes(module)
    here = [c for c in concrete.values() if c.__module__ == module.__name__]
    own = {cls.__name__ for cls in here}
    for name, value in _members(module).items():
        if not isinstance(value, type) or name in own:
            continue
        if name in agnostic.runtime:
            body.imports.reexport("motor.core", name)
        elif name in concrete or name in getattr(module, "__all__", ()):
            body.imports.reexport(value.__module__, name)
    _reexport_names_of_motor_3(module, body)
    for cls in here:
        framework = vars(cls)["_framework"].__name__
        names = {c.__mro__[1].__name__: c.__name__ for c in here}
        loop_module, loop = LOOPS[framework]
        agnostic.imports.origins[loop] = (loop_module, loop)
        _add_classes(body, [concrete_class(cls, agnostic, names, loop)], agnostic, own)
    body.lines += _functions(module, body)
    body.imports.defined = own
    body.lines += _old_names(module.__name__, body.imports)
    if hasattr(module, "__all__"):
        body.lines.append(_all_line(module.__all__))
    return body.text()


def _legacy_text(agnostic: AgnosticClasses) -> str:
    body = _Body("motor.legacy")
    body.imports.name("typing", "type_check_only")
    own = set(motor.legacy.__all__)
    for old, stub in legacy_classes(agnostic, body.imports):
        body.lines.append("@type_check_only")
        _add_classes(body, [old, stub], agnostic, own)
    body.lines.append(_all_line(motor.legacy.__all__))
    return body.text()


def _old_names(module: str, imports: Imports) -> Iterator[str]:
    """What the module still answers for: classes and functions of the bridge."""
    for name, value, entry in old_module_names(module):
        if value.__module__ == module:
            base = value.__mro__[1]
            deprecated = imports.name("typing_extensions", "deprecated")
            imports.name(base.__module__, base.__name__)
            yield f"@{deprecated}({ast.unparse(ast.Constant(entry.advice))})"
            yield from class_lines(StubClass(name, [ast.Name(base.__name__)], runtime=value))
            yield ""
        else:
            yield from _reexport(name, value.__module__, value.__name__, imports)


def _reexport(name: str, module: str, original: str, imports: Imports) -> Iterator[str]:
    """Let users import ``module.original`` by `name`: a line of its own if that is another name."""
    if name == original:
        imports.reexport(module, name)
    else:
        yield f"{name} = {imports.name(module, original)}"


def _functions(module: ModuleType, body: _Body) -> Iterator[str]:
    """The functions that are defined in the module itself."""
    source = module_of(module.__name__)
    for name, value in vars(module).items():
        if not isinstance(value, FunctionType) or value.__module__ != module.__name__:
            continue
        if name.startswith("_"):
            continue
        node: ast.stmt = source.functions[name]
        assert isinstance(node, Function)
        for part in ast.walk(node.args):
            if isinstance(part, ast.Name) and part.id in source.imports:
                origin, original = source.resolve(part.id)
                body.imports.name(origin, original or part.id)
        if node.returns is not None and "Any" in ast.unparse(node.returns):
            body.imports.name("typing", "Any")
        if "T]" in ast.unparse(node.args):
            body.variables.add("_T")
            node = ast.parse(ast.unparse(node).replace("[T]", "[_T]")).body[0]
        assert isinstance(node, Function)
        yield from (*function_lines(node, inspect.getdoc(value)), "")


def _package_text() -> str:
    """`motor` itself: the version, and the names for Tornado, which are imported when asked for."""
    from motor import motor_tornado

    imports = Imports("motor")
    for name in motor_tornado.__all__:
        imports.reexport("motor.motor_tornado", name)
    aliases = [
        line
        for name, value, _ in old_module_names("motor")
        for line in _reexport(name, value.__module__, value.__name__, imports)
    ]
    source = module_of("motor")
    for name in ("get_version_string", "version", "version_tuple"):
        imports.reexport("motor._version", name)
    lines = [*imports.lines(), "", "__version__: str", *aliases, ""]
    for name, node in source.functions.items():
        if not name.startswith("_"):
            lines += [*function_lines(node, inspect.getdoc(getattr(motor, name))), ""]
    return "\n" + "\n".join(lines).rstrip() + "\n"


def _all_line(names: list[str]) -> str:
    return "\n".join(["__all__ = [", *(f'    "{name}",' for name in names), "]"])
