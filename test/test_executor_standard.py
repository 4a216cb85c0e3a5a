"""Motor's pool as an executor for other work, with `concurrent.futures` and event loops."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import motor.execution.pool
from motor.execution.pool import WorkerPool
from motor.executor import default_executor
from support import Framework, wait_until
from support.jobs import PATIENCE, Held, add, busy_pool, is_quiet, start


@pytest.fixture
def blocked() -> Iterator[tuple[WorkerPool, Held]]:
    """A pool whose only worker is busy until the job beside it is released."""
    with busy_pool() as both:
        yield both


def set_default_executor(framework: Framework, executor: ThreadPoolExecutor) -> None:
    """On the running loop, as the framework's users do it."""
    framework.current_loop().set_default_executor(executor)


# Futures ----------------------------------------------------------------------------------------


def test_it_is_a_thread_pool_executor() -> None:
    assert isinstance(default_executor(), ThreadPoolExecutor)


def test_submit_has_the_functions_result_or_error() -> None:
    pool = WorkerPool(2)
    assert pool.submit("{}-{b}".format, 1, b=2).result(PATIENCE) == "1-2"
    # With any names of the function's own parameters.
    assert pool.submit(dict, fn=1, self=2).result(PATIENCE) == {"fn": 1, "self": 2}

    def fails_in_here() -> None:
        raise LookupError("on purpose")

    error = pool.submit(fails_in_here).exception(PATIENCE)
    assert isinstance(error, LookupError)
    assert traceback.extract_tb(error.__traceback__)[-1].name == "fails_in_here"


def test_an_error_that_is_no_exception_does_not_cost_the_worker() -> None:
    class Unusual(BaseException):
        pass

    def fail() -> None:
        raise Unusual

    pool = WorkerPool(1)
    assert isinstance(pool.submit(fail).exception(PATIENCE), Unusual)
    assert pool.submit(int).result(PATIENCE) == 0


def test_what_waits_can_be_cancelled_and_what_runs_cannot(blocked: Any) -> None:
    pool, held = blocked
    running = Held()
    first = pool.submit(running)
    ran: list[int] = []
    waiting = [pool.submit(ran.append, n) for n in range(3)]
    assert waiting[1].cancel()
    held.end.set()
    assert running.began.wait(PATIENCE)
    assert first.running()
    assert not first.cancel()
    running.end.set()
    waiting[2].result(PATIENCE)
    assert ran == [0, 2]
    with pytest.raises(concurrent.futures.CancelledError):
        waiting[1].result(PATIENCE)


def test_map_has_results_in_order_and_raises_what_was_raised() -> None:
    pool = WorkerPool(4)
    assert list(pool.map(pow, range(200), [2] * 200)) == [n * n for n in range(200)]
    results = pool.map(int, ["1", "2", "no number", "4"])
    assert next(results) == 1
    assert next(results) == 2
    with pytest.raises(ValueError, match="no number"):
        next(results)


def test_futures_work_with_wait_and_as_completed() -> None:
    pool = WorkerPool(4)
    futures = [pool.submit(int, n) for n in range(50)]
    done, pending = concurrent.futures.wait(futures, PATIENCE)
    assert (done, pending) == (set(futures), set())
    completed = concurrent.futures.as_completed([pool.submit(int, n) for n in range(50)], PATIENCE)
    assert sorted(future.result() for future in completed) == list(range(50))


def test_a_task_may_submit_another_and_wait_for_it() -> None:
    pool = WorkerPool(2)

    def outer() -> int:
        return pool.submit(int, 7).result(PATIENCE)

    assert pool.submit(outer).result(PATIENCE) == 7


def test_a_done_callback_may_submit_another_task_and_wait_for_it() -> None:
    pool, held, seen = WorkerPool(4), Held(), []

    def callback(_: Any) -> None:
        try:
            seen.append(pool.submit(int, 7).result(PATIENCE))
        except TimeoutError as error:
            seen.append(error)

    # Run where the future is resolved, which is on the worker.
    pool.submit(held).add_done_callback(callback)
    held.end.set()
    wait_until(lambda: seen, PATIENCE)
    assert seen == [7]


def test_a_done_callback_that_takes_long_keeps_no_job_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A worker that leaves would have another one come to the job.
    monkeypatch.setattr(motor.execution.pool, "LINGER", 2 * PATIENCE)
    pool, slow, held = WorkerPool(4), Held(), Held()
    # Another worker is idle, and was before that one.
    both = threading.Barrier(2)
    for future in [pool.submit(both.wait, PATIENCE) for _ in range(2)]:
        future.result(PATIENCE)
    pool.submit(held).add_done_callback(lambda _: slow())
    held.end.set()
    assert slow.began.wait(PATIENCE)
    ended = threading.Event()
    add(pool, int, ended.set)
    try:
        assert ended.wait(PATIENCE)
    finally:
        slow.end.set()
        pool.shutdown()


@pytest.mark.parametrize("outcome", ["result", "error"])
def test_an_outcome_lives_no_longer_than_its_future(outcome: str) -> None:
    pool = WorkerPool(1)

    class Payload(Exception):
        pass

    def work() -> Payload:
        payload = Payload()
        gone.append(weakref.ref(payload))
        try:
            if outcome == "error":
                raise payload
            return payload
        finally:
            del payload

    gone: list[weakref.ref[Payload]] = []
    gc.disable()
    try:
        future = pool.submit(work)
        concurrent.futures.wait([future], PATIENCE)
        del future
        wait_until(lambda: gone[0]() is None, PATIENCE, what="the outcome is freed")
    finally:
        gc.enable()


