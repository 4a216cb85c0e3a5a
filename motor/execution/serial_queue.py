"""Calls that must not run at the same time."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Protocol

from motor.execution.jobs import Job, Pool
from motor.execution.lifecycle import after_fork_in_child

__all__ = ["InTurn", "QueueableJob", "SerialQueue", "finish_queues"]


class QueueableJob(Job, Protocol):
    """A job that can also fail without having run."""

    def fail(self, error: BaseException) -> None:
        """Deliver `error` in the place of an outcome."""


class SerialQueue:
    """Runs calls one after the other, in the order they come, on any workers that are free.

    Two threads must not use one of PyMongo's cursors, change streams or sessions at once. But two
    tasks may: one is cancelled, for example, while its operation still runs.
    """

    __slots__ = ("_busy", "_lock", "_pool", "_waiting")

    def __init__(self) -> None:
        # Reentrant, because the garbage collector may run a finalizer that makes a call here.
        self._lock = threading.RLock()
        self._busy = False
        #: Where the call runs whose turn it is.
        self._pool: Pool | None = None
        self._waiting: deque[tuple[Pool, QueueableJob]] = deque()

    @property
    def busy(self) -> bool:
        """Whether a call is running or about to."""
        return self._busy

    def add(self, pool: Pool, job: QueueableJob) -> None:
        """Run `job` on a worker of `pool` when those before it have ended.

        Raises RuntimeError when it is the first and the pool can run nothing more.
        """
        with self._lock:
            if self._busy:
                self._waiting.append((pool, job))
                return
            self._busy = True
            self._pool = pool
            _busy_queues.add(self)
        try:
            pool.add(InTurn(self, job))
        except BaseException:
            self.go_on()
            raise

    def go_on(self) -> None:
        """Begin the next call, if there is one."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    _busy_queues.discard(self)
                    return
                pool, job = self._waiting.popleft()
                self._pool = pool
            try:
                pool.add(InTurn(self, job))
            except RuntimeError as error:
                job.fail(error)
            else:
                return

    def drain(self) -> None:
        """Wait until the calls so far have run; not while one awaits data."""
        newest = next(reversed(self._waiting.copy()), None)
        while self._busy and self._pool is not None and self._pool.delays_exit:
            if newest is None or all(each is not newest for each in self._waiting.copy()):
                return
            time.sleep(0.001)


#: The queues with calls that run or wait.
_busy_queues: set[SerialQueue] = set()


def finish_queues() -> None:
    """Wait until what has come so far has run, or is in the queue of its pool."""
    for queue in list(_busy_queues):
        queue.drain()


def _forget() -> None:
    _busy_queues.clear()


after_fork_in_child(_forget)


class InTurn:
    """A call whose turn it is; the next one begins when it has run."""

    __slots__ = ("_queue", "job", "queued_at")
    delivers_to_others = False

    def __init__(self, queue: SerialQueue, job: QueueableJob) -> None:
        self._queue = queue
        self.job: QueueableJob = job
        self.queued_at: float = 0.0

    def run(self) -> bool:
        """Run the call. Returns True if it has to run again."""
        return self.job.run()

    def deliver(self) -> None:
        """Hand over the call's outcome, and begin the next."""
        try:
            self.job.deliver()
        finally:
            # After the outcome, so that outcomes come in the order of the calls.
            self._queue.go_on()
