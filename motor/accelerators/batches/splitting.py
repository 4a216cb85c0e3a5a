"""Splits the large batches of a cursor that has no batch size.

From the second batch on, a server puts as many documents in a batch as 16 MB hold: often all that
are left. None of them can be decoded until the last has come, and the server is idle from then on.
In smaller batches, it makes the next one while the documents of one are decoded and consumed.

Each batch costs a round trip. While `DOCUMENTS` are decoded, a server that is near is ready with
the next batch. One that is far away would not be: its batches stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.command_cursor import RawBatchCommandCursor
from pymongo.cursor import RawBatchCursor

__all__ = ["split_batches"]

#: How many documents a batch has at most. Decoding them takes about 20 milliseconds.
DOCUMENTS = 10_000

#: How long (in seconds) the round trip to a server takes at most that is near.
NEAR = 0.01


@contextmanager
def split_batches(cursor: Any, client: Any) -> Iterator[None]:
    """While this lasts, a batch of `cursor`, a PyMongo cursor of `client`, has `DOCUMENTS` at most.

    Before and afterwards, the cursor has no batch size, and so its clones have none.

    Private name: ``_batch_size`` of a cursor. Where it is missing, nothing changes.
    """
    if not _may_split(cursor, client):
        yield
        return
    cursor._batch_size = DOCUMENTS
    try:
        yield
    finally:
        # The user may have set one meanwhile.
        if cursor._batch_size == DOCUMENTS:
            cursor._batch_size = 0


def _may_split(cursor: Any, client: Any) -> bool:
    # Who reads raw batches would see others.
    return (
        getattr(cursor, "_batch_size", None) == 0
        and not isinstance(cursor, RawBatchCursor | RawBatchCommandCursor)
        and _is_near(client, cursor.address)
    )


def _is_near(client: Any, address: Any) -> bool:
    server = client.topology_description.server_descriptions().get(address)
    return (
        server is not None and server.round_trip_time is not None and server.round_trip_time < NEAR
    )
