"""The cursors of `find`: their options, and the ways to read them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import SON, Code, CodecOptions, Decimal128
from bson.codec_options import TypeDecoder, TypeRegistry
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING
from pymongo.collation import Collation
from pymongo.cursor_shared import CursorType
from pymongo.errors import InvalidOperation, OperationFailure
from pymongo.monitoring import CommandListener

from support.cursors import ids, open_cursors


@pytest.fixture(autouse=True)
def ten_documents(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i, "parity": i % 2} for i in range(10)])


@pytest.fixture
def collection(client_factory: Any, commands: Any, db_name: str) -> Any:
    return client_factory(event_listeners=[commands])[db_name]["test"]


# Options ------------------------------------------------------------------------------------

SENT = {
    "allow_disk_use": ((True,), {"allowDiskUse": True}),
    "add_option": ((16,), {"noCursorTimeout": True}),
    "batch_size": ((2,), {"batchSize": 2}),
    "collation": ((Collation("en"),), {"collation": {"locale": "en"}}),
    "comment": (("because",), {"comment": "because"}),
    "hint": (("_id_",), {"hint": "_id_"}),
    "limit": ((3,), {"limit": 3}),
    "max_time_ms": ((5000,), {"maxTimeMS": 5000}),
    "skip": ((2,), {"skip": 2}),
    "sort": (("_id", DESCENDING), {"sort": {"_id": -1}}),
    "where": (("this._id < 3",), {"filter": {"$where": Code("this._id < 3")}}),
}


async def test_options_are_chained_and_sent(framework: Any, collection: Any, commands: Any) -> None:
    for option, (args, expected) in SENT.items():
        commands.clear()
        cursor = collection.find()
        assert getattr(cursor, option)(*args) is cursor, option
        assert len(commands) == 0
        await cursor.to_list()
        sent = commands.named("find")[0].command
        assert {name: sent[name] for name in expected} == expected


async def test_options_are_arguments_of_find_too(
    framework: Any, collection: Any, commands: Any
) -> None:
    found = await collection.find(
        {"parity": 1}, {"_id": 1}, skip=1, limit=3, sort=[("_id", -1)], batch_size=2, comment="c"
    ).to_list()
    assert found == [{"_id": 7}, {"_id": 5}, {"_id": 3}]
    assert commands.named("find")[0].command["comment"] == "c"
    assert commands.named("getMore")[0].command["comment"] == "c"


async def test_options_chain_one_after_the_other(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort([("parity", ASCENDING), ("_id", DESCENDING)]).skip(1).limit(6)
    assert ids(await cursor.to_list()) == [6, 4, 2, 0, 9, 7]


async def test_min_and_max_need_a_hint(framework: Any, collection: Any) -> None:
    bounds = collection.find().min([("_id", 3)]).max([("_id", 6)])
    with pytest.raises(InvalidOperation, match="hint"):
        await bounds.clone().to_list()
    assert ids(await bounds.hint([("_id", 1)]).to_list()) == [3, 4, 5]


async def test_where_runs_on_the_server(framework: Any, collection: Any) -> None:
    assert ids(await collection.find().where("this._id < 3").to_list()) == [0, 1, 2]


async def test_collation_orders(framework: Any, collection: Any, sync_db: Any) -> None:
    sync_db.words.insert_many([{"_id": "b"}, {"_id": "A"}, {"_id": "a"}, {"_id": "B"}])
    words = collection.database.words.find().sort("_id")
    assert ids(await words.clone().to_list()) == ["A", "B", "a", "b"]
    german = words.collation(Collation("de"))
    assert ids(await german.to_list()) == ["a", "A", "b", "B"]


async def test_removed_option_is_not_sent(framework: Any, collection: Any, commands: Any) -> None:
    cursor = collection.find().add_option(16)
    assert cursor.remove_option(16) is cursor
    await cursor.to_list()
    assert "noCursorTimeout" not in commands.named("find")[0].command


async def test_max_scan_gets_the_servers_refusal(framework: Any, collection: Any) -> None:
    with pytest.raises(OperationFailure, match="maxScan"):
        await collection.find().max_scan(1).to_list()


async def test_options_cannot_be_set_once_started(framework: Any, collection: Any) -> None:
    options = {option: args for option, (args, _) in SENT.items()}
    options |= {"max_await_time_ms": (5,), "max_scan": (5,), "remove_option": (16,)}
    options |= {"min": ([("_id", 1)],), "max": ([("_id", 1)],), "__getitem__": (slice(1, 2),)}
    async with collection.find(batch_size=2) as cursor:
        await cursor.next()
        for option, args in options.items():
            with pytest.raises(InvalidOperation, match="cannot set options after executing query"):
                getattr(cursor, option)(*args)


async def test_wrong_options_are_told_of_at_once(framework: Any, collection: Any) -> None:
    with pytest.raises(TypeError):
        collection.find(1)
    with pytest.raises(TypeError):
        collection.find(no_such_option=1)
    with pytest.raises(TypeError):
        collection.find().limit("a")
    with pytest.raises(ValueError, match="skip"):
        collection.find().skip(-1)
    with pytest.raises(ValueError, match="batch_size"):
        collection.find().batch_size(-1)


# Slices -------------------------------------------------------------------------------------


async def test_slice_skips_and_limits(framework: Any, collection: Any) -> None:
    for part in (slice(2, 5), slice(None, 3), slice(8, None), slice(4, 4)):
        cursor = collection.find().sort("_id")
        assert cursor[part] is cursor
        assert ids(await cursor.to_list()) == list(range(10))[part]


async def test_index_is_refused_with_advice(framework: Any, collection: Any) -> None:
    with pytest.raises(TypeError, match=r"limit\(-1\)\.next\(\)"):
        collection.find()[3]
    assert (await collection.find().sort("_id").skip(3).limit(-1).next())["_id"] == 3


async def test_wrong_slices_are_refused(framework: Any, collection: Any) -> None:
    for wrong in (slice(-1, 2), slice(0, 9, 2), slice(3, 1)):
        with pytest.raises(IndexError):
            collection.find()[wrong]


# Reading ------------------------------------------------------------------------------------


async def test_async_for_reads_to_the_end(framework: Any, collection: Any) -> None:
    for batch_size in (0, 1, 3, 10, 100):
        cursor = collection.find().sort("_id").batch_size(batch_size)
        assert [document["_id"] async for document in cursor] == list(range(10))
        assert not cursor.alive


async def test_limit_is_kept_across_batches(framework: Any, collection: Any) -> None:
    for limit in (1, 3, 4, 7, 10, 20):
        cursor = collection.find().sort("_id").limit(limit).batch_size(3)
        assert ids(await cursor.to_list()) == list(range(10))[:limit]


async def test_next_reads_one_and_stops_at_the_end(framework: Any, collection: Any) -> None:
    cursor = collection.find({"_id": {"$lt": 2}}).sort("_id")
    assert await cursor.next() == {"_id": 0, "parity": 0}
    assert await anext(cursor) == {"_id": 1, "parity": 1}
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await cursor.next()


async def test_nothing_is_sent_before_the_first_read(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.find()
    assert not cursor.started
    assert len(commands) == 0
    await cursor.next()
    assert cursor.started
    assert commands.names == ["find"]


async def test_to_list_leaves_the_rest(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(2)
    assert ids(await cursor.to_list(3)) == [0, 1, 2]
    assert (await cursor.next())["_id"] == 3
    assert ids(await cursor.to_list(2)) == [4, 5]
    assert [document["_id"] async for document in cursor] == [6, 7, 8, 9]
    assert await cursor.to_list(2) == []


async def test_to_list_without_length_reads_all(framework: Any, collection: Any) -> None:
    for length in ([], [None], [10], [1000]):
        cursor = collection.find().sort("_id").batch_size(3)
        assert ids(await cursor.to_list(*length)) == list(range(10))
    assert ids(await collection.find().sort("_id").to_list(length=1)) == [0]


async def test_to_list_of_zero_runs_the_query_and_loses_nothing(
    framework: Any, collection: Any, commands: Any
) -> None:
    cursor = collection.find().sort("_id")
    assert await cursor.to_list(0) == []
    assert commands.names == ["find"]
    assert ids(await cursor.to_list()) == list(range(10))


async def test_to_list_of_zero_tells_of_a_bad_query(framework: Any, collection: Any) -> None:
    with pytest.raises(OperationFailure):
        await collection.find({"$bad": 1}).to_list(0)


async def test_to_list_of_a_closed_cursor_is_what_is_left(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(3)
    await cursor.to_list(1)
    await cursor.close()
    assert ids(await cursor.to_list()) == [1, 2]
    assert await cursor.to_list(0) == []


async def test_to_list_refuses_wrong_lengths_at_once(framework: Any, collection: Any) -> None:
    cursor = collection.find()
    with pytest.raises(ValueError, match="length must be non-negative"):
        cursor.to_list(-1)
    with pytest.raises(TypeError, match="length must be an int, not 'a'"):
        cursor.to_list("a")
    assert not cursor.started


async def test_empty_result(framework: Any, collection: Any) -> None:
    nothing = {"_id": -1}
    assert await collection.find(nothing).to_list() == []
    assert [document async for document in collection.find(nothing)] == []
    with pytest.raises(StopAsyncIteration):
        await collection.find(nothing).next()


async def test_documents_come_in_the_collections_class(framework: Any, collection: Any) -> None:
    for document_class in (dict, SON, OrderedDict, RawBSONDocument):
        options = CodecOptions(document_class=document_class)
        cursor = collection.with_options(codec_options=options).find().batch_size(3)
        assert {type(document) async for document in cursor} == {document_class}
        listed = await cursor.rewind().to_list()
        assert {type(document) for document in listed} == {document_class}


class _Price(TypeDecoder):
    bson_type = Decimal128

    def transform_bson(self, value: Decimal128) -> str:
        return f"{value} €"


async def test_type_registry_decodes(framework: Any, collection: Any, sync_db: Any) -> None:
    when = datetime(2024, 2, 29, tzinfo=UTC)
    sync_db.prices.insert_one({"_id": 1, "price": Decimal128("9.99"), "when": when})
    options = CodecOptions(type_registry=TypeRegistry([_Price()]), tz_aware=True)
    prices = collection.database.get_collection("prices", codec_options=options)
    expected = {"_id": 1, "price": "9.99 €", "when": when}
    assert await prices.find().next() == expected
    assert await prices.find().to_list() == [expected]


async def test_cursor_in_a_session_reads_in_it(
    framework: Any, collection: Any, commands: Any
) -> None:
    async with collection.database.client.start_session() as session:
        cursor = collection.find(session=session).batch_size(4)
        assert cursor.session is session
        assert len(await cursor.to_list()) == 10
        lsids = {event.command["lsid"]["id"] for event in commands.named("find", "getMore")}
        assert lsids == {session.session_id["id"]}
    assert collection.find().session is None


# Questions about the query ------------------------------------------------------------------


async def test_distinct_keeps_to_the_query(framework: Any, collection: Any) -> None:
    assert await collection.find({"_id": {"$gt": 0}}).distinct("parity") == [0, 1]
    assert await collection.find({"_id": 3}).distinct("parity") == [1]


async def test_explain_describes_the_query(framework: Any, collection: Any) -> None:
    cursor = collection.find({"parity": 1}).limit(2)
    plan = await cursor.explain()
    assert plan["queryPlanner"]["parsedQuery"] == {"parity": {"$eq": 1}}
    assert not cursor.started
    assert len(await cursor.to_list()) == 2


class _Sequence(CommandListener):
    """The commands' beginnings and ends, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def started(self, event: Any) -> None:
        self.events.append(f"{event.command_name} begins")

    def succeeded(self, event: Any) -> None:
        self.events.append(f"{event.command_name} ends")

    failed = succeeded


