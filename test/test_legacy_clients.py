"""What clients and databases could do in the PyMongo 2 era."""

from __future__ import annotations

import uuid
from typing import Any

import pymongo
import pytest
from bson.son import SON
from pymongo.errors import (
    ConfigurationError,
    InvalidOperation,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from motor.legacy.registry import entries
from motor.testing import EmbeddedMongo
from support.cursors import open_cursors
from support.errors import raises_code
from support.old_style import GUIDE, old
from support.tls import Certificates

# Databases ------------------------------------------------------------------------------------


async def test_collection_names(db: Any) -> None:
    await db.one.insert_one({})
    await db.create_collection("view", viewOn="one")
    with old("database.collection_names()", "database.collection_names()"):
        assert sorted(await db.collection_names()) == ["one", "system.views", "view"]
        names = await db.collection_names(include_system_collections=False)
        assert sorted(names) == ["one", "view"]


async def test_collections_with_such_names_go_on_working(db: Any, client: Any) -> None:
    await db.collection_names.insert_one({"_id": 1})
    await db.test.insert.insert_one({"_id": 2})
    await db.test["insert"].count.find_one()
    assert db.test.insert.name == "test.insert"
    assert await db.test.insert.find_one() == {"_id": 2}
    assert client.database_names.name == "database_names"
    assert sorted(await db.list_collection_names()) == ["collection_names", "test.insert"]


async def test_what_was_made_by_its_name_cannot_be_called(db: Any) -> None:
    with pytest.raises(TypeError, match="object is not callable"):
        db["collection_names"]()
    with pytest.raises(TypeError, match="object is not callable"):
        db.test["insert"]({})
    with pytest.raises(TypeError, match="object is not callable"):
        db.insert({})


async def test_current_op(db: Any) -> None:
    with old("database.current_op()", "database.current_op()"):
        assert "inprog" in await db.current_op()
        assert len((await db.current_op(include_all=True))["inprog"]) > 1


async def test_profiling(db: Any) -> None:
    await db.test.insert_one({})
    level, change = "database.profiling_level()", "database.set_profiling_level()"
    with old(level, change, level, change, change):
        assert await db.profiling_level() == 0
        assert await db.set_profiling_level(2, slow_ms=50) is None
        assert await db.profiling_level() == 2
        await db.test.find_one({"profiled": 1})
        await db.set_profiling_level(1)
        await db.set_profiling_level(0, slow_ms=100)
    with old("database.profiling_info()"):
        info = await db.profiling_info()
    assert any(entry["op"] == "query" for entry in info)
    with old(change), pytest.raises(ValueError, match="level must be one of"):
        await db.set_profiling_level(3)
    with old(change), pytest.raises(TypeError, match="slow_ms must be an int"):
        await db.set_profiling_level(1, "x")


@pytest.mark.parametrize(
    "name", ["error", "last_status", "previous_error", "reset_error_history", "eval"]
)
async def test_what_no_server_does_is_refused(db: Any, name: str) -> None:
    with pytest.raises(InvalidOperation, match=r"is gone: MongoDB .*removed") as caught:
        getattr(db, name)()
    assert f"{GUIDE}database.rst#database-{name.replace('_', '-')}" in str(caught.value)


async def test_users(db: Any, sync_db: Any) -> None:
    def roles(name: str) -> list[str]:
        (user,) = sync_db.command("usersInfo", name)["users"]
        return [role["role"] for role in user["roles"]]

    add, remove = "database.add_user()", "database.remove_user()"
    try:
        with old(add, add, add):
            assert await db.add_user("ann", "secret") is None
            await db.add_user("ann", "other")
            await db.add_user("bob", "secret", read_only=True)
        assert (roles("ann"), roles("bob")) == (["dbOwner"], ["read"])
        with old(add):
            await db.add_user("bob", roles=["readWrite"], customData={"x": 1})
        assert roles("bob") == ["readWrite"]
        with old(remove):
            assert await db.remove_user("ann") is None
        with old(remove), raises_code(11):
            await db.remove_user("ann")
    finally:
        sync_db.command("dropAllUsersFromDatabase")


@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ((1,), {}, TypeError),
        (("x", 1), {}, TypeError),
        (("x", ""), {}, ValueError),
        (("x", "y", True), {"roles": []}, ConfigurationError),
    ],
)
async def test_users_that_cannot_be_are_refused(
    db: Any, args: Any, kwargs: Any, error: type[Exception]
) -> None:
    with old("database.add_user()"), pytest.raises(error):
        await db.add_user(*args, **kwargs)


