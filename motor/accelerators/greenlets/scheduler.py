"""When greenlets run on an event loop: one scheduler for each loop, which all clients share.

The scheduler waits for sockets with a selector of its own, which the loop watches as one file. So a
round of the loop costs the same for any number of calls, and a socket that another thread closes
leaves nothing in the loop.
"""

from __future__ import annotations

import asyncio
import errno
import math
import selectors
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from motor.accelerators.greenlets.calls import GreenletCall, call_of
from motor.execution.call import Call
from motor.execution.completions import resolve
from motor.execution.serial_queue import InTurn

__all__ = ["LIMIT", "Scheduler", "abandoned"]

#: What a pool gets to run.
Job = Call | InTurn

#: How many calls run at once, while the loop's thread has enough to do. With more, server and
#: process get slower; and the loop stands still for longer when all replies come at once.
LIMIT = 8

#: How many calls run at once if they are slow. What still waits then, workers run.
MOST = 64

#: How long (in seconds) calls wait before the scheduler looks why.
PATIENCE = 0.005

#: The share of the time that the loop's thread computes, below which more calls at once are of use.
BUSY = 0.7

#: How long (in seconds) a loop that is being closed waits for replies to what has been sent.
AT_CLOSE = 2.0

#: How much earlier (in seconds) than asked an event loop's timer may come: uvloop counts in ms.
EARLY = 0.001