# The end ----------------------------------------------------------------------------------------


def test_leaving_with_waits_for_all_and_the_pool_can_be_used_again() -> None:
    ran: list[int] = []
    with WorkerPool(2) as pool:
        for number in range(100):
            pool.submit(ran.append, number)
    assert sorted(ran) == list(range(100))
    assert pool.submit(int, 7).result(PATIENCE) == 7
    with pool:
        assert list(pool.map(int, "123")) == [1, 2, 3]


def test_shutdown_can_cancel_what_was_submitted_and_leaves_motors_calls_alone(
    blocked: Any,
) -> None:
    pool, held = blocked
    ran: list[str] = []
    before = pool.submit(ran.append, "submitted")
    add(pool, lambda: ran.append("Motor's"))
    other = pool.submit(ran.append, "submitted too")
    pool.shutdown(wait=False, cancel_futures=True)
    assert before.cancelled()
    assert other.cancelled()
    held.end.set()
    pool.submit(ran.append, "afterwards").result(PATIENCE)
    assert ran == ["Motor's", "afterwards"]


def test_shutdown_without_waiting_leaves_what_runs_alone(blocked: Any) -> None:
    pool, held = blocked
    future = pool.submit(int, 7)
    pool.shutdown(wait=False)
    assert not future.done()
    held.end.set()
    assert future.result(PATIENCE) == 7


def test_shutdown_while_others_submit_loses_nothing() -> None:
    pool, stop = WorkerPool(4), threading.Event()
    lost: list[Any] = []

    def submit() -> None:
        while not stop.is_set():
            futures = [pool.submit(int, n) for n in range(5)]
            lost.extend(concurrent.futures.wait(futures, PATIENCE).not_done)

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        pool.shutdown(wait=number % 2 == 0)
    stop.set()
    for thread in threads:
        thread.join()
    assert lost == []
    pool.shutdown()
    wait_until(lambda: is_quiet(pool), PATIENCE)


# Event loops ------------------------------------------------------------------------------------


async def test_run_in_executor(framework: Framework) -> None:
    loop = framework.current_loop()
    pool = default_executor()
    name = await loop.run_in_executor(pool, lambda: threading.current_thread().name)
    assert name == "motor-worker"
    assert await loop.run_in_executor(pool, int, "7") == 7
    with pytest.raises(ValueError, match="no number"):
        await loop.run_in_executor(pool, int, "no number")


async def test_run_in_executor_can_be_cancelled(framework: Framework, blocked: Any) -> None:
    pool, held = blocked
    ran: list[str] = []
    loop = asyncio.get_running_loop()
    waiting = loop.run_in_executor(pool, ran.append, "cancelled")
    waiting.cancel()
    # The loop passes it on in its next round.
    await asyncio.wait([waiting])
    held.end.set()
    await loop.run_in_executor(pool, ran.append, "other")
    assert ran == ["other"]


def test_loops_use_it_as_their_default_executor_one_after_the_other(
    framework: Framework, collection: Any
) -> None:
    async def main() -> None:
        set_default_executor(framework, default_executor())
        loop = framework.current_loop()
        names = await asyncio.gather(
            asyncio.to_thread(lambda: threading.current_thread().name),
            loop.run_in_executor(None, lambda: threading.current_thread().name),
        )
        assert names == ["motor-worker"] * 2
        await collection.insert_one({})
        # Runs on: the end of the loop waits for it, or not, but does not cancel it.
        asyncio.get_running_loop().run_in_executor(None, ended.release)

    ended = threading.Semaphore(0)
    for _ in range(10):
        framework.run(main)
        assert ended.acquire(timeout=PATIENCE)


def on_another_loop(
    framework: Framework, main: Callable[[], Any]
) -> concurrent.futures.Future[Any]:
    """Run `main` in a thread of its own, on a loop of its own."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="motor-test")
    future = executor.submit(Framework(framework.name).run, main)
    executor.shutdown(wait=False)
    return future


def test_motor_goes_on_on_another_loop_while_loops_shut_it_down(
    framework: Framework, collection: Any
) -> None:
    under_way, over = threading.Event(), threading.Event()

    async def goes_on() -> int:
        pool, count = default_executor(), 0
        while not over.is_set():
            values = await asyncio.wait_for(
                asyncio.gather(*(start(pool, int, n) for n in range(20))), PATIENCE
            )
            assert values == list(range(20))
            await asyncio.wait_for(collection.find_one(), PATIENCE)
            count += 1
            under_way.set()
        return count

    async def ends() -> None:
        set_default_executor(framework, default_executor())
        assert await asyncio.to_thread(int, "7") == 7

    other = on_another_loop(framework, goes_on)
    assert under_way.wait(PATIENCE)
    for _ in range(30):
        # asyncio.run shuts the loop's default executor down and waits for it, others do not wait.
        framework.run(ends)
    over.set()
    assert other.result(PATIENCE) >= 1


async def test_the_end_of_a_loop_does_not_wait_for_another_loops_endless_calls(
    framework: Framework,
) -> None:
    pool, stop = WorkerPool(4), threading.Event()

    async def ends() -> None:
        asyncio.get_running_loop().set_default_executor(pool)
        assert await asyncio.to_thread(int, "7") == 7

    async def endless() -> None:
        while not stop.is_set():
            await start(pool, int)

    # New calls come all the time, and shutting down waits for those that have come before only.
    tasks = [asyncio.create_task(endless()) for _ in range(3)]
    await asyncio.wait_for(asyncio.to_thread(asyncio.run, ends()), PATIENCE)
    stop.set()
    await asyncio.gather(*tasks)
