"""The clients of `motor.legacy`, for old code that has another meaning today."""

from __future__ import annotations

import pickle
import re
import uuid
from typing import Any

import pymongo
import pytest
from bson.binary import Binary, UuidRepresentation
from bson.son import SON
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, InvalidOperation

import motor.legacy
from support import Framework, legacy_fronts, run_python
from support.cursors import ids
from support.legacy_fronts import legacy
from support.old_style import old

#: Never connected to.
URI = "mongodb://127.0.0.1:1/"


make = legacy_fronts.make
client = legacy_fronts.client
collection = legacy_fronts.collection
numbers = legacy_fronts.numbers


# Classes --------------------------------------------------------------------------------------


async def test_what_they_give_is_of_their_kind(framework: Framework, collection: Any) -> None:
    kinds = {
        "Client": collection.database.client,
        "Database": collection.database,
        "Collection": collection,
        "Cursor": collection.find(),
    }
    for name, made in kinds.items():
        assert type(made) is legacy(framework, name)
        assert isinstance(made, getattr(framework, name))
    assert type(collection.sub) is type(collection.with_options()) is type(collection)
    assert type(collection.database.client.get_database("x")) is type(collection.database)
    assert type(await collection.database.create_collection("new")) is type(collection)
    assert type(collection.find().clone()) is legacy(framework, "Cursor")


def test_classes_go_by_their_names(framework: Framework) -> None:
    for name in ("Client", "Database", "Collection", "Cursor", "ReplicaSetClient"):
        cls = legacy(framework, name)
        assert cls.__module__ == "motor.legacy"
        assert cls.__name__.removeprefix("AsyncIO") == f"Motor{name}"
        assert pickle.loads(pickle.dumps(cls)) is cls
    with pytest.raises(AttributeError, match="has no attribute 'MotorNope'"):
        motor.legacy.MotorNope  # noqa: B018
    assert "MotorClient" in dir(motor.legacy)


def test_classes_of_one_framework_do_without_the_other() -> None:
    run_python("""
        import sys
        from motor.legacy import AsyncIOMotorClient
        assert "tornado" not in sys.modules
    """)


# Arguments ------------------------------------------------------------------------------------


def test_third_argument_is_the_size_of_the_pool(framework: Framework) -> None:
    with old("The client option 'max_pool_size'", at="legacy(framework"):
        client = legacy(framework, "Client")(URI, None, 7, SON, True)
    options = client.delegate.options
    assert options.pool_options.max_pool_size == 7
    assert (options.codec_options.document_class, options.codec_options.tz_aware) == (SON, True)
    client.close()


def test_client_connects_when_it_is_told_to(make: Any) -> None:
    assert make(URI, connect=True, directConnection=True).delegate.options.connect
    assert make(URI, _connect=True).delegate.options.connect
    assert not make(URI).delegate.options.connect


@pytest.mark.parametrize(
    ("query", "options", "found"),
    [
        ("w=3", {"w": 1}, {"w": 3}),
        ("wtimeoutMS=9", {"wtimeoutMS": 1}, {"wtimeout": 9}),
        ("journal=true", {"journal": False}, {"j": True}),
        ("", {"w": 1}, {"w": 1}),
    ],
)
def test_options_in_the_uri_win(make: Any, query: str, options: Any, found: Any) -> None:
    assert make(f"{URI}?{query}", **options).delegate.write_concern.document == found


@pytest.mark.parametrize(
    ("hosts", "options", "topology"),
    [
        (URI, {}, "Single"),
        ("127.0.0.1:1", {}, "Single"),
        (["127.0.0.1:1"], {}, "Single"),
        ("mongodb://u:p@127.0.0.1:1/a,b?appName=x,y", {}, "Single"),
        ("mongodb://127.0.0.1:1,127.0.0.1:2/", {}, "Unknown"),
        (["127.0.0.1:1", "127.0.0.1:2"], {}, "Unknown"),
        (URI, {"replicaSet": "rs0"}, "ReplicaSetNoPrimary"),
        (f"{URI}?replicaSet=rs0", {}, "ReplicaSetNoPrimary"),
        (URI, {"directConnection": False}, "Unknown"),
    ],
)
def test_single_host_is_connected_to_directly(
    make: Any, hosts: Any, options: Any, topology: str
) -> None:
    description = make(hosts, **options).delegate.topology_description
    assert description.topology_type_name == topology


