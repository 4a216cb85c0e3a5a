"""A client: how it is made, its name, and what it does by itself."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pymongo
import pytest
from bson import SON, CodecOptions
from bson.codec_options import TypeRegistry
from pymongo import InsertOne, ReadPreference, WriteConcern
from pymongo.errors import InvalidOperation
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern

from support import PATIENCE, CommandRecorder, Framework, async_wait_until
from support.accelerators import takes_executors
from support.errors import raises_as, raises_code


class CommandThreads(CommandListener):
    """Notes the names of the threads that send commands."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def started(self, event: object) -> None:
        self.names.add(threading.current_thread().name)

    def succeeded(self, event: object) -> None:
        pass

    failed = succeeded


def pymongo_threads() -> set[threading.Thread]:
    """PyMongo's own threads, which it starts when a client begins to connect."""
    return {t for t in threading.enumerate() if t.name.startswith("pymongo_")}


# Making one ---------------------------------------------------------------------------------


async def test_client_takes_a_uri(client_factory: Any, mongo_uri: str) -> None:
    assert (await client_factory(mongo_uri).admin.command("ping"))["ok"] == 1


async def test_client_takes_host_and_port(
    client_factory: Any, sync_client: Any, framework: Framework
) -> None:
    host, port = sync_client.primary
    client = client_factory(host, port=port, directConnection=True)
    await client.admin.command("ping")
    assert client.address == (host, port)


async def test_client_takes_a_list_of_hosts(client_factory: Any, sync_client: Any) -> None:
    hosts = [f"{host}:{port}" for host, port in sync_client.nodes]
    client = client_factory(hosts, replicaSet=sync_client.topology_description.replica_set_name)
    await client.admin.command("ping")
    assert client.nodes == sync_client.nodes


def test_client_without_arguments_means_localhost(framework: Framework) -> None:
    client = framework.Client()
    seeds = client.topology_description.server_descriptions()
    assert list(seeds) == [("localhost", 27017)] == [(client.HOST, client.PORT)]
    client.close()


def test_uri_options_and_keywords_reach_pymongo(framework: Framework) -> None:
    client = framework.Client(
        "mongodb://a.invalid/shop?w=2&readPreference=secondary&maxPoolSize=7&appName=till",
        retryWrites=False,
        readConcernLevel="majority",
        tz_aware=True,
    )
    assert client.write_concern == WriteConcern(w=2)
    assert client.read_preference == ReadPreference.SECONDARY
    assert client.read_concern == ReadConcern("majority")
    assert client.codec_options.tz_aware is True
    assert client.options.pool_options.max_pool_size == 7
    assert client.options.pool_options.appname == "till"
    assert client.options.retry_writes is False
    assert client.get_default_database().name == "shop"
    client.close()


def test_positional_arguments_are_those_of_mongo_client(framework: Framework) -> None:
    registry = TypeRegistry(fallback_encoder=str)
    client = framework.Client("a.invalid", 27018, SON, True, False, registry)
    options = client.codec_options
    assert (options.document_class, options.tz_aware) == (SON, True)
    assert options.type_registry == registry
    assert list(client.topology_description.server_descriptions()) == [("a.invalid", 27018)]
    client.close()


@pytest.mark.parametrize("connect", [True, False])
def test_connect_is_the_fifth_positional_argument(
    framework: Framework, mongo_uri: str, connect: bool
) -> None:
    before = pymongo_threads()
    client = framework.Client(mongo_uri, None, dict, False, connect, serverMonitoringMode="poll")
    assert bool(pymongo_threads() - before) is connect
    client.close()


async def test_client_connects_at_its_first_operation(client_factory: Any) -> None:
    before = pymongo_threads()
    client = client_factory()
    assert pymongo_threads() <= before
    await client.admin.command("ping")
    assert client.primary in client.nodes


async def test_aconnect_connects_ahead(client: Any) -> None:
    assert client.primary is None
    assert await client.aconnect() is None
    await async_wait_until(lambda: client.primary is not None)


async def test_aconnect_does_not_wait_for_an_unreachable_server(client_factory: Any) -> None:
    client = client_factory("mongodb://a.invalid", serverSelectionTimeoutMS=600_000)
    async with asyncio.timeout(PATIENCE):
        await client.aconnect()


