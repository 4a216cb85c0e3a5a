"""The scheduler of each event loop, and what becomes of them when the process ends or forks."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable

from motor.accelerators.greenlets.scheduler import AT_CLOSE, Scheduler, abandoned
from motor.execution.lifecycle import after_fork_in_child, at_exit

__all__ = ["scheduler_of"]

_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Callable[[], Scheduler | None]]
_by_loop = weakref.WeakKeyDictionary()


def scheduler_of(loop: asyncio.AbstractEventLoop) -> Scheduler:
    """The scheduler of the loop that runs on this thread."""
    found = _by_loop.get(loop)
    scheduler = None if found is None else found()
    if scheduler is None:
        scheduler = Scheduler(loop)
        _by_loop[loop] = weakref.ref(scheduler)
    return scheduler


def _finish_all() -> None:
    # Other threads are daemons, which end with the process; before Python 3.14, they crash if they
    # are in a greenlet then.
    Scheduler.ending = True
    found = [reference() for reference in list(_by_loop.values())]
    others = []
    for scheduler in filter(None, found):
        if scheduler.on_its_thread():
            scheduler.finish()
        else:
            others.append(scheduler)
    deadline = time.monotonic() + AT_CLOSE
    while any(scheduler.running for scheduler in others) and time.monotonic() < deadline:
        time.sleep(0.001)


def _forget() -> None:
    # What runs belongs to the parent.
    abandoned.extend(filter(None, (reference() for reference in _by_loop.values())))
    _by_loop.clear()


at_exit(_finish_all)
after_fork_in_child(_forget)
