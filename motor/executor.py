"""Whose threads run which calls: one pool for the whole process, and pools of users' own.

The one serves every client, both frameworks and every event loop.
"""

from __future__ import annotations

import atexit
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from motor.job import AGAIN, Job
from motor.runner_registry import all_figures, finish_all
from motor.statistics import PoolStatistics
from motor.worker_pool import WorkerPool

__all__ = [
    "AGAIN",
    "Job",
    "PoolStatistics",
    "WorkerPool",
    "default_pool",
    "max_workers_from_environment",
    "pool_on",
    "statistics",
]

#: As many calls as PyMongo opens connections to one server, unless told otherwise.
DEFAULT_MAX_WORKERS = 100

#: How many calls that have just begun run at once: see `motor.admission`.
YOUNG_LIMIT = 4

_default: WorkerPool | None = None
_default_lock = threading.Lock()


def max_workers_from_environment() -> int:
    """The value of ``MOTOR_MAX_WORKERS``, or the default where it is not set.

    Raises ValueError when it is set to anything but a whole number greater than zero.
    """
    text = os.environ.get("MOTOR_MAX_WORKERS", "").strip()
    if not text:
        return DEFAULT_MAX_WORKERS
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(
            "The environment variable MOTOR_MAX_WORKERS must be a whole number greater than 0 (the "
            f"most threads that Motor may use), not {text!r}: correct it or unset it."
        )
    return number


def default_pool() -> WorkerPool:
    """The pool that all clients share, made at the first use.

    Raises ValueError when ``MOTOR_MAX_WORKERS`` is not a number.
    """
    global _default
    if _default is None:
        with _default_lock:
            if _default is None:
                most = max_workers_from_environment()
                # One worker stays. With its thread the C library would give back the memory that
                # the next large batch needs; and from 3.12 on Python starts no thread once the main
                # one has ended, but loops in other threads go on.
                _default = WorkerPool(most, young_limit=min(YOUNG_LIMIT, most), keeps_one=True)
    return _default


def statistics(client: Any = None, *, waiting: bool = False) -> PoolStatistics:
    """What the workers are doing and have done, for whoever exports metrics.

    - `client`: a Motor client, for the pool that runs its calls: its own if it was given an
      `executor`. None: the pool that all others share
    - `waiting`: the `client`'s lane for change streams and tailable cursors instead

    Cheap enough to be asked for every second. Raises TypeError when `client` is no Motor client.
    """
    if client is None:
        if waiting:
            raise TypeError("waiting=True needs a client, because each has a lane of its own")
        return _statistics_of(default_pool())
    # The class is asked, because a client has any name as an attribute: it is a database.
    if not isinstance(getattr(type(client), "_pool", None), property):
        raise TypeError(f"client must be a Motor client, or None, not {type(client)}")
    pool: WorkerPool = client._waiting_lane.pool if waiting else client._pool
    return _statistics_of(pool)


def _statistics_of(pool: WorkerPool) -> PoolStatistics:
    numbers = pool.statistics()
    if pool is not _default:
        return numbers
    on_loops = all_figures()
    return replace(
        numbers,
        in_flight=numbers.in_flight + on_loops.in_flight,
        queued=numbers.queued + on_loops.queued,
        calls=numbers.calls + on_loops.calls,
        waits=numbers.waits + on_loops.waits,
        wait_seconds=numbers.wait_seconds + on_loops.wait_seconds,
    )


def pool_on(executor: ThreadPoolExecutor) -> WorkerPool:
    """A pool that lives on the threads of a user's own `executor`.

    It starts a thread of its own only for a call that the executor gives up while it waits there.

    Raises TypeError when it is not a ``concurrent.futures.ThreadPoolExecutor``.
    """
    if isinstance(executor, ProcessPoolExecutor) or not isinstance(executor, ThreadPoolExecutor):
        raise TypeError(
            "executor must be a concurrent.futures.ThreadPoolExecutor, because PyMongo's "
            f"connections cannot leave the process, not {type(executor)}"
        )
    # The number is the executor's own secret, but asking for more workers than it has threads would
    # only leave the surplus waiting in its queue.
    return WorkerPool(getattr(executor, "_max_workers", DEFAULT_MAX_WORKERS), executor=executor)


@atexit.register
def _finish_at_exit() -> None:
    finish_all()
    if _default is not None:
        _default.drain()


def _after_fork_in_child() -> None:
    global _default_lock
    _default_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
