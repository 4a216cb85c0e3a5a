"""Which loop has which runner."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import weakref
from collections.abc import Callable

from motor.loop_runner import Figures, LoopRunner
from motor.strands import strands_available
from motor.worker_pool import WorkerPool

__all__ = ["all_figures", "finish_all", "runner_of"]

#: The runner of each loop, as long as the loop lives; None of a loop that cannot have one.
_runners: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopRunner | None] = (
    weakref.WeakKeyDictionary()
)

# Guards `_runners` and `_past`. Reentrant, because the garbage collector closes loops anywhere.
_lock = threading.RLock()

#: What the runners of loops that are closed have done.
_past = Figures(0, 0, 0, 0, 0.0)

_available = strands_available()
_latest: tuple[Callable[[], asyncio.AbstractEventLoop | None], LoopRunner | None] = (
    lambda: None,
    None,
)


def runner_of(loop: asyncio.AbstractEventLoop, pool: WorkerPool) -> LoopRunner | None:
    """What runs calls on the thread of `loop`, which runs there now; None if nothing can.

    - `pool`: see `LoopRunner`
    """
    global _latest
    if not _available:
        return None
    latest, found = _latest
    if found is not None and latest() is loop:
        return found if found.thread == threading.get_ident() else None
    try:
        found = _runners[loop]
    except KeyError:
        try:
            # In no context, because the loop keeps the one in which it is asked to watch sockets.
            found = contextvars.Context().run(LoopRunner, loop, pool, _keep_figures)
        except NotImplementedError:
            found = None
        with _lock:
            _runners[loop] = found
    if found is None or found.thread != threading.get_ident():
        # A loop that goes on in another thread has left its strands behind.
        return None
    _latest = (weakref.ref(loop), found)
    return found


def _all_runners() -> list[LoopRunner]:
    with _lock:
        return [runner for runner in _runners.values() if runner is not None]


def all_figures() -> Figures:
    """What the runners of all loops do, and have done so far, summed up."""
    with _lock:
        return _sum([_past, *(runner.figures() for runner in _all_runners())])


def _sum(each: list[Figures]) -> Figures:
    return Figures(*map(sum, zip(*each, strict=True)))


def _keep_figures(runner: LoopRunner) -> None:
    global _past
    with _lock:
        _past = _sum([_past, runner.give_figures()])


def finish_all() -> None:
    """At the end of the process: complete what has come; workers run what comes."""
    global _available, _latest
    _available, _latest = False, (lambda: None, None)
    for runner in _all_runners():
        if not runner.wait_for_loop():
            runner.finish(float("inf"))


def _after_fork_in_child() -> None:
    global _lock, _runners, _latest, _past
    _lock = threading.RLock()
    _past = Figures(0, 0, 0, 0, 0.0)
    _runners = weakref.WeakKeyDictionary()
    _latest = (lambda: None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
