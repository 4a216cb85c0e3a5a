"""Motor's core uses public names of PyMongo only; private ones are where the tables say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import motor

PACKAGE = Path(motor.__file__).parent

#: The private names of PyMongo that the core uses, each with a fallback.
IN_THE_CORE = {
    ("core/deadline.py", "_csot"),
}

#: Private names that are not PyMongo's, and whose they are.
OTHERS = {
    ("core/connecting.py", "_make"): "every named tuple's",
    ("execution/future.py", "_source_traceback"): "asyncio.Future's, in debug mode",
    ("execution/users_executor.py", "_max_workers"): "concurrent.futures.ThreadPoolExecutor's",
    ("aiohttp.py", "_is_coroutine"): "asyncio's, where inspect.markcoroutinefunction is missing",
    ("declarations.py", "_is_coroutine"): "the same",
    (
        "declarations.py",
        "_wrapped_classes",
    ): "Motor's own, of others' classes",
    ("metaprogramming.py", "_wrapped_classes"): "the same",
    (
        "frameworks/common.py",
        "_local",
    ): "asyncio's, to see whether a loop is set",
    ("web/handler.py", "_headers"): "tornado.web.RequestHandler's, which cannot be asked for it",
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name.isidentifier()


def parsed(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"), str(path))))


def used_names(nodes: list[ast.AST]) -> set[str]:
    """The private attributes that are read or set, also by their name in a string, and options."""
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    calls = (node for node in nodes if isinstance(node, ast.Call) and len(node.args) > 1)
    by_name = (
        call.args[1].value
        for call in calls
        if ast.unparse(call.func) in ("getattr", "hasattr", "setattr", "object.__setattr__")
        if isinstance(call.args[1], ast.Constant)
    )
    keys = (key for node in nodes if isinstance(node, ast.Dict) for key in node.keys)
    # The one private name that everyone's documents have.
    options = (key.value for key in keys if isinstance(key, ast.Constant) and key.value != "_id")
    return {name for name in (*attributes, *by_name, *options) if is_private(str(name))}


def own_names(nodes: list[ast.AST]) -> set[str]:
    """The private names that the code defines: functions, variables, and attributes of `self`."""
    found = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if ast.unparse(node.value) in ("self", "cls", "copied") else set()
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("motor"):
            found |= {alias.name for alias in node.names}
    return {name for name in found if is_private(name)}


def imported_names(nodes: list[ast.AST]) -> set[str]:
    """The private names and modules that are imported from PyMongo's packages."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        for package, *rest in (path.split(".") for path in paths):
            if package in ("pymongo", "bson", "gridfs"):
                found |= set(filter(is_private, rest))
    return found


def trees() -> dict[str, list[ast.AST]]:
    """The files outside the accelerators."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {
        str(path.relative_to(PACKAGE)): parsed(path)
        for path in paths
        if "accelerators" not in path.relative_to(PACKAGE).parts
    }


def test_no_private_name_is_imported_from_pymongo() -> None:
    found = {(path, name) for path, nodes in trees().items() for name in imported_names(nodes)}
    assert found == set()


def test_no_private_attribute_is_used_but_these() -> None:
    found = trees()
    own = set().union(*map(own_names, found.values()))
    used = {(path, name) for path, nodes in found.items() for name in used_names(nodes)}
    assert {(p, name) for p, name in used if name not in own} == IN_THE_CORE | set(OTHERS)


def test_no_private_attribute_is_taken_from_a_delegate() -> None:
    """Also if Motor has one of the same name."""
    found = {
        (path, ast.unparse(node))
        for path, nodes in trees().items()
        for node in nodes
        if isinstance(node, ast.Attribute)
        if is_private(node.attr) and ast.unparse(node.value).endswith("delegate")
    }
    assert found == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("cursor._refresh()", {"_refresh"}),
        ("getattr(cursor, '_data', None)", {"_data"}),
        ("cursor._killed = True", {"_killed"}),
        ("MongoClient(**{'_pool_class': pool, 'connect': False, **more})", {"_pool_class"}),
        ("cursor.__class__, cursor.alive, getattr(cursor, 'alive')", set()),
    ],
)
def test_search_finds_private_attributes(code: str, found: set[str]) -> None:
    nodes = list(ast.walk(ast.parse(code)))
    assert used_names(nodes) - own_names(nodes) == found
