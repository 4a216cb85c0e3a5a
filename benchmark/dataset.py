"""The documents that are read and written, the same for every driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: The harness's database: everything measured happens in it, and it is dropped at the end.
DATABASE = "motor_benchmark"

#: How many documents each collection for reading holds.
COLLECTIONS = {"few": 10_000, "small": 100_000, "large": 10_000, "many_large": 100_000}

_LARGE_TEXT = "The quick brown fox jumps over the lazy dog. " * 88


def small_document(number: int) -> dict[str, Any]:
    """A document of about 120 bytes, counting an ``_id`` that it does not have yet."""
    return {
        "name": f"document {number:06}",
        "value": number * 0.5,
        "count": number,
        "active": number % 2 == 0,
        "city": "Philadelphia",
        "tags": ["a", "b"],
    }


def large_document(number: int) -> dict[str, Any]:
    """A document of about 4 kB."""
    return small_document(number) | {"text": _LARGE_TEXT}


def documents(collection: str) -> Iterator[dict[str, Any]]:
    """What the collection holds."""
    make = large_document if "large" in collection else small_document
    for number in range(COLLECTIONS[collection]):
        yield {"_id": number} | make(number)


def load(database: Any, collection: str) -> None:
    """Fill the collection (of a synchronous client) unless it is full already."""
    target = database[collection]
    if target.estimated_document_count() == COLLECTIONS[collection]:
        return
    target.drop()
    target.insert_many(documents(collection), ordered=False)
