"""Many operations at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from support import PATIENCE, CommandRecorder, async_wait_until, run_python
from support.pools import PoolRecorder

pytestmark = pytest.mark.every_loop


async def test_a_thousand_operations_at_once(client_factory: Any, db_name: str) -> None:
    pools = PoolRecorder()
    client = client_factory(maxPoolSize=20, event_listeners=[pools])
    collection = client[db_name]["test"]
    results = await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(1000)))
    assert [result.inserted_id for result in results] == [*range(1000)]
    found = await asyncio.gather(*(collection.find_one({"_id": n}) for n in range(1000)))
    assert found == [{"_id": n} for n in range(1000)]
    assert pools.most_open <= 20
    assert pools["cleared"] == 0


def test_a_thousand_operations_need_few_threads(mongo_uri: str, db_name: str) -> None:
    code = """
        import asyncio, sys, threading
        from motor.motor_asyncio import AsyncIOMotorClient

        async def main(uri, name):
            async with AsyncIOMotorClient(uri) as client:
                collection = client[name].test
                await asyncio.gather(*(collection.insert_one({}) for _ in range(1000)))
                assert await collection.count_documents({}) == 1000

        asyncio.run(main(*sys.argv[1:]))
        threads = [t.name for t in threading.enumerate() if t.name.startswith("motor-")]
        # One may watch over the others.
        assert 1 <= len(threads) <= 10 + 1, threads
    """
    run_python(code, mongo_uri, db_name, MOTOR_MAX_WORKERS="10")


async def test_a_thousand_tasks_of_all_kinds(collection: Any) -> None:
    async def one(n: int) -> int:
        await collection.insert_one({"_id": n, "left": 3})
        await collection.update_one({"_id": n}, {"$inc": {"left": -1}})
        documents = [document async for document in collection.find({"_id": n})]
        await collection.delete_one({"_id": n})
        return int(documents[0]["left"])

    assert await asyncio.gather(*map(one, range(250))) == [2] * 250
    assert await collection.count_documents({}) == 0


async def test_quick_operations_do_not_wait_for_slow_ones(collection: Any, hold: Any) -> None:
    await collection.insert_one({"_id": 1})
    with hold("distinct"):
        slow = [collection.distinct("_id") for _ in range(40)]
        # One after the other, behind all the slow ones in the queue.
        for _ in range(20):
            assert await collection.find_one() == {"_id": 1}
        assert not any(operation.done() for operation in slow)
    assert await asyncio.gather(*slow) == [[1]] * 40


async def test_slow_operations_run_at_the_same_time(
    client_factory: Any, db_name: str, hold: Any, commands: CommandRecorder
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name]["test"]
    with hold("distinct"):
        slow = [collection.distinct("_id") for _ in range(30)]
        await async_wait_until(lambda: len(commands.named("distinct")) == 30)
        assert not commands.succeeded_events
    await asyncio.gather(*slow)


async def test_connections_that_are_all_in_use_are_waited_for(
    client_factory: Any, db_name: str
) -> None:
    pools = PoolRecorder()
    client = client_factory(maxPoolSize=1, event_listeners=[pools])
    collection = client[db_name]["test"]
    await asyncio.gather(*(collection.insert_one({}) for _ in range(50)))
    assert await collection.count_documents({}) == 50
    assert pools.most_open == 1


async def test_pymongos_timeout_ends_an_operation(collection: Any, hold: Any) -> None:
    with hold("find"):
        operation = collection.find_one()
        with pymongo.timeout(0.1), pytest.raises(PyMongoError) as caught:
            await collection.find_one()
        assert caught.value.timeout
        # Made outside the block, it has no limit.
        assert not operation.done()
    assert await operation is None


async def test_each_task_has_its_own_pymongo_timeout(collection: Any, hold: Any) -> None:
    async def find(seconds: float) -> bool:
        with pymongo.timeout(seconds):
            try:
                await collection.find_one()
            except PyMongoError as error:
                return not error.timeout
            return True

    short, long, short_too, long_too = tasks = [
        asyncio.create_task(find(seconds)) for seconds in (0.1, PATIENCE, 0.1, PATIENCE)
    ]
    with hold("find"):
        await asyncio.wait([short, short_too])
        assert not long.done()
        assert not long_too.done()
    assert await asyncio.gather(*tasks) == [False, True, False, True]
