"""Cancelled operations, sent or not, leave the client in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from support import CommandRecorder, Framework, async_wait_until
from support.accelerators import takes_executors
from support.jobs import Held
from support.pools import PoolRecorder

pytestmark = pytest.mark.every_loop

_APP = "motor-test-cancellation"


@pytest.fixture
def pools() -> PoolRecorder:
    return PoolRecorder()


@pytest.fixture
def client(client_factory: Any, commands: CommandRecorder, pools: PoolRecorder) -> Any:
    return client_factory(appname=_APP, event_listeners=[commands, pools])


@pytest.fixture
def one_worker() -> Iterator[tuple[ThreadPoolExecutor, Held]]:
    """An executor whose only thread is busy until the job beside it is released."""
    held = Held()
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        executor.submit(held)
        yield executor, held
        held.end.set()


async def assert_clean(collection: Any, pools: PoolRecorder) -> None:
    """One connection was enough for all that was done, and is good for more."""
    assert await collection.find_one({"_id": "missing"}) is None
    assert pools["cleared"] == 0
    assert pools["connection_closed"] == 0
    assert len(set(pools.used)) == 1


@pytest.mark.parametrize("how", ["future", "task", "timeout"])
@takes_executors
async def test_cancelled_before_it_starts_is_never_sent(
    client_factory: Any,
    commands: CommandRecorder,
    db_name: str,
    sync_db: Any,
    one_worker: Any,
    how: str,
) -> None:
    executor, held = one_worker
    collection = client_factory(executor=executor, event_listeners=[commands])[db_name]["test"]
    operation = collection.insert_one({"_id": 1})
    if how == "future":
        operation.cancel()
    elif how == "task":
        task = asyncio.create_task(operation)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await operation
    assert operation.cancelled()
    last = collection.insert_one({"_id": 2})
    held.end.set()
    await last
    assert [event.command["documents"][0]["_id"] for event in commands.named("insert")] == [2]
    assert sync_db.test.distinct("_id") == [2]


async def test_cancelled_while_it_runs_ends_on_a_clean_connection(
    collection: Any, commands: CommandRecorder, pools: PoolRecorder, sync_db: Any, hold: Any
) -> None:
    with hold("insert"):
        operation = collection.insert_one({"_id": 1})
        await async_wait_until(lambda: commands.named("insert"))
        operation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await operation
        assert not commands.succeeded_events
    await async_wait_until(lambda: commands.succeeded_events)
    assert sync_db.test.distinct("_id") == [1]
    await assert_clean(collection, pools)


@pytest.mark.parametrize("how", ["timeout", "wait_for"])
async def test_a_timeout_does_not_wait_for_the_operation(
    collection: Any,
    commands: CommandRecorder,
    pools: PoolRecorder,
    sync_db: Any,
    hold: Any,
    how: str,
) -> None:
    async def insert() -> None:
        operation = collection.insert_one({"_id": 1})
        await async_wait_until(lambda: commands.named("insert"))
        if how == "wait_for":
            await asyncio.wait_for(operation, 0.02)
        async with asyncio.timeout(0.02):
            await operation

    with hold("insert"):
        with pytest.raises(TimeoutError):
            await insert()
        assert not commands.succeeded_events
    await async_wait_until(lambda: commands.succeeded_events)
    assert sync_db.test.distinct("_id") == [1]
    await assert_clean(collection, pools)


async def test_shielded_operation_outlives_its_caller(
    collection: Any, commands: CommandRecorder, pools: PoolRecorder, hold: Any
) -> None:
    with hold("insert"):
        operation = collection.insert_one({"_id": 1})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(operation), 0.02)
    assert (await operation).inserted_id == 1
    await assert_clean(collection, pools)


async def test_a_failing_task_group_cancels_the_operations_in_it(
    collection: Any, commands: CommandRecorder, pools: PoolRecorder, hold: Any
) -> None:
    tasks: list[Any] = []

    async def insert_and_fail() -> None:
        async with asyncio.TaskGroup() as group:
            tasks.append(group.create_task(collection.insert_one({"_id": 1})))
            await async_wait_until(lambda: commands.named("insert"))
            raise LookupError("on purpose")

    with hold("insert"), pytest.raises(ExceptionGroup) as caught:
        await insert_and_fail()
    assert [str(error) for error in caught.value.exceptions] == ["on purpose"]
    assert tasks[0].cancelled()
    await async_wait_until(lambda: commands.succeeded_events)
    await assert_clean(collection, pools)


async def test_an_error_of_a_cancelled_operation_is_not_reported(
    framework: Framework, collection: Any, commands: CommandRecorder, hold: Any
) -> None:
    await collection.insert_one({"_id": 1})
    commands.clear()
    with hold("insert"):
        operation = collection.insert_one({"_id": 1})
        await async_wait_until(lambda: commands.named("insert"))
        operation.cancel()
    await async_wait_until(lambda: commands.succeeded_events)
    assert commands.succeeded_events[0].reply["writeErrors"]
    # What the loop's exception handler is called with fails the test.
    assert await collection.count_documents({}) == 1


async def test_many_cancelled_at_random_moments_leave_a_working_client(
    collection: Any, pools: PoolRecorder
) -> None:
    async def cancel_after(turns: int) -> bool:
        operation = collection.insert_one({})
        for _ in range(turns):
            await asyncio.sleep(0)
        operation.cancel()
        try:
            await operation
        except asyncio.CancelledError:
            return False
        return True

    done = await asyncio.gather(*(cancel_after(n % 40) for n in range(400)))
    assert await collection.count_documents({}) >= sum(done)
    assert pools["cleared"] == 0
    assert pools["connection_closed"] == 0


async def test_tornados_timeout_leaves_the_operation_running(
    framework: Framework, collection: Any, pools: PoolRecorder, hold: Any
) -> None:
    # Of Tornado's own, but on asyncio's loop, which is Tornado's as well.
    from tornado import gen
    from tornado.util import TimeoutError as TornadoTimeout

    with hold("insert"):
        operation = collection.insert_one({"_id": 1})
        with pytest.raises(TornadoTimeout):
            await gen.with_timeout(timedelta(seconds=0.02), operation)
    assert (await operation).inserted_id == 1
    await assert_clean(collection, pools)
