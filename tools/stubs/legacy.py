"""The stub of `motor.legacy`: today's classes, with the old names and arguments."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

import motor.legacy
from motor.core.self_awaiting import SelfAwaiting
from motor.legacy import registry
from motor.legacy.truth import Truthful
from stubs.annotations import Imports, Translator
from stubs.classes import AgnosticClasses, StubClass, default_of_stub
from stubs.fronts import LOOPS, all_members, renamed, returns_future
from stubs.source import Function, find_member, module_of

__all__ = ["legacy_classes", "old_module_names"]

#: What the registry calls the classes of `motor.legacy`, by their names for Tornado.
_OWNERS = {
    "MotorClient": "client",
    "MotorReplicaSetClient": "replica_set_client",
    "MotorDatabase": "database",
    "MotorCollection": "collection",
    "MotorCursor": "cursor",
}


def legacy_classes(
    agnostic: AgnosticClasses, imports: Imports
) -> Iterator[tuple[StubClass, StubClass]]:
    """The stubs of the classes of `motor.legacy`, for both frameworks.

    Each comes after a base that only type checkers know: the old names, which at run time are found
    when they are asked for.
    """
    for prefix, front in (("AsyncIO", "motor.motor_asyncio"), ("", "motor.motor_tornado")):
        today = importlib.import_module(front)
        own = {f"{prefix}{name}": getattr(motor.legacy, f"{prefix}{name}") for name in _OWNERS}
        names = {
            cls.__mro__[1].__name__: cls.__name__
            for cls in vars(today).values()
            if isinstance(cls, type) and "_framework" in vars(cls)
        }
        for name in set(names.values()) - set(own):
            agnostic.imports.origins[name] = (front, name)
        module, loop = LOOPS[vars(own[f"{prefix}MotorClient"])["_framework"].__name__]
        agnostic.imports.origins[loop] = (module, loop)
        maker = _Maker(agnostic, imports, own, names, loop)
        for name, owner in _OWNERS.items():
            yield maker.stub(f"{prefix}{name}", owner, front)


class _Maker:
    """Makes the stubs of one framework.

    - `own`: its classes of `motor.legacy`, by name
    - `names`: its class for each agnostic class, by name
    - `loop`: the name of its event loop
    """

    def __init__(
        self,
        agnostic: AgnosticClasses,
        imports: Imports,
        own: dict[str, Any],
        names: dict[str, str],
        loop: str,
    ) -> None:
        self.agnostic = agnostic
        self.imports = imports
        self.own = own
        self.names = names
        self.loop = loop

    def stub(self, name: str, owner: str, front: str) -> tuple[StubClass, StubClass]:
        """The old names of one class, and its stub.

        - `owner`: what the registry calls it
        - `front`: where today's class is
        """
        cls = self.own[name]
        base = next(b for b in cls.__mro__[1:] if b.__module__ in (front, "motor.legacy"))
        reference = self.imports.name("motor", front.partition(".")[2])
        dotted = base.__name__ if base.__module__ == "motor.legacy" else f"{reference}.{name}"
        variable = next(
            stub.parameters[0]
            for b in base.__mro__
            if (stub := self.agnostic.stubs.get(b.__name__)) is not None
        )
        stub = StubClass(name, [ast.parse(f"{dotted}[{variable}]", mode="eval").body], runtime=cls)
        if base.__module__ != "motor.legacy":
            self._add_todays(stub, base)
        self._add_own(stub, base)
        if issubclass(cls, Truthful):
            stub.members["__bool__"] = [self._truth()]
            stub.ignores["__bool__"] = "override"
        old = StubClass(f"_NamesOf{name}", [])
        self._add_old(old, owner)
        stub.bases.insert(0, ast.Name(old.name))
        if issubclass(cls, SelfAwaiting):
            # As in the fronts: a coroutine has a `close` too, which returns None.
            stub.ignores[""] = "misc"
        return old, stub

    def _add_todays(self, stub: StubClass, base: Any) -> None:
        """The members whose results are of other classes than today's."""
        for name, nodes in all_members(base.__mro__[1], self.agnostic).items():
            if not self._names_own(nodes):
                continue
            stub.members[name] = [renamed(node, self.names, self.loop) for node in nodes]
            if returns_future(nodes):
                # As in the fronts: to type checkers, futures are invariant.
                stub.ignores[name] = "override"

    def _names_own(self, nodes: list[ast.stmt]) -> bool:
        results = [n.returns if isinstance(n, Function) else n for n in nodes]
        found = {
            self.names.get(part.id)
            for result in results
            if result is not None
            for part in ast.walk(result)
            if isinstance(part, ast.Name)
        }
        return not found.isdisjoint(self.own)

    def _add_own(self, stub: StubClass, base: Any) -> None:
        """What the class itself declares, with what today's returns where it leaves that open."""
        old = stub.runtime.__mro__[1]
        for name in vars(old):
            found = find_member(old, name) if inspect.isfunction(vars(old)[name]) else None
            if found is None or name == "close" or (name[0] == "_" and name != "__init__"):
                continue
            node = copy.deepcopy(found.nodes[0])
            assert isinstance(node, Function)
            todays = all_members(base.__mro__[1], self.agnostic).get(name)
            if todays is not None and len(todays) > 1:
                # Overloads, which take further keywords as well.
                continue
            made = self._translated(node, found.module.name)
            stub.members[name] = [made]
            stub.ignores.pop(name, None)
            if made.returns is not None and ast.unparse(made.returns) != "Any":
                if returns_future([made]):
                    stub.ignores[name] = "override"
            elif todays is not None:
                first = renamed(todays[0], self.names, self.loop)
                assert isinstance(first, Function)
                made.returns = first.returns

    def _add_old(self, stub: StubClass, owner: str) -> None:
        settings = {entry.name for entry in registry.entries("setting", owner)}
        for name in sorted(settings):
            stub.members[name] = [_any(name)]
        for entry in registry.entries("attribute", owner):
            if entry.name not in settings:
                stub.members[entry.name] = [self._property(entry)]
        for entry in registry.entries("method", owner):
            if entry.function is not None:
                stub.members[entry.name] = [self._method(entry)]
        for nodes in stub.members.values():
            if "Any" in "".join(map(ast.unparse, nodes)):
                self.imports.name("typing", "Any")

    def _property(self, entry: registry.Entry) -> ast.stmt:
        function = self._source_of(entry)
        made = self._translated(function, _module_of(entry))
        made.name = entry.name
        made.decorator_list = [ast.Name("property"), self._deprecated(entry)]
        return made

    def _method(self, entry: registry.Entry) -> ast.stmt:
        made = self._translated(self._source_of(entry), _module_of(entry))
        made.name = entry.name
        made.decorator_list = [self._deprecated(entry)]
        if not entry.in_place:
            future = self.imports.name("motor.execution.future", "OperationFuture")
            made.returns = ast.Subscript(ast.Name(future), made.returns or ast.Name("Any"))
            if self.loop == "IOLoop":
                self._take_callback(made.args)
        return made

    def _truth(self) -> ast.stmt:
        literal = self.imports.name("typing", "Literal")
        return ast.parse(f"def __bool__(self) -> {literal}[True]: ...").body[0]

    def _take_callback(self, arguments: ast.arguments) -> None:
        callback = self.imports.name("motor.legacy.callbacks", "Callback")
        annotation = ast.parse(f"{callback} | None", mode="eval").body
        arguments.kwonlyargs.append(ast.arg("callback", annotation))
        arguments.kw_defaults.append(ast.Constant(None))

    def _source_of(self, entry: registry.Entry) -> Function:
        """The function's definition, also of one inside another."""
        function: Any = entry.function
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        return next(node for node in ast.walk(tree) if isinstance(node, Function))

    def _translated(self, node: Function, module: str) -> Function:
        """The definition, whose first argument is `self`."""
        node.body = [ast.Expr(ast.Constant(...))]
        node.decorator_list = []
        translator = Translator(module_of(module), self.imports, {}, {})
        first, *others = [*node.args.args, *node.args.kwonlyargs]
        first.arg, first.annotation = "self", None
        for argument in (*others, node.args.vararg, node.args.kwarg):
            if argument is not None and argument.annotation is not None:
                argument.annotation = translator.translate(argument.annotation)
        node.args.defaults = [default_of_stub(each) for each in node.args.defaults]
        if node.returns is not None:
            node.returns = translator.translate(node.returns)
        return node

    def _deprecated(self, entry: registry.Entry) -> ast.expr:
        decorator = self.imports.name("typing_extensions", "deprecated")
        return ast.Call(ast.Name(decorator), [ast.Constant(entry.advice)], [])


def _module_of(entry: registry.Entry) -> str:
    assert entry.function is not None
    return entry.function.__module__


def _any(name: str) -> ast.stmt:
    return ast.AnnAssign(ast.Name(name), ast.Name("Any"), None, simple=1)


def old_module_names(module: str) -> Iterator[tuple[str, Any, registry.Entry]]:
    """The names that a front no longer has, but answers: the name, what it is, its declaration."""
    prefix = "AsyncIO" if module == "motor.motor_asyncio" else ""
    for entry in registry.entries("module", "motor"):
        if entry.function is None:
            continue
        name = f"{prefix}{entry.name}" if entry.name.startswith("Motor") else entry.name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            value = getattr(importlib.import_module(module), name, None)
        if value is not None:
            yield name, value, entry
