"""The clients of `motor.legacy`: code of old that is code of today with another meaning."""

from __future__ import annotations

import pickle
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from bson.binary import Binary, UuidRepresentation
from bson.son import SON
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, InvalidOperation, OperationFailure

import motor.legacy
from motor.executor import default_pool
from support import Framework, run_python
from support.cursors import ids
from support.errors import raises_code
from support.old_style import old

#: Never connected to.
URI = "mongodb://127.0.0.1:1/"


def legacy(framework: Framework, name: str) -> Any:
    prefix = "AsyncIO" if framework.name == "asyncio" else ""
    return getattr(motor.legacy, f"{prefix}Motor{name}")


@pytest.fixture
def make(framework: Framework, mongo_uri: str, db_name: str) -> Iterator[Any]:
    """Make clients of `motor.legacy`, which are closed after the test."""
    clients = []

    def make(*args: Any, name: str = "Client", **kwargs: Any) -> Any:
        kwargs.setdefault("serverMonitoringMode", "poll")
        client = legacy(framework, name)(*(args or (mongo_uri,)), **kwargs)
        clients.append(client)
        return client

    yield make
    default_pool().drain()
    for client in clients:
        client.close()


@pytest.fixture
def client(make: Any) -> Any:
    return make()


@pytest.fixture
def collection(client: Any, db_name: str) -> Any:
    return client[db_name].test


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


def test_third_argument_is_the_size_of_the_pool(make: Any) -> None:
    with old("The client option 'max_pool_size'", at="legacy(framework"):
        client = make(URI, None, 7, SON, True)
    options = client.delegate.options
    assert options.pool_options.max_pool_size == 7
    assert (options.codec_options.document_class, options.codec_options.tz_aware) == (SON, True)


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
    with old("The keyword 'compile_re' of collection.find()"):
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
        assert owner.delegate.write_concern == pymongo.WriteConcern(w=1)
    assert client.other.write_concern == {"w": 1}


KINDS = ("client", "database", "collection")


def isinstance_of(owner: Any, kind: str) -> bool:
    return type(owner).__name__.lower().endswith(kind)


# Finding --------------------------------------------------------------------------------------


@pytest.fixture
def numbers(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i, "x": -i} for i in range(5)])


def keyword(name: str, method: str = "find") -> str:
    return f"The keyword {name!r} of collection.{method}()"


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
async def test_find_ignores_what_nobody_knows(collection: Any) -> None:
    with pytest.warns(DeprecationWarning, match=r"find\(\) ignores the keyword 'nope'") as caught:
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
    with old("The keyword 'fields' of database.command()"):
        await db.command("findAndModify", "test", remove=True, fields=["x"])
    count, create, modify = commands.named("count", "create", "findAndModify")
    assert count.command["$readPreference"] == {"mode": "nearest"}
    assert create.command.get("$readPreference") != {"mode": "nearest"}
    assert modify.command["fields"] == {"x": 1}


async def test_create_index_fills_the_cache_of_ensure_index(collection: Any) -> None:
    assert await collection.create_index("x") == "x_1"
    assert await collection.create_index([("y", -1)], unique=True) == "y_-1"
    with old("The keyword 'cache_for' of collection.create_index()", at="cache_for"):
        assert await collection.create_index("z", cache_for=0) == "z_1"
    with old(*["collection.ensure_index()"] * 3):
        assert await collection.ensure_index("x") is None
        assert await collection.ensure_index([("y", -1)], unique=True) is None
        assert await collection.ensure_index("z") == "z_1"


# Closing --------------------------------------------------------------------------------------


async def test_client_opens_again(client: Any, collection: Any) -> None:
    db = collection.database
    await collection.insert_one({"_id": 1})
    with old("Assigning to client.read_preference"):
        client.read_preference = ReadPreference.NEAREST
    for close in (client.close, lambda: disconnect(client)):
        before = client.delegate
        await (close() or nothing())
        assert await collection.find_one() == {"_id": 1}
        assert client.delegate is not before
        assert await db.test.find().to_list() == [{"_id": 1}]
        assert client.read_preference == ReadPreference.NEAREST
    await client.close()
    with old("collection.count()"):
        assert await collection.count() == 1
    await client.close()
    await client.close()
    assert await client.server_info()


def disconnect(client: Any) -> None:
    with old("client.disconnect()"):
        client.disconnect()


async def nothing() -> None:
    pass


async def test_client_around_another_does_not_open_again(
    framework: Framework, mongo_uri: str
) -> None:
    delegate = pymongo.MongoClient(mongo_uri, connect=False)
    client = legacy(framework, "Client").from_delegate(delegate)
    await client.close()
    with pytest.raises(InvalidOperation, match="make a new client"):
        await client.db.test.find_one()