async def test_replica_set_client_wants_a_name(make: Any, mongo_uri: str) -> None:
    host = mongo_uri.partition("://")[2].partition("/")[0]
    with pytest.raises(ConfigurationError, match="replicaSet keyword parameter is required"):
        make(host, name="ReplicaSetClient")
    client = make(host, name="ReplicaSetClient", replicaSet="rs0")
    with old("client.open()", "client.refresh()"):
        assert await client.open() is client
        assert await client.refresh() is None
    address = (host.partition(":")[0], int(host.partition(":")[2]))
    with old("replica_set_client.hosts", "replica_set_client.seeds"):
        assert client.hosts == {address}
        assert client.seeds == {address}
    assert (client.primary, client.secondaries) == (address, set())
    assert "admin" in await client.list_database_names()
    assert client.options.name == "options"
    with old("client.max_pool_size"):
        assert client.max_pool_size == 100
    assert make(f"{URI}?replicaSet=x", name="ReplicaSetClient").nodes == frozenset()


async def test_uuids_are_of_the_legacy_subtype(collection: Any, sync_db: Any) -> None:
    value = uuid.uuid4()
    await collection.insert_one({"u": value})
    assert (await collection.find_one())["u"] == value
    assert sync_db.test.find_one()["u"] == Binary(value.bytes, 3)


async def test_other_uuids_on_request(make: Any, db_name: str) -> None:
    client = make(uuidRepresentation="standard")
    assert client.codec_options.uuid_representation == UuidRepresentation.STANDARD


async def test_patterns_come_as_pythons(collection: Any) -> None:
    await collection.insert_one({"_id": 1, "r": re.compile("^a", re.I)})
    assert (await collection.find_one())["r"] == re.compile("^a", re.I)
    with old("The argument 'compile_re' of collection.find()"):
        (document,) = await collection.find(compile_re=False).to_list()
    assert document["r"].try_compile() == re.compile("^a", re.I)


# Names ----------------------------------------------------------------------------------------


async def test_names_of_todays_members_are_those_of_databases_and_collections(
    framework: Framework, collection: Any
) -> None:
    db = collection.database
    database = legacy(framework, "Database")
    for name in ("topology_description", "options", "watch", "read_concern", "nope"):
        assert type(getattr(db.client, name)) is database, name
        assert getattr(db.client, name).name == name
    assert db.aggregate.name == "aggregate"
    assert collection.watch.full_name == f"{db.name}.test.watch"
    await db.watch.insert_one({"_id": 1})
    assert await db.watch.find_one() == {"_id": 1}


async def test_todays_methods_of_such_names_can_be_called(collection: Any) -> None:
    await collection.insert_many([{"_id": 1}, {"_id": 2}])
    assert await collection.count_documents({}) == 2
    assert await collection.database.list_collection_names() == ["test"]
    assert collection.database.name in await collection.database.client.list_database_names()
    async with collection.database.client.start_session() as session:
        assert await collection.find_one({"_id": 1}, session=session) == {"_id": 1}
    with old("collection.count()"):
        assert await collection.count() == 2
    with pytest.raises(TypeError, match="object is not callable"):
        collection.nope()


async def test_clients_tell_of_themselves(client: Any) -> None:
    limits = {
        "max_bson_size": 16777216,
        "max_message_size": 33554432,
        "max_write_batch_size": 1000,
        "max_wire_version": 0,
        "min_wire_version": 0,
    }
    for name, value in limits.items():
        with old(f"client.{name}", at="getattr"):
            assert getattr(client, name) == value
    with old("client.host", "client.port"):
        assert (client.host, client.port) == (None, None)
    await client.admin.command("ping")
    with old("client.host", "client.port"):
        assert client.host == "127.0.0.1"
        assert client.port == client.address[1]
    with old("client.max_message_size", "client.max_wire_version"):
        assert client.max_message_size == 48000000
        assert client.max_wire_version >= 9