async def test_todays_databases_have_no_manipulators_and_no_credentials(db: Any) -> None:
    with (
        old("database.add_son_manipulator()"),
        pytest.raises(InvalidOperation, match=r"from motor\.legacy import MotorClient"),
    ):
        db.add_son_manipulator(object())
    for name, args in (("authenticate", ("x", "y")), ("logout", ())):
        with (
            old(f"database.{name}()", at="getattr"),
            pytest.raises(InvalidOperation, match=r"from motor\.legacy import MotorClient"),
        ):
            await getattr(db, name)(*args)


def keyword(name: str, method: str) -> str:
    return f"The argument {name!r} of {method}()"


async def test_command_keywords(db: Any) -> None:
    command = "database.command"
    value = uuid.uuid4()
    await db.test.insert_one({"_id": 1})
    with old(keyword("as_class", command)):
        assert type(await db.command("ping", as_class=SON)) is SON
    with old(keyword("uuid_subtype", command)):
        query = {"find": "test", "filter": {"x": value}}
        await db.command(query, uuid_subtype=4)
    with old(
        keyword("compile_re", command), keyword("secondary_acceptable_latency_ms", command), at=""
    ):
        await db.command("ping", compile_re=True, secondary_acceptable_latency_ms=5)
    with old(keyword("tag_sets", command)):
        await db.command(
            "ping", tag_sets=[{"dc": "x"}, {}], read_preference=pymongo.ReadPreference.NEAREST
        )
    with (
        old(keyword("uuid_subtype", command)),
        pytest.raises(ValueError, match="uuid_subtype must"),
    ):
        await db.command("ping", uuid_subtype=9)


# Indexes --------------------------------------------------------------------------------------


async def test_ensure_index_makes_an_index_once(
    client_factory: Any, db_name: str, commands: Any
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name].test
    ensure = "collection.ensure_index()"
    with old(ensure, ensure, ensure, ensure):
        assert await collection.ensure_index("x") == "x_1"
        assert await collection.ensure_index("x") is None
        assert await collection.ensure_index([("y", -1)], unique=True, ttl=0) == "y_-1"
        assert await collection.ensure_index([("y", -1)], unique=True) == "y_-1"
    assert len(commands.named("createIndexes")) == 3
    assert (await collection.index_information())["y_-1"]["unique"]


async def test_ensure_index_makes_a_dropped_index_again(collection: Any, db: Any) -> None:
    ensure = "collection.ensure_index()"
    with old(ensure, ensure, ensure):
        assert await collection.ensure_index("x", drop_dups=True) == "x_1"
        await collection.drop_index("x_1")
        assert await collection.ensure_index("x") == "x_1"
        await db.drop_collection("test")
        assert await collection.ensure_index("x") == "x_1"
    assert "x_1" in await collection.index_information()


async def test_ensure_index_remembers_no_failure(collection: Any) -> None:
    await collection.insert_many([{"x": 1}, {"x": 1}])
    with old("collection.ensure_index()", "collection.ensure_index()"):
        for _ in range(2):
            with pytest.raises(OperationFailure):
                await collection.ensure_index("x", unique=True)
    with old("collection.ensure_index()"), pytest.raises(TypeError, match="cache_for must be"):
        await collection.ensure_index("x", cache_for="long")


