"""Runs brief calls on their event loop's own thread, as strands: who begins when, and the end.

While one strand waits for its server, others run; a call that comes when enough of them are under
way waits in a queue. A call that takes long waits for something slow, and does not count; and when
the thread has time to spare, more may begin.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from motor.readiness import Readiness, watch_sockets
from motor.strands import GivenUp, LeftToWorker, Strand, StrandCall
from motor.worker_pool import WorkerPool

__all__ = ["Figures", "LoopRunner"]

#: How many young strands of one loop are under way at once: enough for the server to have something
#: to do, and few enough not to keep it busy with connections.
FEW = 16

#: How many times as many there may be while the loop's thread has time to spare.
STRETCH = 2

#: The age (in seconds) at which a strand is taken to wait for something slow, and does not count.
YOUNG = 0.01

#: How often (in seconds) a runner looks whether more may begin, while calls wait.
LOOK = 0.003

#: The shares of its thread's time below which a loop has time to spare, and above which it has
#: none.
IDLE, FULL = 0.7, 0.9

#: How early (in seconds) a time limit may end.
EARLY = 0.0005

#: How long (in seconds) the closing of a loop waits for replies that are on their way.
AT_CLOSE = 2.0

#: How long (in seconds) it waits for them before it looks what else there is to do.
TURN = 0.005


class Figures(NamedTuple):
    """How many calls are under way and wait now, came and waited so far, and for how long."""

    in_flight: int
    queued: int
    calls: int
    waits: int
    wait_seconds: float


class _Sentinel:
    """What an event loop alone refers to, and thus a way to learn that it was closed."""

    __slots__ = ("_pid", "_runner")

    def __init__(self, runner: LoopRunner) -> None:
        self._runner = runner
        self._pid = os.getpid()

    def __del__(self) -> None:
        if self._pid == os.getpid():
            self._runner.loop_closed()


class LoopRunner:
    """Runs the brief calls of one event loop on its thread. Used on that thread only.

    - `loop`: which runs
    - `pool`: who runs what waits when the loop is closed; as many calls as it has workers may be
      under way at most
    - `at_close`: called with the runner when the loop has been closed

    Raises NotImplementedError when the loop does not watch sockets.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: WorkerPool,
        at_close: Callable[[LoopRunner], object],
    ) -> None:
        self._loop = weakref.ref(loop)
        self._at_close = at_close
        self._pool = pool
        #: The thread that it, and the strands, are bound to.
        self.thread: int = threading.get_ident()
        self._closed = False
        self._running: set[Strand] = set()
        self._free: list[Strand] = []
        self._queue: deque[StrandCall] = deque()
        self._few = self._limit = min(FEW, pool.max_workers)
        # Those that began in the last YOUNG seconds, some of which have ended; how many have not.
        self._recent: deque[tuple[float, Strand, int]] = deque()
        self._young = 0
        self._looking = False
        self._looked = self._used = 0.0
        # Strands with a time limit for what they wait for, and when somebody looks at them next.
        self._limited: set[Strand] = set()
        self._look_at = float("inf")
        # Strands that others have woken, and from which of their pauses.
        self._woken: deque[tuple[Strand, int]] = deque()
        # For timers, which would keep that of the call in which they are made.
        self._context = contextvars.Context()
        self._calls = self._waits = 0
        # The times at which calls left the queue, minus those at which they came.
        self._waited = 0.0
        self.readiness: Readiness = watch_sockets(loop, self._let_in, _Sentinel(self))

    def figures(self) -> Figures:
        """What it does, and has done so far. Can be asked for in any thread."""
        queued = len(self._queue)
        waited = max(0.0, self._waited + queued * time.monotonic())
        return Figures(len(self._running), queued, self._calls, self._waits, waited)

    def submit(self, call: StrandCall) -> None:
        """Run `call` at once up to where it waits, or later if many are under way."""
        self._calls += 1
        if not self._queue and self._allows_one_more():
            self._begin(call)
            return
        self._queue.append(call)
        self._waits += 1
        self._waited -= time.monotonic()
        if not self._looking:
            self._look_later()

    def _begin(self, call: StrandCall) -> None:
        strand = self._free.pop() if self._free else Strand(self)
        strand.begin(call)
        self._running.add(strand)
        self._forget_the_old(strand.began)
        self._recent.append((strand.began, strand, strand.calls))
        self._young += 1
        strand.resume(True)

    def ended(self, strand: Strand) -> None:
        """Know that a strand's call has come to its end."""
        self._running.discard(strand)
        if strand.young:
            strand.young = False
            self._young -= 1
        if strand.dead or self._closed:
            return
        # Its last call's is not to be kept.
        strand.gr_context = self._context
        if len(self._free) < self._few:
            self._free.append(strand)
        else:
            strand.end()

    # Who begins when.

    def _allows_one_more(self) -> bool:
        if self._young >= self._limit:
            self._forget_the_old(time.monotonic())
        return self._young < self._limit and len(self._running) < self._pool.max_workers

    def _forget_the_old(self, now: float) -> None:
        recent = self._recent
        while recent:
            began, strand, calls = recent[0]
            young = strand.young and strand.calls == calls
            if young and began >= now - YOUNG:
                break
            recent.popleft()
            if young:
                strand.young = False
                self._young -= 1

    def _let_in(self) -> None:
        while self._queue and self._allows_one_more():
            self._waited += time.monotonic()
            self._begin(self._queue.popleft())

    def _look_later(self) -> None:
        loop = self._loop()
        if loop is not None:
            now = time.monotonic()
            if now - self._looked > 10 * LOOK:
                # Nobody looked for a while: what was right then says nothing about now.
                self._limit = self._few
            self._looked, self._used = now, time.thread_time()
            self._looking = True
            loop.call_later(LOOK, self._look, context=self._context)

    def _look(self) -> None:
        self._looking = False
        if not self._queue:
            return
        share = (time.thread_time() - self._used) / (time.monotonic() - self._looked)
        if share < IDLE:
            self._limit = min(self._limit + 1, STRETCH * self._few)
        elif share > FULL:
            self._limit = max(self._limit - 1, self._few)
        self._look_later()
        self._let_in()

    # Time limits.

    def watch(self, strand: Strand, timeout: float) -> None:
        """Resume `strand` in `timeout` seconds, unless it is resumed before, and `unwatch`ed."""
        strand.deadline = time.monotonic() + timeout
        self._limited.add(strand)
        if strand.deadline < self._look_at:
            self._look_at_limits(strand.deadline)

    def unwatch(self, strand: Strand) -> None:
        """End what `watch` began."""
        self._limited.discard(strand)

    def _look_at_limits(self, when: float) -> None:
        loop = self._loop()
        if self._closed or loop is None:
            return
        # The timer is not kept, as it refers to the loop. A needless one does no harm.
        self._look_at = when
        loop.call_later(when - time.monotonic(), self._limits, context=self._context)

    def _limits(self) -> None:
        # Loops may be early by the resolution of their clocks.
        now = time.monotonic() + EARLY
        if now >= self._look_at:
            self._look_at = float("inf")
        for strand in [s for s in self._limited if s.deadline <= now]:
            if strand in self._limited and strand.deadline <= now:
                strand.resume(False)
        if self._limited:
            first = min(strand.deadline for strand in self._limited)
            if first < self._look_at:
                self._look_at_limits(first)
        self._let_in()

    def waker(self, strand: Strand) -> Callable[[], None]:
        """What resumes `strand` from its next pause, in a moment; to be called in any thread."""
        pause = strand.pauses + 1
        loop = self._loop()

        def wake() -> None:
            self._woken.append((strand, pause))
            # A loop that is closed is not needed any more.
            with suppress(RuntimeError):
                if loop is None:
                    return
                if threading.get_ident() == self.thread:
                    loop.call_soon(self._wake, context=self._context)
                else:
                    loop.call_soon_threadsafe(self._wake, context=self._context)

        return wake

    def _wake(self) -> None:
        while self._woken:
            strand, pause = self._woken.popleft()
            if strand.pauses == pause:
                strand.resume(True)
        self._let_in()

    # The end.

    def loop_closed(self) -> None:
        """See to what is under way, now that its loop never runs again."""
        if not self._closed:
            self.finish(time.monotonic() + AT_CLOSE)
            self.readiness.close()
            self._at_close(self)

    def give_figures(self) -> Figures:
        """What it has done so far, for somebody who keeps that: from now on it has done nothing."""
        figures = self.figures()
        self._calls = self._waits = 0
        self._waited = 0.0
        return Figures(0, 0, figures.calls, figures.waits, figures.wait_seconds)

    def wait_for_loop(self) -> bool:
        """Wait for what has come, if another thread runs the loop. Returns whether it does.

        Before Python 3.14, the end of the process unwinds the stacks of threads that go on, which
        must not meet a greenlet there.
        """
        loop = self._loop()
        if self.thread == threading.get_ident() or loop is None or not loop.is_running():
            return False
        while (self._running or self._queue) and loop.is_running():
            time.sleep(0.001)
        return True

    def finish(self, until: float) -> None:
        """Bring what is under way to its end without the loop, and leave what waits to workers.

        - `until`: the time (``time.monotonic()``) at which the rest is given up
        """
        self._closed = True
        here = self.thread == threading.get_ident()
        for strand in list(self._running):
            if strand.call is not None and not strand.sent:
                self._begin_anew(strand, strand.call, here)
            elif not here:
                self.forsake(strand)
        while self._queue and self._leave(self._queue[0]):
            self._waited += time.monotonic()
            self._queue.popleft()
        while here and (self._running or self._queue) and time.monotonic() < until:
            self._let_in()
            self.readiness.turn(TURN)
            self._wake()
            self._limits()
        for strand in list(self._running):
            self._give_up(strand)
            self._running.discard(strand)
        if here:
            for strand in self._free:
                strand.end()
        self._free.clear()

    def _begin_anew(self, strand: Strand, call: StrandCall, here: bool) -> None:
        """Leave a call of which nothing was sent to a worker, or else to a strand."""
        self._running.discard(strand)
        if here:
            self._give_up(strand, LeftToWorker)
        if self._leave(call):
            return
        if here:
            self._queue.append(call)
            self._waited -= time.monotonic()
        else:
            self.forsake(strand)

    def _give_up(self, strand: Strand, kind: type[GivenUp] = GivenUp) -> None:
        strand.throw(kind)
        strand.end()

    def _leave(self, call: StrandCall) -> bool:
        """Leave to a worker a call of which nothing was sent. Returns whether there is one."""
        try:
            self._pool.submit(call)
        except RuntimeError:
            # From Python 3.12 on, no threads start when the main one has come to its end.
            return False
        return True

    def forsake(self, strand: Strand) -> None:
        """Free what a strand holds that can never go on, as greenlets stay with their thread."""
        self._running.discard(strand)
        self._limited.discard(strand)
        if strand.forsake is not None:
            strand.forsake()
