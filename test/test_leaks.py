"""Closed clients leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pymongo
import pytest

from motor.execution.future import OperationFuture
from motor.execution.pool import WorkerPool
from support import Framework, async_wait_until, wait_until
from support.leaks import PooledConnections, count_connections
from support.pools import PoolRecorder


@pytest.fixture
def connections(
    sync_client: pymongo.MongoClient[dict[str, Any]], pooled_connections: PooledConnections
) -> Callable[[], int]:
    """How many connections to the server are open, beside those of the tests' own client."""
    ports = {port for _, port in sync_client.nodes}
    return lambda: count_connections(ports) - pooled_connections.count


def threads(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())


async def use(client: Any, db_name: str) -> None:
    """Use a bit of everything, and close nothing."""
    collection = client[db_name]["test"]
    await collection.insert_many([{} for _ in range(5)])
    await collection.find(batch_size=2).to_list(1)
    stream = await collection.watch()
    waiting = asyncio.create_task(stream.next())
    session = await client.start_session()
    await collection.find_one(session=session)
    unawaited = collection.find_one({"un": "awaited"})
    await stream.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    # Or the client might be closed under it, and its error would be lost.
    await async_wait_until(unawaited.done, 60)


async def test_closed_client_leaves_no_connection(
    framework: Framework, mongo_uri: str, db_name: str, connections: Callable[[], int]
) -> None:
    before = connections()
    pools = PoolRecorder()
    client = framework.Client(mongo_uri, serverMonitoringMode="poll", event_listeners=[pools])
    await use(client, db_name)
    assert pools.open > 0
    await client.close()
    # What was not awaited may still run, and closes its connection at its end.
    await async_wait_until(lambda: pools.open == 0, 60)
    await async_wait_until(lambda: connections() <= before, 60)


async def test_threads_do_not_grow_over_many_clients(
    framework: Framework, mongo_uri: str, db_name: str
) -> None:
    before = threads("motor-worker")
    for _ in range(12):
        client = framework.Client(mongo_uri, serverMonitoringMode="poll")
        await use(client, db_name)
        await client.close()
    # Each client's operations find the workers of the one before.
    assert threads("motor-worker") <= max(before, 11)
    await async_wait_until(lambda: not threads("motor-awaiting"), 60)
    # PyMongo's threads for monitoring notice within half a second that their client was closed.
    await async_wait_until(lambda: threads("pymongo_") <= 12, 60)


async def test_awaiting_pool_ends_with_its_streams(collection: Any) -> None:
    streams = [collection.watch(max_await_time_ms=50) for _ in range(5)]
    tasks = [asyncio.create_task(stream.next()) for stream in streams]
    await async_wait_until(lambda: threads("motor-awaiting"), 60)
    for stream in streams:
        await stream.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    await async_wait_until(lambda: not threads("motor-awaiting"), 60)


def test_closed_client_can_be_forgotten(framework: Framework, mongo_uri: str, db_name: str) -> None:
    gone: list[weakref.ref[Any]] = []

    async def main() -> None:
        client = framework.Client(mongo_uri, serverMonitoringMode="poll")
        await use(client, db_name)
        gone.extend([weakref.ref(client), weakref.ref(client.delegate)])
        await client.close()

    framework.run(main)

    def forgotten() -> bool:
        gc.collect()
        return not any(ref() for ref in gone)

    wait_until(forgotten, 60)


def test_pools_that_are_gone_leave_nothing_behind() -> None:
    # Each client has a pool for awaiting data.
    def objects_after_making(count: int) -> int:
        for _ in range(count):
            WorkerPool(1)
        gc.collect()
        return len(gc.get_objects())

    before = objects_after_making(200)
    assert objects_after_making(200) - before < 100


def test_no_future_outlives_its_operation(framework: Framework, collection: Any) -> None:
    def futures() -> list[Any]:
        gc.collect()
        # By name, because in a set they become a class of their own.
        name = OperationFuture.__name__
        return [found for found in gc.get_objects() if type(found).__name__ == name]

    async def main() -> None:
        await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(50)))
        await asyncio.gather(
            *(collection.insert_one({"_id": n}) for n in range(50)), return_exceptions=True
        )
        for _ in range(50):
            collection.find_one().cancel()
        for _ in range(50):
            collection.find_one()

    before = len(futures())
    framework.run(main)
    wait_until(lambda: len(futures()) <= before, 60)


def test_no_loop_outlives_its_operations(framework: Framework, collection: Any) -> None:
    gone: list[weakref.ref[Any]] = []

    async def main() -> None:
        gone.append(weakref.ref(asyncio.get_running_loop()))
        await collection.insert_one({})
        for _ in range(20):
            collection.find_one()

    for _ in range(10):
        framework.run(main)

    def forgotten() -> bool:
        gc.collect()
        return not any(ref() for ref in gone)

    wait_until(forgotten, 60)
