"""`motor.executor.statistics`: numbers for whoever exports metrics."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from motor.executor import AGAIN, PoolStatistics, WorkerPool, statistics
from support import wait_until
from support.jobs import PATIENCE, Held, busy_pool, run_all


def test_new_pool_has_done_nothing() -> None:
    assert WorkerPool(7).statistics() == PoolStatistics(7, 0, 0, 0, 0, 0, 0.0)


def test_calls_are_counted() -> None:
    pool = WorkerPool(2)
    run_all(pool, [lambda: None] * 10)
    wait_until(lambda: pool.statistics().in_flight == 0)
    assert pool.statistics().calls == 10
    assert 1 <= pool.statistics().workers <= 2


def test_call_on_a_free_worker_does_not_wait() -> None:
    pool = WorkerPool(1)
    for _ in range(3):
        run_all(pool, [lambda: None])
        wait_until(lambda: pool.statistics().in_flight == 0)
    assert pool.statistics().waits == 0
    assert pool.statistics().wait_seconds == 0.0


def test_calls_that_wait_are_counted_with_their_time() -> None:
    with busy_pool() as (pool, held):
        done = [Held(), Held()]
        for job in done:
            job.end.set()
            pool.submit(job)
        now = pool.statistics()
        assert (now.in_flight, now.queued, now.calls, now.waits) == (1, 2, 3, 2)
        # Those that wait still count up to now.
        wait_until(lambda: pool.statistics().wait_seconds > now.wait_seconds + 0.01)
        before = pool.statistics().wait_seconds
        held.end.set()
        for job in done:
            assert job.began.wait(PATIENCE)
    wait_until(lambda: pool.statistics().in_flight == 0)
    after = pool.statistics()
    assert (after.queued, after.calls, after.waits) == (0, 3, 2)
    assert after.wait_seconds >= before
    assert pool.statistics().wait_seconds == after.wait_seconds


def test_each_turn_of_a_repeated_call_waits_anew() -> None:
    pool, turns, done = WorkerPool(1), iter(range(3)), threading.Event()

    def job() -> object:
        if next(turns, None) is not None:
            return AGAIN
        done.set()
        return None

    pool.submit(job)
    assert done.wait(PATIENCE)
    wait_until(lambda: pool.statistics().in_flight == 0)
    assert (pool.statistics().calls, pool.statistics().waits) == (1, 3)


def test_call_for_which_no_thread_could_be_started_is_not_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_thread(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    pool = WorkerPool(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start"):
            pool.submit(lambda: None)
    now = pool.statistics()
    assert (now.queued, now.in_flight, now.workers) == (0, 0, 0)
    assert now.wait_seconds < PATIENCE


def test_statistics_are_a_frozen_snapshot() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics().queued = 5  # type: ignore[misc]


async def test_shared_pool_is_that_of_clients(framework: Any, client: Any) -> None:
    before = statistics()
    await client.admin.command("ping")
    assert statistics().calls == before.calls + 1
    assert statistics(client).calls == statistics().calls


async def test_client_with_an_executor_has_statistics_of_its_own(
    framework: Any, client_factory: Any
) -> None:
    with ThreadPoolExecutor(3) as executor:
        client = client_factory(executor=executor)
        before = statistics().calls
        await client.admin.command("ping")
        assert (statistics(client).max_workers, statistics(client).calls) == (3, 1)
        assert statistics().calls == before


async def test_change_streams_are_in_a_lane_of_their_own(
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
