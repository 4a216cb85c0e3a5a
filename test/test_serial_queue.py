"""Calls that must not run at the same time."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
import weakref
from typing import Any

import pytest

from motor.execution.call import AGAIN
from motor.execution.jobs import Job
from motor.execution.pool import WorkerPool
from motor.execution.serial_queue import SerialQueue
from support import Framework, async_wait_until, wait_until
from support.jobs import PATIENCE, FunctionJob, Held, is_quiet, start

pytestmark = pytest.mark.every_loop


def add(
    pool: WorkerPool, queue: SerialQueue, function: Any, deliver: Any = lambda: None
) -> FunctionJob:
    """Run `function` when those before it in the queue have ended."""
    job = FunctionJob(function, deliver)
    queue.add(pool, job)
    return job


# Order ------------------------------------------------------------------------------------------


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
    await async_wait_until(lambda: not queue.busy, PATIENCE)


async def test_outcomes_come_in_the_order_of_the_calls(framework: Framework) -> None:
    pool, queue, rng = WorkerPool(8), SerialQueue(), random.Random(1)
    came: list[int] = []
    futures = []
    for number in range(300):
        future = start(pool, time.sleep, rng.choice([0, 0, 0, 0.0002]), queue=queue)
        future.add_done_callback(lambda _, number=number: came.append(number))
        futures.append(future)
        if not number % 20:
            # Now and then the loop has seen all that is done; mostly, outcomes come together.
            await asyncio.sleep(0)
    await asyncio.gather(*futures)
    assert came == list(range(300))


async def test_an_outcome_does_not_wait_for_the_next_call(framework: Framework) -> None:
    pool, queue, first, second = WorkerPool(2), SerialQueue(), Held(), Held()
    one, two = start(pool, first, queue=queue), start(pool, second, queue=queue)
    first.end.set()
    await asyncio.wait_for(one, PATIENCE)
    assert not two.done()
    second.end.set()
    await two


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


async def test_calls_one_after_the_other_keep_to_one_thread(framework: Framework) -> None:
    pool, queue = WorkerPool(8, recent_limit=4), SerialQueue()
    used = {await start(pool, threading.get_ident, queue=queue) for _ in range(200)}
    assert len(used) == 1


def test_calls_of_many_threads_run_once_and_one_at_a_time() -> None:
    pool, queue, ended = WorkerPool(4), SerialQueue(), threading.Semaphore(0)
    inside, ran = threading.Lock(), []

    def work(key: tuple[int, int]) -> None:
        assert inside.acquire(blocking=False), "two at once"
        ran.append(key)
        inside.release()

    def add_some(thread: int) -> None:
        for number in range(300):
            add(pool, queue, lambda key=(thread, number): work(key), ended.release)

    threads = [threading.Thread(target=add_some, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(1200):
        assert ended.acquire(timeout=PATIENCE)
    for thread in range(4):
        assert [key for key in ran if key[0] == thread] == [(thread, n) for n in range(300)]
    wait_until(lambda: not queue.busy, PATIENCE)


# Calls that fail --------------------------------------------------------------------------------


async def test_it_goes_on_after_an_error_and_a_cancelled_call(
    framework: Framework,
) -> None:
    pool, queue, held = WorkerPool(4), SerialQueue(), Held()
    ran: list[str] = []
    running = start(pool, held, queue=queue)
    failing = start(pool, int, "no number", queue=queue)
    cancelled = start(pool, ran.append, "cancelled", queue=queue)
    last = start(pool, lambda: "last", queue=queue)
    cancelled.cancel()
    held.end.set()
    with pytest.raises(ValueError, match="no number"):
        await failing
    assert await last == "last"
    await running
    assert ran == []


async def test_a_cancelled_call_that_runs_holds_up_the_next(framework: Framework) -> None:
    pool, queue, held = WorkerPool(4), SerialQueue(), Held()
    running = start(pool, held, queue=queue)
    following = start(pool, lambda: held.end.is_set(), queue=queue)
    await async_wait_until(held.began.is_set, PATIENCE)
    running.cancel()
    assert queue.busy
    held.end.set()
    assert await asyncio.wait_for(following, PATIENCE) is True


async def test_it_goes_on_when_the_loop_of_a_call_is_closed(framework: Framework) -> None:
    pool, queue, held = WorkerPool(2), SerialQueue(), Held()

    async def main() -> None:
        start(pool, held, queue=queue)
        start(pool, int, queue=queue)

    await asyncio.to_thread(Framework(framework.name).run, main)
    following = start(pool, lambda: "next", queue=queue)
    held.end.set()
    assert await asyncio.wait_for(following, PATIENCE) == "next"


def test_it_goes_on_although_delivering_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    pool, queue, held, done = WorkerPool(2), SerialQueue(), Held(), threading.Event()

    def fail() -> None:
        raise LookupError("on purpose")

    add(pool, queue, held, fail)
    add(pool, queue, int, done.set)
    held.end.set()
    wait_until(lambda: reported, PATIENCE)
    assert done.wait(PATIENCE)
    assert [args.exc_type for args in reported] == [LookupError]


class NoWorkers(WorkerPool):
    def add(self, job: Job) -> None:
        raise RuntimeError("no worker is left")


async def test_it_tells_the_caller_that_waits_that_there_is_no_worker(
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
    await async_wait_until(lambda: not queue.busy, PATIENCE)


def test_each_call_of_many_is_told_that_there_is_no_worker() -> None:
    pool, none, queue, held = WorkerPool(2), NoWorkers(1), SerialQueue(), Held()
    add(pool, queue, held)
    # More than calls of functions may be nested.
    lost = [add(none, queue, int) for _ in range(3000)]
    held.end.set()
    wait_until(lambda: not queue.busy, PATIENCE)
    assert all(len(job.failures) == 1 for job in lost)


async def test_it_is_free_after_a_call_that_no_worker_took(framework: Framework) -> None:
    queue = SerialQueue()
    with pytest.raises(RuntimeError, match="no worker is left"):
        start(NoWorkers(1), int, queue=queue)
    assert not queue.busy
    assert await asyncio.wait_for(start(WorkerPool(1), int, queue=queue), PATIENCE) == 0


# Memory -----------------------------------------------------------------------------------------


class Result:
    """Something that one can tell to be gone."""


async def test_a_worker_lets_go_of_an_outcome_while_the_next_call_runs(
    framework: Framework,
) -> None:
    pool, queue, second = WorkerPool(2), SerialQueue(), Held()
    first_may_end = Held()
    gone: list[Any] = []

    def first() -> Result:
        first_may_end()
        result = Result()
        gone.append(weakref.ref(result))
        return result

    future, running = start(pool, first, queue=queue), start(pool, second, queue=queue)
    first_may_end.end.set()
    assert isinstance(await future, Result)
    assert await asyncio.to_thread(second.began.wait, PATIENCE)
    del future
    try:
        # The loop, too, lets go of it, once it has had a turn.
        await async_wait_until(lambda: gone[0]() is None)
    finally:
        second.end.set()
    await running


def test_finalizers_may_add_calls_in_the_middle_of_anything() -> None:
    pool, queue, ended = WorkerPool(4), SerialQueue(), threading.Semaphore(0)
    finalized = 0

    class Forgotten:
        """Makes a call when the garbage collector finds it, on any thread."""

        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            nonlocal finalized
            finalized += 1
            add(pool, queue, int, ended.release)

    before = gc.get_threshold()
    gc.set_threshold(3)
    try:
        for _ in range(300):
            Forgotten()
            add(pool, queue, lambda: [[] for _ in range(3)], ended.release)
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert finalized == 300
    for _ in range(600):
        assert ended.acquire(timeout=PATIENCE)
    wait_until(lambda: not queue.busy and is_quiet(pool), PATIENCE)
