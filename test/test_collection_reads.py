"""A collection: what it is, and every method that reads."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import bson
import pytest
from bson import SON, Binary, CodecOptions, UuidRepresentation
from bson.codec_options import TypeCodec, TypeRegistry
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference, WriteConcern
from pymongo.collation import Collation
from pymongo.cursor import CursorType
from pymongo.errors import InvalidName, OperationFailure
from pymongo.read_concern import ReadConcern

from support import CommandRecorder, Framework
from support.errors import raises_as, raises_code

OPTIONS: dict[str, Any] = {
    "codec_options": CodecOptions(SON, tz_aware=True),
    "read_preference": ReadPreference.SECONDARY_PREFERRED,
    "write_concern": WriteConcern(w=1, j=True),
    "read_concern": ReadConcern("majority"),
}
IGNORE_CASE = Collation("en", strength=2)


def options_of(thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in OPTIONS}


@pytest.fixture
def letters(client_factory: Any, sync_db: Any, commands: CommandRecorder) -> Any:
    """A collection of five documents; `commands` has what is sent to it."""
    sync_db.letters.insert_many(
        {"_id": n, "letter": letter, "odd": bool(n % 2)} for n, letter in enumerate("abcde")
    )
    sync_db.letters.create_index("letter")
    return client_factory(event_listeners=[commands])[sync_db.name].letters


# Itself -------------------------------------------------------------------------------------


def test_collection_is_made_from_a_database_and_a_name(framework: Framework, db: Any) -> None:
    collection = framework.Collection(db, "orders", *OPTIONS.values())
    assert collection == db["orders"].with_options(**OPTIONS)
    assert collection.database is db
    assert (collection.name, collection.full_name) == ("orders", f"{db.name}.orders")
    assert options_of(collection) == OPTIONS


def test_collection_needs_a_motor_database_of_its_framework(framework: Framework, db: Any) -> None:
    other = Framework("tornado" if framework.name == "asyncio" else "asyncio")
    foreign = other.Client.from_delegate(db.client.delegate)[db.name]
    for wrong in (None, db.delegate, foreign, db.client):
        with pytest.raises(TypeError, match=f"must be {framework.Database.__name__}"):
            framework.Collection(wrong, "orders")


async def test_subcollections_by_item_and_attribute(db: Any, framework: Framework) -> None:
    nested = db.orders.archive["2020"]
    assert type(nested) is framework.Collection
    assert nested == db["orders.archive.2020"]
    assert nested.database is db
    assert db.orders["_old"].name == "orders._old"
    with pytest.raises(AttributeError, match=r"use database\['orders\._old'\]"):
        _ = db.orders._old


async def test_with_options_copies_the_collection(db: Any) -> None:
    changed = db.orders.with_options(**OPTIONS)
    assert options_of(changed) == options_of(changed.archive) == OPTIONS
    assert changed.database is db
    assert options_of(db.orders.with_options()) == options_of(db.orders) != OPTIONS


async def test_with_options_keeps_a_subclass_and_items_do_not(
    framework: Framework, db: Any
) -> None:
    class Orders(framework.Collection):  # type: ignore[name-defined, misc]
        """A user's own."""

    orders = Orders(db, "orders")
    changed = orders.with_options(**OPTIONS)
    assert type(changed) is Orders
    assert changed.database is db
    assert options_of(changed) == OPTIONS
    assert type(orders["archive"]) is type(orders.archive) is framework.Collection


def test_subclassed_client_gives_plain_databases(framework: Framework) -> None:
    class Client(framework.Client):  # type: ignore[name-defined, misc]
        """A user's own."""

    client = Client()
    assert type(client.shop) is type(client["shop"]) is framework.Database
    assert client.shop.client is client
    client.close()


async def test_collection_compares_and_hashes_by_its_delegate(db: Any) -> None:
    assert db.orders == db["orders"]
    assert hash(db.orders) == hash(db["orders"])
    assert db.orders != db.parcels
    assert db.orders != db.orders.delegate
    with raises_as(bool, db.orders.delegate):
        bool(db.orders)


async def test_calling_what_is_no_method_says_so(db: Any) -> None:
    with pytest.raises(TypeError, match=r"'nothing' method on an? \w*MotorCollection object"):
        db.orders.nothing({})
    with pytest.raises(TypeError, match="Did you mean 'count_documents'"):
        db.orders.count_document({})
    with pytest.raises(TypeError, match=r"'orders' method on an? \w*MotorDatabase object"):
        db.orders()
    with pytest.raises(TypeError, match=type(db.orders).__name__):
        iter(db.orders)


async def test_bad_names_are_refused_at_once(db: Any) -> None:
    for name in ("", "a$b", "a.", "a..b", "a\0b"):
        with pytest.raises(InvalidName):
            db[name]
        with pytest.raises(InvalidName):
            db.orders[name]


# find and find_one --------------------------------------------------------------------------


async def test_find_one_takes_a_filter_an_id_or_nothing(letters: Any) -> None:
    assert (await letters.find_one({"letter": "c"}))["_id"] == 2
    assert (await letters.find_one(3))["letter"] == "d"
    assert (await letters.find_one())["_id"] in range(5)
    assert await letters.find_one({"letter": "z"}) is None


