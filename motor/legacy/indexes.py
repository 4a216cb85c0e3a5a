"""``ensure_index`` with its cache, ``reindex``, and the keywords that ``create_index`` took."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from typing import Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from motor.legacy.calls import OldCall
from motor.legacy.registry import bridges, refuses

__all__ = ["remember"]

#: Of each PyMongo client: until when (by the monotonic clock) which index need not be made.
_known: weakref.WeakKeyDictionary[Any, dict[tuple[str, str], float]] = weakref.WeakKeyDictionary()

#: The code of the error for a command that a member of a replica set does not run.
_ILLEGAL_OPERATION = 20


def remember(collection: Any, name: str, seconds: float) -> None:
    """Let `ensure_index` take the index of a PyMongo collection for made, for so many seconds."""
    known = _known.setdefault(collection.database.client, {})
    known[collection.full_name, name] = time.monotonic() + seconds


def _is_known(collection: Any, name: str) -> bool:
    until = _known.get(collection.database.client, {}).get((collection.full_name, name), 0.0)
    # It may have been dropped in the meantime, by anyone: what is made in vain costs little, what
    # is missing costs much.
    return time.monotonic() < until and name in collection.index_information()


def _today(kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in kwargs.items():
        yield ("dropDups" if name == "drop_dups" else name), value


@bridges("method", "collection", "ensure_index", "use create_index()")
def ensure_index(
    collection: Any, key_or_list: Any, cache_for: float = 300, **kwargs: Any
) -> str | None:
    delegate = collection.delegate
    seconds = kwargs.pop("ttl", cache_for)
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"cache_for must be a number of seconds, not {seconds!r}")
    options = dict(_today(kwargs))
    model = IndexModel(
        [(key_or_list, 1)] if isinstance(key_or_list, str) else key_or_list, **options
    )
    if _is_known(delegate, model.document["name"]):
        return None
    name: str = delegate.create_index(key_or_list, **options)
    remember(delegate, name, seconds)
    return name


@bridges("method", "collection", "reindex", "drop the indexes and create them again")
def reindex(collection: Any) -> Any:
    delegate = collection.delegate
    try:
        return delegate.database.command("reIndex", delegate.name)
    except OperationFailure as error:
        if error.code != _ILLEGAL_OPERATION:
            raise
        raise OperationFailure(
            f"{error}. MongoDB runs reIndex on a standalone server only: drop the indexes and "
            "create them again.",
            error.code,
            dict(error.details or {}),
        ) from error


@bridges("keyword", "collection.create_index", "drop_dups", "leave it out, the server ignores it")
def take_drop_dups(call: OldCall, value: Any) -> None:
    call.kwargs["dropDups"] = value


@bridges("keyword", "collection.create_index", "cache_for", "leave it out, there is no cache")
@bridges("keyword", "collection.create_index", "ttl", "leave it out, there is no cache")
def take_cache_for(call: OldCall, value: Any) -> None:
    """Nothing is left to be done: `ensure_index` asks the server."""


refuses(
    "keyword",
    "collection.create_index",
    "bucket_size",
    "MongoDB 5.0 removed geoHaystack indexes",
    "use a 2d or 2dsphere index",
)
