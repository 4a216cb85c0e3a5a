"""The pool for awaiting data: change streams and tailable cursors keep no other call waiting."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pymongo import CursorType

from support import async_wait_until, wait_until
from support.accelerators import needs

#: Longer (in ms) than any test waits: what waits behind such a read never gets its turn.
LONG = 120_000

#: How long (in s) a `find_one` may take on a slow machine, and yet not have waited for a stream.
QUICK = 60


async def stays_quick(collection: Any) -> None:
    for _ in range(20):
        await asyncio.wait_for(collection.find_one({"_id": "nothing"}), QUICK)


async def capped(db: Any) -> Any:
    """A capped collection with one document, without which a tailable cursor is dead at once."""
    collection = await db.create_collection("capped", capped=True, size=100_000)
    await collection.insert_one({"_id": "first"})
    return collection


async def tail(collection: Any, await_time: int | None = None) -> Any:
    """A tailable cursor at the end of its data."""
    cursor = collection.find(cursor_type=CursorType.TAILABLE_AWAIT)
    if await_time is not None:
        cursor.max_await_time_ms(await_time)
    assert (await cursor.next())["_id"] == "first"
    return cursor


def waits(commands: Any, name: str | None = None) -> list[int | None]:
    """The times that the getMores, or those of one collection, asked the server to wait."""
    return [
        event.command.get("maxTimeMS")
        for event in commands.named("getMore")
        if name is None or event.command["collection"] == name
    ]


def waiting_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("motor-awaiting")]


# Others are not kept waiting ----------------------------------------------------------------


async def test_500_change_streams_keep_no_call_waiting_and_miss_nothing(collection):
    streams = [collection.watch(max_await_time_ms=LONG) for _ in range(500)]
    await asyncio.gather(*(stream.__aenter__() for stream in streams))
    tasks = [asyncio.create_task(stream.next()) for stream in streams]
    await stays_quick(collection)
    assert not any(task.done() for task in tasks)
    await collection.insert_one({"_id": 1})
    events = await asyncio.wait_for(asyncio.gather(*tasks), QUICK)
    assert [event["documentKey"]["_id"] for event in events] == [1] * 500
    await stays_quick(collection)
    await asyncio.gather(*(stream.close() for stream in streams))


async def test_tailable_cursors_keep_no_call_waiting(db):
    collection = await capped(db)
    cursors = [await tail(collection, LONG) for _ in range(120)]
    tasks = [asyncio.create_task(cursor.next()) for cursor in cursors]
    await stays_quick(collection)
    await collection.insert_one({"_id": 1})
    documents = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), QUICK)
    # A cursor whose turn ended without data says so; those that waited for it have it.
    assert {"_id": 1} in documents
    await asyncio.gather(*(cursor.close() for cursor in cursors))


async def test_a_small_connection_pool_leaves_half_its_connections_to_others(
    client_factory, db_name
):
    collection = client_factory(maxPoolSize=4)[db_name]["test"]
    streams = [await collection.watch(max_await_time_ms=LONG) for _ in range(10)]
    tasks = [asyncio.create_task(stream.next()) for stream in streams]
    await asyncio.gather(stays_quick(collection), stays_quick(collection))
    await collection.insert_one({"_id": 1})
    await asyncio.wait_for(asyncio.gather(*tasks), QUICK)
    await asyncio.gather(*(stream.close() for stream in streams))


# The time of a wait -------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [None, 300])
async def test_a_stream_waits_as_long_as_its_user_says(client_factory, db_name, commands, wanted):
    collection = client_factory(event_listeners=[commands])[db_name]["test"]
    async with collection.watch(max_await_time_ms=wanted) as stream:
        task = asyncio.create_task(stream.next())
        await async_wait_until(lambda: waits(commands), QUICK)
        await collection.insert_one({})
        await task
    assert set(waits(commands)) == {wanted}


@needs("batches")
@pytest.mark.parametrize("wanted", [None, LONG])
async def test_streams_that_take_turns_wait_for_less_and_then_as_long_as_before(
    client_factory, db_name, commands, wanted
):
    db = client_factory(event_listeners=[commands], maxPoolSize=4)[db_name]
    others = [await db["quiet"].watch(max_await_time_ms=50) for _ in range(2)]
    stream = await db["test"].watch(max_await_time_ms=wanted)
    tasks = [asyncio.create_task(each.next()) for each in (*others, stream)]
    # Three have to share two connections.
    await async_wait_until(lambda: waits(commands, "test"), QUICK)
    assert waits(commands, "test")[0] < 1000
    await asyncio.gather(*(other.close() for other in others))
    await async_wait_until(lambda: waits(commands, "test")[-1] == wanted, QUICK)
    await db["test"].insert_one({"_id": 1})
    assert (await asyncio.wait_for(tasks.pop(), QUICK))["documentKey"] == {"_id": 1}
    assert await asyncio.gather(*map(ended, tasks)) == [True, True]
    await stream.close()


async def ended(task: asyncio.Task[Any]) -> bool:
    try:
        await asyncio.wait_for(task, QUICK)
    except StopAsyncIteration:
        return True
    return False


@needs("batches")
async def test_long_waits_do_not_keep_another_stream_from_its_turn(client_factory, db_name):
    db = client_factory(maxPoolSize=4)[db_name]
    quiet = [await db["quiet"].watch(max_await_time_ms=LONG) for _ in range(2)]
    tasks = [asyncio.create_task(stream.next()) for stream in quiet]
    async with db["test"].watch() as stream:
        await db["test"].insert_one({"_id": 1})
        event = await asyncio.wait_for(stream.next(), QUICK)
        assert event["documentKey"] == {"_id": 1}
    await db["quiet"].insert_one({})
    await asyncio.gather(*tasks)
    await asyncio.gather(*(stream.close() for stream in quiet))


async def test_a_tailable_cursor_waits_as_long_as_its_user_says(client_factory, db_name, commands):
    db = client_factory(event_listeners=[commands])[db_name]
    collection = await capped(db)
    cursor = await tail(collection, 50)
    with pytest.raises(StopAsyncIteration):
        await cursor.next()
    with pytest.raises(StopAsyncIteration):
        await cursor.next()
    assert waits(commands) == [50, 50]
    await cursor.close()


# The end ------------------------------------------------------------------------------------


async def test_closing_ends_a_tailable_cursor_that_waits(client_factory, db_name, commands):
    collection = await capped(client_factory(event_listeners=[commands])[db_name])
    cursor = await tail(collection, LONG)
    task = asyncio.create_task(cursor.next())
    await async_wait_until(lambda: waits(commands), QUICK)
    await asyncio.wait_for(cursor.close(), QUICK)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(task, QUICK)
    # This server ends a killed cursor only when it has something to say.
    await collection.insert_one({})


async def test_the_threads_of_streams_end_with_them(collection):
    streams = [await collection.watch() for _ in range(10)]
    tasks = [asyncio.create_task(stream.next()) for stream in streams]
    await async_wait_until(lambda: len(waiting_threads()) >= 10, QUICK)
    await collection.insert_one({})
    await asyncio.gather(*tasks)
    await asyncio.gather(*(stream.close() for stream in streams))
    wait_until(lambda: not waiting_threads(), QUICK, what="the awaiting pool's threads are gone")