async def test_questions_wait_for_the_session(
    framework: Any, client_factory: Any, db_name: str, fail_point: Any
) -> None:
    sequence = _Sequence()
    client = client_factory(event_listeners=[sequence], appname="questions")
    slow = {"blockConnection": True, "blockTimeMS": 100, "appName": "questions"}
    async with client.start_session() as session:
        cursor = client[db_name].test.find(session=session)
        with fail_point(failCommands=["find"], **slow):
            await asyncio.gather(cursor.to_list(), cursor.distinct("_id"), cursor.explain())
    names = ("find", "distinct", "explain")
    assert sequence.events[:6] == [
        f"{name} {what}" for name in names for what in ("begins", "ends")
    ]


async def test_properties_follow_the_reading(framework: Any, collection: Any) -> None:
    cursor = collection.find().sort("_id").batch_size(4)
    assert (cursor.cursor_id, cursor.address, cursor.retrieved) == (None, None, 0)
    assert cursor.alive
    await cursor.next()
    assert cursor.cursor_id > 0
    assert cursor.address == collection.database.client.address
    assert cursor.retrieved == 4
    assert cursor.alive
    assert len(await cursor.to_list()) == 9
    assert (cursor.cursor_id, cursor.retrieved) == (0, 10)
    assert not cursor.alive


