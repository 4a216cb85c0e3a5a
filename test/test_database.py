"""A database: every method and property of PyMongo's, awaited."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from bson import SON, CodecOptions, DBRef
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import (
    InvalidName,
    OperationFailure,
    WriteError,
)
from pymongo.read_concern import ReadConcern

from support import CommandRecorder, Framework
from support.errors import raises_as, raises_code

OPTIONS: dict[str, Any] = {
    "codec_options": CodecOptions(SON, tz_aware=True),
    "read_preference": ReadPreference.SECONDARY_PREFERRED,
    "write_concern": WriteConcern(w=1, j=True),
    "read_concern": ReadConcern("majority"),
}


def options_of(thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in OPTIONS}


@pytest.fixture
def recorded(client_factory: Any, db_name: str, commands: CommandRecorder) -> Any:
    """The database of the test; `commands` has what is sent."""
    return client_factory(event_listeners=[commands])[db_name]


# Itself -------------------------------------------------------------------------------------


def test_database_is_made_from_a_client_and_a_name(framework: Framework, client: Any) -> None:
    database = framework.Database(client, "shop", **OPTIONS)
    assert database == client["shop"].with_options(**OPTIONS)
    assert (database.name, database.client) == ("shop", client)
    assert options_of(database) == OPTIONS


def test_database_needs_a_motor_client_of_its_framework(framework: Framework, client: Any) -> None:
    other = Framework("tornado" if framework.name == "asyncio" else "asyncio")
    for wrong in (None, client.delegate, other.Client.from_delegate(client.delegate)):
        with pytest.raises(TypeError, match=f"must be {framework.Client.__name__}"):
            framework.Database(wrong, "shop")


async def test_collections_by_item_attribute_and_method(db: Any, framework: Framework) -> None:
    collection = db["orders"]
    assert type(collection) is framework.Collection
    assert collection == db.orders == db.get_collection("orders")
    assert collection.database is db
    assert db["_orders"].name == "_orders"
    with pytest.raises(AttributeError, match=r"To access the _orders collection, use .*_orders'\]"):
        _ = db._orders


async def test_get_collection_takes_options(db: Any) -> None:
    collection = db.get_collection("orders", **OPTIONS)
    assert options_of(collection) == OPTIONS
    assert collection.database is db


async def test_with_options_copies_the_database(db: Any, client: Any) -> None:
    changed = db.with_options(**OPTIONS)
    assert options_of(changed) == options_of(changed.orders) == OPTIONS
    assert changed.client is client
    assert options_of(db) != OPTIONS
    assert options_of(db.with_options()) == options_of(db)


async def test_with_options_keeps_a_subclass(framework: Framework, client: Any) -> None:
    class Shop(framework.Database):  # type: ignore[name-defined, misc]
        def orders_of_today(self) -> Any:
            return self["orders"]

    shop = Shop(client, "shop").with_options(**OPTIONS)
    assert type(shop) is Shop
    assert shop.orders_of_today().database is shop


async def test_database_compares_and_hashes_by_its_delegate(db: Any, client: Any) -> None:
    same = client[db.name]
    assert db == same
    assert hash(db) == hash(same)
    assert db != client["another"]
    assert db != db.delegate
    with raises_as(bool, db.delegate):
        bool(db)


async def test_database_is_no_function_and_not_iterable(db: Any) -> None:
    with pytest.raises(TypeError, match=r"MotorCollection object is not callable.*Did you mean"):
        db.list_collection_name()
    with pytest.raises(TypeError, match="MotorDatabase object is not callable"):
        db()
    with pytest.raises(TypeError, match=type(db).__name__):
        iter(db)
    with pytest.raises(TypeError, match=type(db).__name__):
        _ = "orders" in db


async def test_bad_names_are_refused_at_once(db: Any, client: Any) -> None:
    for make in (lambda: db[""], lambda: db["a..b"], lambda: client["a b"]):
        with pytest.raises(InvalidName):
            make()
    with raises_as(db.delegate.get_collection, 1):
        db[1]


# Commands -----------------------------------------------------------------------------------


async def test_command_takes_a_name_or_a_document(db: Any) -> None:
    await db.test.insert_one({})
    assert (await db.command("ping"))["ok"] == 1
    assert (await db.command({"count": "test"}))["n"] == 1
    assert (await db.command("count", "test", query={"no": "such"}))["n"] == 0


async def test_command_takes_its_options(recorded: Any, commands: CommandRecorder) -> None:
    async with recorded.client.start_session() as session:
        reply = await recorded.command(
            "ping",
            read_preference=ReadPreference.PRIMARY_PREFERRED,
            codec_options=CodecOptions(SON),
            session=session,
            comment="why",
        )
        (sent,) = commands.named("ping")
        assert sent.command["lsid"] == session.session_id
    assert type(reply) is SON
    assert sent.command["comment"] == "why"


async def test_failed_command_raises_pymongos_error(db: Any) -> None:
    with pytest.raises(OperationFailure) as caught:
        await db.command("nope")
    assert caught.value.code == 59
    assert (await db.command("nope", check=False))["ok"] == 0
    assert (await db.command("nope", allowable_errors=[59]))["ok"] == 0


async def test_cursor_command_gives_a_cursor(
    recorded: Any, commands: CommandRecorder, framework: Framework
) -> None:
    await recorded.test.insert_many([{"_id": n} for n in range(5)])
    async with recorded.client.start_session() as session:
        cursor = await recorded.cursor_command(
            {"find": "test", "batchSize": 2}, session=session, comment="why", max_await_time_ms=None
        )
        assert isinstance(cursor, framework.CommandCursor)
        assert [doc["_id"] async for doc in cursor] == list(range(5))
        for sent in commands.named("find", "getMore"):
            assert sent.command["lsid"] == session.session_id
    assert [sent.command["comment"] for sent in commands.named("getMore")] == ["why"]


async def test_aggregate_runs_on_the_database(
    recorded: Any, commands: CommandRecorder, framework: Framework
) -> None:
    async with recorded.client.start_session() as session:
        cursor = recorded.aggregate(
            [{"$documents": [{"n": 1}, {"n": 2}]}], session=session, comment="why"
        )
        assert isinstance(cursor, framework.CommandCursor)
        assert await cursor.to_list() == [{"n": 1}, {"n": 2}]
        (sent,) = commands.named("aggregate")
        assert sent.command["lsid"] == session.session_id
    assert sent.command["comment"] == "why"


async def test_watch_sees_the_databases_events(db: Any) -> None:
    async with db.watch() as stream:
        await db.test.insert_one({"_id": 1})
        event = await stream.next()
    assert event["documentKey"] == {"_id": 1}


# Collections --------------------------------------------------------------------------------


async def test_create_collection_gives_a_motor_collection(db: Any, framework: Framework) -> None:
    async with db.client.start_session() as session:
        created = await db.create_collection("orders", session=session, **OPTIONS)
    assert type(created) is framework.Collection
    assert created.database is db
    assert options_of(created) == OPTIONS
    assert await db.list_collection_names() == ["orders"]


async def test_creating_a_collection_twice_is_refused(db: Any) -> None:
    await db.create_collection("orders")
    with raises_as(db.delegate.create_collection, "orders"):
        await db.create_collection("orders")
    with pytest.raises(OperationFailure):
        await db.create_collection("orders", check_exists=False, capped=True, size=4096)


async def test_create_capped_collection(db: Any) -> None:
    capped = await db.create_collection("log", capped=True, size=65536, max=2)
    await capped.insert_many([{"_id": n} for n in range(3)])
    assert await capped.distinct("_id") == [1, 2]


async def test_create_time_series_collection(db: Any) -> None:
    times = {"timeField": "at", "metaField": "sensor", "granularity": "hours"}
    series = await db.create_collection("weather", timeseries=times, expireAfterSeconds=3600)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0, tzinfo=None)
    await series.insert_one({"at": now, "sensor": 1, "celsius": 20})
    assert (await series.find_one())["at"] == now
    options = await series.options()
    assert options["timeseries"]["granularity"] == "hours"
    assert options["expireAfterSeconds"] == 3600


async def test_create_clustered_collection(db: Any) -> None:
    index = {"key": {"_id": 1}, "unique": True, "name": "clustered by _id"}
    clustered = await db.create_collection("clustered", clusteredIndex=index)
    assert (await clustered.options())["clusteredIndex"]["name"] == "clustered by _id"
    (found,) = await clustered.list_indexes().to_list()
    assert found["clustered"] is True


async def test_create_collection_with_a_validator(db: Any) -> None:
    orders = await db.create_collection(
        "orders", validator={"$jsonSchema": {"required": ["total"]}}, validationAction="error"
    )
    await orders.insert_one({"total": 1})
    with raises_code(121, WriteError):
        await orders.insert_one({"sum": 1})


async def test_create_view(db: Any) -> None:
    await db.orders.insert_many([{"_id": 1, "open": True}, {"_id": 2, "open": False}])
    view = await db.create_collection(
        "open", viewOn="orders", pipeline=[{"$match": {"open": True}}]
    )
    assert await view.distinct("_id") == [1]


async def test_list_collections_and_their_names(recorded: Any, commands: CommandRecorder) -> None:
    await recorded.a.insert_one({})
    await recorded.b.insert_one({})
    commands.clear()
    async with recorded.client.start_session() as session:
        cursor = await recorded.list_collections(session=session, filter={"name": "a"})
        assert [found["name"] async for found in cursor] == ["a"]
        assert cursor.collection is recorded
        names = await recorded.list_collection_names(session, filter={"name": "b"}, comment="why")
        assert names == ["b"]
        sent = commands.named("listCollections")
        assert [s.command["lsid"] for s in sent] == [session.session_id] * 2
    assert sent[1].command["comment"] == "why"
    assert sorted(await recorded.list_collection_names()) == ["a", "b"]


async def test_drop_collection_takes_a_name_or_a_collection(db: Any) -> None:
    for target in ("orders", db.orders):
        await db.orders.insert_one({})
        async with db.client.start_session() as session:
            await db.drop_collection(target, session=session, comment="why")
        assert await db.list_collection_names() == []
    with raises_as(db.delegate.drop_collection, 1):
        await db.drop_collection(1)


async def test_validate_collection_takes_a_name_or_a_collection(
    recorded: Any, commands: CommandRecorder
) -> None:
    await recorded.orders.insert_one({})
    async with recorded.client.start_session() as session:
        for target in ("orders", recorded.orders):
            found = await recorded.validate_collection(target, full=True, session=session)
            assert (found["valid"], found["nrecords"]) == (True, 1)
        sent = commands.named("validate")
        assert [s.command["lsid"] for s in sent] == [session.session_id] * 2
    assert sent[0].command["full"] is True
    assert (await recorded.validate_collection("orders", background=True))["valid"]


async def test_dereference_reads_what_a_dbref_points_at(db: Any) -> None:
    await db.orders.insert_one({"_id": 1})
    async with db.client.start_session() as session:
        assert await db.dereference(DBRef("orders", 1), session=session) == {"_id": 1}
        assert await db.dereference(DBRef("orders", 1, db.name), session, "why") == {"_id": 1}
    assert await db.dereference(DBRef("orders", 2)) is None
    with raises_as(db.delegate.dereference, DBRef("orders", 1, "elsewhere")):
        await db.dereference(DBRef("orders", 1, "elsewhere"))
    with raises_as(db.delegate.dereference, "orders"):
        await db.dereference("orders")


async def test_codec_options_of_the_database_reach_its_documents(db: Any) -> None:
    raw = db.with_options(codec_options=CodecOptions(RawBSONDocument))
    await db.orders.insert_one({"_id": 1})
    assert type(await raw.orders.find_one()) is RawBSONDocument
    assert type(await raw.dereference(DBRef("orders", 1))) is RawBSONDocument


async def test_a_session_of_another_client_is_refused(db: Any, client_factory: Any) -> None:
    other = client_factory()
    async with other.start_session() as session:
        calls: list[Callable[[], Any]] = [
            lambda: db.command("ping", session=session),
            lambda: db.list_collection_names(session=session),
            lambda: db.create_collection("orders", session=session),
        ]
        for call in calls:
            with raises_as(db.delegate.command, "ping", session=session.delegate):
                await call()
