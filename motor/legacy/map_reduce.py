"""``map_reduce`` and ``inline_map_reduce``: commands for which PyMongo 4 has no methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson.code import Code

from motor.legacy.registry import bridges

__all__: list[str] = []


def _run(collection: Any, map: str, reduce: str, out: Any, options: Mapping[str, Any]) -> Any:  # noqa: A002
    delegate = collection.delegate
    return delegate.database.command(
        "mapReduce",
        delegate.name,
        map=Code(map),
        reduce=Code(reduce),
        out=out,
        codec_options=delegate.codec_options,
        **options,
    )


@bridges(
    "method",
    "collection",
    "map_reduce",
    "use aggregate() with a $group and an $out or $merge stage",
)
def map_reduce(
    collection: Any,
    map: str,  # noqa: A002
    reduce: str,
    out: Any,
    full_response: bool = False,
    **kwargs: Any,
) -> Any:
    if not isinstance(out, (str, Mapping)):
        raise TypeError(f"'out' must be the name of a collection or a mapping, not {out!r}")
    reply = _run(collection, map, reduce, out, kwargs)
    result = reply.get("result")
    if full_response or result is None:
        return reply
    database = collection.delegate.database
    if isinstance(result, Mapping):
        return database.client[result["db"]][result["collection"]]
    return database[result]


@bridges("method", "collection", "inline_map_reduce", "use aggregate() with a $group stage")
def inline_map_reduce(
    collection: Any,
    map: str,  # noqa: A002
    reduce: str,
    full_response: bool = False,
    **kwargs: Any,
) -> Any:
    reply = _run(
        collection,
        map,
        reduce,
        {"inline": 1},
        {"read_preference": collection.delegate.read_preference, **kwargs},
    )
    return reply if full_response else reply.get("results")
