"""Jobs for a pool of workers, and ways to watch them."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

import motor.execution.pool
from motor.execution.call import AGAIN, submit
from motor.execution.jobs import Pool
from motor.execution.pool import WorkerPool

#: Seconds. Long enough to tell "waits its turn" from "never comes", also on a busy machine.
PATIENCE = 60.0


class FunctionJob:
    """A job that calls a function, again for as long as that returns `AGAIN`.

    - `deliver`: is called, on the worker, when the function has ended
    - `failures`: the errors that the job was given in the place of an outcome
    """

    delivers_to_others = False

    def __init__(
        self, function: Callable[[], Any], deliver: Callable[[], Any] | None = None
    ) -> None:
        self.queued_at = 0.0
        self.failures: list[BaseException] = []
        self._function: Callable[[], Any] | None = function
        self._deliver = deliver

    def run(self) -> bool:
        assert self._function is not None, "run after its end"
        if self._function() is AGAIN:
            return True
        self._function = None
        return False

    def deliver(self) -> None:
        if self._deliver is not None:
            self._deliver()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.deliver()


class Presents:
    """What a call is made for, which presents its results by way of `wrap`."""

    def __init__(self, wrap: Callable[[Any], Any]) -> None:
        self._wrap = wrap

    def _explain(self, error: BaseException, *_: Any) -> BaseException:
        return error


class Held:
    """A function that runs until it is released."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.end = threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.end.wait(PATIENCE)


class Gauge:
    """How many are inside at once, and the most there ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def add(pool: Pool, function: Callable[[], Any], deliver: Callable[[], Any] | None = None) -> None:
    """Run `function` on a worker, and `deliver` at its end."""
    pool.add(FunctionJob(function, deliver))


def run_all(pool: Pool, functions: list[Callable[[], Any]]) -> None:
    """Run the functions as jobs of the pool and wait until each has ended."""
    left = threading.Semaphore(0)

    for function in functions:
        add(pool, function, left.release)
    for _ in functions:
        assert left.acquire(timeout=PATIENCE)


def is_quiet(pool: Pool) -> bool:
    """Whether no job of the pool runs or waits."""
    now = pool.statistics()
    return now.in_flight == now.queued == 0


@contextmanager
def busy_pool() -> Iterator[tuple[WorkerPool, Held]]:
    """A pool whose only worker is busy until the job beside it is released."""
    pool, held = WorkerPool(1), Held()
    add(pool, held)
    assert held.began.wait(PATIENCE)
    try:
        yield pool, held
    finally:
        held.end.set()


def start(pool: Pool, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Start `function` on a worker; its future belongs to the running loop."""
    return submit(pool, asyncio.get_running_loop(), function, args, **options)


def threads_named(prefix: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def refuse_threads(patch: pytest.MonkeyPatch, name: str = "") -> None:
    """Let no thread be started any more whose name ends like that."""
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.endswith(name):
            raise RuntimeError("can't start new thread")
        original(thread)

    patch.setattr(threading.Thread, "start", start)


@contextmanager
def lost_races() -> Iterator[None]:
    """Let threads that are started meanwhile pause, now and then, between any two lines of a pool.

    So what may happen between two steps does happen.
    """
    rng, code = random.Random(1), motor.execution.pool.__file__

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename != code:
            return None
        if event == "line" and rng.random() < 0.1:
            time.sleep(1e-6)
        return trace

    before = threading.gettrace()
    threading.settrace(trace)
    try:
        yield
    finally:
        threading.settrace(before)  # type: ignore[arg-type]
