"""The cursors of commands, most of them latent: the command is sent when they are first used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bson import SON, CodecOptions
from pymongo import ReadPreference
from pymongo.collation import Collation
from pymongo.errors import CursorNotFound, InvalidOperation, OperationFailure

from support import async_wait_until
from support.cursors import ids, open_cursors
from support.errors import raises_as, raises_code

APP_NAME = "command-cursor"
SORTED: list[Any] = [{"$sort": {"_id": 1}}]


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


# Not sent yet -------------------------------------------------------------------------------

LATENT = {
    "aggregate": lambda collection: collection.aggregate([]),
    "aggregate of the database": lambda collection: collection.database.aggregate(
        [{"$documents": [{"_id": 1}]}]
    ),
    "aggregate_raw_batches": lambda collection: collection.aggregate_raw_batches([]),
    "cursor_command": lambda collection: collection.database.cursor_command("find", "test"),
    "list_collections": lambda collection: collection.database.list_collections(),
    "list_databases": lambda collection: collection.database.client.list_databases(),
    "list_indexes": lambda collection: collection.list_indexes(),
}


async def test_latent_cursors_send_nothing_before_use(
    framework: Any, collection: Any, commands: Any
) -> None:
    for make in LATENT.values():
        cursor = make(collection)
        assert isinstance(cursor, framework.CommandCursor)
        assert not cursor.started
        assert cursor.alive
        assert (cursor.cursor_id, cursor.address, cursor.session) == (None, None, None)
        assert "not sent yet" in repr(cursor)
    assert commands.names == []


async def test_latent_cursors_can_be_awaited(
    framework: Any, collection: Any, commands: Any
) -> None:
    for what, make in LATENT.items():
        commands.clear()
        cursor = make(collection)
        assert await cursor is cursor
        assert cursor.started
        assert len(commands) == 1, what
        assert await cursor is cursor
        assert len(commands) == 1, what
        assert len(await cursor.to_list()) > 0, what
        assert cursor.cursor_id == 0


async def test_latent_cursors_can_be_read_at_once(framework: Any, collection: Any) -> None:
    for what, make in LATENT.items():
        documents = [document async for document in make(collection)]
        assert len(documents) > 0, what
        assert len(await make(collection).to_list()) == len(documents)
        async with make(collection) as cursor:
            assert type(await cursor.next()) is type(documents[0])


async def test_entering_a_latent_cursor_sends_nothing(
    framework: Any, collection: Any, commands: Any
) -> None:
    """As in Motor 3: an error of the command belongs to the block. PyMongo Async awaits first."""
    for make in LATENT.values():
        async with make(collection) as cursor:
            assert not cursor.started
        assert await cursor.to_list() == []
    assert commands.names == []
    async with collection.aggregate([{"$nonsense": 1}]) as cursor:
        with pytest.raises(OperationFailure):
            await cursor.next()
    with pytest.raises(OperationFailure):
        async with await collection.aggregate([{"$nonsense": 1}]):
            pytest.fail("the command has failed")


async def test_search_indexes_need_atlas_but_are_latent(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.list_search_indexes()
    assert commands.names == []
    with pytest.raises(OperationFailure):
        await cursor.to_list()


async def test_wrong_arguments_are_told_of_at_once(framework: Any, collection: Any) -> None:
    with pytest.raises(TypeError, match="pipeline"):
        collection.aggregate()
    with pytest.raises(TypeError):
        collection.list_indexes(1, 2, 3)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (lambda c: c.aggregate([], allowDiskUs=True), "allowDiskUse"),
        (lambda c: c.aggregate([], allow_disk_use=True), "allowDiskUse"),
        (lambda c: c.aggregate_raw_batches([], maxTimeMs=10), "maxTimeMS"),
        (lambda c: c.database.aggregate([], batch_size=5), "batchSize"),
        (lambda c: c.database.list_collections(name_only=True), "nameOnly"),
        (lambda c: c.database.client.list_databases(nameonly=True), "nameOnly"),
    ],
)
async def test_misspelt_options_are_told_of_at_once(
    framework: Any, collection: Any, commands: Any, wrong: Any, meant: str
) -> None:
    with pytest.raises(TypeError, match=f"Did you mean '{meant}'?"):
        wrong(collection)
    assert commands.names == []


async def test_options_of_newer_servers_are_passed_on(
    framework: Any, collection: Any, commands: Any
) -> None:
    # The server decides.
    with pytest.raises(OperationFailure):
        await collection.aggregate([], optionOfTomorrow=1)
    assert "optionOfTomorrow" in commands[0].command


async def test_pipeline_is_a_list(framework: Any, collection: Any, commands: Any) -> None:
    with pytest.raises(TypeError, match="must be a list, not <class 'dict'>: put the stage into"):
        collection.aggregate({"$match": {}})
    for pipeline in (({"$match": {}},), None, "$match"):
        with pytest.raises(TypeError, match="pipeline must be a list, not"):
            collection.database.aggregate(pipeline)
    assert commands.names == []


async def test_latent_cursor_in_a_session(framework: Any, collection: Any, commands: Any) -> None:
    async with collection.database.client.start_session() as session:
        cursor = collection.aggregate(SORTED, session=session, batchSize=4)
        assert cursor.session is session
        assert ids(await cursor.to_list()) == list(range(10))
        assert cursor.session is session
        lsids = {event.command["lsid"]["id"] for event in commands.named("aggregate", "getMore")}
        assert lsids == {session.session_id["id"]}


async def test_arguments_reach_the_server(framework: Any, collection: Any, commands: Any) -> None:
    cursor = collection.aggregate(
        SORTED, allowDiskUse=True, comment="c", hint="_id_", let={"a": 1}, maxTimeMS=5000,
        collation=Collation("en"), batchSize=3,
    )  # fmt: skip
    assert len(await cursor.to_list()) == 10
    sent = commands.named("aggregate")[0].command
    assert sent["allowDiskUse"] is True
    assert (sent["comment"], sent["hint"], sent["let"]) == ("c", "_id_", {"a": 1})
    assert (sent["maxTimeMS"], sent["cursor"]) == (5000, {"batchSize": 3})
    assert sent["collation"] == {"locale": "en"}
    assert commands.named("getMore")[0].command["comment"] == "c"


async def test_command_runs_in_the_context_it_is_first_read_in(
    framework: Any, collection: Any
) -> None:
    # Documents' class and read preference are the collection's.
    secondary = collection.with_options(
        codec_options=CodecOptions(document_class=SON),
        read_preference=ReadPreference.PRIMARY_PREFERRED,
    )
    assert type(await secondary.aggregate([]).next()) is SON
    assert {type(d) for d in await secondary.aggregate([], batchSize=3).to_list()} == {SON}


async def test_out_and_merge_run_when_awaited(
    framework: Any, collection: Any, sync_db: Any
) -> None:
    cursor = collection.aggregate([*SORTED, {"$out": "copied"}])
    assert sync_db.copied.count_documents({}) == 0
    await cursor
    assert sync_db.copied.count_documents({}) == 10
    assert await cursor.to_list() == []
    assert await collection.aggregate([{"$merge": {"into": "merged"}}]).to_list() == []
    assert sync_db.merged.count_documents({}) == 10


# Reading ------------------------------------------------------------------------------------


async def test_batches_are_crossed(framework: Any, collection: Any, commands: Any) -> None:
    for batch_size in (0, 1, 3, 10, 100):
        commands.clear()
        cursor = collection.aggregate(SORTED)
        assert cursor.batch_size(batch_size) is cursor
        assert [document["_id"] async for document in cursor] == list(range(10))
        assert commands[0].command["cursor"] == {"batchSize": batch_size}


async def test_batch_size_may_change_between_batches(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.aggregate(SORTED, batchSize=2)
    assert ids(await cursor.to_list(2)) == [0, 1]
    assert cursor.batch_size(5) is cursor
    assert ids(await cursor.to_list(3)) == [2, 3, 4]
    assert commands.named("getMore")[0].command["batchSize"] == 5
    await cursor.close()


@pytest.mark.parametrize("sent", [False, True])
async def test_wrong_batch_size_is_refused(framework: Any, collection: Any, sent: bool) -> None:
    cursor = collection.aggregate([])
    if sent:
        await cursor
    for wrong in ("a", -1):
        with raises_as(collection.delegate.aggregate([]).batch_size, wrong):
            cursor.batch_size(wrong)


async def test_to_list_leaves_the_rest(framework: Any, collection: Any) -> None:
    cursor = collection.aggregate(SORTED, batchSize=2)
    assert await cursor.to_list(0) == []
    assert ids(await cursor.to_list(3)) == [0, 1, 2]
    assert (await cursor.next())["_id"] == 3
    assert (await cursor.try_next())["_id"] == 4
    assert ids(await cursor.to_list()) == [5, 6, 7, 8, 9]
    assert await cursor.to_list(1) == []
    with pytest.raises(StopAsyncIteration):
        await cursor.next()


async def test_try_next_gives_none_at_the_end(framework: Any, collection: Any) -> None:
    cursor = collection.aggregate([{"$match": {"_id": 1}}])
    assert await cursor.try_next() == {"_id": 1}
    assert await cursor.try_next() is None
    assert not cursor.alive


async def test_results_of_commands_are_not_indexed(framework: Any, collection: Any) -> None:
    cursor = collection.aggregate([])
    with pytest.raises(InvalidOperation, match="__getitem__"):
        cursor[0]
    with pytest.raises(TypeError, match=type(cursor).__name__):
        iter(cursor)


async def test_cursor_belongs_to_what_made_it(framework: Any, collection: Any) -> None:
    database, client = collection.database, collection.database.client
    assert collection.aggregate([]).collection is collection
    assert database.list_collections().collection is database
    assert client.list_databases().collection is client


async def test_cursor_command_takes_any_command(framework: Any, collection: Any) -> None:
    database = collection.database
    cursor = await database.cursor_command({"find": "test", "batchSize": 3, "sort": {"_id": 1}})
    assert ids(await cursor.to_list()) == list(range(10))
    with raises_as(database.delegate.cursor_command, "ping"):
        await database.cursor_command("ping")


# Closing ------------------------------------------------------------------------------------


async def test_close_before_use_prevents_the_command(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.aggregate([{"$out": "copied"}])
    await cursor.close()
    assert not cursor.alive
    assert await cursor.to_list() == []
    assert await cursor is cursor
    with pytest.raises(StopAsyncIteration):
        await cursor.next()
    assert await cursor.try_next() is None
    assert commands.names == []


async def test_closed_cursor_gives_the_batch_that_came_when_it_was_awaited(
    framework: Any, collection: Any, commands: Any
) -> None:
    async with await collection.aggregate(SORTED, batchSize=3) as cursor:
        assert commands.names == ["aggregate"]
    assert cursor.closed
    assert cursor.alive
    assert ids(await cursor.to_list()) == [0, 1, 2]
    assert not cursor.alive
    assert commands.names == ["aggregate", "killCursors"]
    # One of which nothing was left on the server.
    cursor = await collection.aggregate(SORTED)
    await cursor.close()
    assert len(await cursor.to_list()) == 10


async def test_close_closes_on_the_server(
    framework: Any, collection: Any, commands: Any, on_server: Any
) -> None:
    cursor = await collection.aggregate([], batchSize=2)
    assert cursor.cursor_id > 0
    assert cursor.address == collection.database.client.address
    assert on_server() == 1
    await cursor.close()
    await cursor.close()
    assert on_server() == 0
    assert len(commands.named("killCursors")) == 1
    async with collection.aggregate([], batchSize=2) as cursor:
        await cursor.next()
        assert on_server() == 1
    assert on_server() == 0


async def test_abandoned_cursors_are_closed_on_the_server(
    framework: Any, collection: Any, on_server: Any
) -> None:
    await collection.aggregate([], batchSize=2)
    async for _ in collection.aggregate([], batchSize=2):
        break
    # Well before the garbage collector comes, which these tests seldom see.
    await async_wait_until(lambda: on_server() == 0)


async def test_close_while_the_command_is_under_way(
    framework: Any, collection: Any, commands: Any, hold: Any, on_server: Any
) -> None:
    cursor = collection.aggregate([], batchSize=2)
    with hold("aggregate"):
        waiting = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("aggregate"))
        closing = asyncio.ensure_future(cursor.close())
        await asyncio.sleep(0)
    await closing
    with pytest.raises(StopAsyncIteration):
        await waiting
    await async_wait_until(lambda: on_server() == 0)
    assert len(commands.named("killCursors")) == 1


# Cancelling ---------------------------------------------------------------------------------


async def test_cancelled_await_closes_the_cursor(
    framework: Any, collection: Any, commands: Any, hold: Any, on_server: Any
) -> None:
    with hold("aggregate"):
        # Held here: otherwise the garbage collector would close it.
        cursor = collection.aggregate([], batchSize=2)
        task = asyncio.ensure_future(cursor)
        await async_wait_until(lambda: commands.named("aggregate"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await async_wait_until(lambda: commands.named("killCursors"))
    await async_wait_until(lambda: on_server() == 0)
    assert not cursor.alive


async def test_cancelled_first_read_loses_nothing(
    framework: Any, collection: Any, commands: Any, hold: Any
) -> None:
    for read in (lambda cursor: cursor.next(), lambda cursor: cursor.to_list(4)):
        commands.clear()
        cursor = collection.aggregate(SORTED, batchSize=3)
        with hold("aggregate"):
            task = asyncio.ensure_future(read(cursor))
            await async_wait_until(lambda: commands.named("aggregate"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert ids(await cursor.to_list()) == list(range(10))
        assert len(commands.named("aggregate")) == 1


# Errors -------------------------------------------------------------------------------------


async def test_failed_command_leaves_a_dead_cursor(framework: Any, collection: Any) -> None:
    for read in ("await", "next", "try_next", "to_list"):
        cursor = collection.aggregate([{"$no_such_stage": 1}])
        with raises_code(40324):
            await (cursor if read == "await" else getattr(cursor, read)())
        assert not cursor.alive, read
        assert await cursor.to_list() == []
        assert await cursor.try_next() is None


async def test_error_in_a_later_batch(framework: Any, collection: Any, sync_db: Any) -> None:
    cursor = collection.aggregate(SORTED, batchSize=2)
    assert ids(await cursor.to_list(2)) == [0, 1]
    sync_db.command("killCursors", "test", cursors=[cursor.cursor_id])
    with pytest.raises(CursorNotFound):
        await cursor.next()
    assert not cursor.alive


async def test_error_of_a_cancelled_first_read_is_not_lost(
    framework: Any, collection: Any, commands: Any, fail_point: Any, sync_client: Any
) -> None:
    def interrupt() -> bool:
        """Let the command fail that the server holds up."""
        this = {"appName": APP_NAME, "command.aggregate": "test"}
        found = sync_client.admin.aggregate([{"$currentOp": {}}, {"$match": this}]).to_list()
        for operation in found:
            sync_client.admin.command("killOp", op=operation["opid"])
        return found != []

    cursor = collection.aggregate([])
    slow = {"blockConnection": True, "blockTimeMS": 600_000, "mode": {"times": 1}}
    with fail_point(failCommands=["aggregate"], appName=APP_NAME, **slow):
        task = asyncio.ensure_future(cursor.next())
        await async_wait_until(lambda: commands.named("aggregate"))
        task.cancel()
        failing = asyncio.ensure_future(async_wait_until(interrupt))
        with raises_code(11601):
            await cursor.next()
        await failing
    assert not cursor.alive


async def test_many_tasks_share_a_cursor(framework: Any, collection: Any) -> None:
    cursor = collection.aggregate(SORTED, batchSize=1)

    async def read() -> list[Any]:
        return [document["_id"] async for document in cursor]

    parts = await asyncio.gather(read(), read(), read())
    assert sorted(i for part in parts for i in part) == list(range(10))
