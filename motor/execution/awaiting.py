"""The pool for awaiting data: change streams and tailable cursors wait there and do no work.

Each of them keeps a thread and a connection for as long as the server waits. So they have threads
of their own, which the end of the process does not wait for, and at most half of the client's
connections (or its only one). If there are more of them, they take turns: the more there are, the
shorter the turns.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeVar

from motor.execution.future import OperationFuture
from motor.execution.pool import WorkerPool

__all__ = ["AwaitingPool", "WaitingReads"]

T = TypeVar("T")

#: How many wait at once if the client may open any number of connections.
UNBOUNDED = 256

#: How long (in ms) the server waits for data unless it is told how long.
SERVER_DEFAULT = 1000

#: The shortest turn (in ms).
SHORTEST = 20


class AwaitingPool(WorkerPool):
    """Runs the calls of one client that await data.

    - `max_pool_size`: how many connections to a server the client may open; None: any number
    """

    delays_exit = False

    def __init__(self, max_pool_size: int | None) -> None:
        at_once = max(1, max_pool_size // 2) if max_pool_size else UNBOUNDED
        super().__init__(at_once, name="motor-awaiting")

    def turn(self, wanted: int | None) -> int | None:
        """How long (in ms) the next call may let the server wait; None: as the server likes.

        - `wanted`: the time (in ms) that the user asked for, or None
        """
        load = self.load
        if load > self.max_workers:
            share = max(SHORTEST, SERVER_DEFAULT * self.max_workers // load)
            return min(share, SERVER_DEFAULT if wanted is None else wanted)
        if wanted is not None and load > self.max_workers // 2:
            # Half of the threads stay free of long waits, which would delay the turns of others.
            return min(SERVER_DEFAULT, wanted)
        return wanted


class WaitingReads:
    """The futures of one cursor's reads that await data, so that closing it ends them at once.

    The server may wait to the end before it notices that the cursor was killed meanwhile.
    """

    def __init__(self) -> None:
        self._futures: list[OperationFuture[object]] = []

    def add(self, future: OperationFuture[T]) -> OperationFuture[T]:
        """Release `future` with the others, unless it is done before. Returns it."""
        self._futures.append(future)  # type: ignore[arg-type]
        future.add_done_callback(self._futures.remove)  # type: ignore[arg-type]
        return future

    def release(self) -> None:
        """Let those that wait go on, each on its own loop, with the result None."""
        for future in list(self._futures):
            # Nothing waits on a closed loop.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_release, future)


def _release(future: asyncio.Future[object]) -> None:
    if not future.done():
        future.set_result(None)