async def test_cursor_knows_where_it_comes_from(framework: Any, collection: Any) -> None:
    cursor = collection.find()
    assert cursor.collection is collection
    assert cursor.get_io_loop() is framework.current_loop()
    assert isinstance(cursor, framework.Cursor)
    with pytest.raises(TypeError, match="not iterable"):
        iter(cursor)


# Cursor types -------------------------------------------------------------------------------


async def test_exhaust_cursor_reads_without_asking_again(
    framework: Any, collection: Any, commands: Any, sync_client: Any
) -> None:
    cursor = collection.find(cursor_type=CursorType.EXHAUST).sort("_id").batch_size(2)
    assert [document["_id"] async for document in cursor] == list(range(10))
    # The server streams the batches that follow the first getMore; PyMongo reports each as one.
    assert commands.named("getMore")[0].command["batchSize"] == 2
    assert open_cursors(sync_client, collection.full_name) == []


async def test_exhaust_cursor_closed_midway_leaves_nothing(
    framework: Any, collection: Any, sync_client: Any
) -> None:
    async with collection.find(cursor_type=CursorType.EXHAUST).batch_size(2) as cursor:
        assert ids(await cursor.to_list(3)) == [0, 1, 2]
    assert await collection.count_documents({}) == 10
    assert open_cursors(sync_client, collection.full_name) == []


