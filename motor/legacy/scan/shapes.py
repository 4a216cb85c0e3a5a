"""Tell by its arguments whether a call may be one of the PyMongo 2 era.

``things.update({}, {})`` cannot be a dictionary's ``update``, which takes one argument.
"""

from __future__ import annotations

import ast

from motor.legacy.scan.kinds import Kind

__all__ = ["fits", "is_unmistakable", "keywords"]

#: How many positional arguments these take: fewer or more are for another method of that name.
_POSITIONAL = {
    "insert": (1, 5),
    "save": (1, 4),
    "update": (2, 7),
    "remove": (1, 3),
    "count": (0, 0),
    "put": (1, 1),
    "get": (1, 1),
    "exists": (0, 1),
    "delete": (1, 1),
    "list": (0, 0),
    "group": (4, 5),
    "open": (0, 1),
    "open_sync": (0, 0),
    "sync_client": (0, 0),
    "is_locked": (0, 1),
    "start_request": (0, 0),
    "in_request": (0, 0),
    "end_request": (0, 0),
    "tail": (1, 2),
    "error": (0, 0),
    "eval": (1, 9),
    "alive": (0, 0),
    "disconnect": (0, 0),
    "logout": (0, 0),
}
_KEYWORDS = {
    "insert": {"doc_or_docs"},
    "save": {"to_save"},
    "update": {"spec", "document", "upsert", "multi"},
    "remove": {"spec_or_id", "multi"},
    "put": {"data"},
    "group": {"key", "condition", "initial", "reduce"},
    "find": {"timeout", "spec"},
}
#: Names that are used with a callback or without arguments only.
_BESIDE_NOTHING = {"callback", "with_limit_and_skip"}
#: MongoDB's operators begin with this, as in {"$set": …}.
_OPERATOR = "$"


def keywords(node: ast.Call) -> dict[str, ast.expr]:
    """The keyword arguments of a call by name, without ``**``."""
    return {each.arg: each.value for each in node.keywords if each.arg is not None}


def _has_stars(node: ast.Call) -> bool:
    return any(isinstance(each, ast.Starred) for each in node.args) or any(
        each.arg is None for each in node.keywords
    )


def fits(node: ast.Call, kind: Kind, *, telling: bool) -> bool:
    """Whether a call may be meant for an object that, by its name, is a `kind`.

    - `telling`: whether anything but the name says so: the result is awaited or yielded, the module
      imports Motor, or the object is below a database
    """
    assert isinstance(node.func, ast.Attribute)
    name = node.func.attr
    given = keywords(node)
    least, most = _POSITIONAL.get(name, (0, 99))
    if most == 0 and given.keys() - _BESIDE_NOTHING:
        return False
    if "callback" in given or _has_stars(node):
        return True
    if name == "find":
        # Of a GridFS: it returns a cursor, which is not awaited.
        return bool(_KEYWORDS[name].intersection(given)) or any(
            isinstance(each, ast.Dict) for each in node.args[:1]
        )
    # There are clients and file systems of all sorts.
    if kind in (Kind.CLIENT, Kind.GRIDFS) and not telling:
        return False
    if name == "remove" and telling and not node.args:
        return True
    if _KEYWORDS.get(name, set()).intersection(given):
        return True
    if not least <= len(node.args) <= most:
        return False
    # list.insert(0, x), and other methods that take a number or a text instead of a document.
    return name not in ("insert", "save") or not isinstance(
        node.args[0], ast.Constant | ast.JoinedStr | ast.UnaryOp
    )


def is_unmistakable(node: ast.Call, name: str, kind: Kind) -> bool:
    """Whether the arguments alone tell that a call is one on a `kind`, a collection or a cursor."""
    if kind is not (Kind.CURSOR if name == "count" else Kind.COLLECTION):
        return False
    given = keywords(node)
    if name == "update":
        document = node.args[1] if len(node.args) > 1 else given.get("document")
        return len(node.args) in (1, 2) and _has_operators(document)
    if name in ("insert", "save"):
        return "callback" in given and len(node.args) == 1
    if name == "remove":
        return len(node.args) == 1 and isinstance(node.args[0], ast.Dict)
    if name == "count":
        # On a cursor, straight after find({…}).
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        return (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr == "find"
            and bool(inner.args)
            and isinstance(inner.args[0], ast.Dict)
        )
    return False


def _has_operators(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Dict) and any(
        isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and key.value.startswith(_OPERATOR)
        for key in node.keys
    )
