"""The stub of every agnostic class: what `declared.pyi` says, what core annotates, what is derived
from PyMongo.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motor.core import base
from motor.core.self_awaiting import SelfAwaiting
from motor.metaprogramming import (
    Async,
    AsyncProperty,
    DelegateMethod,
    LatentCursor,
    MotorAttributeFactory,
    MotorCursorChainingMethod,
    ReadOnlyProperty,
    derive,
    derived_members,
)
from motor.originals import docstring_for, own_part
from stubs.annotations import Imports, Translator, union
from stubs.overloads import with_codec_options
from stubs.source import Function, Signature, find_member

__all__ = ["TEMPLATE_NAMES", "AgnosticClasses", "StubClass", "default_of_stub"]


#: Python's own methods, and methods that only raise an error: if the stub lacks them, a type
#: checker reports the mistake.
_LEFT_OUT = {
    "__annotations__", "__annotate_func__", "__annotations_cache__", "__call__",
    "__class_getitem__", "__dict__", "__doc__", "__enter__", "__exit__", "__firstlineno__",
    "__hash__", "__init_subclass__", "__len__",
    "__module__", "__orig_bases__", "__parameters__", "__qualname__", "__reduce_ex__", "__repr__",
    "__static_attributes__", "__weakref__",
}  # fmt: skip

#: What a class says about itself, and that a plain "for" cannot loop over it.
_CLASS_ATTRIBUTES = {
    "__async_class__": "ClassVar[type[Any]]",
    "__delegate_class__": "ClassVar[type[Any]]",
    "__iter__": "None",
    "__motor_class_name__": "ClassVar[str]",
}

_FUTURE = ("motor.execution.future", "OperationFuture")


@dataclass
class StubClass:
    """One class of a stub.

    - `derived`: the members that are there only once a class is made for a framework
    - `ignores`: what mypy must overlook, by member; "" for the class itself
    - `docs`: the docstrings of the members that are derived
    """

    name: str
    bases: list[ast.expr]
    members: dict[str, list[ast.stmt]] = field(default_factory=dict)
    runtime: Any = None
    derived: set[str] = field(default_factory=set)
    ignores: dict[str, str] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        """The type variables that it takes."""
        names = [node.id for b in self.bases for node in ast.walk(b) if isinstance(node, ast.Name)]
        return list(dict.fromkeys(n for n in names if n.startswith("_") and n[1].isupper()))

    def reference(self) -> ast.expr:
        """The class with its own type variables as arguments."""
        text = f"{self.name}[{', '.join(self.parameters)}]" if self.parameters else self.name
        return ast.parse(text, mode="eval").body


def _template() -> dict[str, ast.ClassDef]:
    tree = ast.parse(Path(__file__).with_name("declared.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


class AgnosticClasses:
    """Stubs of `classes`, every one an agnostic class, for the module that has `imports`."""

    def __init__(self, classes: list[Any], imports: Imports) -> None:
        self.imports = imports
        self.runtime = {cls.__name__: cls for cls in classes}
        self.type_variables: set[str] = set()
        self._template = _template()
        self._exported = set(classes)
        self.motor_names = {
            (pymongo.__module__, pymongo.__name__): agnostic.__name__
            for sync, agnostic in base._registry.items()
            for pymongo in (sync, getattr(agnostic, "__async_class__", sync))
        }
        for module in ("collection", "database", "cluster"):
            name = f"{module.title()}ChangeStream"
            self.motor_names["pymongo.synchronous.change_stream", name] = "AgnosticChangeStream"
        self.stubs: dict[str, StubClass] = {}
        for cls in sorted(classes, key=lambda c: (len(c.__mro__), c.__name__)):
            self.stubs[cls.__name__] = StubClass(cls.__name__, self._bases(cls), runtime=cls)
        for stub in self.stubs.values():
            self._fill(stub)

    # What a class is.

    def _bases(self, cls: Any) -> list[ast.expr]:
        if cls.__name__ in self._template:
            written = self._template[cls.__name__].bases
            return [self._names_of_template(copy.deepcopy(node)) for node in written]
        exported = [b for b in cls.__mro__[1:] if b in self._exported]
        return [self.stubs[exported[0].__name__].reference()] if exported else []

    def _fill(self, stub: StubClass) -> None:
        cls = stub.runtime
        known = set(dir(cls)).union(*map(inspect.get_annotations, cls.__mro__))
        written = self._in_template(cls.__name__)
        if not set(written) <= known | set(dir(getattr(cls, "__delegate_class__", cls))):
            unknown = ", ".join(sorted(set(written) - known))
            raise LookupError(f"declared.pyi: {cls.__name__} has no {unknown}")
        for name in dict.fromkeys((*self._declared(cls), *written)):
            nodes = self._from_template(stub, name) or self._from_source(stub, name)
            if nodes:
                stub.members[name] = nodes
            factory = inspect.getattr_static(cls, name, None)
            if isinstance(factory, MotorAttributeFactory):
                stub.derived.add(name)
                stub.docs[name] = _doc(cls, name, factory)
        concrete = [b for b in cls.__mro__[1:] if b in self._exported]
        inherited = {name for b in concrete for name in self.stubs[b.__name__].members}
        # Attributes first, as is usual.
        ordered = sorted(stub.members, key=lambda n: isinstance(stub.members[n][0], Function))
        stub.members = {name: stub.members[name] for name in ordered}
        for name in derived_members(cls):
            if name in inherited:
                continue
            stub.derived.add(name)
            factory = derive(cls.__delegate_class__, cls.__async_class__, name)
            stub.docs[name] = _doc(cls, name, factory)
            if name not in stub.members:
                stub.members[name] = self._from_pymongo(stub, name, factory)

    def _declared(self, cls: Any) -> Iterator[str]:
        """The names that the class, or a base of it that has no stub, declares by hand."""
        seen = set()
        for owner in cls.__mro__:
            if owner is object or (owner is not cls and owner in self._exported):
                break
            for name in (*inspect.get_annotations(owner), *vars(owner)):
                private = name.startswith("_") and not name.endswith("__")
                if name not in seen and not private and name not in _LEFT_OUT:
                    seen.add(name)
                    yield name

    # From declared.pyi.

    def _in_template(self, class_name: str) -> dict[str, list[ast.stmt]]:
        found: dict[str, list[ast.stmt]] = {}
        tree = self._template.get(class_name)
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.AnnAssign):
                found[ast.unparse(node.target)] = [node]
            elif isinstance(node, Function):
                found.setdefault(node.name, []).append(node)
        return found

    def _from_template(self, stub: StubClass, name: str) -> list[ast.stmt]:
        written = (self._in_template(b.__name__).get(name) for b in stub.runtime.__mro__)
        nodes = copy.deepcopy(next(filter(None, written), []))
        for node in nodes:
            self._names_of_template(node)
            if isinstance(node, Function) and _take_decorator(node, "pymongo_arguments"):
                self._take_arguments(stub, node)
        return nodes

    def _names_of_template(self, node: Any) -> Any:
        """Import what the names in the template mean."""
        for part in ast.walk(node):
            if not isinstance(part, ast.Name):
                continue
            if part.id in TEMPLATE_NAMES:
                self.imports.name(TEMPLATE_NAMES[part.id], part.id)
            elif part.id.startswith("_") and part.id[1].isupper():
                self.type_variables.add(part.id)
        return node

    def _take_arguments(self, stub: StubClass, node: Function) -> None:
        found = find_member(stub.runtime.__delegate_class__, node.name)
        assert found is not None, node.name
        original = found.nodes[0]
        assert isinstance(original, Function)
        own = node.args
        node.args = self._translated(stub, found, original).args
        node.args.kwonlyargs += own.kwonlyargs
        node.args.kw_defaults += own.kw_defaults

    # From core's own source.

    def _from_source(self, stub: StubClass, name: str) -> list[ast.stmt]:
        cls = stub.runtime
        value = inspect.getattr_static(cls, name, None)
        if name in _CLASS_ATTRIBUTES:
            return [_attribute(name, _CLASS_ATTRIBUTES[name])]
        if isinstance(value, MotorAttributeFactory):
            return self._from_pymongo(stub, name, value)
        own = find_member(cls, name)
        if own is not None and not _mentions_any(own):
            return self._as_written(stub, own)
        twin = getattr(cls, "__async_class__", None)
        if twin is not None and name != "__init__" and find_member(cls.__delegate_class__, name):
            return self._from_pymongo(stub, name, _factory_for(value, twin, name))
        return self._as_written(stub, own) if own is not None else []

    def _as_written(self, stub: StubClass, own: Signature) -> list[ast.stmt]:
        return [
            self._translated(stub, own, node)
            for node in own.nodes
            if isinstance(node, Function) and not _is_private(node)
        ]

    # From PyMongo.

    def _from_pymongo(
        self, stub: StubClass, name: str, factory: MotorAttributeFactory
    ) -> list[ast.stmt]:
        original = getattr(factory, "attr_name", None) or name
        found = _in_pymongo(stub.runtime, original)
        if found is None:
            return [_attribute(name, "Any")]
        nodes: list[ast.stmt] = []
        for node in found.nodes:
            if not isinstance(node, Function):
                annotation = self._translate(stub, found, node)
                nodes.append(_property(name, annotation))
                continue
            made = self._translated(stub, found, node)
            made.name = name
            self._adapt(made, factory)
            nodes.append(made)
        return with_codec_options(nodes)

    def _adapt(self, node: Function, factory: MotorAttributeFactory) -> None:
        """Give `node`, which reads like PyMongo's, the result that Motor's member has."""
        returns = node.returns if node.returns is not None else ast.Name("Any")
        if isinstance(factory, MotorCursorChainingMethod):
            returns = ast.Name("Self")
        elif isinstance(factory, LatentCursor):
            text = ast.unparse(returns).replace("AgnosticCommand", "AgnosticLatentCommand")
            returns = ast.parse(text, mode="eval").body
        elif _gives_future(factory) and not self._awaits_itself(returns):
            future = ast.Name(self.imports.name(*_FUTURE))
            returns = ast.Subscript(future, returns)
        node.returns = returns
        if _makes_property(factory):
            _take_decorator(node, "property")
            node.decorator_list.append(ast.Name("property"))

    def _awaits_itself(self, returns: ast.expr) -> bool:
        name = ast.unparse(returns).partition("[")[0]
        return name in self.runtime and issubclass(self.runtime[name], SelfAwaiting)

    # Annotations.

    def _translate(
        self, stub: StubClass, found: Signature, node: ast.expr, parameter: bool = False
    ) -> ast.expr:
        substitutions = dict(found.substitutions)
        own = stub.parameters[0] if stub.parameters else None
        if own is not None and own != "_DocumentType":
            substitutions["_DocumentType"] = ast.Name(own)
        translator = Translator(found.module, self.imports, self.motor_names, substitutions)
        result = translator.translate(node)
        result = self._without_surplus_arguments(result)
        self.type_variables |= {*translator.type_variables, *([own] if own else [])}
        if parameter and "AgnosticClientSession" in ast.unparse(result):
            bare = ast.Name(self.imports.name("pymongo.client_session", "ClientSession"))
            result = union([result, bare])
        return result

    def _without_surplus_arguments(self, node: ast.expr) -> ast.expr:
        """Some classes take no type arguments here although PyMongo's do."""
        for part in ast.walk(ast.Expression(node)):
            for name, value in ast.iter_fields(part):
                if isinstance(value, ast.Subscript) and self._takes_none(value.value):
                    setattr(part, name, value.value)
        if isinstance(node, ast.Subscript) and self._takes_none(node.value):
            return node.value
        return node

    def _takes_none(self, node: ast.expr) -> bool:
        name = ast.unparse(node)
        return name in self.stubs and not self.stubs[name].parameters

    def _translated(self, stub: StubClass, found: Signature, node: Function) -> Function:
        """The definition with its annotations as the stub says them, and without its body."""
        node = copy.deepcopy(node)
        node.body = [ast.Expr(ast.Constant(...))]
        kept = [d for d in node.decorator_list if ast.unparse(d) in _KEPT_DECORATORS]
        node.decorator_list = kept
        if any(ast.unparse(d) == "overload" for d in kept):
            self.imports.name("typing", "overload")
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in (*every, arguments.vararg, arguments.kwarg):
            if argument is not None and argument.annotation is not None:
                argument.annotation = self._translate(stub, found, argument.annotation, True)
        arguments.defaults = [default_of_stub(d) for d in arguments.defaults]
        arguments.kw_defaults = [d and default_of_stub(d) for d in arguments.kw_defaults]
        if node.returns is not None:
            node.returns = self._translate(stub, found, node.returns)
        return node


