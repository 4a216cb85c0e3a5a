"""What cursors had."""

from __future__ import annotations

from typing import Any

from motor import pymongo_internals
from motor.legacy.registry import bridges

__all__: list[str] = []


@bridges("method", "cursor", "count", "use the collection's count_documents()")
def count(cursor: Any, with_limit_and_skip: bool = False) -> int:
    if not isinstance(with_limit_and_skip, bool):
        raise TypeError(f"with_limit_and_skip must be a bool, not {with_limit_and_skip!r}")
    collection = cursor.delegate.collection
    options = pymongo_internals.count_options(cursor.delegate, with_limit_and_skip)
    reply = collection.database.command(
        "count", collection.name, read_preference=collection.read_preference, **options
    )
    return int(reply["n"])


@bridges("attribute", "cursor", "conn_id", "use address")
def conn_id(cursor: Any) -> Any:
    return cursor.address
