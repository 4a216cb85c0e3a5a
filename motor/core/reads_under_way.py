"""The reads that are under way when a client closes.

A cancelled read goes on until its worker has finished it, and may have opened a cursor by then. So
the client waits for such reads, and closes their cursors, before it closes its connections. If it
did not, the server would keep the cursors for ten minutes.
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
    """The reads of one client. Each is known by the function that closes its cursor."""

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
