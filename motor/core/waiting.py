"""The lane for change streams and tailable cursors, whose calls wait for data and do no work.

Each of them would keep a worker and a connection for as long as the server waits. So they have
threads of their own, which the end of the process does not wait for, and at most half of the
client's connections (or the one, where there is but one); when there are more of them, they take
turns, and the more there are, the shorter the turns.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

from motor import pymongo_internals
from motor.executor import WorkerPool
from motor.operation import OperationFuture

__all__ = ["Waiters", "WaitingLane"]

T = TypeVar("T")

#: How many wait at once when the client may open any number of connections.
UNBOUNDED = 256

#: How long (in ms) the server waits for data unless it is told how long.
SERVER_DEFAULT = 1000

#: The shortest turn (in ms).
SHORTEST = 20


class WaitingLane:
    """Runs the calls of one client that wait for data.

    - `max_pool_size`: how many connections to a server the client may open; None: any number
    """

    def __init__(self, max_pool_size: int | None) -> None:
        self.at_once: int = max(1, max_pool_size // 2) if max_pool_size else UNBOUNDED
        self.pool: WorkerPool = WorkerPool(self.at_once, name="motor-waiting")

    def limit_turn(self, cursor: Any, wanted: int | None) -> None:
        """Before `cursor` waits, on its worker: let it wait no longer than its fair share.

        - `wanted`: the time (in ms) that the user asked for, or None
        """
        load = self.pool.load
        time = wanted
        if load > self.at_once:
            share = max(SHORTEST, SERVER_DEFAULT * self.at_once // load)
            time = min(share, SERVER_DEFAULT if wanted is None else wanted)
        elif wanted is not None and load > self.at_once // 2:
            # Half the lane stays free of long waits, which would keep newcomers from their turn.
            time = min(SERVER_DEFAULT, wanted)
        if time != pymongo_internals.await_time(cursor):
            pymongo_internals.set_await_time(cursor, time)


class Waiters:
    """The futures of one cursor's reads that wait for data, so that closing it ends them at once.

    The server may well wait to the end before it notices that the cursor was killed meanwhile.
    """

    def __init__(self) -> None:
        self._futures: list[OperationFuture[Any]] = []

    def add(self, future: OperationFuture[T]) -> OperationFuture[T]:
        """Release `future` with the others, unless it is done before. Returns it."""
        self._futures.append(future)
        future.add_done_callback(self._futures.remove)
        return future

    def release(self) -> None:
        """Let those that wait go on, each on its own loop, with the result None."""
        for future in list(self._futures):
            # A closed loop has nobody that waits.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_release, future)


def _release(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)
