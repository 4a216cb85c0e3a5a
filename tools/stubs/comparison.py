"""Compares two stubs of one module that are made from different releases of PyMongo.

A release of PyMongo may add members and parameters, and write annotations in another way. Motor's
own members do not depend on it. Members that both releases have must be of the same kind, and
parameters that both have in the same order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from stubs.source import Function

__all__ = ["differences", "names_from_pymongo"]

_Members = dict[str, list[ast.stmt]]


def names_from_pymongo(texts: Iterable[str]) -> set[str]:
    """The members that stubs of `motor.core` show to be derived from PyMongo's."""
    classes = [node for text in texts for node in _classes(ast.parse(text))]
    derived = [node for node in classes if node.name.endswith("OfPyMongo")]
    return {name for node in derived for name in _members(node.body)}


def differences(found: str, expected: str, from_pymongo: set[str]) -> Iterator[str]:
    """What is wrong with the stub `found`, compared with what the PyMongo at hand makes of it.

    - `from_pymongo`: the names of members that PyMongo declares
    """
    here, there = ast.parse(found), ast.parse(expected)
    yield from _compared("", _members(here.body), _members(there.body), set())
    classes = {node.name: node for node in _classes(here)}
    for node in _classes(there):
        if node.name in classes:
            mine = classes[node.name]
            if list(map(ast.unparse, mine.bases)) != list(map(ast.unparse, node.bases)):
                yield f"class {node.name} has other bases"
            members = (_members(mine.body), _members(node.body))
            yield from _compared(f"{node.name}.", *members, from_pymongo)
        elif not node.name.endswith("OfPyMongo"):
            yield f"class {node.name} is missing"
    names = {node.name for node in _classes(there)}
    for name in classes:
        if name not in names and not name.endswith("OfPyMongo"):
            yield f"class {name} is no more"


def _compared(
    owner: str, found: _Members, expected: _Members, from_pymongo: set[str]
) -> Iterator[str]:
    for name in dict.fromkeys((*found, *expected)):
        both = name in found and name in expected
        if name not in from_pymongo:
            if not both:
                yield f"{owner}{name} is {'no more' if name in found else 'missing'}"
            elif list(map(ast.unparse, found[name])) != list(map(ast.unparse, expected[name])):
                yield f"{owner}{name} is declared in another way"
        elif both and not _agree(found[name][0], expected[name][0]):
            yield f"{owner}{name}, which is PyMongo's, is of another kind"


def _agree(found: ast.stmt, expected: ast.stmt) -> bool:
    if not (isinstance(found, Function) and isinstance(expected, Function)):
        return type(found) is type(expected)
    mine, theirs = _parameters(found), _parameters(expected)
    return (
        type(found) is type(expected)
        and _is_future(found) == _is_future(expected)
        and list(map(ast.unparse, found.decorator_list))
        == list(map(ast.unparse, expected.decorator_list))
        and ast.get_docstring(found) == ast.get_docstring(expected)
        and [p for p in mine.items() if p[0] in theirs]
        == [p for p in theirs.items() if p[0] in mine]
    )


def _is_future(node: Function) -> bool:
    return node.returns is not None and ast.unparse(node.returns).startswith("OperationFuture")


def _parameters(node: Function) -> dict[str, str]:
    """The parameters in their order, each with its kind."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    return {
        **{each.arg: "positional" for each in positional},
        **({f"*{arguments.vararg.arg}": "rest"} if arguments.vararg else {}),
        **{each.arg: "keyword" for each in arguments.kwonlyargs},
        **({f"**{arguments.kwarg.arg}": "rest"} if arguments.kwarg else {}),
    }


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def _members(body: list[ast.stmt]) -> _Members:
    found: _Members = {}
    for node in body:
        if isinstance(node, Function):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = [node]
        elif isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = [node]
    return found
