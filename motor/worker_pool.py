"""The threads that run PyMongo's blocking calls.

A worker takes calls from the pool's queue until there are none left, and waits a while for more
before it ends. Handing over a call thus costs a lock and a deque, and wakes a thread only when one
is asleep.

The workers are daemon threads, so that an idle one never holds up the end of the process; what they
are busy with then is waited for. A pool can also live on the threads of an executor of the user's.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from motor.admission import Admission
from motor.job import AGAIN, Job, leaves_a_rest, run_job
from motor.statistics import PoolStatistics

__all__ = ["WorkerPool"]

#: How long (in seconds) a worker without work waits for some before its thread ends.
LINGER = 2.0

#: The same for a thread of the user's executor, which has other things to do, and which the end of
#: the process waits for.
LINGER_ON_EXECUTOR = 0.005

#: How often (in seconds) the watch looks whether one more worker may begin.
LOOK = 0.002

#: How long (in seconds) the watch goes on when no job waits.
WATCH_LINGER = 0.05


class _Worker:
    """One thread at work: what wakes it, what it was handed and since when it has been busy."""

    __slots__ = ("busy_since", "job", "wake")

    def __init__(self, job: Job) -> None:
        self.job: Job | None = job
        self.busy_since = time.monotonic()
        self.wake = threading.Lock()
        self.wake.acquire()


class WorkerPool:
    """Runs jobs in the order they come, as many at once as is good for their speed.

    - `max_workers`: the most threads that ever work at once
    - `young_limit`: how many jobs younger than two milliseconds run at once; older ones are waiting
      for a server and do not count. None: no such limit
    - `executor`: the ``ThreadPoolExecutor`` to live on. None: daemon threads of the pool's own
    - `name`: what the names of its own threads begin with
    - `keeps_one`: whether the last of its own threads stays when there is nothing to do
    """

    def __init__(
        self,
        max_workers: int,
        *,
        young_limit: int | None = None,
        executor: ThreadPoolExecutor | None = None,
        name: str = "motor-worker",
        keeps_one: bool = False,
    ) -> None:
        self.max_workers = max_workers
        self._young_limit = max_workers if young_limit is None else young_limit
        self._executor = executor
        self._name = name
        self._keeps_one = keeps_one
        self._linger = LINGER if executor is None else LINGER_ON_EXECUTOR
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        # Reentrant, because the garbage collector may run anywhere, and with it a user's `__del__`
        # that makes a call.
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        # Workers that do the rest of a job, and since when they had been busy with that.
        self._ending: dict[_Worker, float] = {}
        self._admission = Admission(self.max_workers, self._young_limit)
        self._watched = False
        self._at_next_look: list[Callable[[], object]] = []
        self._calls = self._waits = 0
        # The times at which jobs left the queue, minus those at which they came.
        self._waited = 0.0

    def after_fork_in_child(self) -> None:
        """Begin anew: threads do not survive a fork, and their calls belong to the parent."""
        self._executor = None
        self._linger = LINGER
        self._reset()

    @property
    def load(self) -> int:
        """How many jobs are running or waiting for a worker."""
        return len(self._busy) + len(self._queue) + len(self._ending)

    @property
    def waiting(self) -> int:
        """How many jobs are waiting for a worker."""
        return len(self._queue)

    def statistics(self) -> PoolStatistics:
        """What the pool is doing, and has done so far. Holds the lock for a microsecond."""
        with self._lock:
            queued, busy = len(self._queue), len(self._busy)
            return PoolStatistics(
                max_workers=self.max_workers,
                workers=busy + len(self._idle),
                in_flight=busy,
                queued=queued,
                calls=self._calls,
                waits=self._waits,
                wait_seconds=max(0.0, self._waited + queued * time.monotonic()),
            )

    def at_next_look(self, function: Callable[[], object]) -> bool:
        """Call `function`, which must not block, when the watch looks next, in a few milliseconds.

        Returns whether there is a watch: it is there while jobs wait. Without one, nothing is done.
        """
        with self._lock:
            if self._watched:
                self._at_next_look.append(function)
            return self._watched

    def submit(self, job: Job) -> None:
        """Run `job` on a worker, soon. What it raises goes to ``threading.excepthook``.

        Raises RuntimeError when no worker is left and no thread can be started.
        """
        worker, watch = None, False
        with self._lock:
            self._calls += 1
            if self._queue and self._watched:
                # Who is to begin when, and whether there may be more, is seen to.
                self._enqueue(job)
                return
            allowed = self._admission.allows_one_more(self._busy)
            if allowed and not self._queue:
                worker = self._admit(job)
            elif allowed:
                self._enqueue(job)
                worker = self._admit(self._dequeue())
            else:
                self._enqueue(job)
                watch = self._lacks_watch()
        if watch:
            self._start_watch()
        elif worker is not None:
            try:
                self._start(worker)
            except RuntimeError:
                with self._lock:
                    if job not in self._queue:
                        # A worker came by in the meantime.
                        return
                    self._queue.remove(job)
                    self._waited += time.monotonic()
                raise

    def drain(self) -> None:
        """Wait until the jobs that have come so far are done; those that come later may not be."""
        if not self.load:
            return
        running: list[tuple[_Worker, float]] = []
        looked = threading.Event()

        def look() -> None:
            # All jobs that came before this one have at least begun.
            with self._lock:
                running.extend((worker, worker.busy_since) for worker in self._busy)
                running.extend(self._ending.items())
            looked.set()

        self.submit(look)
        looked.wait()
        for worker, since in running:
            # In the order in which a worker goes from the one to the other.
            while (worker in self._busy and worker.busy_since == since) or (
                self._ending.get(worker) == since
            ):
                time.sleep(0.001)

    # With the lock held.

    def _enqueue(self, job: Job) -> None:
        self._queue.append(job)
        self._waits += 1
        self._waited -= time.monotonic()

    def _dequeue(self) -> Job:
        self._waited += time.monotonic()
        return self._queue.popleft()

    def _lacks_watch(self) -> bool:
        """Whether a watch is to be started, for jobs that have to wait."""
        lacks = not self._watched and self._admission.limited
        self._watched = self._watched or lacks
        return lacks

    def _admit(self, job: Job) -> _Worker | None:
        """Let an idle worker run `job`, or return a new one for it, to be started."""
        if not self._idle:
            worker = _Worker(job)
            self._busy.add(worker)
            return worker
        worker = self._idle.pop()
        worker.job = job
        self._begin(worker)
        worker.wake.release()
        return None

    def _begin(self, worker: _Worker) -> None:
        worker.busy_since = time.monotonic()
        self._busy.add(worker)

    # Threads.

    def _start(self, worker: _Worker) -> bool:
        """Start a thread for `worker`. Returns whether its job began; else it is in the queue."""
        try:
            self._spawn(worker)
        except RuntimeError:
            with self._lock:
                job = self._claim(worker)
                if job is None:
                    # The executor could not start a thread, but one that it has came for the job.
                    return True
                self._busy.discard(worker)
                self._queue.appendleft(job)
                self._waited -= time.monotonic()
                if self._busy:
                    # Those at work will see to it.
                    return False
                if self._idle:
                    self._admit(self._dequeue())
                    return True
            raise
        return True

    def _start_watch(self) -> None:
        try:
            threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()
        except RuntimeError:
            # No harm: the workers that are busy come to the queue in the end.
            self._end_watch()

    def _end_watch(self) -> None:
        with self._lock:
            self._watched = False
            late, self._at_next_look = self._at_next_look, []
        for function in late:
            run_job(function)

    def _spawn(self, worker: _Worker) -> None:
        if self._executor is None:
            self._spawn_thread(worker)
        else:
            future = self._executor.submit(self._work, worker)
            future.add_done_callback(partial(self._rescue, worker))

    def _spawn_thread(self, worker: _Worker) -> None:
        threading.Thread(target=self._work, args=(worker,), name=self._name, daemon=True).start()

    def _rescue(self, worker: _Worker, future: Future[None]) -> None:
        # The executor was shut down with ``cancel_futures=True`` while the worker waited for one of
        # its threads; but somebody waits for the worker's job.
        if future.cancelled():
            self._spawn_thread(worker)

    # On the workers' threads.

    def _work(self, worker: _Worker) -> None:
        """A worker's life: run what it was handed, then what waits, then linger, then leave."""
        job = self._claim(worker)
        while job is not None:
            result = run_job(job)
            rest = result if leaves_a_rest(result) else None
            # A job refers to its caller's objects, which must not outlive it.
            again, job = (job if result is AGAIN else None), None
            job, idle = self._release(worker, again, rest is not None)
            if rest is not None:
                # It may well bring the next job, which should find this worker free, or it would
                # have to wake another.
                run_job(rest)
                self._ending.pop(worker, None)
            again = rest = result = None
            if idle:
                job = self._linger_for_work(worker)

    def _claim(self, worker: _Worker) -> Job | None:
        """The job that the worker was handed, for the first who asks."""
        with self._lock:
            job, worker.job = worker.job, None
        return job

    def _release(
        self, worker: _Worker, again: Job | None, has_rest: bool
    ) -> tuple[Job | None, bool]:
        """The next job for a worker that has done one, or whether it is to wait for some.

        - `again`: the job that it has done, if it has to be done again
        - `has_rest`: whether it has something left to do for the job
        """
        with self._lock:
            if has_rest:
                self._ending[worker] = worker.busy_since
            self._busy.discard(worker)
            if again is not None:
                self._enqueue(again)
            if self._queue and self._admission.allows_one_more(self._busy):
                self._begin(worker)
                self._waited += worker.busy_since
                return self._queue.popleft(), False
            watch = bool(self._queue) and self._lacks_watch()
            idle = len(self._idle) < self._admission.most
            if idle:
                self._idle.append(worker)
        if watch:
            self._start_watch()
        return None, idle

    def _linger_for_work(self, worker: _Worker) -> Job | None:
        """The job that an idle worker is handed; None when none comes for a while."""
        while not worker.wake.acquire(timeout=self._linger):
            with self._lock:
                if worker not in self._idle:
                    # Handed a job between the end of the wait and the look at the list.
                    worker.wake.acquire(blocking=False)
                    break
                if not self._must_stay():
                    self._idle.remove(worker)
                    return None
        return self._claim(worker)

    def _must_stay(self) -> bool:
        """Whether an idle worker is the one to keep, or no thread may be started in its place."""
        if self._executor is not None:
            return False
        if self._keeps_one and len(self._idle) + len(self._busy) == 1:
            return True
        # From Python 3.12 on, none can when the main thread has ended.
        return not threading.main_thread().is_alive()

    def _watch(self) -> None:
        """Let more workers in while jobs wait and those that run have grown old."""
        quiet = 0
        over = False
        while not over:
            time.sleep(LOOK)
            with self._lock:
                late, self._at_next_look = self._at_next_look, []
                self._admission.look()
                quiet = 0 if self._queue else quiet + 1
                over = quiet * LOOK > WATCH_LINGER
                self._watched = not over
            for function in late:
                run_job(function)
            try:
                while not over and self._let_in():
                    pass
            except RuntimeError:
                # The job is back in the queue, and there is no thread to be had but this one, which
                # may be long at it: nobody must wait for its next look.
                self._end_watch()
                self._work(_Worker(bool))
                return

    def _let_in(self) -> bool:
        """Let in the first of the jobs that wait, if that is good now. Returns whether it was.

        Raises RuntimeError when no thread can be started for it: it waits on, then.
        """
        with self._lock:
            if not (self._queue and self._admission.allows_one_more(self._busy)):
                return False
            worker = self._admit(self._dequeue())
        return worker is None or self._start(worker)


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        pool.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
