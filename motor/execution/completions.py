"""Brings outcomes from workers to event loops, with one wake-up for all that come meanwhile.

Waking a loop costs more than delivering one outcome: a write to a pipe, a round of the loop, and
the interpreter lock twice.

Guarantee: `deliver` resolves futures in the order of its calls, if the loop runs again. If the loop
is closed, it drops the outcome.

Only the loop's callback holds the outcomes on their way. If a loop is closed or forgotten, they
disappear with its other callbacks.

One race: a worker adds an outcome while the loop takes the outcomes. The loop first clears `woken`,
then takes; the worker first adds, then reads `woken`. So either the loop takes the outcome, too, or
the worker wakes the loop again.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from motor.execution.lifecycle import after_fork_in_child

__all__ = ["AtDelivery", "deliver", "resolve"]


class AtDelivery:
    """A result that is made on the loop when its future gets it, unless the future is cancelled.

    - `make`: returns the result, or raises. Does not block
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make: Callable[[], Any] = make


class _Outcomes:
    """Outcomes on their way to one event loop, which calls this to resolve their futures."""

    __slots__ = ("__weakref__", "queue", "woken")

    def __init__(self) -> None:
        self.queue: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self.woken = False

    def __call__(self) -> None:
        self.woken = False
        queue = self.queue
        try:
            while queue:
                resolve(*queue.popleft())
        finally:
            if queue:
                # Interrupted, by Ctrl-C for example: the other futures still get their outcomes.
                asyncio.get_running_loop().call_soon(self)


def resolve(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Resolve `future`, on its loop's thread. A cancelled one stays as it is."""
    if future.done():
        return
    if type(result) is AtDelivery:
        try:
            result = result.make()
        except StopIteration as failure:
            error = RuntimeError("a result's maker raised StopIteration")
            error.__cause__ = failure
        except BaseException as failure:
            # An error that ends the process does so in the task that awaits the future.
            error = failure
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
        # The error's traceback may lead here.
        del error, result


def _nothing() -> None:
    return None


class _Way:
    """The way to one loop: it finds the outcomes that are on it."""

    __slots__ = ("loop", "outcomes")

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self.loop = loop
        self.outcomes: Callable[[], _Outcomes | None] = _nothing

    def begin(self) -> _Outcomes:
        """The outcomes on the way, or new ones: there are never two, so all keep their order."""
        with _lock:
            outcomes = self.outcomes()
            if outcomes is None:
                outcomes = _Outcomes()
                self.outcomes = weakref.ref(outcomes)
            return outcomes


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Way] = weakref.WeakKeyDictionary()

# Guards the dictionary, and each way's outcomes. Reentrant, because the garbage collector may run
# anything.
_lock = threading.RLock()

#: The way of the last outcome: most processes have one loop only.
_latest = _Way(_nothing)


def deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Resolve `future` on its loop, soon; on any thread. A cancelled one stays as it is."""
    loop = future.get_loop()
    way = _latest
    if way.loop() is not loop:
        way = _way_to(loop)
    outcomes = way.outcomes() or way.begin()
    outcomes.queue.append((future, result, error))
    if not outcomes.woken:
        outcomes.woken = True
        try:
            loop.call_soon_threadsafe(outcomes)
        except RuntimeError:
            # The loop is closed: nothing waits for these any more.
            outcomes.queue.clear()


def _way_to(loop: asyncio.AbstractEventLoop) -> _Way:
    global _latest
    with _lock:
        way = _by_loop.get(loop)
        if way is None:
            way = _by_loop[loop] = _Way(weakref.ref(loop))
        _latest = way
        return way


def _forget() -> None:
    # A worker of the parent may have been at any step.
    global _by_loop, _latest, _lock
    _lock = threading.RLock()
    _by_loop = weakref.WeakKeyDictionary()
    _latest = _Way(_nothing)


after_fork_in_child(_forget)
