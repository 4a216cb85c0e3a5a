"""Brings outcomes from workers to event loops, with few wake-ups.

Waking a loop costs more than the outcome that it is woken for: a write to a pipe, a round of the
loop, and the interpreter lock twice. So a loop is woken once for all outcomes that come before it
is there, and while outcomes come in quick succession with more calls waiting for a worker, several
share one wake-up.
"""

from __future__ import annotations

import _thread
import asyncio
import os
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from motor.executor import WorkerPool
    from motor.operation import Call

__all__ = ["Completions", "completions_of"]

#: The most outcomes that wait for others to share a wake-up with.
SHARED = 8

#: What counts as quick succession: at most so long (in seconds) between two outcomes.
QUICK = 0.0005

Outcome = tuple["Call", Any, "BaseException | None"]


class _Batch:
    """Outcomes on their way to an event loop, which calls this to resolve them.

    Only the loop holds a batch once it is on its way. When the loop is closed, or lost, before it
    came to the batch, this dies with the loop's other callbacks, and the outcomes are dropped.
    """

    __slots__ = ("__weakref__", "_forks", "_lock", "outcomes", "sent", "taken")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._forks = _forks
        self.outcomes: deque[Outcome] = deque()
        #: Whether the loop was woken for it. Guarded by the lock.
        self.sent = False
        #: Whether the loop has come for it. Guarded by the lock.
        self.taken = False

    def __call__(self) -> None:
        with self._lock:
            self.taken = True
        outcomes = self.outcomes
        try:
            while outcomes:
                call, result, error = outcomes.popleft()
                call.resolve(result, error)
        finally:
            if outcomes:
                # One raised, which is no reason for the others to wait for ever.
                asyncio.get_running_loop().call_soon(self)

    def send(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake `loop` for the batch, unless somebody has."""
        with self._lock:
            if self.sent:
                return
            self.sent = True
        self.wake(loop)

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake `loop` for the batch."""
        try:
            loop.call_soon_threadsafe(self)
        except RuntimeError:
            # The loop is closed and nobody waits for these any more.
            self.drop()

    def drop(self) -> None:
        """Nobody waits for these any more."""
        while True:
            try:
                call, result, error = self.outcomes.popleft()
            except IndexError:
                # Not "while outcomes": two may be dropping the same ones.
                return
            call.drop(result, error)

    def __del__(self) -> None:
        if self._forks != _forks:
            # In a child, this is a copy: what to do about the outcomes is the parent's part.
            return
        if any(call.discard is not None for call, _, _ in self.outcomes):
            # The garbage collector may be at work, in the middle of anything, and discarding makes
            # calls: not here, then.
            rest = _Batch(self._lock)
            rest.outcomes, self.outcomes = self.outcomes, deque()
            with suppress(RuntimeError):
                _thread.start_new_thread(rest.drop, ())


class Completions:
    """Brings outcomes to one event loop."""

    __slots__ = ("_last", "_lock", "_newest")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: The batch that outcomes join, which lives as long as somebody else holds it.
        self._newest: Callable[[], _Batch | None] = lambda: None
        self._last = 0.0

    def add(
        self,
        call: Call,
        result: Any,
        error: BaseException | None,
        loop: asyncio.AbstractEventLoop,
        pool: WorkerPool,
    ) -> None:
        """Leave an outcome for `loop`, on a worker of `pool`; see that the loop is woken for it."""
        now = time.monotonic()
        with self._lock:
            batch = self._newest()
            if batch is None or batch.taken:
                batch = _Batch(self._lock)
                self._newest = weakref.ref(batch)
            batch.outcomes.append((call, result, error))
            quick, self._last = now - self._last < QUICK, now
            on_its_way = batch.sent
            batch.sent = on_its_way or not (quick and self._may_wait(batch, loop, pool))
            wake = batch.sent and not on_its_way
        if wake:
            batch.wake(loop)
        elif on_its_way and loop.is_closed():
            # Since it was woken, so that it will not come for the batch.
            batch.drop()

    def _may_wait(self, batch: _Batch, loop: asyncio.AbstractEventLoop, pool: WorkerPool) -> bool:
        """Whether the loop need not be woken yet: others will, or the pool at its next look."""
        count = len(batch.outcomes)
        if count >= SHARED or pool.waiting <= count + 2:
            return False
        return count > 1 or pool.at_next_look(lambda: batch.send(loop))


#: How often this process, and those that it was forked from, were forked.
_forks = 0

_completions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Completions] = (
    weakref.WeakKeyDictionary()
)


#: The loop that was asked for last, and its completions: most processes have one loop only.
_latest: tuple[Callable[[], asyncio.AbstractEventLoop | None], Completions | None] = (
    lambda: None,
    None,
)


def completions_of(loop: asyncio.AbstractEventLoop) -> Completions:
    """The one that brings outcomes to `loop`."""
    global _latest
    latest, found = _latest
    if found is not None and latest() is loop:
        return found
    found = _completions.get(loop) or _completions.setdefault(loop, Completions())
    _latest = (weakref.ref(loop), found)
    return found


def _after_fork_in_child() -> None:
    # A worker, which is not there any more, may have been in the middle of anything.
    global _completions, _forks, _latest
    _completions = weakref.WeakKeyDictionary()
    _latest = (lambda: None, None)
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