async def test_exhaust_cursor_takes_no_limit(framework: Any, collection: Any) -> None:
    with pytest.raises(InvalidOperation, match="exhaust"):
        collection.find(cursor_type=CursorType.EXHAUST, limit=2)
    with pytest.raises(InvalidOperation, match="exhaust"):
        collection.find(limit=2).add_option(64)


async def test_unknown_cursor_type_is_refused(framework: Any, collection: Any) -> None:
    with pytest.raises(ValueError, match="cursor_type"):
        collection.find(cursor_type=17)


# Awaited ------------------------------------------------------------------------------------


async def test_cursor_of_find_that_is_awaited_is_the_cursor(
    framework: Any, collection: Any, commands: Any
) -> None:
    """PyMongo Async awaits ``rewind`` and ``add_option``, which in Motor 3 return the cursor."""
    bucket = framework.GridFSBucket(collection.database)
    for cursor in (collection.find(), collection.find_raw_batches(), bucket.find()):
        assert await cursor is cursor
        assert await cursor.rewind() is cursor
    found = collection.find()
    assert await found.add_option(2) is found
    # Where ``to_list`` was forgotten, what comes next says so.
    for mistake in (len, list):
        with pytest.raises(TypeError, match="to_list"):
            mistake(await collection.find())
    assert commands.names == []
