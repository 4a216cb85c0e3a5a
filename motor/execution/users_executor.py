"""A pool on the threads of an executor that the user gave."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from motor.execution.default import DEFAULT_MAX_WORKERS, default_executor
from motor.execution.jobs import Job, Pool
from motor.execution.lifecycle import after_fork_in_child
from motor.execution.pool_statistics import PoolStatistics

__all__ = ["UsersExecutor"]


class UsersExecutor:
    """Runs jobs on the threads of `executor`.

    Raises TypeError when it is not a ``concurrent.futures.ThreadPoolExecutor``.
    """

    delays_exit = True

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        if not isinstance(executor, ThreadPoolExecutor):
            raise TypeError(
                "executor must be a concurrent.futures.ThreadPoolExecutor, because PyMongo's "
                f"connections cannot leave the process, not {type(executor)}"
            )
        self._executor: ThreadPoolExecutor = executor
        # Executors have no public way to ask how many threads they have.
        self.max_workers: int = getattr(executor, "_max_workers", DEFAULT_MAX_WORKERS)
        self._reset()
        after_fork_in_child(self._after_fork)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._waiting: set[Job] = set()
        self._calls = self._waits = self._running = 0
        self._wait_seconds = 0.0

    def _after_fork(self) -> None:
        # The executor's threads are the parent's.
        self._executor = default_executor()
        self._reset()

    def add(self, job: Job) -> None:
        """Run `job` on a thread of the executor.

        Raises RuntimeError when the executor was shut down, or no thread can be started.
        """
        self._enqueue(job)
        with self._lock:
            self._calls += 1

    def _enqueue(self, job: Job) -> None:
        job.queued_at = time.monotonic()
        with self._lock:
            self._waiting.add(job)
        try:
            future = self._executor.submit(self._run, job)
        except RuntimeError:
            # The executor may have queued it and failed to start a thread.
            if self._claim(job):
                raise
            return
        future.add_done_callback(partial(self._rescue, job))

    def _claim(self, job: Job) -> bool:
        """Take a job out of those that wait. Returns False if it was taken before."""
        with self._lock:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def _run(self, job: Job) -> None:
        if not self._claim(job):
            return
        with self._lock:
            self._running += 1
            self._waits += 1
            self._wait_seconds += time.monotonic() - job.queued_at
        again = job.run()
        with self._lock:
            self._running -= 1
        if again:
            try:
                self._enqueue(job)
            except RuntimeError:
                # The executor was shut down between two turns.
                default_executor().add(job)
        else:
            job.deliver()

    def _rescue(self, job: Job, future: Future[None]) -> None:
        # The executor was shut down with ``cancel_futures=True`` while the job waited.
        if future.cancelled() and self._claim(job):
            rest: Pool = default_executor()
            rest.add(job)

    def statistics(self) -> PoolStatistics:
        """What the executor is doing for Motor, and has done so far."""
        with self._lock:
            now = time.monotonic()
            return PoolStatistics(
                max_workers=self.max_workers,
                workers=self._running,
                in_flight=self._running,
                queued=len(self._waiting),
                calls=self._calls,
                waits=self._waits,
                wait_seconds=self._wait_seconds + sum(now - job.queued_at for job in self._waiting),
            )