async def test_clients_tell_of_their_options(client: Any) -> None:
    options = {
        "max_pool_size": 100,
        "local_threshold_ms": 15,
        "tz_aware": False,
        "document_class": dict,
        "uuid_subtype": 3,
        "tag_sets": [{}],
        "secondary_acceptable_latency_ms": 15,
    }
    for name, value in options.items():
        with old(f"client.{name}", at="getattr"):
            assert getattr(client, name) == value
    for made in (client.db, client.db.test):
        kind = "database" if made == client.db else "collection"
        for name in ("uuid_subtype", "tag_sets", "secondary_acceptable_latency_ms"):
            with old(f"{kind}.{name}", at="getattr"):
                assert getattr(made, name) == options[name]
    with old("database.connection"):
        assert client.db.connection is client


async def test_settings_are_read_and_assigned(client: Any) -> None:
    with old("Assigning to client.document_class", "client.document_class", at="document_class"):
        client.document_class = SON
        assert client.document_class is SON
    with old("Assigning to client.read_preference"):
        client.read_preference = ReadPreference.SECONDARY
    with old("Assigning to client.tag_sets", "client.tag_sets"):
        client.tag_sets = [{"dc": "x"}]
        assert client.tag_sets == [{"dc": "x"}]
    with old("Assigning to client.uuid_subtype", "client.uuid_subtype"):
        client.uuid_subtype = 4
        assert client.uuid_subtype == 4


async def test_items_of_the_write_concern_can_be_assigned(client: Any) -> None:
    assert client.write_concern == {}
    assert client.write_concern.acknowledged
    for owner in (client, client.db, client.db.test):
        with old(
            *[f"Assigning to {kind}.write_concern" for kind in KINDS if isinstance_of(owner, kind)]
            * 3,
            at="write_concern",
        ):
            owner.write_concern["w"] = 1
            owner.write_concern["j"] = True
            del owner.write_concern["j"]
        assert owner.write_concern == {"w": 1}
    assert client.db.delegate.write_concern == pymongo.WriteConcern(w=1)
    assert client.other.write_concern == {"w": 1}


KINDS = ("client", "database", "collection")


def isinstance_of(owner: Any, kind: str) -> bool:
    return type(owner).__name__.lower().endswith(kind)


# Finding --------------------------------------------------------------------------------------


def keyword(name: str, method: str = "find") -> str:
    return f"The argument {name!r} of collection.{method}()"


@pytest.mark.usefixtures("numbers")
async def test_find_takes_its_arguments_by_position(collection: Any) -> None:
    assert await collection.find({"_id": 1}, []).to_list() == [{"_id": 1}]
    assert await collection.find({"_id": 1}, ["x"], 0, 1).to_list() == [{"_id": 1, "x": -1}]
    with old(keyword("timeout"), keyword("snapshot"), keyword("tailable"), at="find"):
        cursor = collection.find({}, None, 1, 2, False, True, False, [("x", 1)])
    assert ids(await cursor.to_list()) == [3, 2]
    assert cursor.delegate.clone().collection.name == "test"
    with pytest.raises(TypeError, match="takes 18 arguments at most, not 19"):
        collection.find(*range(19))
    with pytest.raises(TypeError, match="several values for spec"):
        collection.find({}, spec={})
    with pytest.raises(TypeError, match="several values for filter, projection"):
        collection.find({}, ["x"], filter={}, projection=["x"])


@pytest.mark.usefixtures("numbers")
async def test_find_one_takes_them_too(collection: Any) -> None:
    assert await collection.find_one(3) == {"_id": 3, "x": -3}
    assert await collection.find_one({"_id": 3}, []) == {"_id": 3}
    assert await collection.find_one() is not None
    with old(keyword("as_class", "find_one")):
        assert type(await collection.find_one({}, as_class=SON)) is SON


@pytest.mark.usefixtures("numbers")
async def test_find_ignores_unknown_keywords(collection: Any) -> None:
    said = r"find\(\) ignores the unknown keyword 'nope'"
    with pytest.warns(DeprecationWarning, match=said) as caught:
        assert len(await collection.find({}, nope=1).to_list()) == 5
    assert caught[0].filename == __file__
    with old(keyword("snapshot"), keyword("max_scan"), at="find"):
        assert len(await collection.find(snapshot=True, max_scan=3).to_list()) == 5
    with pytest.warns(DeprecationWarning, match=r"max_scan\(\) is deprecated"):
        assert len(await collection.find().max_scan(3).to_list()) == 5


