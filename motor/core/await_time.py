"""How long the server waits for data before it answers a cursor or change stream.

If more of them wait than may hold a connection at once, they take turns: the more there are, the
shorter the turns. PyMongo has no public way to change the time after the command is sent. Without
an accelerator that can, a turn takes as long as the user asked for.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["AwaitTime", "FixedAwaitTime"]


class AwaitTime(Protocol):
    """Gets and sets the time of a PyMongo cursor or change stream."""

    def get(self, cursor: Any) -> int | None:
        """The time (in ms); None: the server's own default, or unknown."""

    def set(self, cursor: Any, milliseconds: int | None) -> None:
        """Let the server wait for `milliseconds` from the next round trip on."""


class FixedAwaitTime:
    """Always the time that the user asked for."""

    def get(self, cursor: Any) -> int | None:
        return None

    def set(self, cursor: Any, milliseconds: int | None) -> None:
        pass
