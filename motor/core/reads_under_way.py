"""The reads that are under way when a client closes.

A read that was cancelled comes to its end on its worker. Where it opened a cursor, nobody but the
client can tell the server that the cursor is not needed: so the client waits for it, and closes it,
before it closes its connections. Otherwise the server would keep the cursor for ten minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from motor.execution.lifecycle import after_fork_in_child

__all__ = ["ReadsUnderWay"]

#: How long (in seconds) a client that closes waits for them: a server may not answer at all.
PATIENCE = 2.0

_POLL = 0.002


class ReadsUnderWay:
    """Those of one client, each by the function that closes what it has opened."""

    def __init__(self) -> None:
        self._running: set[Callable[[], None]] = set()
        #: Called on workers when a read begins, and when it has ended.
        self.begin: Callable[[Callable[[], None]], None] = self._running.add
        self.end: Callable[[Callable[[], None]], None] = self._running.discard
        after_fork_in_child(self._forget)

    def close(self, client: Any) -> None:
        """Close a PyMongo client after the reads that have begun. Blocks."""
        begun = self._running.copy()
        deadline = time.monotonic() + PATIENCE
        while begun & self._running and time.monotonic() < deadline:
            time.sleep(_POLL)
        for close in begun - self._running:
            with suppress(PyMongoError):
                close()
        client.close()

    def _forget(self) -> None:
        # The threads that read are the parent's.
        self._running.clear()
