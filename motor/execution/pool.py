"""The threads that run PyMongo's blocking calls.

What is guaranteed:

- A job that `add` has taken runs once, in the order of the queue. `add` raises only if no thread
  exists and none can be started; the job does not run then.
- An idle worker is woken, or a new one started, whenever fewer workers are awake than the limit.
- The workers are daemon threads: an idle one never delays the end of the process. `drain` waits for
  the jobs in flight.

Two races, and why they are harmless. The queue and the list of sleepers are only ever changed by
single steps that the interpreter makes atomic.

1. A worker finds the queue empty while a job comes. The worker first enters the list of sleepers,
   then reads the queue again. `add` first queues the job, then reads the list. So one of the two
   sees the other: the worker takes the job, or `add` wakes the worker.
2. A worker has slept long enough and leaves while `add` expects it to run a job. It leaves the set
   of workers, then reads the queue again, and starts another worker if a job is there.

If no other job waits, a worker enters the list of sleepers before it delivers an outcome: the next
job may come at once, and then finds this worker free. So calls that are made one after the other
stay on one thread, and the C library keeps free memory for one thread only.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from motor.execution.admission import RECENT, Admission
from motor.execution.jobs import Job, Task
from motor.execution.lifecycle import after_fork_in_child
from motor.execution.pool_statistics import PoolStatistics
from motor.execution.worker import Worker, counters_of

__all__ = ["WorkerPool"]

T = TypeVar("T")

#: How long (in seconds) a worker without work sleeps before its thread ends.
LINGER = 2.0

#: How often (in seconds) the monitor looks whether one more worker may begin.
TICK = 0.002

#: How many ticks the monitor goes on when no job waits.
QUIET_TICKS = 25


class WorkerPool(ThreadPoolExecutor):
    """An executor with a lean way in for Motor's calls: `add`.

    - `max_workers`: the most threads that ever work at once
    - `recent_limit`: how many jobs younger than two milliseconds run at once; None: no such limit
    - `name`: the name of its threads
    - `keeps_one`: whether the last thread stays when there is nothing to do

    `shutdown` waits for what has been submitted and lets idle threads end. The pool can be used
    again afterwards, because several event loops may share it and close it when they end.
    """

    #: Whether the end of the process waits for its jobs.
    delays_exit = True

    def __init__(
        self,
        max_workers: int,
        *,
        recent_limit: int | None = None,
        name: str = "motor-worker",
        keeps_one: bool = False,
    ) -> None:
        super().__init__(max_workers, thread_name_prefix=name)
        self.max_workers = max_workers
        self._recent_limit = max_workers if recent_limit is None else recent_limit
        self._name = name
        self._keeps_one = keeps_one
        self._reset()
        after_fork_in_child(self._reset)

    def _reset(self) -> None:
        """Start again: threads do not survive a fork, and their calls belong to the parent."""
        self._queue: deque[Job] = deque()
        self._asleep: list[Worker] = []
        self._workers: set[Worker] = set()
        self._admission = Admission(self.max_workers, self._recent_limit)
        self._limited = self._admission.recent_limit < self.max_workers
        self._monitored = False
        self._past = Worker()
        self._counted: Any = (0, 0, 0.0)
        # Reentrant, because the garbage collector may run a finalizer that makes a call here.
        self._lock = threading.RLock()

    # As an executor of the standard library.

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` on a worker. Returns its ``concurrent.futures.Future``."""
        future: Future[T] = Future()
        self.add(Task(future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let idle threads end.

        - `wait`: whether to wait until all that has come so far is done
        - `cancel_futures`: whether to cancel what was submitted and has not begun. Motor's own
          calls run all the same
        """
        if cancel_futures:
            for job in self._queue.copy():
                if isinstance(job, Task):
                    job.future.cancel()
        if wait:
            self.drain()
        while self._asleep:
            try:
                worker = self._asleep.pop()
            except IndexError:
                break
            worker.since = -1.0
            worker.wake.release()

    # For Motor's calls.

    def add(self, job: Job) -> None:
        """Run `job` on a worker, soon.

        Raises RuntimeError when there is no worker and no thread can be started.
        """
        workers, asleep, limit = self._workers, self._asleep, self._admission.limit
        if self._queue or len(workers) - len(asleep) >= limit:
            job.queued_at = time.monotonic()
        self._queue.append(job)
        if len(workers) - len(asleep) < limit:
            try:
                self._admit()
            except RuntimeError:
                if any(worker.started for worker in list(self._workers)):
                    # They take it from the queue.
                    return
                try:
                    self._queue.remove(job)
                except ValueError:
                    return
                raise
        elif self._limited and not self._monitored:
            self._start_monitor()

    @property
    def load(self) -> int:
        """How many jobs are running or waiting for a worker."""
        return len(self._queue) + self._busy()

    def _busy(self) -> int:
        return sum(worker.since > 0 for worker in list(self._workers))

    def statistics(self) -> PoolStatistics:
        """What the pool is doing, and has done so far."""
        queued = [job.queued_at for job in self._queue.copy()]
        workers = list(self._workers)
        with self._lock:
            # Jobs move on meanwhile, but counters never fall.
            counters = zip(self._counted, counters_of([self._past, *workers], queued), strict=True)
            self._counted = tuple(map(max, counters))
            return PoolStatistics(
                self.max_workers, len(workers), self._busy(), len(queued), *self._counted
            )

    def drain(self) -> None:
        """Wait until the jobs that have come so far are done; those that come later may not be."""
        now = time.monotonic()
        while any(job.queued_at <= now for job in self._queue.copy()) or any(
            worker.since > 0 and worker.came <= now for worker in list(self._workers)
        ):
            time.sleep(0.001)

    # Threads.

    def _admit(self) -> None:
        """Wake an idle worker, or start one. Raises RuntimeError when that cannot be."""
        try:
            worker = self._asleep.pop()
        except IndexError:
            self._start_worker()
        else:
            worker.wake.release()

    def _start_worker(self) -> None:
        with self._lock:
            if len(self._workers) >= self.max_workers:
                return
            worker = Worker()
            self._workers.add(worker)
        try:
            threading.Thread(
                target=self._work, args=(worker,), name=self._name, daemon=True
            ).start()
        except RuntimeError:
            self._workers.discard(worker)
            raise
        worker.started = True

    def _work(self, worker: Worker) -> None:
        """Run the jobs that wait, sleep, and leave when nothing comes."""
        queue = self._queue
        while True:
            # Before it is taken, so that it is in the queue or on a busy worker at any time.
            worker.came = 0.0
            worker.since = time.monotonic()
            try:
                job = queue.popleft()
            except IndexError:
                worker.since = 0.0
                self._asleep.append(worker)
                if not self._sleep(worker):
                    return
                continue
            worker.since = now = time.monotonic()
            worker.came = job.queued_at or now
            if job.queued_at:
                worker.waits += 1
                worker.wait_seconds += now - job.queued_at
            if job.run():
                job.queued_at = time.monotonic()
                queue.append(job)
                worker.since = 0.0
                continue
            goes_on = bool(queue) and not self._is_surplus(worker)
            delivers_first = job.delivers_to_others
            if not goes_on and not delivers_first:
                self._asleep.append(worker)
            try:
                job.deliver()
            except BaseException:
                _report()
            # A job refers to its caller's objects, which must not live longer.
            del job
            worker.calls += 1
            worker.since = 0.0
            if not goes_on and delivers_first:
                self._asleep.append(worker)
            if not goes_on and not self._sleep(worker):
                return

    def _is_surplus(self, worker: Worker) -> bool:
        """Whether more workers than the limit are awake, and this one's job was short."""
        awake = len(self._workers) - len(self._asleep)
        return awake > self._admission.limit and time.monotonic() - worker.since < RECENT

    def _sleep(self, worker: Worker) -> bool:
        """Sleep, in the list of sleepers already. Returns whether the worker goes on."""
        asleep = self._asleep
        if self._queue and len(self._workers) - len(asleep) < self._admission.limit:
            # It came before this worker lay down.
            try:
                asleep.remove(worker)
            except ValueError:
                pass
            else:
                return True
        while not worker.wake.acquire(timeout=LINGER):
            if self._must_stay():
                continue
            try:
                asleep.remove(worker)
            except ValueError:
                # Woken between the end of the wait and here.
                worker.wake.acquire()
                break
            return self._leave(worker)
        if worker.since < 0:
            worker.since = 0.0
            return self._leave(worker, told=True)
        return True

    def _must_stay(self) -> bool:
        """Whether an idle worker must be kept, or no thread may be started in its place."""
        if self._keeps_one and len(self._workers) == 1:
            return True
        # On Python 3.12, none can when the main thread has ended.
        return not threading.main_thread().is_alive()

    def _leave(self, worker: Worker, told: bool = False) -> bool:
        with self._lock:
            if not told and self._must_stay():
                return True
            self._workers.discard(worker)
            self._past.calls += worker.calls
            self._past.waits += worker.waits
            self._past.wait_seconds += worker.wait_seconds
        if self._queue:
            try:
                self._admit()
            except RuntimeError:
                self._workers.add(worker)
                return True
        return False

    # The monitor: lets more workers begin while jobs wait and those that run are slow.

    def _start_monitor(self) -> None:
        with self._lock:
            if self._monitored:
                return
            self._monitored = True
        try:
            name = f"{self._name}-monitor"
            threading.Thread(target=self._monitor, name=name, daemon=True).start()
        except RuntimeError:
            # The workers that are awake will read the queue.
            self._monitored = False

    def _monitor(self) -> None:
        quiet = 0
        while quiet < QUIET_TICKS:
            time.sleep(TICK)
            if not self._queue:
                quiet += 1
                continue
            quiet = 0
            self._admission.measure()
            youth = time.monotonic() - RECENT
            recent = sum(worker.since > youth for worker in list(self._workers))
            for _ in range(min(len(self._queue), self._admission.limit - recent)):
                try:
                    self._admit()
                except RuntimeError:
                    break
        self._monitored = False
        if self._queue:
            self._start_monitor()


def _report() -> None:
    """Show the current exception as that of a thread, without ending the thread."""
    kind, error, traceback = sys.exc_info()
    threading.excepthook(
        threading.ExceptHookArgs((kind, error, traceback, threading.current_thread()))
    )
