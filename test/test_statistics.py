"""`motor.executor.statistics`: numbers for programs that export metrics."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import motor.execution.pool
from motor.execution.call import AGAIN
from motor.execution.pool import WorkerPool
from motor.execution.serial_queue import SerialQueue
from motor.executor import PoolStatistics, statistics
from support import run_python, wait_until
from support.accelerators import takes_executors
from support.jobs import (
    PATIENCE,
    FunctionJob,
    Held,
    add,
    busy_pool,
    is_quiet,
    refuse_threads,
    run_all,
)


def test_new_pool_has_done_nothing() -> None:
    assert WorkerPool(7).statistics() == PoolStatistics(7, 0, 0, 0, 0, 0, 0.0)


def test_calls_are_counted() -> None:
    pool = WorkerPool(2)
    run_all(pool, [lambda: None] * 10)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert pool.statistics().calls == 10
    assert 1 <= pool.statistics().workers <= 2


def test_call_on_a_free_worker_does_not_wait() -> None:
    pool = WorkerPool(1)
    for _ in range(3):
        run_all(pool, [lambda: None])
        wait_until(lambda: is_quiet(pool), PATIENCE)
    assert pool.statistics().waits == 0
    assert pool.statistics().wait_seconds == 0.0


def test_calls_that_wait_are_counted_with_their_time() -> None:
    with busy_pool() as (pool, held):
        done = [Held(), Held()]
        for job in done:
            job.end.set()
            add(pool, job)
        now = pool.statistics()
        assert (now.in_flight, now.queued, now.calls, now.waits) == (1, 2, 3, 2)
        # Those that wait still count up to now.
        wait_until(lambda: pool.statistics().wait_seconds > now.wait_seconds + 0.01, PATIENCE)
        before = pool.statistics().wait_seconds
        held.end.set()
        for job in done:
            assert job.began.wait(PATIENCE)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    after = pool.statistics()
    assert (after.queued, after.calls, after.waits) == (0, 3, 2)
    assert after.wait_seconds >= before
    assert pool.statistics().wait_seconds == after.wait_seconds


def test_each_turn_of_a_repeated_call_waits_anew() -> None:
    pool, turns, done = WorkerPool(1), iter(range(3)), threading.Event()
    add(pool, lambda: None if next(turns, None) is None else AGAIN, done.set)
    assert done.wait(PATIENCE)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert (pool.statistics().calls, pool.statistics().waits) == (1, 3)


def test_what_is_submitted_counts_as_calls() -> None:
    pool = WorkerPool(2)
    assert list(pool.map(int, range(10))) == [*range(10)]
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert pool.statistics().calls == 10


def test_a_call_of_a_queue_counts_when_its_turn_comes() -> None:
    pool, queue, held = WorkerPool(2), SerialQueue(), Held()
    done = threading.Event()
    queue.add(pool, FunctionJob(held))
    queue.add(pool, FunctionJob(int, done.set))
    assert held.began.wait(PATIENCE)
    now = pool.statistics()
    assert (now.in_flight, now.queued) == (1, 0)
    held.end.set()
    assert done.wait(PATIENCE)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert pool.statistics().calls == 2


def test_counters_outlive_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.001)
    pool = WorkerPool(3, recent_limit=1)
    run_all(pool, [lambda: None] * 20)
    wait_until(lambda: pool.statistics().workers == 0, PATIENCE)
    before = pool.statistics()
    assert before.calls == 20
    assert before.waits > 0
    run_all(pool, [lambda: None])
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert pool.statistics().calls == 21
    assert pool.statistics().wait_seconds >= before.wait_seconds


def test_counters_never_fall_while_calls_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.001)
    pool, over = WorkerPool(4, recent_limit=2), threading.Event()

    def make_calls() -> None:
        while not over.is_set():
            run_all(pool, [lambda: None] * 7)

    thread = threading.Thread(target=make_calls)
    thread.start()
    falls: list[str] = []
    before = pool.statistics()
    for _ in range(3000):
        now = pool.statistics()
        falls += [
            f"{name}: from {getattr(before, name)} to {getattr(now, name)}"
            for name in ("calls", "waits", "wait_seconds")
            if getattr(now, name) < getattr(before, name)
        ]
        before = now
    over.set()
    thread.join(PATIENCE)
    assert falls == []


def test_counters_begin_at_zero_in_a_forked_child() -> None:
    code = """
    import os, warnings
    warnings.filterwarnings("ignore", ".*fork.*")
    from motor.execution.pool import WorkerPool
    from motor.executor import PoolStatistics

    pool = WorkerPool(3)
    assert list(pool.map(int, range(10))) == [*range(10)]
    pid = os.fork()
    if not pid:
        os._exit(pool.statistics() != PoolStatistics(3, 0, 0, 0, 0, 0, 0.0))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert pool.statistics().calls == 10
    """
    run_python(code)


def test_call_for_which_no_thread_could_be_started_is_not_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = WorkerPool(1, name="motor-none-test")
    refuse_threads(monkeypatch, "motor-none-test")
    with pytest.raises(RuntimeError, match="can't start"):
        add(pool, lambda: None)
    assert pool.statistics() == PoolStatistics(1, 0, 0, 0, 0, 0, 0.0)


def test_statistics_are_a_frozen_snapshot() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics().queued = 5  # type: ignore[misc]


async def test_shared_pool_is_that_of_clients(framework: Any, client: Any) -> None:
    before = statistics()
    await client.admin.command("ping")
    assert statistics().calls == before.calls + 1
    assert statistics(client).calls == statistics().calls


@takes_executors
async def test_client_with_an_executor_has_statistics_of_its_own(
    framework: Any, client_factory: Any
) -> None:
    with ThreadPoolExecutor(3) as executor:
        client = client_factory(executor=executor)
        before = statistics().calls
        await client.admin.command("ping")
        assert (statistics(client).max_workers, statistics(client).calls) == (3, 1)
        assert statistics().calls == before


async def test_change_streams_are_in_a_pool_of_their_own(
    framework: Any, client_factory: Any, db_name: str
) -> None:
    client = client_factory(maxPoolSize=10)
    assert statistics(client, waiting=True) == PoolStatistics(5, 0, 0, 0, 0, 0, 0.0)
    async with client[db_name].watch(max_await_time_ms=10) as stream:
        assert await stream.try_next() is None
    assert statistics(client, waiting=True).calls > 0


def test_anything_but_a_client_is_refused(sync_client: Any, client: Any) -> None:
    for wrong in (sync_client, client.admin, 5, "client"):
        with pytest.raises(TypeError, match="client must be a Motor client"):
            statistics(wrong)
    with pytest.raises(TypeError, match="needs a client"):
        statistics(waiting=True)
