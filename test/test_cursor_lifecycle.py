"""Cursors that are closed, begun again, copied, forgotten, or fail."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import CursorNotFound, OperationFailure

from support import async_wait_until
from support.cursors import ids, open_cursors

pytestmark = pytest.mark.every_loop

APP_NAME = "cursor-lifecycle"


@pytest.fixture(autouse=True)
def ten_documents(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(10)])


@pytest.fixture
def collection(client_factory: Any, commands: Any, db_name: str) -> Any:
    return client_factory(event_listeners=[commands], appname=APP_NAME)[db_name]["test"]


@pytest.fixture
def on_server(sync_client: Any, collection: Any) -> Callable[[], int]:
    """How many cursors on the collection the server has open."""
    return lambda: len(open_cursors(sync_client, collection.full_name))


@pytest.fixture
def slow(fail_point: Any) -> Callable[..., Any]:
    """Make commands take 0.1 s: time to do something while they run."""
    return lambda *names: fail_point(
        failCommands=list(names), blockConnection=True, blockTimeMS=100, appName=APP_NAME
    )


# Closing ------------------------------------------------------------------------------------


async def test_close_closes_on_the_server(framework: Any, collection: Any, on_server: Any) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.next()
    assert on_server() == 1
    await cursor.close()
    assert on_server() == 0
    assert cursor.closed


@pytest.mark.parametrize("command", ["find", "aggregate"])
async def test_closed_cursor_gives_what_it_had_received(
    framework: Any, collection: Any, command: str
) -> None:
    for read in (
        lambda cursor: cursor.to_list(),
        lambda cursor: _next_documents(cursor, 2),
        _run_through,
    ):
        if command == "find":
            cursor = collection.find().sort("_id").batch_size(3)
        else:
            cursor = collection.aggregate([{"$sort": {"_id": 1}}], batchSize=3)
        assert (await cursor.next())["_id"] == 0
        await cursor.close()
        assert cursor.alive
        assert ids(await read(cursor)) == [1, 2]
        assert not cursor.alive
        assert await cursor.to_list() == []
        assert [document async for document in cursor] == []
        with pytest.raises(StopAsyncIteration):
            await cursor.next()


async def _next_documents(cursor: Any, count: int) -> list[Any]:
    return [await cursor.next() for _ in range(count)]


async def _run_through(cursor: Any) -> list[Any]:
    return [document async for document in cursor]


async def test_close_twice_is_no_error(framework: Any, collection: Any, commands: Any) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.next()
    await cursor.close()
    await cursor.close()
    assert len(commands.named("killCursors")) == 1


async def test_close_need_not_be_awaited(framework: Any, collection: Any, on_server: Any) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.next()
    cursor.close()
    assert cursor.closed
    await async_wait_until(lambda: on_server() == 0)


async def test_close_before_the_first_read_sends_nothing(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.find()
    await cursor.close()
    assert await cursor.to_list() == []
    assert commands.names == []


async def test_close_at_the_end_sends_nothing(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.find()
    await cursor.to_list()
    await cursor.close()
    assert commands.names == ["find"]


async def test_async_with_closes_after_success_and_error(
    framework: Any, collection: Any, on_server: Any
) -> None:
    async with collection.find().batch_size(2) as cursor:
        await cursor.next()
    assert cursor.closed
    await _fail_within(cursor := collection.find().batch_size(2))
    assert cursor.closed
    assert on_server() == 0


async def _fail_within(cursor: Any) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with cursor:
            await cursor.next()
            raise ZeroDivisionError


async def test_close_while_a_next_is_under_way_ends_it(
    framework: Any, collection: Any, commands: Any, slow: Any, on_server: Any
) -> None:
    cursor = collection.find().batch_size(2)
    with slow("find"):
        waiting = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("find"))
        closing = cursor.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        await closing
    assert on_server() == 0


async def test_close_after_the_clients_is_no_error(framework: Any, collection: Any) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.next()
    await collection.database.client.close()
    await cursor.close()
    assert cursor.closed


# Forgetting ---------------------------------------------------------------------------------


async def test_abandoned_cursor_is_closed_on_the_server(
    framework: Any, collection: Any, on_server: Any
) -> None:
    async for _ in collection.find().batch_size(2):
        break
    await async_wait_until(lambda: on_server() == 0)


@pytest.mark.parametrize("kind", ["find", "aggregate"])
async def test_abandoned_cursor_needs_no_garbage_collector(
    framework: Any, collection: Any, kind: str
) -> None:
    gc.disable()
    try:
        cursor = getattr(collection, kind)({} if kind == "find" else [])
        await cursor.to_list(3)
        with contextlib.suppress(TypeError):
            cursor.to_list("wrong")
        references = [weakref.ref(cursor), weakref.ref(cursor.delegate)]
        del cursor
        # The worker may hold on to it for a moment.
        await async_wait_until(lambda: [reference() for reference in references] == [None, None])
    finally:
        gc.enable()


async def test_rewound_live_cursor_is_closed_on_the_server(
    framework: Any, collection: Any, on_server: Any
) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.next()
    assert on_server() == 1
    # Held here: otherwise the garbage collector would close it.
    first = cursor.delegate
    cursor.rewind()
    assert cursor.delegate is not first
    await async_wait_until(lambda: on_server() == 0)
    await cursor.next()
    assert on_server() == 1
    await cursor.close()
    assert on_server() == 0


# Beginning again ----------------------------------------------------------------------------


async def test_rewind_starts_again(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    assert ids(await cursor.to_list(4)) == [0, 1, 2, 3]
    assert cursor.rewind() is cursor
    assert not cursor.started
    assert cursor.cursor_id is None
    assert ids(await cursor.to_list()) == list(range(10))
    assert ids(await cursor.rewind().limit(2).to_list()) == [0, 1]


async def test_rewind_opens_a_closed_cursor(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    await cursor.next()
    await cursor.close()
    cursor.rewind()
    assert not cursor.closed
    assert cursor.alive
    assert ids(await cursor.to_list()) == list(range(10))


async def test_rewind_of_an_unread_cursor_sends_nothing(
    framework: Any, collection: Any, commands: Any
) -> None:
    assert len(await collection.find().rewind().to_list()) == 10
    assert commands.names == ["find"]


async def test_rewind_while_a_read_is_under_way(
    framework: Any, collection: Any, commands: Any, slow: Any, on_server: Any
) -> None:
    cursor = collection.find().sort("_id").batch_size(2)
    with slow("find"):
        reading = cursor.to_list(1)
        await async_wait_until(lambda: commands.named("find"))
        cursor.rewind()
        await reading
    assert ids(await cursor.to_list()) == list(range(10))
    await async_wait_until(lambda: on_server() == 0)


COPIES = {
    "clone": lambda cursor: cursor.clone(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
async def test_copy_has_the_options_and_begins_anew(
    framework: Any, collection: Any, how: str
) -> None:
    query = {"_id": {"$gt": 3}}
    cursor = collection.find(query).sort("_id", -1).skip(1).limit(3).batch_size(2)
    await cursor.next()
    other = COPIES[how](cursor)
    assert type(other) is type(cursor)
    assert other.collection is collection
    assert not other.started
    assert ids(await other.to_list()) == [8, 7, 6]
    assert ids(await cursor.to_list()) == [7, 6]


async def test_only_deep_copies_have_a_query_of_their_own(framework: Any, collection: Any) -> None:
    query = {"_id": {"$in": [1]}}
    cursor = collection.find(query)
    shallow, deep, clone = copy.copy(cursor), copy.deepcopy(cursor), cursor.clone()
    query["_id"]["$in"].append(2)
    assert ids(await shallow.to_list()) == [1, 2]
    assert ids(await deep.to_list()) == [1]
    assert ids(await clone.to_list()) == [1]


# Errors -------------------------------------------------------------------------------------


READS = {
    "next": lambda cursor: cursor.next(),
    "to_list": lambda cursor: cursor.to_list(),
    "async for": lambda cursor: _run_through(cursor),
}


async def _run_through(cursor: Any) -> list[Any]:
    return [document async for document in cursor]


@pytest.mark.parametrize("read", READS)
async def test_error_in_the_first_batch(framework: Any, collection: Any, read: str) -> None:
    cursor = collection.find({"$no_such_operator": 1})
    with pytest.raises(OperationFailure, match="no_such_operator"):
        await READS[read](cursor)
    assert not cursor.alive
    assert await cursor.to_list() == []


@pytest.mark.parametrize("read", READS)
async def test_error_in_a_later_batch(
    framework: Any, collection: Any, sync_client: Any, read: str
) -> None:
    cursor = collection.find().batch_size(2)
    await cursor.to_list(2)
    sync_client[collection.database.name].command("killCursors", "test", cursors=[cursor.cursor_id])
    with pytest.raises(CursorNotFound):
        await READS[read](cursor)
    assert not cursor.alive


async def test_error_after_documents_loses_none_of_them(
    framework: Any, collection: Any, fail_point: Any
) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    with (
        fail_point(failCommands=["getMore"], errorCode=2, appName=APP_NAME),
        pytest.raises(OperationFailure),
    ):
        await cursor.to_list()
    assert ids(await cursor.to_list()) == [0, 1, 2]


async def test_expired_time_is_an_error(framework: Any, collection: Any) -> None:
    slow = collection.find({"$where": "sleep(100) || true"}).max_time_ms(20)
    with pytest.raises(OperationFailure) as caught:
        await slow.to_list()
    assert caught.value.code == 50
    assert len(await collection.find().to_list()) == 10
