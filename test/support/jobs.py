"""Jobs for a pool of workers, and ways to see what becomes of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from motor.executor import WorkerPool
from motor.operation import submit
from support.wait import PATIENCE


class Held:
    """A job that runs until it is released."""

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


def run_all(pool: WorkerPool, jobs: list[Callable[[], Any]]) -> None:
    """Submit the jobs and wait until each has ended."""
    left = threading.Semaphore(0)

    def noting(job: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                job()
            finally:
                left.release()

        return run

    for job in jobs:
        pool.submit(noting(job))
    for _ in jobs:
        assert left.acquire(timeout=PATIENCE)


@contextmanager
def busy_pool() -> Iterator[tuple[WorkerPool, Held]]:
    """A pool whose only worker is busy until the job beside it is released."""
    pool, held = WorkerPool(1), Held()
    pool.submit(held)
    assert held.began.wait(PATIENCE)
    try:
        yield pool, held
    finally:
        held.end.set()


def start(pool: WorkerPool, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Start `function` on a worker; its future belongs to the running loop."""
    return submit(pool, asyncio.get_running_loop(), function, args, **options)
