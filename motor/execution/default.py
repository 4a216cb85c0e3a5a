"""The one pool of the process: it serves every client, both frameworks and every event loop."""

from __future__ import annotations

import os
import threading

from motor.execution.lifecycle import after_fork_in_child, at_exit
from motor.execution.pool import WorkerPool
from motor.execution.serial_queue import finish_queues

__all__ = ["DEFAULT_MAX_WORKERS", "default_executor", "max_workers_from_environment"]

#: As many calls as PyMongo opens connections to one server by default.
DEFAULT_MAX_WORKERS = 100

#: How many calls that have just begun run at once: see `motor.execution.admission`.
RECENT_LIMIT = 4

_default: WorkerPool | None = None
# Reentrant, because the garbage collector may run a finalizer that makes a call here.
_lock = threading.RLock()


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


def default_executor() -> WorkerPool:
    """The executor that all clients share, made at the first use.

    A ``concurrent.futures.ThreadPoolExecutor`` for ``loop.run_in_executor`` and
    ``loop.set_default_executor`` too. After ``shutdown`` it can be used again: a loop that ends
    does not end it for the others.

    Raises ValueError when ``MOTOR_MAX_WORKERS`` is not a number.
    """
    global _default
    if _default is None:
        with _lock:
            if _default is None:
                most = max_workers_from_environment()
                # One worker stays. If its thread ended, the C library would give back the memory
                # that the next large batch needs. And Python 3.12 starts no thread after
                # the main thread has ended, but loops in other threads go on.
                made = WorkerPool(most, recent_limit=RECENT_LIMIT, keeps_one=True)
                # Unless a finalizer has made one meanwhile.
                _default = _default or made
    return _default


def _finish_calls() -> None:
    finish_queues()
    if _default is not None:
        _default.drain()


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


at_exit(_finish_calls)
after_fork_in_child(_renew_lock)