def _doc(cls: Any, name: str, factory: MotorAttributeFactory) -> str:
    """The docstring that the member has in the classes for a framework, without PyMongo's part."""
    original = getattr(factory, "attr_name", None) or name
    return own_part(factory.doc or docstring_for(cls, original, factory.summary))


def _gives_future(factory: MotorAttributeFactory) -> bool:
    return isinstance(factory, AsyncProperty) or getattr(factory, "is_async", False)


def _makes_property(factory: MotorAttributeFactory) -> bool:
    if isinstance(factory, DelegateMethod):
        return False
    return isinstance(factory, ReadOnlyProperty | AsyncProperty)


def _in_pymongo(cls: Any, name: str) -> Signature | None:
    """How PyMongo declares a member of the class's delegate.

    Some of its synchronous classes have members from C, of which only the twin's can be read.
    """
    found = find_member(cls.__delegate_class__, name)
    return found if found is not None else find_member(cls.__async_class__, name)


#: Where the names that declared.pyi and the generator itself use come from.
TEMPLATE_NAMES = {
    "Any": "typing", "Generic": "typing", "NoReturn": "typing", "Self": "typing",
    "overload": "typing", "ClassVar": "typing",
    "Awaitable": "collections.abc", "Callable": "collections.abc", "Coroutine": "collections.abc",
    "Generator": "collections.abc", "Mapping": "collections.abc",
    "ThreadPoolExecutor": "concurrent.futures", "datetime": "datetime",
    "CodecOptions": "bson.codec_options",
    "AsyncIterator": "collections.abc", "ObjectId": "bson.objectid",
    "GridFSBucket": "gridfs", "GridIn": "gridfs", "GridOut": "gridfs",
    "ChangeStream": "pymongo.change_stream", "ClientEncryption": "pymongo.encryption",
    "ClientSession": "pymongo.client_session", "Collection": "pymongo.collection",
    "Database": "pymongo.database", "MongoClient": "pymongo.mongo_client",
    "ReadConcern": "pymongo.read_concern", "WriteConcern": "pymongo.write_concern",
    "ServerMode": "motor.core.read_preference", "OperationFuture": "motor.execution.future",
    "BoundSession": "motor.core.session", "TransactionContext": "motor.core.session",
    "Done": "motor.core.connecting",
}  # fmt: skip