async def test_find_one_takes_finds_arguments(letters: Any, commands: CommandRecorder) -> None:
    async with letters.database.client.start_session() as session:
        found = await letters.find_one(
            {"odd": False},
            {"letter": 1},
            sort=[("letter", -1)],
            skip=1,
            hint="letter_1",
            collation=IGNORE_CASE,
            max_time_ms=9000,
            comment="why",
            session=session,
        )
        (sent,) = commands.named("find")
        assert sent.command["lsid"] == session.session_id
    assert found == {"_id": 2, "letter": "c"}
    assert sent.command["collation"]["strength"] == 2
    wanted = {"hint": "letter_1", "comment": "why", "maxTimeMS": 9000, "limit": 1, "skip": 1}
    assert {name: sent.command[name] for name in wanted} == wanted


async def test_find_takes_its_arguments_by_position_and_name(
    letters: Any, commands: CommandRecorder, framework: Framework
) -> None:
    async with letters.database.client.start_session() as session:
        cursor = letters.find(
            {"odd": False}, {"_id": 1}, 1, 1, batch_size=3, sort=[("_id", -1)], session=session
        )
        assert isinstance(cursor, framework.Cursor)
        assert await cursor.to_list() == [{"_id": 2}]
        (sent,) = commands.named("find")
        assert sent.command["lsid"] == session.session_id
    wanted = {"skip": 1, "limit": 1, "batchSize": 3, "sort": {"_id": -1}}
    assert {name: sent.command[name] for name in wanted} == wanted


async def test_find_refuses_bad_arguments_at_once(letters: Any) -> None:
    with raises_as(letters.delegate.find, 1):
        letters.find(1)
    with pytest.raises(TypeError, match="no_such"):
        letters.find(no_such=1)
    with raises_as(letters.delegate.find, cursor_type=99):
        letters.find(cursor_type=99)
    with raises_code(2):
        await letters.find_one({"$nope": 1})


async def test_find_raw_batches_gives_bson(letters: Any, commands: CommandRecorder) -> None:
    async with letters.database.client.start_session() as session:
        cursor = letters.find_raw_batches(batch_size=2, sort=[("_id", 1)], session=session)
        batches = [batch async for batch in cursor]
        assert commands.named("find")[0].command["lsid"] == session.session_id
    decoded = [[doc["_id"] for doc in bson.decode_all(batch)] for batch in batches]
    assert decoded == [[0, 1], [2, 3], [4]]


async def test_tailable_cursors_need_a_capped_collection(letters: Any) -> None:
    with raises_code(2):
        await letters.find(cursor_type=CursorType.TAILABLE).next()


# Counting, values, aggregation --------------------------------------------------------------


async def test_count_documents(letters: Any, commands: CommandRecorder) -> None:
    assert await letters.count_documents({}) == 5
    async with letters.database.client.start_session() as session:
        found = await letters.count_documents(
            {"odd": False}, session, "why", skip=1, limit=5, hint="letter_1", collation=IGNORE_CASE
        )
        sent = commands.named("aggregate")[-1]
        assert sent.command["lsid"] == session.session_id
    assert found == 2
    assert (sent.command["comment"], sent.command["hint"]) == ("why", "letter_1")
    with pytest.raises(TypeError):
        await letters.count_documents()


async def test_estimated_document_count(letters: Any, commands: CommandRecorder) -> None:
    assert await letters.estimated_document_count(comment="why", maxTimeMS=9000) == 5
    (sent,) = commands.named("count")
    assert (sent.command["comment"], sent.command["maxTimeMS"]) == ("why", 9000)


async def test_distinct(letters: Any, commands: CommandRecorder) -> None:
    assert await letters.distinct("odd") == [False, True]
    async with letters.database.client.start_session() as session:
        found = await letters.distinct(
            "letter", {"odd": True}, session, comment="why", collation=IGNORE_CASE, maxTimeMS=9000
        )
        sent = commands.named("distinct")[-1]
        assert sent.command["lsid"] == session.session_id
    assert found == ["b", "d"]
    assert sent.command["comment"] == "why"


async def test_distinct_passes_a_hint_on(
    letters: Any, commands: CommandRecorder, server_version: tuple[int, ...]
) -> None:
    try:
        assert await letters.distinct("letter", hint="letter_1") == list("abcde")
    except OperationFailure:
        assert server_version < (7, 1)
    assert commands.named("distinct")[0].command["hint"] == "letter_1"


async def test_aggregate(letters: Any, commands: CommandRecorder, framework: Framework) -> None:
    pipeline = [{"$match": {"odd": False}}, {"$sort": {"_id": -1}}]
    async with letters.database.client.start_session() as session:
        cursor = letters.aggregate(
            pipeline,
            session,
            {"limit": 1},
            "why",
            batchSize=2,
            allowDiskUse=True,
            collation=IGNORE_CASE,
            hint="letter_1",
            maxTimeMS=9000,
        )
        assert isinstance(cursor, framework.CommandCursor)
        assert [doc["_id"] async for doc in cursor] == [4, 2, 0]
        (sent,) = commands.named("aggregate")
        assert sent.command["lsid"] == session.session_id
    wanted = {"let": {"limit": 1}, "comment": "why", "allowDiskUse": True, "hint": "letter_1"}
    assert {name: sent.command[name] for name in wanted} == wanted
    assert sent.command["cursor"] == {"batchSize": 2}


