"""The stub of a class that was made for one framework: the members that were made for it, and those
of its agnostic class that name other classes here.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from motor.core.self_awaiting import SelfAwaiting
from stubs.classes import AgnosticClasses, StubClass
from stubs.source import Function

__all__ = ["LOOPS", "all_members", "concrete_class", "renamed", "returns_future"]

#: Each framework's event loop.
LOOPS = {
    "motor.frameworks.asyncio": ("asyncio", "AbstractEventLoop"),
    "motor.frameworks.tornado": ("tornado.ioloop", "IOLoop"),
}


#: Generic in the class of the files, which is known where the framework is.
_OF_FILES = "AgnosticGridOutCursor"


class _Renamer(ast.NodeTransformer):
    """The framework's classes for agnostic ones: in results, and where Motor insists on them.

    Other arguments stay agnostic, so that each class can stand for its agnostic one.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.used: set[str] = set()

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.names:
            self.used.add(node.id)
            return ast.Name(self.names[node.id])
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.value) == _OF_FILES and _OF_FILES in self.names:
            return self.visit(node.value)  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        return node


def concrete_class(
    cls: Any, agnostic: AgnosticClasses, names: dict[str, str], loop: str
) -> StubClass:
    """The stub of `cls`.

    - `names`: the framework's class for each agnostic class
    - `loop`: the name of the framework's event loop
    """
    own = agnostic.stubs[cls.__mro__[1].__name__]
    # A cursor of files gives those of its own framework.
    names = {**names, "_FileType": names.get("AgnosticGridOut", "")}
    reference = own.reference()
    if isinstance(reference, ast.Subscript):
        reference.slice = _Renamer(names).visit(reference.slice)
    stub = StubClass(cls.__name__, [reference], runtime=cls)
    concrete_bases = [b for b in cls.__bases__[1:] if b.__name__ in names.values()]
    for base in concrete_bases:
        stub.bases.append(_as_base(base, own, names))
    if issubclass(cls, SelfAwaiting) and not concrete_bases:
        itself = ast.unparse(own.reference()).replace(own.name, cls.__name__)
        text = f"Coroutine[Any, Any, {itself}]"
        stub.bases.append(ast.parse(text, mode="eval").body)
    inherited = {name for b in concrete_bases for name in all_members(b.__mro__[1], agnostic)}
    members = all_members(cls.__mro__[1], agnostic)
    for name, nodes in members.items():
        own_nodes = [renamed(node, names, loop) for node in nodes]
        same = list(map(ast.dump, own_nodes)) == list(map(ast.dump, nodes))
        derived = name in vars(cls) and name in own.derived
        if derived or (not same and (name not in inherited or name in own.members)):
            stub.members[name] = own_nodes
            if not same and returns_future(own_nodes):
                # A future of a more special result: to type checkers, futures are invariant.
                stub.ignores[name] = "override"
    if issubclass(cls, SelfAwaiting) and returns_future(members["close"]):
        # A coroutine's close() returns None, but a cursor is not closed as a coroutine.
        stub.ignores[""] = "misc"
    return stub


def returns_future(nodes: list[ast.stmt]) -> bool:
    """Whether the member returns a future."""
    return any(
        isinstance(node, Function)
        and node.returns is not None
        and ast.unparse(node.returns).startswith("OperationFuture")
        for node in nodes
    )


def _as_base(base: Any, own: StubClass, names: dict[str, str]) -> ast.expr:
    """A concrete base with the type arguments that the agnostic class gives its agnostic base."""
    agnostic_base = base.__mro__[1].__name__
    for written in own.bases:
        if isinstance(written, ast.Subscript) and ast.unparse(written.value) == agnostic_base:
            arguments = _Renamer(names).visit(copy.deepcopy(written.slice))
            return ast.Subscript(ast.Name(names[agnostic_base]), arguments)
    return ast.Name(names[agnostic_base])


def all_members(cls: Any, agnostic: AgnosticClasses) -> dict[str, list[ast.stmt]]:
    """The members of an agnostic class, its bases' among them."""
    found: dict[str, list[ast.stmt]] = {}
    for base in reversed(cls.__mro__):
        if base.__name__ in agnostic.stubs:
            found.update(agnostic.stubs[base.__name__].members)
    return found


def renamed(node: ast.stmt, names: dict[str, str], loop: str) -> ast.stmt:
    """`node` with the framework's `names` and `loop`."""
    node = copy.deepcopy(node)
    if isinstance(node, Function) and node.name in ("__init__", "from_delegate"):
        every = [*node.args.args, *node.args.kwonlyargs]
        for argument in every:
            if argument.annotation is not None:
                argument.annotation = _Renamer({**names, "Loop": loop}).visit(argument.annotation)
    result: ast.stmt = _Renamer({**names, "Loop": loop}).visit(node)
    return result