async def test_ensure_index_knows_what_create_index_made(collection: Any) -> None:
    create, ensure = "collection.create_index", "collection.ensure_index()"
    with old(keyword("cache_for", create), keyword("ttl", create)):
        await collection.create_index("x", cache_for=60)
        await collection.create_index("y", ttl=0)
    with old(ensure, ensure):
        assert await collection.ensure_index("x") is None
        assert await collection.ensure_index("y") == "y_1"
    with (
        old(keyword("cache_for", create)),
        pytest.raises(TypeError, match="cache_for must be a number of seconds, not 'long'"),
    ):
        collection.create_index("z", cache_for="long")


async def test_create_index_keywords(collection: Any) -> None:
    create = "collection.create_index"
    with old(keyword("drop_dups", create), keyword("cache_for", create), at=""):
        assert await collection.create_index("x", drop_dups=True, cache_for=60) == "x_1"
    with old(keyword("ttl", create)):
        assert await collection.create_index("y", ttl=60) == "y_1"
    with pytest.raises(InvalidOperation, match=r"'bucket_size' of .* is gone: MongoDB 5\.0"):
        await collection.create_index([("z", "geoHaystack")], bucket_size=1)


async def test_reindex_says_what_a_replica_set_wants_instead(collection: Any) -> None:
    await collection.insert_one({})
    with (
        old("collection.reindex()"),
        pytest.raises(OperationFailure, match="drop the indexes and create them again") as caught,
    ):
        await collection.reindex()
    assert caught.value.code == 20


async def test_reindex_of_a_standalone_server(framework: Any) -> None:
    with EmbeddedMongo(replica_set=None) as server:
        client = framework.Client(server.uri)
        await client.db.test.insert_one({})
        with old("collection.reindex()"):
            reply = await client.db.test.reindex()
        await client.close()
    assert (reply["nIndexesWas"], reply["nIndexes"], reply["ok"]) == (1, 1, 1.0)


# Clients --------------------------------------------------------------------------------------


async def test_database_names(client: Any, db: Any) -> None:
    await db.test.insert_one({})
    with old("client.database_names()"):
        assert db.name in await client.database_names()


async def test_open_and_alive_and_refresh(client: Any) -> None:
    with old("client.open()", "client.alive()", "client.refresh()"):
        assert await client.open() is client
        assert await client.alive() is True
        assert await client.refresh() is None


async def test_client_is_locked_between_fsync_and_unlock(client: Any) -> None:
    locked = "client.is_locked()"
    with old(locked, "client.fsync()", locked, "client.unlock()", locked):
        assert await client.is_locked() is False
        await client.fsync(lock=True)
        try:
            assert await client.is_locked() is True
        finally:
            await client.unlock()
        assert await client.is_locked() is False


def test_open_sync_connects_before_there_is_a_loop(framework: Any, mongo_uri: str) -> None:
    client = framework.Client(mongo_uri)
    with old("client.open_sync()"):
        assert client.open_sync() is client
    assert client.delegate.nodes
    client.close()
    unreachable = framework.Client(URI, serverSelectionTimeoutMS=1)
    with old("client.open_sync()"), pytest.raises(ServerSelectionTimeoutError):
        unreachable.open_sync()
    unreachable.close()


