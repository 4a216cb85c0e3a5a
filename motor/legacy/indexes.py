"""``ensure_index`` with its cache, ``reindex``, and the keywords that ``create_index`` took."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from functools import partial
from typing import Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from motor.core.base import unwrap_arguments
from motor.legacy.calls import OldCall
from motor.legacy.registry import bridges, refuses

__all__ = ["create_and_remember"]

#: For each PyMongo client: until when (by the monotonic clock) an index need not be made.
_known: weakref.WeakKeyDictionary[Any, dict[tuple[str, str], float]] = weakref.WeakKeyDictionary()

#: The code of the error for a command that a member of a replica set does not run.
_ILLEGAL_OPERATION = 20


def create_and_remember(collection: Any, *args: Any, cache_for: float = 300, **kwargs: Any) -> str:
    """Create an index of a PyMongo collection, and make `ensure_index` remember it.

    - `cache_for`: for how many seconds

    The other arguments are those of PyMongo's ``create_index``, whose result is returned.
    """
    name: str = collection.create_index(*args, **kwargs)
    known = _known.setdefault(collection.database.client, {})
    known[collection.full_name, name] = time.monotonic() + cache_for
    return name


def _check_seconds(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError(f"cache_for must be a number of seconds, not {value!r}")
    return value


def _is_known(collection: Any, name: str) -> bool:
    until = _known.get(collection.database.client, {}).get((collection.full_name, name), 0.0)
    # It may have been dropped since then: asking costs little, a missing index costs much.
    return time.monotonic() < until and name in collection.index_information()


def _today(kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in kwargs.items():
        yield ("dropDups" if name == "drop_dups" else name), value


@bridges("method", "collection", "ensure_index", "use create_index()")
def ensure_index(
    collection: Any, key_or_list: Any, cache_for: float = 300, **kwargs: Any
) -> str | None:
    delegate = collection.delegate
    seconds = _check_seconds(kwargs.pop("ttl", cache_for))
    options = dict(_today(kwargs))
    model = IndexModel(
        [(key_or_list, 1)] if isinstance(key_or_list, str) else key_or_list, **options
    )
    if _is_known(delegate, model.document["name"]):
        return None
    return create_and_remember(delegate, key_or_list, cache_for=seconds, **options)


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
    call.run = partial(_create_for, cache_for=_check_seconds(value))


def _create_for(call: OldCall, cache_for: float) -> Any:
    args, kwargs, queue = unwrap_arguments(call.args, call.kwargs)
    create = partial(create_and_remember, call.owner.delegate, cache_for=cache_for)
    return call.owner._submit_function(create, args, kwargs, queue=queue)


refuses(
    "keyword",
    "collection.create_index",
    "bucket_size",
    "MongoDB 5.0 removed geoHaystack indexes",
    "use a 2d or 2dsphere index",
)
