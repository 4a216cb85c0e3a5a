"""The threads that run PyMongo's blocking calls, and who of them may run when.

One pool serves the whole process: every client, both frameworks, every event loop. A worker takes
calls from the pool's queue until there are none left, and waits a while for more before it ends.
Handing over a call thus costs a lock and a deque, and wakes a thread only when one is asleep.

The workers are daemon threads, so that an idle one never holds up the end of the process; what they
are busy with then is waited for. A pool can also live on the threads of an executor of the user's.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

__all__ = ["AGAIN", "Job", "WorkerPool", "default_pool", "max_workers_from_environment"]

#: How long (in seconds) a worker without work waits for some before its thread ends.
LINGER = 2.0

#: The same for a thread of the user's executor, which has other things to do, and which the end of
#: the process waits for.
LINGER_ON_EXECUTOR = 0.005

#: How many calls younger than ``YOUNG`` run at once. They are busy with BSON and the interpreter
#: lock, and more threads of that kind only slow each other down.
YOUNG_LIMIT = 4

#: The age (in seconds) at which a call is taken to be waiting for the server, not for the
#: processor.
YOUNG = 0.002

#: How long (in seconds) the watch goes on when no job waits.
WATCH_LINGER = 0.05

#: As many calls as PyMongo opens connections to one server, unless told otherwise.
DEFAULT_MAX_WORKERS = 100

#: What a job returns to be put at the end of the queue and run again.
AGAIN = object()

Job = Callable[[], object]


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
    """

    def __init__(
        self,
        max_workers: int,
        *,
        young_limit: int | None = None,
        executor: ThreadPoolExecutor | None = None,
        name: str = "motor-worker",
    ) -> None:
        self.max_workers = max_workers
        self._young_limit = max_workers if young_limit is None else young_limit
        self._executor = executor
        self._name = name
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
        self._watched = False

    def after_fork_in_child(self) -> None:
        """Begin anew: threads do not survive a fork, and their calls belong to the parent."""
        self._executor = None
        self._linger = LINGER
        self._reset()

    @property
    def load(self) -> int:
        """How many jobs are running or waiting for a worker."""
        return len(self._busy) + len(self._queue)

    def submit(self, job: Job) -> None:
        """Run `job` on a worker, soon. What it raises goes to ``threading.excepthook``.

        Raises RuntimeError when no worker is left and no thread can be started.
        """
        worker, watch = None, False
        with self._lock:
            self._queue.append(job)
            if self._may_grow():
                worker = self._admit(self._queue.popleft())
            else:
                watch = not self._watched and self._young_limit < self.max_workers
                self._watched = self._watched or watch
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
            looked.set()

        self.submit(look)
        looked.wait()
        for worker, since in running:
            while worker in self._busy and worker.busy_since == since:
                time.sleep(0.001)

    # With the lock held.

    def _may_grow(self) -> bool:
        if len(self._busy) < self._young_limit:
            return True
        return len(self._busy) < self.max_workers and self._young() < self._young_limit

    def _young(self) -> int:
        youth = time.monotonic() - YOUNG
        return sum(worker.busy_since > youth for worker in self._busy)

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

    def _start(self, worker: _Worker) -> None:
        try:
            self._spawn(worker)
        except RuntimeError:
            with self._lock:
                job = self._claim(worker)
                if job is None:
                    # The executor could not start a thread, but one that it has came for the job.
                    return
                self._busy.discard(worker)
                self._queue.appendleft(job)
                if self._busy:
                    # Those at work will see to it.
                    return
                if self._idle:
                    self._admit(self._queue.popleft())
                    return
            raise

    def _start_watch(self) -> None:
        try:
            threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()
        except RuntimeError:
            # No harm: the workers that are busy come to the queue in the end.
            self._watched = False

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
            again = False
            try:
                again = job() is AGAIN
            except BaseException:
                _report()
            if not again:
                # A job refers to its caller's objects, which must not outlive it.
                job = None
            job = self._next(worker, job)

    def _claim(self, worker: _Worker) -> Job | None:
        """The job that the worker was handed, for the first who asks."""
        with self._lock:
            job, worker.job = worker.job, None
        return job

    def _next(self, worker: _Worker, again: Job | None) -> Job | None:
        """The next job for a worker that has done one, which may be to be done again."""
        with self._lock:
            self._busy.discard(worker)
            if again is not None:
                self._queue.append(again)
            if self._queue and self._may_grow():
                self._begin(worker)
                return self._queue.popleft()
            if self._queue or len(self._idle) >= self._young_limit:
                # Enough others are at work, and take what waits, or wait for work themselves.
                return None
            self._idle.append(worker)
        if worker.wake.acquire(timeout=self._linger):
            return self._claim(worker)
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return None
            # Handed a job between the end of the wait and the look at the list.
            worker.wake.acquire(blocking=False)
            return self._claim(worker)

    def _watch(self) -> None:
        """Let more workers in while jobs wait and those that run have grown old."""
        quiet = 0
        while True:
            time.sleep(YOUNG)
            with self._lock:
                quiet = 0 if self._queue else quiet + 1
                if quiet * YOUNG > WATCH_LINGER:
                    self._watched = False
                    return
            while self._let_in():
                pass

    def _let_in(self) -> bool:
        """Let in the first of the jobs that wait, if that is good now. Returns whether it was."""
        with self._lock:
            if not (self._queue and self._may_grow()):
                return False
            worker = self._admit(self._queue.popleft())
        if worker is not None:
            try:
                self._start(worker)
            except RuntimeError:
                # The job is back in the queue, and there is no thread to be had but this one.
                self._work(_Worker(bool))
        return True


def _report() -> None:
    """Show the current exception as that of a thread, without ending the thread."""
    kind, error, traceback = sys.exc_info()
    threading.excepthook(
        threading.ExceptHookArgs((kind, error, traceback, threading.current_thread()))
    )


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()
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
                _default = WorkerPool(most, young_limit=min(YOUNG_LIMIT, most))
    return _default


def pool_on(executor: ThreadPoolExecutor) -> WorkerPool:
    """A pool that lives on the threads of a user's own `executor`.

    It starts a thread of its own only for a call that the executor gives up while it waits there.

    Raises TypeError when it is not a ``concurrent.futures.ThreadPoolExecutor``.
    """
    if isinstance(executor, ProcessPoolExecutor) or not isinstance(executor, ThreadPoolExecutor):
        raise TypeError(
            "executor must be a concurrent.futures.ThreadPoolExecutor, because PyMongo's "
            f"connections cannot leave the process, not {executor!r}"
        )
    # The number is the executor's own secret, but asking for more workers than it has threads would
    # only leave the surplus waiting in its queue.
    return WorkerPool(getattr(executor, "_max_workers", DEFAULT_MAX_WORKERS), executor=executor)


@atexit.register
def _finish_at_exit() -> None:
    if _default is not None:
        _default.drain()


def _after_fork_in_child() -> None:
    global _default_lock
    _default_lock = threading.Lock()
    for pool in list(_pools):
        pool.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