async def test_async_with_gives_the_client_and_closes_it(
    framework: Framework, mongo_uri: str
) -> None:
    client = framework.Client(mongo_uri, serverMonitoringMode="poll")
    async with client as entered:
        assert entered is client
        await client.admin.command("ping")
    with pytest.raises(InvalidOperation, match="after close"):
        await client.admin.command("ping")


@pytest.mark.parametrize(
    "arguments",
    [{"host": "http://localhost"}, {"no_such_option": 1}, {"maxPoolSize": -1}],
)
def test_bad_arguments_are_refused_at_once_as_pymongo_does(
    framework: Framework, arguments: dict[str, Any]
) -> None:
    with raises_as(pymongo.MongoClient, **arguments):
        framework.Client(**arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"driver": "mine"}, "DriverInfo"),
        ({"io_loop": "loop"}, "io_loop"),
        ({"executor": "threads"}, "ThreadPoolExecutor"),
    ],
)
def test_bad_arguments_are_refused_at_once(
    framework: Framework, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(TypeError, match=text):
        framework.Client(**arguments)


# Loops and threads --------------------------------------------------------------------------


def test_io_loop_is_where_calls_belong_when_none_is_running(
    framework: Framework, client_factory: Any
) -> None:
    loop = framework.new_loop()
    client = client_factory(io_loop=loop)
    assert client.io_loop is client.get_io_loop() is client.db.test.get_io_loop() is loop
    asyncio_loop = getattr(loop, "asyncio_loop", loop)
    future = client.admin.command("ping")
    assert future.get_loop() is asyncio_loop
    assert asyncio_loop.run_until_complete(future)["ok"] == 1
    loop.close()


async def test_io_loop_of_a_client_is_the_running_one_unless_given(
    client: Any, framework: Framework
) -> None:
    assert client.get_io_loop() is framework.current_loop()


def test_io_loop_of_the_other_framework_is_refused(framework: Framework, mongo_uri: str) -> None:
    other = Framework("tornado" if framework.name == "asyncio" else "asyncio")
    loop = other.new_loop()
    with pytest.raises(TypeError, match="io_loop must be instance of"):
        framework.Client(mongo_uri, io_loop=loop)
    loop.close()


@takes_executors
async def test_own_executor_runs_all_calls(client_factory: Any, db_name: str) -> None:
    threads = CommandThreads()
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        client = client_factory(executor=executor, event_listeners=[threads])
        collection = client[db_name].test
        await asyncio.gather(*(collection.insert_one({}) for _ in range(10)))
        await collection.find().to_list()
        await collection.aggregate([]).to_list()
        await client.drop_database(db_name)
        await client.close()
    assert threads.names
    assert all(name.startswith("mine") for name in threads.names)


@takes_executors
async def test_own_executor_is_left_running_by_close(client_factory: Any) -> None:
    with ThreadPoolExecutor(1) as executor:
        client = client_factory(executor=executor)
        await client.close()
        assert executor.submit(int, "7").result() == 7


def test_executor_of_processes_is_refused(framework: Framework, mongo_uri: str) -> None:
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(TypeError, match="ThreadPoolExecutor"),
    ):
        framework.Client(mongo_uri, executor=executor)


# Around a client of PyMongo's ---------------------------------------------------------------


async def test_from_delegate_shares_a_client_with_synchronous_code(
    framework: Framework, mongo_uri: str, db_name: str, commands: CommandRecorder
) -> None:
    shared = pymongo.MongoClient(mongo_uri, serverMonitoringMode="poll", event_listeners=[commands])
    client = framework.Client.from_delegate(shared)
    assert client.delegate is shared
    assert isinstance(client, framework.Client)
    shared[db_name].test.insert_one({"_id": "from PyMongo"})
    await client[db_name].test.insert_one({"_id": "from Motor"})
    assert await client[db_name].test.count_documents({}) == 2
    assert shared[db_name].test.count_documents({}) == 2
    assert commands.names.count("insert") == 2
    await client.close()
    with pytest.raises(InvalidOperation):
        shared.admin.command("ping")


async def test_from_delegate_takes_io_loop_and_executor(
    framework: Framework, mongo_uri: str
) -> None:
    threads = CommandThreads()
    loop = framework.current_loop()
    shared = pymongo.MongoClient(mongo_uri, serverMonitoringMode="poll", event_listeners=[threads])
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        client = framework.Client.from_delegate(shared, io_loop=loop, executor=executor)
        assert client.io_loop is loop
        await client.admin.command("ping")
        await client.close()
    assert threads.names
    assert all(name.startswith("mine") for name in threads.names)