async def test_users_come_and_go(client: Any, collection: Any, sync_db: Any) -> None:
    db = collection.database
    authenticate, logout = "database.authenticate()", "database.logout()"
    sync_db.command("createUser", "ann", pwd="secret", roles=[])
    sync_db.command("createUser", "bob", pwd="secret", roles=[])

    async def user() -> list[str]:
        status = await db.command("connectionStatus")
        return [each["user"] for each in status["authInfo"]["authenticatedUsers"]]

    try:
        with (
            old(authenticate),
            raises_code(18),
        ):
            await db.authenticate("ann", "wrong")
        assert await user() == []
        with old(authenticate, authenticate):
            assert await db.authenticate("ann", "secret") is True
            assert await db.authenticate("ann", "secret") is True
        assert await user() == ["ann"]
        with old(authenticate), pytest.raises(OperationFailure, match="You must logout first"):
            await db.authenticate("bob", "secret")
        with old(logout):
            assert await db.logout() is None
        assert await user() == []
        with old(authenticate):
            await db.authenticate("bob", "secret", mechanism="SCRAM-SHA-256")
        await client.close()
        assert await user() == ["bob"]
    finally:
        sync_db.command("dropAllUsersFromDatabase")


# SON manipulators -----------------------------------------------------------------------------


class Upper:
    """Stores names in upper case, and gives them in lower case."""

    def __init__(self, copies: bool = False) -> None:
        self.copies = copies

    def will_copy(self) -> bool:
        return self.copies

    def transform_incoming(self, son: Any, collection: Any) -> Any:
        assert collection.name == "test"
        changed = dict(son) if self.copies else son
        changed["name"] = changed.get("name", "").upper()
        return changed

    def transform_outgoing(self, son: Any, collection: Any) -> Any:
        return {**son, "name": son["name"].lower()}


@pytest.mark.parametrize("copies", [True, False])
async def test_manipulators_go_over_documents(collection: Any, sync_db: Any, copies: bool) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        assert db.add_son_manipulator(Upper(copies)) is None
    stored = sync_db.test.find_one
    document = {"_id": 1, "name": "Ann"}
    with old("collection.insert()", "collection.save()", "collection.update()"):
        await collection.insert(document)
        assert document["name"] == ("Ann" if copies else "ANN")
        assert stored(1)["name"] == "ANN"
        await collection.save({"_id": 2, "name": "Bob"})
        await collection.update({"_id": 2}, {"name": "Bea"}, manipulate=True)
    assert stored(2)["name"] == "BEA"
    assert [each["name"] for each in await collection.find().to_list()] == ["ann", "bea"]
    assert [each["name"] async for each in collection.find()] == ["ann", "bea"]
    cursor = collection.find()
    assert (await cursor.next())["name"] == "ann"
    assert (await cursor.rewind().next())["name"] == "ann"
    await cursor.close()
    assert (await collection.find_one({"_id": 2}))["name"] == "bea"
    with old("collection.find_and_modify()"):
        found = await collection.find_and_modify({"_id": 2}, remove=True, manipulate=True)
    assert found["name"] == "bea"


async def test_manipulators_only_where_wanted(collection: Any, sync_db: Any) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        db.add_son_manipulator(Upper())
    with old("collection.insert()"):
        await collection.insert({"_id": 1, "name": "Ann"}, manipulate=False)
    await collection.insert_one({"_id": 2, "name": "Bob"})
    with old(keyword("manipulate"), keyword("manipulate", "find_one"), at="manipulate"):
        found = await collection.find(manipulate=False).to_list()
        assert (await collection.find_one(1, manipulate=False))["name"] == "Ann"
    assert [each["name"] for each in found] == ["Ann", "Bob"]
    assert await collection.find_one({"_id": 3}) is None


async def test_databases_tell_of_their_manipulators(client: Any) -> None:
    db = client.db
    with old(*["database.add_son_manipulator()"] * 2):
        db.add_son_manipulator(Upper())
        db.add_son_manipulator(Upper(copies=True))
    with old("database.incoming_manipulators", "database.incoming_copying_manipulators"):
        assert db.incoming_manipulators == ["Upper"]
        assert db.incoming_copying_manipulators == ["Upper"]
    with old("database.outgoing_manipulators", "database.outgoing_copying_manipulators"):
        assert db.outgoing_manipulators == ["Upper"]
        assert db.outgoing_copying_manipulators == ["Upper"]
    with old("database.incoming_manipulators"):
        assert client.other.incoming_manipulators == []
    with old("database.add_son_manipulator()"), pytest.raises(TypeError, match="a SON manipulator"):
        db.add_son_manipulator(5)


async def test_manipulators_go_over_documents_of_a_session(collection: Any) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        db.add_son_manipulator(Upper())
    await collection.insert_one({"_id": 1, "name": "Ann"})
    async with db.client.start_session() as session:
        assert (await collection.find_one({}, session=session))["name"] == "ann"
        assert [d["name"] for d in await collection.find(session=session).to_list()] == ["ann"]


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