async def test_find_takes_todays_keywords(collection: Any) -> None:
    await collection.insert_many([{"_id": 1, "x": 1}, {"_id": 2, "x": 2}])
    cursor = collection.find(filter={}, projection=["x"], sort=[("x", -1)], limit=1)
    assert await cursor.to_list() == [{"_id": 2, "x": 2}]


async def test_commands_obey_the_read_preference_of_the_database(
    make: Any, db_name: str, commands: Any
) -> None:
    db = make(event_listeners=[commands])[db_name]
    with old("Assigning to database.read_preference"):
        db.read_preference = ReadPreference.NEAREST
    await db.command("count", "test")
    await db.command("create", "test")
    with old("This value of the argument 'fields' of database.command()"):
        await db.command("findAndModify", "test", remove=True, fields=["x"])
    count, create, modify = commands.named("count", "create", "findAndModify")
    assert count.command["$readPreference"] == {"mode": "nearest"}
    assert create.command.get("$readPreference") != {"mode": "nearest"}
    assert modify.command["fields"] == {"x": 1}


async def test_create_index_fills_the_cache_of_ensure_index(collection: Any) -> None:
    assert await collection.create_index("x") == "x_1"
    assert await collection.create_index([("y", -1)], unique=True) == "y_-1"
    with old("The argument 'cache_for' of collection.create_index()", at="cache_for"):
        assert await collection.create_index("z", cache_for=0) == "z_1"
    with old(*["collection.ensure_index()"] * 3):
        assert await collection.ensure_index("x") is None
        assert await collection.ensure_index([("y", -1)], unique=True) is None
        assert await collection.ensure_index("z") == "z_1"


# Truth ----------------------------------------------------------------------------------------


async def test_databases_and_collections_are_true(collection: Any) -> None:
    db = collection.database
    with old("Testing whether a database is true", at="assert db"):
        assert db
    with old(*["Testing whether a collection is true"] * 2, at="collection"):
        assert bool(collection) is True
        found = collection if collection else None
    assert found is collection
    assert db is not None


# Aggregations ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("numbers")
async def test_aggregate_takes_a_stage_or_a_tuple(collection: Any) -> None:
    stage = {"$match": {"_id": {"$gt": 2}}}
    said = "Calling collection.aggregate() with a pipeline that is not a list"
    with old(said, said, said, at="aggregate"):
        assert ids(await collection.aggregate(stage).to_list()) == [3, 4]
        assert ids(await collection.aggregate((stage, {"$limit": 1})).to_list()) == [3]
        assert ids(await collection.aggregate(pipeline=stage).to_list()) == [3, 4]
    assert ids(await collection.aggregate([stage], allowDiskUse=True).to_list()) == [3, 4]
    for wrong in (5, "x"):
        with pytest.raises(TypeError, match="pipeline must be a list"):
            collection.aggregate(wrong)


@pytest.mark.usefixtures("numbers")
async def test_aggregate_says_where_its_result_is(collection: Any) -> None:
    reply = await collection.aggregate([])
    with pytest.raises(InvalidOperation, match=r"'result', is gone: since Motor 0\.5 .*to_list"):
        reply["result"]
    with pytest.raises(InvalidOperation, match="Cannot call __getitem__"):
        reply[0]
    assert len(await reply.to_list()) == 5


# Without Tornado, without results -----------------------------------------------------------------


def test_classes_for_tornado_want_tornado() -> None:
    run_python("""
        import sys
        sys.modules["tornado"] = None
        import motor.legacy
        motor.legacy.AsyncIOMotorClient
        assert not hasattr(motor.legacy, "MotorClient")
        try:
            motor.legacy.MotorClient
        except AttributeError as error:
            assert "Is it AsyncIOMotorClient?" in str(error), error
    """)


async def test_what_gave_nothing_gives_nothing(collection: Any) -> None:
    db = collection.database
    await collection.insert_one({})
    assert await collection.rename("renamed") is None
    assert await db.list_collection_names() == ["renamed"]
    assert await db.drop_collection(db.renamed) is None
    assert await db.list_collection_names() == []
    assert await db.client.drop_database(db) is None
