"""Calls that must not run at the same time."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from motor.executor import AGAIN, WorkerPool
from motor.serial_queue import SerialQueue
from support import Framework, async_wait_until
from support.jobs import PATIENCE, Held, start


async def test_it_runs_calls_one_at_a_time_in_order(framework: Framework) -> None:
    pool, queue = WorkerPool(8), SerialQueue()
    ran: list[int] = []
    inside = threading.Lock()

    def work(number: int) -> None:
        assert inside.acquire(blocking=False), "two at once"
        ran.append(number)
        time.sleep(0)
        inside.release()

    await asyncio.gather(*(start(pool, work, n, queue=queue) for n in range(300)))
    assert ran == list(range(300))
    await async_wait_until(lambda: not queue.busy)


async def test_it_goes_on_after_an_error_and_a_cancelled_call(
    framework: Framework,
) -> None:
    pool, queue, held = WorkerPool(4), SerialQueue(), Held()
    running = start(pool, held, queue=queue)
    failing = start(pool, int, "no number", queue=queue)
    cancelled = start(pool, int, queue=queue)
    last = start(pool, lambda: "last", queue=queue)
    cancelled.cancel()
    held.end.set()
    with pytest.raises(ValueError, match="no number"):
        await failing
    assert await last == "last"
    await running


async def test_it_lets_a_call_have_all_its_turns_first(framework: Framework) -> None:
    pool, queue = WorkerPool(4), SerialQueue()
    ran: list[str] = []

    def turn() -> object:
        ran.append("turn")
        return AGAIN if len(ran) < 5 else None

    first = start(pool, turn, queue=queue)
    await start(pool, ran.append, "next", queue=queue)
    await first
    assert ran == ["turn"] * 5 + ["next"]


async def test_it_passes_from_one_pool_to_another(framework: Framework) -> None:
    pools, queue = [WorkerPool(1), WorkerPool(1, name="motor-other")], SerialQueue()
    ran: list[int] = []
    await asyncio.gather(*(start(pools[n % 2], ran.append, n, queue=queue) for n in range(100)))
    assert ran == list(range(100))


class NoWorkers(WorkerPool):
    def submit(self, job: Any, **_: Any) -> None:
        raise RuntimeError("no worker is left")


async def test_it_tells_whoever_waits_that_there_is_no_worker(
    framework: Framework,
) -> None:
    pool, none, queue, held = WorkerPool(2), NoWorkers(1), SerialQueue(), Held()
    first = start(pool, held, queue=queue)
    lost = start(none, int, queue=queue)
    last = start(pool, lambda: "last", queue=queue)
    held.end.set()
    await first
    with pytest.raises(RuntimeError, match="no worker is left"):
        await asyncio.wait_for(lost, PATIENCE)
    assert await asyncio.wait_for(last, PATIENCE) == "last"
    await async_wait_until(lambda: not queue.busy)


async def test_it_is_free_after_a_call_that_no_worker_took(framework: Framework) -> None:
    queue = SerialQueue()
    with pytest.raises(RuntimeError, match="no worker is left"):
        start(NoWorkers(1), int, queue=queue)
    assert await asyncio.wait_for(start(WorkerPool(1), int, queue=queue), PATIENCE) == 0