_KEPT_DECORATORS = {"classmethod", "overload", "property", "staticmethod"}


def _factory_for(value: Any, twin: type, name: str) -> MotorAttributeFactory:
    """What a hand-written member does, as far as its result is concerned."""
    if isinstance(value, property) or value is None:
        return ReadOnlyProperty()
    marked = getattr(value, "coroutine_annotation", False)
    if inspect.iscoroutinefunction(value) and not marked:
        raise LookupError(f"declared.pyi must say what the coroutine {name} returns")
    twin_member = inspect.getattr_static(twin, name, None)
    coroutine = inspect.iscoroutinefunction(inspect.unwrap(twin_member)) if twin_member else False
    return Async() if coroutine else MotorAttributeFactory()


def _mentions_any(own: Signature) -> bool:
    for node in own.nodes:
        if not isinstance(node, Function):
            return True
        every = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        annotations = [node.returns, *(a.annotation for a in every if a is not None)]
        if any("Any" in ast.unparse(a) for a in annotations if a is not None):
            return True
    return False


def _is_private(node: Function) -> bool:
    return node.name.startswith("_") and not node.name.endswith("__")


def _take_decorator(node: Function, name: str) -> bool:
    kept = [d for d in node.decorator_list if ast.unparse(d) != name]
    taken = len(kept) < len(node.decorator_list)
    node.decorator_list = kept
    return taken


def default_of_stub(node: ast.expr) -> ast.expr:
    """A default as stubs show it: as it is if it is a constant, or else as an ellipsis."""
    return node if isinstance(node, ast.Constant) else ast.Constant(...)


def _attribute(name: str, annotation: str) -> ast.AnnAssign:
    parsed = ast.parse(annotation, mode="eval").body
    return ast.AnnAssign(ast.Name(name), parsed, None, simple=1)


def _property(name: str, annotation: ast.expr) -> ast.FunctionDef:
    made = ast.parse(f"@property\ndef {name}(self) -> Any: ...").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.returns = annotation
    return made
