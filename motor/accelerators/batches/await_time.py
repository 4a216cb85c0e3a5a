"""Changes how long the server waits for data, from one round trip to the next."""

from __future__ import annotations

from typing import Any

__all__ = ["ChangeableAwaitTime"]


class ChangeableAwaitTime:
    """See `motor.core.await_time.AwaitTime`.

    Private names: ``_max_await_time_ms`` of a cursor, and ``_cursor`` of a change stream. Where one
    is missing, nothing changes.
    """

    def get(self, cursor: Any) -> int | None:
        """The time (in ms); None: the server's own default, or unknown."""
        waiting = getattr(cursor, "_cursor", cursor)
        found: int | None = getattr(waiting, "_max_await_time_ms", None)
        return found

    def set(self, cursor: Any, milliseconds: int | None) -> None:
        """Let the server wait for `milliseconds` from the next round trip on."""
        waiting = getattr(cursor, "_cursor", cursor)
        if getattr(waiting, "_max_await_time_ms", milliseconds) != milliseconds:
            waiting._max_await_time_ms = milliseconds
