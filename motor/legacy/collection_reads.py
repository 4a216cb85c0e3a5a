"""``count``, ``parallel_scan``, and ``group``, which the server no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bson.code import Code
from pymongo.collection import Collection
from pymongo.errors import InvalidOperation

from motor.legacy.registry import bridges

__all__: list[str] = []

#: `$accumulator` needs it, but it is never called if one server does all the work.
_NO_MERGE = (
    "function(a, b) { throw new Error('group cannot merge the results of several shards'); }"
)


@bridges("method", "collection", "count", "use count_documents({}) or estimated_document_count()")
def count_collection(collection: Any) -> int:
    delegate = collection.delegate
    if not isinstance(delegate, Collection):
        # mongomock does not have the command.
        return int(delegate.count_documents({}))
    reply = delegate.database.command(
        "count", delegate.name, read_preference=delegate.read_preference
    )
    return int(reply["n"])


@bridges("method", "collection", "parallel_scan", "use find()")
def parallel_scan(collection: Any, num_cursors: int, **kwargs: Any) -> list[Any]:
    """One cursor, in a list, for any number: the server may always return fewer."""
    if not isinstance(num_cursors, int) or num_cursors < 1:
        raise ValueError(f"num_cursors must be an int greater than 0, not {num_cursors!r}")
    return [collection._wrap(collection.delegate.aggregate([], **kwargs))]


@bridges("method", "collection", "group", "use aggregate() with a $group stage")
def group(
    collection: Any,
    key: Any,
    condition: Any,
    initial: Mapping[str, Any],
    reduce: str,
    finalize: str | None = None,
    **kwargs: Any,
) -> list[Any]:
    """The result of the server's old ``group`` command, from an aggregation with the functions."""
    names = [] if key is None or isinstance(key, str) else _names(key)
    if isinstance(key, str):
        _without_scope(key)
        group_id: Any = {"$function": {"body": str(key), "args": ["$$ROOT"], "lang": "js"}}
        key_fields: Any = "$_id"
    else:
        group_id = {f"k{i}": {"$ifNull": [f"${name}", None]} for i, name in enumerate(names)}
        pairs = [[name, f"$_id.k{i}"] for i, name in enumerate(names)]
        key_fields = {"$arrayToObject": [pairs]} if pairs else {}
    pipeline: list[dict[str, Any]] = [
        {"$match": condition or {}},
        {"$group": {"_id": group_id or None, "result": _accumulator(initial, reduce)}},
        {"$replaceWith": {"$mergeObjects": [key_fields, "$result"]}},
    ]
    if finalize is not None:
        pipeline.append({"$replaceWith": _finalizer(finalize)})
    return list(collection.delegate.aggregate(pipeline, **kwargs))


def _names(key: Any) -> list[str]:
    if not isinstance(key, Iterable):
        raise TypeError(f"key must be a list of field names, a function or None, not {key!r}")
    return list(key)


def _without_scope(function: str) -> str:
    if isinstance(function, Code) and function.scope:
        raise InvalidOperation(
            "group cannot give a function a scope any more: write the values into the function"
        )
    return str(function)


def _accumulator(initial: Mapping[str, Any], reduce: str) -> dict[str, Any]:
    accumulate = (
        f"function(state, document) {{ ({_without_scope(reduce)})(document, state); "
        "return state; }"
    )
    return {
        "$accumulator": {
            "init": "function(initial) { return initial; }",
            "initArgs": [{"$literal": initial}],
            "accumulate": accumulate,
            "accumulateArgs": ["$$ROOT"],
            "merge": _NO_MERGE,
            "lang": "js",
        }
    }


def _finalizer(finalize: str) -> dict[str, Any]:
    # It returns a new result, or changes its argument.
    body = (
        f"function(result) {{ var other = ({_without_scope(finalize)})(result); "
        "return other === undefined ? result : other; }"
    )
    return {"$function": {"body": body, "args": ["$$ROOT"], "lang": "js"}}