async def test_aggregate_refuses_bad_arguments_at_once(letters: Any) -> None:
    with pytest.raises(TypeError, match="pipeline"):
        letters.aggregate()
    with pytest.raises(TypeError, match="pipeline must be a list"):
        await letters.aggregate("letters")


async def test_aggregate_writes_with_out(letters: Any, sync_db: Any) -> None:
    await letters.aggregate([{"$match": {"odd": True}}, {"$out": "odd"}])
    assert sync_db.odd.distinct("_id") == [1, 3]


async def test_aggregate_raw_batches_gives_bson(letters: Any, commands: CommandRecorder) -> None:
    async with letters.database.client.start_session() as session:
        cursor = letters.aggregate_raw_batches([{"$sort": {"_id": 1}}], session, batchSize=3)
        batches = [batch async for batch in cursor]
        assert commands.named("aggregate")[0].command["lsid"] == session.session_id
    decoded = [[doc["_id"] for doc in bson.decode_all(batch)] for batch in batches]
    assert decoded == [[0, 1, 2], [3, 4]]


async def test_watch_sees_the_collections_events(collection: Any) -> None:
    async with collection.watch([{"$match": {"operationType": "delete"}}]) as stream:
        await collection.insert_one({"_id": 1})
        await collection.delete_one({"_id": 1})
        event = await stream.next()
    assert (event["operationType"], event["documentKey"]) == ("delete", {"_id": 1})


async def test_options_of_the_collection_on_the_server(db: Any) -> None:
    log = await db.create_collection("log", capped=True, size=4096)
    async with db.client.start_session() as session:
        assert await log.options(session, comment="why") == {"capped": True, "size": 4096}
    assert await db.nothing.options() == {}


# How documents are read ---------------------------------------------------------------------


class DecimalCodec(TypeCodec):
    """Lets `decimal.Decimal` be stored, which BSON has by another name."""

    python_type = decimal.Decimal
    bson_type = Decimal128

    def transform_python(self, value: Any) -> Decimal128:
        return Decimal128(value)

    def transform_bson(self, value: Any) -> decimal.Decimal:
        result: decimal.Decimal = value.to_decimal()
        return result


async def test_type_registry(collection: Any) -> None:
    registry = TypeRegistry([DecimalCodec()])
    prices = collection.with_options(codec_options=CodecOptions(type_registry=registry))
    document = {"_id": 1, "price": decimal.Decimal("9.99")}
    await prices.insert_one(document)
    assert await prices.find_one() == document
    assert await prices.find().to_list() == [document]
    assert await prices.aggregate([]).to_list() == [document]
    assert await prices.distinct("price") == [decimal.Decimal("9.99")]
    assert (await collection.find_one())["price"] == Decimal128("9.99")


async def test_document_class_and_raw_bson(collection: Any) -> None:
    await collection.insert_one(RawBSONDocument(bson.encode({"_id": 1, "a": {"b": 1}})))
    for document_class in (SON, RawBSONDocument):
        typed = collection.with_options(codec_options=CodecOptions(document_class))
        one = await typed.find_one()
        for found in (one, *await typed.find().to_list(), *await typed.aggregate([]).to_list()):
            assert type(found) is document_class
            assert type(found["a"]) is document_class
            assert found["a"]["b"] == 1


async def test_tz_aware(collection: Any) -> None:
    now = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    await collection.insert_one({"at": now})
    assert (await collection.find_one())["at"] == now.replace(tzinfo=None)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    aware = collection.with_options(codec_options=CodecOptions(tz_aware=True, tzinfo=zone))
    found = (await aware.find_one())["at"]
    assert found == now
    assert found.tzinfo == zone


async def test_uuids(collection: Any) -> None:
    options = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
    typed = collection.with_options(codec_options=options)
    value = uuid.uuid4()
    with raises_as(collection.delegate.insert_one, {"_id": value}):
        await collection.insert_one({"_id": value})
    await typed.insert_one({"_id": value})
    assert (await typed.find_one({"_id": value}))["_id"] == value
    assert (await collection.find_one())["_id"] == Binary.from_uuid(value)


async def test_read_concern_and_preference_are_sent(
    letters: Any, commands: CommandRecorder
) -> None:
    careful = letters.with_options(
        read_concern=ReadConcern("majority"), read_preference=ReadPreference.SECONDARY_PREFERRED
    )
    await careful.find_one()
    await careful.aggregate([])
    await careful.count_documents({})
    await careful.distinct("letter")
    assert len(commands) == 4
    for sent in commands:
        assert sent.command["readConcern"] == {"level": "majority"}
        assert sent.command["$readPreference"] == {"mode": "secondaryPreferred"}