async def test_open_sync_does_not_block_a_running_loop(client_factory: Any) -> None:
    client = client_factory("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=60_000)
    with old("client.open_sync()"):
        assert client.open_sync() is client


async def test_sync_client_is_the_one_of_pymongo(client: Any, db: Any) -> None:
    with old("client.sync_client()"):
        found = client.sync_client()
    assert type(found) is pymongo.MongoClient
    found[db.name].test.insert_one({"_id": 1})
    assert await db.test.find_one() == {"_id": 1}


@pytest.mark.parametrize("name", ["start_request", "in_request", "end_request", "copy_database"])
async def test_what_clients_cannot_do_any_more_is_refused(client: Any, name: str) -> None:
    with pytest.raises(InvalidOperation, match=rf"client\.{name}\(\) is gone: ") as caught:
        getattr(client, name)("a", "b")
    assert f"{GUIDE}client.rst#client-{name.replace('_', '-')}" in str(caught.value)


async def test_client_without_server_is_not_alive(client_factory: Any) -> None:
    client = client_factory("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=10)
    with old("client.alive()"):
        assert await client.alive() is False


async def test_disconnect_closes(client: Any) -> None:
    with old("client.disconnect()"):
        assert client.disconnect() is None
    with pytest.raises(InvalidOperation, match="make a new client"):
        await client.db.test.find_one()


@pytest.mark.parametrize("one", [True, False])
async def test_cursors_are_killed_by_their_ids(
    client: Any, collection: Any, sync_client: Any, one: bool
) -> None:
    await collection.insert_many([{} for _ in range(5)])
    cursor = collection.find(batch_size=2)
    await cursor.next()
    namespace = f"{collection.database.name}.{collection.name}"
    assert len(open_cursors(sync_client, namespace)) == 1
    if one:
        with old("client.close_cursor()"):
            assert await client.close_cursor(cursor.cursor_id) is None
    else:
        with old("client.kill_cursors()"):
            assert await client.kill_cursors([cursor.cursor_id]) is None
    assert open_cursors(sync_client, namespace) == []
    await cursor.close()


async def test_cursors_are_killed_by_nothing_else(client: Any) -> None:
    with old("client.close_cursor()"), pytest.raises(TypeError, match="cursor_id must be an int"):
        await client.close_cursor("x")
    with old("client.kill_cursors()"), pytest.raises(TypeError, match="cursor_ids must be a list"):
        await client.kill_cursors(5)


async def test_fsync_and_unlock(client: Any) -> None:
    fsync, unlock = "client.fsync()", "client.unlock()"
    with old(fsync, fsync):
        assert await client.fsync() is None
        await client.fsync(**{"async": True})
    with old(fsync, unlock):
        await client.fsync(lock=True)
        assert await client.unlock() is None
    with old(unlock), pytest.raises(OperationFailure):
        await client.unlock()


async def test_document_class(client: Any, db_name: str) -> None:
    await client[db_name].test.insert_one({})
    with old("client.get_document_class()", "client.set_document_class()"):
        assert client.get_document_class() is dict
        client.set_document_class(SON)
    assert type(await client[db_name].test.find_one()) is SON


# Options --------------------------------------------------------------------------------------

URI = "mongodb://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("options", "read", "value"),
    [
        ({"max_pool_size": 3}, lambda o: o.pool_options.max_pool_size, 3),
        ({"max_concurrent": 3}, lambda o: o.pool_options.max_pool_size, 3),
        ({"max_wait_time": 0.25}, lambda o: o.pool_options.wait_queue_timeout, 0.25),
        ({"max_wait_time": None}, lambda o: o.pool_options.wait_queue_timeout, None),
        ({"network_timeout": 1.5}, lambda o: o.pool_options.socket_timeout, 1.5),
        ({"network_timeout": None}, lambda o: o.pool_options.socket_timeout, None),
        ({"slave_okay": True}, lambda o: o.read_preference.mode, 3),
        ({"slaveOk": False}, lambda o: o.read_preference.mode, 0),
        ({"slave_okay": True, "read_preference": 2}, lambda o: o.read_preference.mode, 2),
        ({"read_preference": 2, "slave_okay": True}, lambda o: o.read_preference.mode, 2),
        ({"safe": False}, lambda o: o.write_concern, pymongo.WriteConcern(w=0)),
        ({"safe": True}, lambda o: o.write_concern, pymongo.WriteConcern()),
        ({"wtimeout": 5}, lambda o: o.write_concern.document, {"wtimeout": 5}),
        ({"j": True}, lambda o: o.write_concern.document, {"j": True}),
        ({"secondary_acceptable_latency_ms": 7}, lambda o: o.local_threshold_ms, 7),
        ({"secondaryAcceptableLatencyMS": 7}, lambda o: o.local_threshold_ms, 7),
        ({"read_preference": 2}, lambda o: o.read_preference, pymongo.ReadPreference.SECONDARY),
        (
            {"read_preference": 4, "tag_sets": [{"a": "b"}]},
            lambda o: o.read_preference,
            pymongo.read_preferences.Nearest([{"a": "b"}]),
        ),
        (
            {"tag_sets": [{"a": "b", "c": "d"}, {}], "readPreference": "secondary"},
            lambda o: o.read_preference,
            pymongo.read_preferences.Secondary([{"a": "b", "c": "d"}, {}]),
        ),
        ({"use_greenlets": False, "socketKeepAlive": True}, lambda o: o.retry_writes, True),
        ({"_connect": False}, lambda o: o.connect, False),
    ],
)
def test_client_options_are_translated(framework: Any, options: Any, read: Any, value: Any) -> None:
    names = [name for name in options if name != "readPreference"]
    value_is_old = {"read_preference": "This value of the client option 'read_preference'"}
    said = [value_is_old.get(name, f"The client option {name!r}") for name in names]
    with old(*said, at="Client"):
        client = framework.Client(URI, **options)
    assert read(client.delegate.options) == value
    client.close()


def test_client_options_that_are_refused(framework: Any) -> None:
    refused = [entry for entry in entries("option") if entry.reason is not None]
    assert {entry.name for entry in refused} == {"auto_start_request", "authMechanism"}
    for entry in refused:
        value = "MONGODB-CR" if entry.name == "authMechanism" else True
        with pytest.raises(ConfigurationError) as caught:
            framework.Client(URI, **{entry.name: value})
        assert str(caught.value) == entry.message
        assert " is gone: " in entry.message
        assert entry.link in entry.message


def test_client_options_of_tls(framework: Any, tmp_path: Any) -> None:
    with (
        old("The client option 'ssl_certfile'", "The client option 'ssl_keyfile'", at="Client"),
        pytest.raises(ConfigurationError, match="put the key and the certificate into one"),
    ):
        framework.Client(URI, ssl_certfile="a.pem", ssl_keyfile="b.pem")
    with old(
        "The client option 'ssl_cert_reqs'", "The client option 'ssl_match_hostname'", at="Client"
    ):
        client = framework.Client(URI, ssl=True, ssl_cert_reqs=0, ssl_match_hostname=False)
    client.close()


@pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_crlfile", "ssl_certfile"])
def test_client_options_of_files(framework: Any, tmp_path: Any, name: str) -> None:
    """They are PyMongo's under other names, which reads the files when a client is made."""
    missing = str(tmp_path / "missing.pem")
    with (
        old(f"The client option {name!r}", at="Client"),
        pytest.raises((FileNotFoundError, ConfigurationError)),
    ):
        framework.Client(URI, ssl=True, **{name: missing})


def test_client_options_of_certificates(framework: Any, tmp_path: Any) -> None:
    certificates = Certificates(tmp_path)
    names = ("ssl_ca_certs", "ssl_certfile", "ssl_pem_passphrase")
    value_is_old = {"read_preference": "This value of the client option 'read_preference'"}
    said = [value_is_old.get(name, f"The client option {name!r}") for name in names]
    with old(*said, at="Client"):
        client = framework.Client(
            URI,
            ssl=True,
            ssl_ca_certs=certificates.authority_file,
            ssl_certfile=certificates.server_file,
            ssl_pem_passphrase="secret",
        )
    (authority,) = client.delegate.options.pool_options._ssl_context.get_ca_certs()
    assert "trustme" in str(authority["subject"])
    client.close()