class Scheduler:
    """Runs jobs in greenlets on the thread of `loop`, which is the current one."""

    #: Whether the process ends. Then no job begins in a greenlet.
    ending: ClassVar[bool] = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        #: Whether the loop has been closed, so that waiting has to block.
        self.closing: bool = False
        #: Until when (``time.monotonic()``).
        self.closing_until: float = 0.0
        self.running: set[GreenletCall] = set()
        self.queue: deque[tuple[Job, Any, Any]] = deque()
        self._free: list[GreenletCall] = []
        self._thread = threading.get_ident()
        self._selector = selectors.DefaultSelector()
        #: What the sockets that it watches refer to it by.
        self.key: object = object()
        #: When the next look at deadlines is due (``time.monotonic()``).
        self._alarm = math.inf
        self._limit = LIMIT
        self._ticking = False
        self._ticked = (0.0, 0.0)
        # Only the loop refers to it, and drops it when it is closed.
        loop.add_reader(self._selector.fileno(), _Reader(self))

    def on_its_thread(self) -> bool:
        """Whether this is the thread that its greenlets run on."""
        return threading.get_ident() == self._thread

    # Jobs.

    def add(self, job: Job, pool: Any, target: Any) -> None:
        """Run `job` now, or when one of those that run has ended.

        - `pool`: what took it: the client's
        - `target`: the collection or database that it asks
        """
        if len(self.running) < self._limit and not self.queue:
            self._begin(job, pool, target)
            return
        job.queued_at = time.monotonic()
        pool.queued += 1
        self.queue.append((job, pool, target))
        if not self._ticking:
            self._tick()

    def _begin(self, job: Job, pool: Any, target: Any) -> None:
        if self.ending or not pool.is_connected(target):
            # A worker makes the connection.
            pool.workers.add(job)
            return
        if job.queued_at:
            pool.waits += 1
            pool.wait_seconds += time.monotonic() - job.queued_at
        call = self._free.pop() if self._free else GreenletCall(self)
        self.running.add(call)
        pool.running += 1
        pool.calls += 1
        call.job, call.pool = job, pool
        call.resume()

    def ended(self, call: GreenletCall) -> None:
        """Know that a greenlet has ended its job."""
        # A job refers to its caller's objects, which must not live longer.
        call.job = None
        self.running.discard(call)
        call.pool.running -= 1
        call.pool = None
        self._free.append(call)

    def _begin_queued(self) -> None:
        while self.queue and len(self.running) < self._limit:
            self._begin(*self._next_queued())

    def _next_queued(self) -> tuple[Job, Any, Any]:
        job, pool, target = self.queue.popleft()
        pool.queued -= 1
        return job, pool, target

    def _tick(self) -> None:
        self._ticking = True
        self._ticked = (time.monotonic(), time.thread_time())
        self.loop.call_later(PATIENCE, self._at_tick)

    def _at_tick(self) -> None:
        self._ticking = False
        then, used = self._ticked
        if time.thread_time() - used >= BUSY * (time.monotonic() - then):
            self._limit = LIMIT
        elif self._limit < MOST:
            self._limit *= 2
        else:
            self._give_up_queue()
        # Also because those that waited for another thread may have ended.
        self._begin_queued()
        if self.queue:
            self._tick()
        else:
            self._limit = LIMIT

    def _give_up_queue(self) -> None:
        while self.queue:
            job, pool, _ = self._next_queued()
            pool.workers.add(job)

    # Waiting.

    def wait_for_reply(self, call: GreenletCall, receiver: Any, timeout: float | None) -> None:
        """Let the loop go on until something can be received, or the loop has been closed.

        - `receiver`: the socket, which has `call` as its attribute
        - `timeout`: in seconds

        Raises TimeoutError.
        """
        if receiver.watched_by is not self.key:
            self._watch(receiver)
        if timeout is not None:
            receiver.deadline = deadline = time.monotonic() + timeout
            if deadline < self._alarm:
                self._alarm = deadline
                self.loop.call_later(timeout, self._at_alarm, deadline)
        else:
            receiver.deadline = math.inf
        call.pause()
        if receiver.call is None:
            raise TimeoutError("timed out")

    def _at_alarm(self, alarm: float) -> None:
        """End the waiting of those whose time is over, and set the alarm for the next."""
        if alarm != self._alarm:
            # Another one was set for an earlier time.
            return
        self._alarm = math.inf
        # The loop's clock may be a little early.
        now = time.monotonic() + EARLY
        receivers = [call.receiving for call in self.running if call.receiving is not None]
        for receiver in receivers:
            if receiver.deadline <= now and receiver.call is not None:
                call, receiver.call = receiver.call, None
                self.resume(call)
        later = [call.receiving.deadline for call in self.running if call.receiving is not None]
        earliest = min(later, default=math.inf)
        if earliest < self._alarm:
            self._alarm = earliest
            self.loop.call_later(max(earliest - time.monotonic(), 0), self._at_alarm, earliest)

    def _watch(self, receiver: Any) -> None:
        number, reference = receiver.fileno(), weakref.ref(receiver)
        if number < 0:
            raise OSError(errno.EBADF, "the socket is closed")
        try:
            self._selector.register(number, selectors.EVENT_READ, reference)
        except KeyError:
            # The number was that of a socket that has been closed.
            self._selector.unregister(number)
            self._selector.register(number, selectors.EVENT_READ, reference)
        receiver.watched_by = self.key

    def _resume_waiting(self) -> None:
        """Resume those whose replies have come, and begin what waits for them to end."""
        for key, _ in self._selector.select(0):
            receiver = key.data()
            call = None if receiver is None else receiver.call
            if call is not None and call.scheduler is self:
                self.resume(call)
                continue
            # A worker or another loop uses the connection now, or the server has closed it.
            self._selector.unregister(key.fd)
            if receiver is not None and receiver.watched_by is self.key:
                receiver.watched_by = None
        self._begin_queued()

    def resume(self, call: GreenletCall) -> None:
        """Resume a call, on the thread of the loop."""
        if self.on_its_thread():
            call.resume()
        else:
            # The loop goes on in another thread, and greenlets cannot.
            self._abandon(call)

    def resume_soon(self, call: GreenletCall) -> None:
        """Resume a call, from another thread."""
        try:
            self.loop.call_soon_threadsafe(self.resume, call)
        except RuntimeError:
            # The loop is closed: `finish` resumes it.
            return

    # The end.

    def finish(self) -> None:
        """Bring what runs to its end, because the loop never goes on. What waits, workers run.

        Replies that take longer than `AT_CLOSE` are not waited for.
        """
        if self.closing:
            return
        self.closing = True
        self.closing_until = time.monotonic() + AT_CLOSE
        self._give_up_queue()
        while self.running:
            # Those first that wait for nothing but a reply: others may wait for their connections.
            waiting = (call for call in self.running if call.receiving is not None)
            self.resume(next(waiting, None) or next(iter(self.running)))
        if self.on_its_thread():
            for call in self._free:
                call.end()
            self._free.clear()
        self._selector.close()

    def _abandon(self, call: GreenletCall) -> None:
        """Fail a call that can never go on, and give back its connection."""
        abandoned.append(call)
        job, receiving = call.job, call.receiving
        future = None if job is None else call_of(job).future
        self.ended(call)
        self._free.remove(call)
        if receiving is not None:
            receiving.abandon()
        if future is not None and not self.closing:
            error = "The event loop goes on in another thread, which this operation cannot follow"
            resolve(future, None, RuntimeError(error))


class _Reader:
    """What the loop calls when a reply has come, and drops when it is closed."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._resume: Callable[[], None] = scheduler._resume_waiting

    def __call__(self) -> None:
        self._resume()

    def __del__(self) -> None:
        scheduler = self._scheduler
        if scheduler.loop.is_closed():
            scheduler.finish()
        elif scheduler.running:
            # The garbage collector came, perhaps in the middle of PyMongo's code: nothing may run.
            abandoned.append(scheduler)


#: What can never go on: ending it would run its code.
abandoned: list[Any] = []
