"""How a cursor's next batch is fetched: by PyMongo's public methods, unless an accelerator does.

One of the seams between accelerators and the core. A client has one `Fetch`, which the readers
of its cursors call on workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pymongo.command_cursor import CommandCursor
from pymongo.cursor import Cursor

__all__ = ["Batch", "Decoded", "Fetch", "fetch_publicly"]


class Batch(Protocol):
    """Documents that have come, decoded or not. Used by one thread at a time."""

    #: Whether all documents have been given.
    over: bool
    #: The size (in bytes) of the reply that they came with; None if that is unknown.
    size: int | None

    def next(self) -> list[Any]:
        """The next documents. Raises what PyMongo raises for those that cannot be decoded."""


class Fetch(Protocol):
    """Fetches batches."""

    def __call__(self, cursor: Any, meanwhile: Callable[[], object] | None) -> Batch | None:
        """The next batch of a PyMongo cursor. Blocks for one round trip at the most.

        - `meanwhile`: may be called while the server works; must not raise

        Returns None at the cursor's end, and if a tailable cursor got no data in its time.
        """


class Decoded:
    """Documents that are there."""

    __slots__ = ("documents", "over", "size")

    def __init__(self, documents: list[Any], size: int | None = None) -> None:
        self.documents: list[Any] = documents
        self.size: int | None = size
        self.over: bool = False

    def next(self) -> list[Any]:
        """All of them."""
        self.over = True
        return self.documents


def fetch_publicly(cursor: Any, meanwhile: Callable[[], object] | None = None) -> Batch | None:
    """Fetch a batch by public methods only, which give one document at a time.

    A cursor of ``find`` says how many documents it has received. A cursor of a command does not: as
    long as the server may have more, a batch is one document.
    """
    if isinstance(cursor, Cursor):
        received = cursor.retrieved
        documents = _documents(cursor, 1)
        documents += _documents(cursor, cursor.retrieved - received - len(documents))
    elif isinstance(cursor, CommandCursor):
        found = cursor.try_next()
        documents = [] if found is None else [found]
        while documents and not cursor.cursor_id and (found := cursor.try_next()) is not None:
            documents.append(found)
    else:
        # A cursor of another library, such as mongomock, has its documents in memory.
        documents = list(cursor)
    return Decoded(documents) if documents else None


def _documents(cursor: Any, count: int) -> list[Any]:
    documents = []
    for _ in range(count):
        try:
            documents.append(cursor.next())
        except StopIteration:
            break
    return documents
