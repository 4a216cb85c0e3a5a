"""Code for Motor 3 and code for PyMongo's async API, side by side: both run here, unchanged.

Each test is a line of either dialect as users write it. Other files test the details and edge
cases.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pymongo.asynchronous.collection
import pymongo.asynchronous.database
import pymongo.asynchronous.mongo_client
import pytest
from pymongo.errors import InvalidOperation, OperationFailure

from support import CommandRecorder, Framework, async_wait_until
from support.cursors import ids

pytestmark = pytest.mark.every_loop

in_order: list[Any] = [{"$sort": {"_id": 1}}]


@pytest.fixture
def three(sync_db: Any, collection: Any) -> Any:
    """A collection of three documents."""
    sync_db.test.insert_many([{"_id": n} for n in range(3)])
    return collection


# Latent cursors -----------------------------------------------------------------------------


async def test_motor_iterates_an_aggregate_that_was_not_awaited(three: Any) -> None:
    assert [d["_id"] async for d in three.aggregate(in_order)] == [0, 1, 2]
    async with three.aggregate(in_order) as cursor:
        assert await cursor.next() == {"_id": 0}


async def test_pymongo_awaits_an_aggregate_and_iterates_its_cursor(three: Any) -> None:
    cursor = await three.aggregate(in_order)
    assert [d["_id"] async for d in cursor] == [0, 1, 2]
    async with await three.aggregate(in_order) as cursor:
        assert ids(await cursor.to_list()) == [0, 1, 2]


async def test_awaiting_an_aggregate_tells_of_its_error(three: Any) -> None:
    with pytest.raises(OperationFailure):
        await three.aggregate([{"$nonsense": {}}])


async def test_both_dialects_await_lists_of_databases_and_collections(
    client: Any, db: Any, three: Any
) -> None:
    # A coroutine in either, of which nothing but `await` was possible; here `async for` is too.
    assert [c["name"] async for c in await db.list_collections()] == ["test"]
    assert [c["name"] async for c in db.list_collections()] == ["test"]
    assert db.name in [d["name"] async for d in await client.list_databases()]


async def test_motor_lists_indexes_without_and_pymongo_with_await(three: Any) -> None:
    assert [i["name"] async for i in three.list_indexes()] == ["_id_"]
    assert [i["name"] async for i in await three.list_indexes()] == ["_id_"]


async def test_an_awaited_cursor_may_be_awaited_again(framework: Framework, three: Any) -> None:
    cursor = three.aggregate(in_order)
    assert await cursor is cursor
    assert await cursor.next() == {"_id": 0}
    assert await cursor is cursor
    assert ids(await cursor.to_list()) == [1, 2]


async def test_latent_cursors_run_at_once_as_tasks(framework: Framework, three: Any) -> None:
    first, second = three.aggregate(in_order), three.list_indexes()
    assert await asyncio.gather(first, second) == [first, second]
    third = three.aggregate(in_order)
    assert await asyncio.create_task(third) is third
    assert all(cursor.delegate is not None for cursor in (first, second, third))
    assert ids(await third.to_list()) == ids(await first.to_list()) == [0, 1, 2]


async def test_find_is_no_coroutine_in_either_dialect(three: Any) -> None:
    cursor = three.find().sort("_id")
    assert [d["_id"] async for d in cursor] == [0, 1, 2]
    async with three.find() as cursor:
        await cursor.next()
    assert cursor.closed


# Change streams -----------------------------------------------------------------------------


async def inserted(stream: Any, collection: Any) -> Any:
    """What `stream` sees of an insertion."""
    await collection.insert_one({"_id": "seen"})
    return (await stream.next())["documentKey"]["_id"]


async def test_motor_enters_a_change_stream_that_was_not_awaited(collection: Any) -> None:
    async with collection.watch() as stream:
        assert await inserted(stream, collection) == "seen"


async def test_pymongo_enters_a_change_stream_that_was_awaited(collection: Any) -> None:
    async with await collection.watch() as stream:
        assert await inserted(stream, collection) == "seen"


async def test_an_awaited_change_stream_may_be_awaited_again(collection: Any) -> None:
    stream = collection.watch()
    assert await stream is stream
    opened = stream.delegate
    assert opened is not None
    assert await stream is stream
    assert stream.delegate is opened
    await stream.close()


async def test_change_streams_are_opened_at_once_as_tasks(db: Any, collection: Any) -> None:
    first, second = collection.watch(), db.watch()
    assert await asyncio.gather(first, second) == [first, second]
    third = collection.watch()
    assert await asyncio.create_task(third) is third
    assert await inserted(third, collection) == "seen"
    for stream in (first, second, third):
        assert stream.delegate is not None
        await stream.close()


# Sessions and transactions ------------------------------------------------------------------


async def test_motor_enters_a_session_that_was_awaited(client: Any, three: Any) -> None:
    async with await client.start_session() as session:
        assert await three.count_documents({}, session=session) == 3
    assert session.has_ended


async def test_pymongo_enters_a_session_that_was_not_awaited(client: Any, three: Any) -> None:
    async with client.start_session() as session:
        assert await three.count_documents({}, session=session) == 3
    assert session.has_ended


async def test_a_session_is_awaited_and_gathered_as_often_as_one_likes(client: Any) -> None:
    session = client.start_session()
    assert await session is session is await session
    assert await asyncio.create_task(session) is session
    others = [client.start_session(), client.start_session()]
    assert await asyncio.gather(session, *others) == [session, *others]
    for one in (session, *others):
        await one.end_session()


async def insert_and_fail(collection: Any, session: Any) -> None:
    await collection.insert_one({"_id": "never"}, session=session)
    raise LookupError


async def test_motor_enters_a_transaction_that_was_not_awaited(client: Any, three: Any) -> None:
    async with await client.start_session() as session:
        async with session.start_transaction():
            await three.insert_one({"_id": "kept"}, session=session)
        with pytest.raises(LookupError):
            async with session.start_transaction():
                await insert_and_fail(three, session)
    assert await three.distinct("_id") == [0, 1, 2, "kept"]


async def test_pymongo_enters_a_transaction_that_was_awaited(client: Any, three: Any) -> None:
    async with client.start_session() as session:
        async with await session.start_transaction():
            await three.insert_one({"_id": "kept"}, session=session)
        with pytest.raises(LookupError):
            async with await session.start_transaction():
                await insert_and_fail(three, session)
    assert await three.distinct("_id") == [0, 1, 2, "kept"]


@pytest.mark.parametrize("keyword", ["coro", "callback"])
async def test_with_transaction_takes_the_keyword_of_either_dialect(
    client: Any, three: Any, keyword: str
) -> None:
    async def add(session: Any) -> str:
        await three.insert_one({"_id": "added"}, session=session)
        return "result"

    async with await client.start_session() as session:
        assert await session.with_transaction(**{keyword: add}) == "result"
    assert await three.count_documents({"_id": "added"}) == 1


# Clients ------------------------------------------------------------------------------------


async def test_motor_closes_without_await(client: Any, three: Any) -> None:
    assert await three.count_documents({}) == 3
    client.close()
    with pytest.raises(InvalidOperation):
        await three.count_documents({})


async def test_pymongo_awaits_close(client_factory: Any, commands: CommandRecorder) -> None:
    client = client_factory(event_listeners=[commands])
    await client.admin.command("ping")
    assert await client.close() is None
    assert "endSessions" in commands.names


async def test_pymongo_closes_at_the_end_of_a_block(client: Any, three: Any) -> None:
    async with client as entered:
        assert entered is client
        assert await three.count_documents({}) == 3
    with pytest.raises(InvalidOperation):
        await three.count_documents({})


def test_close_works_with_no_loop_running(
    client_factory: Any, framework: Framework, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])

    async def ping() -> None:
        await client.admin.command("ping")

    framework.run(ping)
    client.close()
    assert "endSessions" in commands.names


# Reading cursors ----------------------------------------------------------------------------


async def test_motor_reads_lists_of_a_length(three: Any) -> None:
    cursor = three.find().sort("_id")
    assert ids(await cursor.to_list(2)) == [0, 1]
    assert ids(await cursor.to_list(length=None)) == [2]


async def test_motor_reads_with_each(three: Any) -> None:
    seen: list[Any] = []
    three.find().sort("_id").each(lambda document, error: seen.append(document))
    await async_wait_until(lambda: None in seen)
    assert seen == [{"_id": 0}, {"_id": 1}, {"_id": 2}, None]


@pytest.mark.filterwarnings("ignore:The (fetch_next|next_object) :DeprecationWarning")
async def test_motor_reads_with_fetch_next(three: Any) -> None:
    cursor, seen = three.find().sort("_id"), []
    while await cursor.fetch_next:
        seen.append(cursor.next_object())
    assert ids(seen) == [0, 1, 2]


async def test_pymongo_reads_lists_of_all(three: Any) -> None:
    assert ids(await three.find().sort("_id").to_list()) == [0, 1, 2]
    assert ids(await (await three.aggregate(in_order)).to_list()) == [0, 1, 2]


async def test_pymongo_reads_one_after_the_other(framework: Framework, three: Any) -> None:
    cursor = three.find().sort("_id")
    assert await cursor.next() == {"_id": 0}
    assert await anext(cursor) == {"_id": 1}
    assert [d async for d in cursor] == [{"_id": 2}]
    with pytest.raises(StopAsyncIteration):
        await cursor.next()


# Names --------------------------------------------------------------------------------------


def test_an_unknown_attribute_is_a_database_or_a_collection(
    framework: Framework, client: Any
) -> None:
    assert isinstance(client.shop, framework.Database)
    assert isinstance(client.shop.orders, framework.Collection)
    assert isinstance(client.shop.orders.old, framework.Collection)
    assert client.shop.orders.old == client["shop"]["orders.old"]


TWINS = {
    "Client": pymongo.asynchronous.mongo_client.AsyncMongoClient,
    "Database": pymongo.asynchronous.database.AsyncDatabase,
    "Collection": pymongo.asynchronous.collection.AsyncCollection,
}


@pytest.mark.parametrize("name", TWINS)
def test_a_name_that_pymongo_defines_is_no_database_or_collection(
    framework: Framework, client: Any, name: str
) -> None:
    owner = {"Client": client, "Database": client.shop, "Collection": client.shop.orders}[name]
    names = [member for member in dir(TWINS[name]) if not member.startswith("_")]
    assert len(names) > 15
    namespaces = (framework.Database, framework.Collection)
    # A collection's database, of course, is one. PyMongo has `next` only to say that there is none.
    taken = [n for n in names if isinstance(getattr(owner, n), namespaces)]
    assert set(taken) <= {"database", "next"}


# Loops --------------------------------------------------------------------------------------


def test_motor_is_given_a_loop(framework: Framework, client_factory: Any) -> None:
    loop = framework.new_loop()
    try:
        client = client_factory(io_loop=loop)
        assert client.io_loop is client.get_io_loop() is client.shop.get_io_loop() is loop
        future = client.admin.command("ping")
        assert getattr(loop, "asyncio_loop", loop).run_until_complete(future)["ok"] == 1
    finally:
        loop.close()


async def test_motor_is_asked_for_the_running_loop(framework: Framework, client: Any) -> None:
    assert client.get_io_loop() is client.io_loop is framework.current_loop()


def test_motor_has_its_get_io_loop_assigned(framework: Framework, client: Any) -> None:
    # As users of test frameworks do, whose loop changes from test to test.
    loop = framework.new_loop()
    try:
        client.get_io_loop = lambda: loop
        future = client.admin.command("ping")
        assert getattr(loop, "asyncio_loop", loop).run_until_complete(future)["ok"] == 1
    finally:
        loop.close()
