"""What a pool runs: jobs, Motor's calls among them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from motor.execution.pool_statistics import PoolStatistics

__all__ = ["Job", "Pool", "Task"]


class Job(Protocol):
    """What a worker runs."""

    #: When it began to wait (``time.monotonic()``); 0 if it need not.
    queued_at: float
    #: Whether delivering runs other code, which may take long or use the pool: the worker is not
    #: free before that ends.
    delivers_to_others: bool

    def run(self) -> bool:
        """Do the work. Returns True to be queued and run again. Raises nothing."""

    def deliver(self) -> None:
        """Hand over the outcome. Does not block."""


class Pool(Protocol):
    """Where calls run."""

    #: Whether the end of the process waits for its jobs.
    delays_exit: bool

    def add(self, job: Job) -> None:
        """Run `job` on a thread, soon. Raises RuntimeError when that cannot be."""

    def statistics(self) -> PoolStatistics:
        """What the pool is doing, and has done so far."""


class Task:
    """A function that was passed to ``submit``."""

    __slots__ = ("future", "outcome", "queued_at", "work")
    delivers_to_others = True

    def __init__(self, future: Future[Any], work: Callable[[], Any]) -> None:
        self.queued_at: float = 0.0
        self.future: Future[Any] = future
        self.work: Callable[[], Any] | None = work
        self.outcome: tuple[Any, BaseException | None] | None = None

    def run(self) -> bool:
        work, self.work = self.work, None
        if work is not None and self.future.set_running_or_notify_cancel():
            try:
                self.outcome = work(), None
            except BaseException as error:
                self.outcome = None, error
        return False

    def deliver(self) -> None:
        outcome, self.outcome = self.outcome, None
        if outcome is None:
            return
        result, error = outcome
        try:
            if error is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(error)
        finally:
            # Otherwise the frames in the error's traceback would keep it alive.
            del outcome, error
            self.future = None  # type: ignore[assignment]