def test_from_delegate_refuses_what_is_no_synchronous_client(framework: Framework) -> None:
    motor_client = framework.Client()
    async_client: Any = pymongo.AsyncMongoClient(connect=False)
    for wrong in (None, "mongodb://localhost", async_client, motor_client):
        with pytest.raises(TypeError, match="from_delegate"):
            framework.Client.from_delegate(wrong)
    motor_client.close()
    asyncio.run(async_client.close())


# Databases ----------------------------------------------------------------------------------


async def test_databases_by_item_attribute_and_method(client: Any, framework: Framework) -> None:
    database = client["shop"]
    assert type(database) is framework.Database
    assert database == client.shop == client.get_database("shop")
    assert database.client is client
    assert client["_shop"].name == "_shop"
    with pytest.raises(AttributeError, match=r"client\['_shop'\]"):
        _ = client._shop


async def test_get_database_takes_options(client: Any) -> None:
    database = client.get_database(
        "shop",
        codec_options=CodecOptions(SON),
        read_preference=ReadPreference.SECONDARY,
        write_concern=WriteConcern(w=2),
        read_concern=ReadConcern("local"),
    )
    assert database.codec_options.document_class is SON
    assert database.read_preference == ReadPreference.SECONDARY
    assert database.write_concern == WriteConcern(w=2)
    assert database.read_concern == ReadConcern("local")


def test_default_database_is_the_uris(framework: Framework) -> None:
    client = framework.Client("mongodb://a.invalid/shop")
    database = client.get_default_database()
    assert type(database) is framework.Database
    assert database == client.shop == client.get_database() == client.get_default_database("other")
    assert client.get_default_database(write_concern=WriteConcern(w=2)).write_concern.document
    client.close()


def test_default_database_must_be_named(framework: Framework) -> None:
    client = framework.Client("mongodb://a.invalid")
    assert client.get_default_database("other").name == "other"
    with raises_as(client.delegate.get_default_database):
        client.get_default_database()
    client.close()


async def test_list_databases_and_their_names(client: Any, db: Any) -> None:
    await db.test.insert_one({})
    async with client.start_session() as session:
        found = await client.list_databases(
            session=session, filter={"name": db.name}, nameOnly=True
        )
        assert await found.to_list() == [{"name": db.name}]
        names = await client.list_database_names(session, "a comment")
    assert {db.name, "admin"} <= set(names)


async def test_drop_database_takes_a_name_or_a_database(client: Any, db: Any) -> None:
    for target in (db.name, db):
        await db.test.insert_one({})
        async with client.start_session() as session:
            await client.drop_database(target, session=session, comment="why")
        assert db.name not in await client.list_database_names()
    with raises_as(client.delegate.drop_database, 1):
        await client.drop_database(1)


# The server ---------------------------------------------------------------------------------


async def test_server_info(client: Any, sync_client: Any) -> None:
    async with client.start_session() as session:
        assert (await client.server_info(session))["version"] == sync_client.server_info()[
            "version"
        ]


async def test_bulk_write_over_namespaces(
    client: Any, db: Any, server_version: tuple[int, ...]
) -> None:
    models = [InsertOne({"_id": 1}, namespace=f"{db.name}.{name}") for name in ("a", "b")]
    async with client.start_session() as session:
        if server_version < (8,):
            with raises_as(client.delegate.bulk_write, models):
                await client.bulk_write(models, session=session)
            return
        result = await client.bulk_write(models, session=session)
    assert result.inserted_count == 2


# Itself -------------------------------------------------------------------------------------


def test_clients_of_the_same_servers_are_equal(client_factory: Any, mongo_uri: str) -> None:
    client, same, other = client_factory(), client_factory(), client_factory("mongodb://a.invalid")
    assert client == same
    assert hash(client) == hash(same)
    assert client != other
    assert client != client.delegate
    assert bool(client) is True


async def test_client_is_no_function_and_not_iterable(client: Any) -> None:
    with pytest.raises(TypeError, match="not callable"):
        client()
    with pytest.raises(TypeError, match=r"MotorDatabase.*'list_database_name' method"):
        client.list_database_name()
    with pytest.raises(TypeError, match=type(client).__name__):
        iter(client)
    with raises_code(59):
        await client.admin.command("nope")
