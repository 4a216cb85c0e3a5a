"""Cursors that several tasks read, and reads that are cancelled: no document is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from support import async_wait_until, wait_until
from support.cursors import ids

pytestmark = pytest.mark.every_loop

APP_NAME = "cursor-tasks"


@pytest.fixture(autouse=True)
def ten_documents(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(10)])


@pytest.fixture
def collection(client_factory: Any, commands: Any, db_name: str) -> Any:
    return client_factory(event_listeners=[commands], appname=APP_NAME)[db_name]["test"]


@pytest.fixture
def slow(fail_point: Any) -> Callable[..., Any]:
    """Make commands take 0.1 s, or so many milliseconds: time to do something while they run."""
    return lambda *names, milliseconds=100: fail_point(
        failCommands=list(names), blockConnection=True, blockTimeMS=milliseconds, appName=APP_NAME
    )


async def _run_through(cursor: Any) -> list[Any]:
    return [document async for document in cursor]


# Several tasks ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
async def test_two_tasks_share_a_cursor(framework: Any, collection: Any, batch_size: int) -> None:
    collection = collection.database.shared
    await collection.insert_many([{"_id": i} for i in range(200)])
    cursor = collection.find().sort("_id").batch_size(batch_size)
    parts = await asyncio.gather(*(_run_through(cursor) for _ in range(3)))
    for part in parts:
        assert ids(part) == sorted(ids(part))
    assert sorted(i for part in parts for i in ids(part)) == list(range(200))


async def test_to_lists_at_the_same_time_share_a_cursor(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    parts = await asyncio.gather(*(cursor.to_list(4) for _ in range(4)))
    assert [ids(part) for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []]


# Cancelling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["find", "getMore"])
async def test_cancelled_next_loses_no_document(
    framework: Any, collection: Any, commands: Any, slow: Any, command: str
) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    seen = [] if command == "find" else ids(await cursor.to_list(3))
    with slow(command, milliseconds=500):
        task = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named(command))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    seen += [document["_id"] async for document in cursor]
    assert seen == list(range(10))


@pytest.mark.parametrize("command", ["find", "getMore"])
@pytest.mark.parametrize("length", [None, 0, 2, 5])
async def test_cancelled_to_list_loses_no_document(
    framework: Any, collection: Any, commands: Any, slow: Any, command: str, length: int | None
) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    seen = [] if command == "find" else ids(await cursor.to_list(3))
    with slow(command, milliseconds=500):
        task = cursor.to_list(length)
        await async_wait_until(lambda: commands.named(command))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert seen + ids(await cursor.to_list()) == list(range(10))


async def test_to_list_cancelled_as_it_ends_loses_no_document(
    framework: Any, collection: Any, commands: Any
) -> None:
    for read in (lambda c: c.to_list(), _run_through, lambda c: c.to_list(20)):
        cursor = collection.find().sort("_id")
        future = cursor.to_list()
        # The loop does not run meanwhile, so that the outcome is there and waits for it.
        wait_until(lambda reader=cursor._reader: reader.buffer and not reader.queue.busy)
        future.cancel()
        assert ids(await read(cursor)) == list(range(10))


async def test_cancelled_to_list_reads_no_further(
    framework: Any, collection: Any, commands: Any, slow: Any
) -> None:
    cursor = collection.find().batch_size(1)
    # Long enough for a machine that has much else to do.
    with slow("find", milliseconds=1000):
        reading = cursor.to_list()
        await async_wait_until(lambda: commands.named("find"))
        reading.cancel()
        # Waits for the read that is under way. The server stays slow until it has ended.
        assert len(await cursor.to_list(1)) == 1
    assert len(commands.named("getMore")) == 0
    await cursor.close()


async def test_error_of_a_cancelled_next_is_not_lost(
    framework: Any, collection: Any, commands: Any, fail_point: Any
) -> None:
    cursor = collection.find().batch_size(3)
    await cursor.to_list(3)
    failing = {"errorCode": 2, "blockConnection": True, "blockTimeMS": 100, "appName": APP_NAME}
    with fail_point(failCommands=["getMore"], **failing):
        task = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("getMore"))
        task.cancel()
        with pytest.raises(OperationFailure):
            await cursor.to_list()
    assert not cursor.alive
