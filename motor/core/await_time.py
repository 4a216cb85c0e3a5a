"""How long the server waits for data before it answers a cursor or change stream.

Uses ``_max_await_time_ms`` of a cursor, and ``_cursor`` of a change stream. In public the time is
fixed when the command is first sent; but more streams than may hold a connection at once have to
take turns, and the more there are, the shorter the turns must be. Where the names are missing, a
turn takes as long as the user asked for.
"""

from __future__ import annotations

from typing import Any

__all__ = ["get", "set_to"]


def get(cursor: Any) -> int | None:
    """The time (in ms); None: the server's own default, or unknown."""
    waiting = getattr(cursor, "_cursor", cursor)
    found: int | None = getattr(waiting, "_max_await_time_ms", None)
    return found


def set_to(cursor: Any, milliseconds: int | None) -> None:
    """Let the server wait for `milliseconds` from the next round trip on."""
    waiting = getattr(cursor, "_cursor", cursor)
    if getattr(waiting, "_max_await_time_ms", milliseconds) != milliseconds:
        waiting._max_await_time_ms = milliseconds
