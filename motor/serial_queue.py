"""Calls that must not run at the same time."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from typing import TYPE_CHECKING

from motor.executor import AGAIN, WorkerPool
from motor.job import leaves_a_rest
from motor.loop_runner import LoopRunner
from motor.strands import LeftToWorker

if TYPE_CHECKING:
    from motor.operation import Call

__all__ = ["SerialQueue"]


class SerialQueue:
    """Runs calls one after the other, in the order they come, on whichever workers are free.

    PyMongo's cursors, change streams and sessions must not be used by two threads at once, but two
    tasks may well use one at the same time, if only because one of them was cancelled and its
    operation still runs.
    """

    __slots__ = ("_busy", "_lock", "_waiting")

    def __init__(self) -> None:
        # Reentrant, because the garbage collector may end a strand anywhere.
        self._lock = threading.RLock()
        self._busy = False
        self._waiting: deque[tuple[WorkerPool, Call]] = deque()

    @property
    def busy(self) -> bool:
        """Whether a call is running or about to."""
        return self._busy

    def submit(self, pool: WorkerPool, call: Call, runner: LoopRunner | None = None) -> None:
        """Run `call` on a worker of `pool` when those before it have ended.

        - `runner`: runs it in the place of a worker if there are none before it
        """
        with self._lock:
            if self._busy:
                self._waiting.append((pool, call))
                return
            self._busy = True
        if runner is not None:
            runner.submit(_OnLoop(self, pool, call))
            return
        try:
            pool.submit(_Series(self, pool, call))
        except BaseException:
            self.go_on()
            raise

    def follow(self) -> tuple[WorkerPool, Call] | None:
        """The next call, which begins now, and where; None when there is none."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._busy = False
            return None

    def go_on(self, following: tuple[WorkerPool, Call] | None = None) -> None:
        """Begin the next call on another worker.

        - `following`: a call that is to be run first, and where
        """
        following = following or self.follow()
        while following is not None:
            pool, call = following
            try:
                pool.submit(_Series(self, pool, call))
                return
            except RuntimeError as error:
                call.fail(error)
            following = self.follow()


class _Series:
    """The job of running a queue's calls, from one of them on as far as they belong to one pool."""

    __slots__ = ("_call", "_pool", "_queue")

    def __init__(self, queue: SerialQueue, pool: WorkerPool, call: Call) -> None:
        self._queue = queue
        self._pool = pool
        self._call: Call | None = call

    def __call__(self) -> object:
        while self._call is not None:
            try:
                hand_over = self._call()
                if hand_over is AGAIN:
                    return AGAIN
            except BaseException:
                self._queue.go_on()
                raise
            # Its arguments must not outlive it.
            self._call = None
            following = self._queue.follow()
            if following is None:
                return hand_over
            pool, call = following
            if leaves_a_rest(hand_over):
                try:
                    hand_over()
                except BaseException:
                    self._hand_over(pool, call)
                    raise
            # It holds the outcome, which is the caller's now.
            hand_over = None
            if pool is self._pool:
                self._call = call
            else:
                self._hand_over(pool, call)
        return None

    def _hand_over(self, pool: WorkerPool, call: Call) -> None:
        try:
            pool.submit(_Series(self._queue, pool, call))
        except RuntimeError as error:
            call.fail(error)
            self._queue.go_on()


class _OnLoop:
    """A queue's call that begins in a strand. What follows it is run by workers."""

    __slots__ = ("_call", "_pool", "_queue", "context")

    def __init__(self, queue: SerialQueue, pool: WorkerPool, call: Call) -> None:
        self._queue = queue
        self._pool = pool
        self._call = call
        self.context: contextvars.Context = call.context

    def __call__(self) -> object:
        """Run on a worker, to which the call was left."""
        return _Series(self._queue, self._pool, self._call)()

    def run_on_loop(self) -> object:
        """Run in a strand up to where the call wants a worker, if it does."""
        try:
            end = self._call.run_on_loop()
        except BaseException:
            self._queue.go_on()
            raise
        if end is AGAIN:
            self._queue.go_on((self._pool, self._call))
        elif not isinstance(end, LeftToWorker):
            self._queue.go_on()
        return end
