"""The accelerator `batches`: a cursor's batches are fetched whole, and decoded in slices.

Without it a batch of many documents keeps the interpreter lock for up to a quarter of a second, and
the batches of commands come one document at a time.

Private names: those of `motor.accelerators.connections`; ``Connection.receive_message``, which
returns a ``pymongo.message._OpMsg`` with ``payload_document``, ``flags`` and ``unpack_response``;
``Cursor._next_batch`` and ``CommandCursor._next_batch``; and those of
`motor.accelerators.batches.await_time` and `motor.accelerators.batches.splitting`.
"""

from __future__ import annotations

from typing import Any

from pymongo.command_cursor import CommandCursor
from pymongo.cursor import Cursor

from motor.accelerators import connections
from motor.accelerators.batches.await_time import ChangeableAwaitTime
from motor.accelerators.batches.fetching import BatchFetcher
from motor.accelerators.checks import lacking

__all__ = ["adapt", "await_time", "fetch_of", "unusable"]


def unusable() -> str | None:
    """Why the accelerator cannot be used; None: it can."""
    from pymongo import message
    from pymongo.synchronous.pool import Connection

    reply = getattr(message, "_OpMsg", None)
    return (
        connections.unusable()
        or lacking(message, "_OpMsg")
        or lacking(reply, "flags", "payload_document", "unpack_response")
        or lacking(Connection, "receive_message")
        or lacking(Cursor, "_next_batch")
        or lacking(CommandCursor, "_next_batch")
    )


def adapt(connection: Any) -> None:
    """Let the replies on a new connection be decoded in slices."""
    from motor.accelerators.batches.replies import connection_class

    connection.__class__ = connection_class(connection.__class__)


def await_time() -> ChangeableAwaitTime:
    """What changes how long the server waits for data."""
    return ChangeableAwaitTime()


def fetch_of(client: Any) -> BatchFetcher:
    """What fetches the batches of a PyMongo client's cursors."""
    return BatchFetcher(client)
