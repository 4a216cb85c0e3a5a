"""What a worker runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeGuard

__all__ = ["AGAIN", "Job", "leaves_a_rest", "run_job"]

#: What a job returns to be put at the end of the queue and run again.
AGAIN = object()

#: Returns `AGAIN`, or what is left to do when its worker is free for the next, or anything else.
Job = Callable[[], object]


def run_job(job: Job) -> object:
    """Run `job`; what it raises goes to ``threading.excepthook``, and None is returned."""
    try:
        return job()
    except BaseException:
        _report()
        return None


def leaves_a_rest(result: object) -> TypeGuard[Job]:
    """Whether what a job has returned is left to do."""
    return callable(result)


def _report() -> None:
    """Show the current exception as that of a thread, without ending the thread."""
    kind, error, traceback = sys.exc_info()
    threading.excepthook(
        threading.ExceptHookArgs((kind, error, traceback, threading.current_thread()))
    )
