"""Tailable cursors: they stay open at the end of a capped collection and wait for more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo import CursorType
from pymongo.errors import InvalidOperation

from support import async_wait_until
from support.cursors import ids, open_cursors


@pytest.fixture
def collection(client_factory: Any, commands: Any, sync_db: Any) -> Any:
    sync_db.create_collection("capped", capped=True, size=4096, max=5)
    sync_db.capped.insert_many([{"_id": i} for i in range(3)])
    return client_factory(event_listeners=[commands])[sync_db.name]["capped"]


def tail(collection: Any, wait_ms: int = 20, **options: Any) -> Any:
    cursor = collection.find(cursor_type=CursorType.TAILABLE_AWAIT, **options)
    return cursor.max_await_time_ms(wait_ms)


async def test_reads_what_is_there_and_stays_alive(framework: Any, collection: Any) -> None:
    async with tail(collection) as cursor:
        assert [document["_id"] async for document in cursor] == [0, 1, 2]
        assert cursor.alive
        assert cursor.cursor_id > 0
        with pytest.raises(StopAsyncIteration):
            await cursor.next()
        assert cursor.alive


async def test_goes_on_with_what_is_added(framework: Any, collection: Any, sync_db: Any) -> None:
    seen = []
    async with tail(collection, batch_size=2) as cursor:
        while len(seen) < 6:
            seen += [document["_id"] async for document in cursor]
            if len(seen) < 6:
                sync_db.capped.insert_one({"_id": len(seen)})
    assert seen == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cursor_type", [CursorType.TAILABLE, CursorType.TAILABLE_AWAIT])
async def test_waiting_time_is_sent_where_it_means_something(
    framework: Any, collection: Any, commands: Any, cursor_type: int
) -> None:
    awaiting = cursor_type == CursorType.TAILABLE_AWAIT
    # The server refuses a time from cursors that do not wait.
    cursor = tail(collection) if awaiting else collection.find(cursor_type=cursor_type)
    async with cursor:
        assert len([document async for document in cursor]) == 3
    find, get_more = commands.named("find")[0].command, commands.named("getMore")[0].command
    assert find["tailable"] is True
    assert find.get("awaitData", False) is awaiting
    assert get_more.get("maxTimeMS") == (20 if awaiting else None)


async def test_waiting_next_gets_a_new_document_at_once(
    framework: Any, collection: Any, commands: Any, sync_db: Any
) -> None:
    # The server would wait for a minute: this ends only because the document ends the wait.
    async with tail(collection, wait_ms=60_000) as cursor:
        for _ in range(3):
            await cursor.next()
        waiting = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("getMore"))
        sync_db.capped.insert_one({"_id": "new"})
        assert await waiting == {"_id": "new"}


async def test_cursors_that_do_not_wait_are_never_told_how_long_to_wait(
    framework: Any, client_factory: Any, collection: Any
) -> None:
    few = client_factory(maxPoolSize=2)[collection.database.name].capped
    cursors = [few.find(cursor_type=CursorType.TAILABLE) for _ in range(8)]

    async def read(cursor: Any) -> list[Any]:
        return [document["_id"] for _ in range(5) async for document in cursor]

    assert await asyncio.gather(*map(read, cursors)) == [[0, 1, 2]] * len(cursors)
    await asyncio.gather(*(cursor.close() for cursor in cursors))


async def test_close_ends_a_waiting_next(
    framework: Any, collection: Any, commands: Any, sync_client: Any, sync_db: Any
) -> None:
    cursor = tail(collection, wait_ms=60_000)
    for _ in range(3):
        await cursor.next()
    waiting = asyncio.ensure_future(cursor.next())
    await async_wait_until(lambda: commands.named("getMore"))
    await cursor.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert not cursor.alive
    # It did not wait for the server, which goes on waiting although its cursor was killed.
    assert {event.command_name for event in commands.succeeded_events} == {"find", "killCursors"}
    sync_db.capped.insert_one({"_id": "end of the wait"})
    await async_wait_until(lambda: not open_cursors(sync_client, collection.full_name))


async def test_close_ends_a_waiting_async_for(
    framework: Any, collection: Any, commands: Any, sync_db: Any
) -> None:
    cursor = tail(collection, wait_ms=60_000)

    async def read() -> list[Any]:
        return [document["_id"] async for document in cursor]

    reading = asyncio.ensure_future(read())
    await async_wait_until(lambda: commands.named("getMore"))
    await cursor.close()
    assert await reading == [0, 1, 2]
    sync_db.capped.insert_one({"_id": "end of the wait"})


async def test_waiting_next_can_be_cancelled_and_loses_nothing(
    framework: Any, collection: Any, commands: Any, sync_db: Any
) -> None:
    async with tail(collection, wait_ms=60_000) as cursor:
        for _ in range(3):
            await cursor.next()
        waiting = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("getMore"))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        sync_db.capped.insert_one({"_id": "new"})
        assert await cursor.next() == {"_id": "new"}


async def test_waiting_cursors_do_not_hold_up_other_calls(
    framework: Any, collection: Any, commands: Any, sync_db: Any
) -> None:
    cursors = [tail(collection, wait_ms=60_000) for _ in range(10)]
    for cursor in cursors:
        assert [(await cursor.next())["_id"] for _ in range(3)] == [0, 1, 2]
    waiting = [asyncio.ensure_future(cursor.next()) for cursor in cursors]
    await async_wait_until(lambda: len(commands.named("getMore")) == len(cursors))
    await asyncio.gather(*(collection.find_one({"_id": 1}) for _ in range(50)))
    assert not any(task.done() for task in waiting)
    sync_db.capped.insert_one({"_id": "new"})
    assert await asyncio.gather(*waiting) == [{"_id": "new"}] * len(cursors)
    await asyncio.gather(*(cursor.close() for cursor in cursors))


async def test_cursor_overtaken_by_a_rollover_ends(
    framework: Any, collection: Any, sync_db: Any
) -> None:
    async with tail(collection, batch_size=2) as cursor:
        assert ids([await cursor.next(), await cursor.next()]) == [0, 1]
        # Five fit: the cursor's place is overwritten.
        sync_db.capped.insert_many([{"_id": i} for i in range(3, 20)])
        assert [document async for document in cursor] == []
        assert not cursor.alive
        # It can begin again where the collection now begins.
        cursor.rewind()
        assert [document["_id"] async for document in cursor] == [15, 16, 17, 18, 19]


async def test_tailable_cursor_on_an_empty_collection_is_dead(
    framework: Any, collection: Any, sync_db: Any
) -> None:
    sync_db.create_collection("empty", capped=True, size=4096)
    cursor = tail(collection.database.empty)
    with pytest.raises(StopAsyncIteration):
        await cursor.next()
    assert not cursor.alive


async def test_to_list_is_refused_at_once(framework: Any, collection: Any, commands: Any) -> None:
    for cursor in (tail(collection), collection.find().add_option(2)):
        with pytest.raises(InvalidOperation, match="tailable"):
            cursor.to_list()
        with pytest.raises(InvalidOperation, match="tailable"):
            cursor.to_list(1)
    assert len(commands) == 0


async def test_rewound_cursor_is_closed_on_the_server(
    framework: Any, collection: Any, sync_client: Any
) -> None:
    cursor = tail(collection)
    assert (await cursor.next())["_id"] == 0
    # Held here: otherwise the garbage collector would close it.
    first = cursor.delegate
    cursor.rewind()
    assert cursor.delegate is not first
    await async_wait_until(lambda: not open_cursors(sync_client, collection.full_name))
    assert (await cursor.next())["_id"] == 0
    await cursor.close()
