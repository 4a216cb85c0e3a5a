"""Connections that read ahead, to a real server: what PyMongo's own can, and their errors."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pymongo
import pytest
from pymongo import CursorType
from pymongo.errors import AutoReconnect, NetworkTimeout, PyMongoError

from motor.accelerators import chosen
from motor.accelerators import sockets as accelerator
from motor.accelerators.sockets.buffered import BufferedSocket, PlainSocket
from motor.testing import EmbeddedMongo
from motor.testing.mongod import MongodNotFound, find_mongod
from support import PATIENCE, CommandRecorder, Framework, async_wait_until
from support.tls import Certificates

#: What a document of the largest size has beside its data: `_id`, names, types and lengths.
MARGIN = 100
LARGEST = 16 * 1024 * 1024 - MARGIN


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was put in the place of a connection's socket."""
    if "sockets" not in chosen():
        pytest.skip("the accelerator is switched off")
    made: list[Any] = []
    original = accelerator.buffered

    def buffered(interface: Any) -> Any:
        found = original(interface)
        made.append(found and found.get_conn)
        return found

    monkeypatch.setattr(accelerator, "buffered", buffered)
    return made


@pytest.fixture
def sync_factory(mongo_uri: str) -> Iterator[Callable[..., pymongo.MongoClient[Any]]]:
    """Make PyMongo clients like `client_factory` makes Motor's."""
    clients: list[pymongo.MongoClient[Any]] = []

    def make(uri: str = mongo_uri, **options: Any) -> pymongo.MongoClient[Any]:
        client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            uri, serverMonitoringMode="poll", **options
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def told(error: BaseException) -> tuple[type[BaseException], str]:
    """The class of an error, and what it says apart from times and numbers."""
    return type(error), re.sub(r"\d+(\.\d+)?", "#", str(error))


def error_of(function: Callable[..., Any], *args: Any) -> tuple[type[BaseException], str]:
    with pytest.raises(PyMongoError) as caught:
        function(*args)
    return told(caught.value)


async def awaited_error_of(operation: Any) -> tuple[type[BaseException], str]:
    with pytest.raises(PyMongoError) as caught:
        await asyncio.wait_for(operation, PATIENCE)
    return told(caught.value)


# Other ways to the server -------------------------------------------------------------------------


class Forwarder:
    """Lets clients reach a server by way of a Unix domain socket, or of a port that can be cut.

    - `path`: where the socket is to be; None: a free port of this machine
    """

    def __init__(self, client: pymongo.MongoClient[Any], path: str | None = None) -> None:
        ((self._host, self._port),) = client.nodes
        self._path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> str:
        """Listen, and return the connection string."""
        if self._path is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1")
            host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        else:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
            host = quote_plus(self._path)
        return f"mongodb://{host}/?directConnection=true"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*filter(None, self._tasks))

    def cut(self) -> None:
        """Break the connections that there are."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        to_reader, to_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, to_writer}
        await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        self._writers -= {writer, to_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


# Whose connections ----------------------------------------------------------------------------


async def test_a_clients_connections_read_ahead(
    framework: Framework, collection: Any, sockets: list[Any]
) -> None:
    await asyncio.gather(*(collection.find_one() for _ in range(5)))
    assert sockets
    assert all(isinstance(sock, PlainSocket) for sock in sockets)
    assert any(sock._end for sock in sockets), "nothing was received by them"


async def test_connections_of_an_adopted_client_are_left_alone(
    framework: Framework, sync_factory: Any, db_name: str, sockets: list[Any]
) -> None:
    client = framework.Client.from_delegate(sync_factory())
    await client[db_name].test.insert_one({})
    assert await client[db_name].test.count_documents({}) == 1
    assert sockets == []


async def test_connections_of_monitors_are_left_alone(
    framework: Framework, client: Any, sockets: list[Any]
) -> None:
    await client.aconnect()
    await async_wait_until(lambda: client.topology_description.has_writable_server())
    assert sockets == []


# Timeouts and connections that break, compared with the synchronous client's ----------------------


@contextmanager
def slow(fail_point: Any, name: str, milliseconds: int) -> Iterator[None]:
    with fail_point(
        failCommands=["find"], appName=name, blockConnection=True, blockTimeMS=milliseconds
    ):
        yield


async def test_socket_timeout_is_a_network_timeout(
    framework: Framework,
    client_factory: Any,
    sync_factory: Any,
    sync_client: Any,
    db_name: str,
    fail_point: Any,
) -> None:
    options = {"socketTimeoutMS": 50, "retryReads": False, "appname": db_name}
    client, sync = client_factory(**options), sync_factory(**options)
    with slow(fail_point, db_name, 300):
        found = await awaited_error_of(client[db_name].test.find_one())
        expected = error_of(sync[db_name].test.find_one)
    assert found == expected
    assert found[0] is NetworkTimeout
    assert "timed out" in found[1]
    # The late answer, that there is none, belongs to no operation.
    sync_client[db_name].test.insert_one({"_id": 1})

    async def find() -> bool:
        try:
            document = await client[db_name].test.find_one()
        except NetworkTimeout:
            # With so short a timeout, a machine that is busy needs several tries.
            return False
        assert document == {"_id": 1}
        return True

    await async_wait_until(find)


async def test_timeout_of_a_block_is_the_same_error(
    framework: Framework, client_factory: Any, sync_factory: Any, db_name: str, fail_point: Any
) -> None:
    options = {"retryReads": False, "appname": db_name}
    client, sync = client_factory(**options), sync_factory(**options)
    for either in (client, sync):
        # Connected, or the timeout would hit the handshake.
        ping = either.admin.command("ping")
        if either is client:
            await ping
    with slow(fail_point, db_name, 2000):
        with pymongo.timeout(0.5):
            found = await awaited_error_of(client[db_name].test.find_one())
        with pymongo.timeout(0.5):
            expected = error_of(sync[db_name].test.find_one)
    assert found == expected
    await client[db_name].test.insert_one({"_id": 1})
    assert await client[db_name].test.find_one() == {"_id": 1}


async def test_a_block_with_time_enough_leaves_the_next_call_without_a_timeout(
    framework: Framework, client_factory: Any, db_name: str, fail_point: Any
) -> None:
    client = client_factory(appname=db_name, maxPoolSize=1)
    collection = client[db_name].test
    with pymongo.timeout(PATIENCE):
        await collection.insert_one({"_id": 1})
    with slow(fail_point, db_name, 700):
        # Longer than PyMongo ever waits at a time.
        assert await collection.find_one() == {"_id": 1}


async def test_a_connection_that_the_server_closes_is_an_autoreconnect(
    framework: Framework, client_factory: Any, sync_factory: Any, db_name: str, fail_point: Any
) -> None:
    options = {"retryReads": False, "appname": db_name}
    client, sync = client_factory(**options), sync_factory(**options)
    await client[db_name].test.insert_one({"_id": 1})
    with fail_point(failCommands=["find"], appName=db_name, closeConnection=True):
        found = await awaited_error_of(client[db_name].test.find_one())
        expected = error_of(sync[db_name].test.find_one)
    assert found == expected
    assert found[0] is AutoReconnect
    assert await client[db_name].test.find_one() == {"_id": 1}


async def test_a_read_is_repeated_on_another_connection(
    framework: Framework, client_factory: Any, db_name: str, fail_point: Any
) -> None:
    client = client_factory(appname=db_name)
    await client[db_name].test.insert_one({"_id": 1})
    with fail_point(
        failCommands=["find"], appName=db_name, closeConnection=True, mode={"times": 1}
    ):
        assert await client[db_name].test.find_one() == {"_id": 1}


async def test_connections_that_broke_while_idle_are_noticed(
    framework: Framework, client_factory: Any, sync_client: Any, db_name: str
) -> None:
    """By polling the socket, which has nothing to do with what was read ahead."""
    forwarder = Forwarder(sync_client)
    async with forwarder as uri:
        client = client_factory(uri, retryWrites=False)
        collection = client[db_name].test
        await collection.insert_one({"_id": 1})
        forwarder.cut()
        # PyMongo looks at connections that were not used for a second.
        await asyncio.sleep(1.1)
        await collection.insert_one({"_id": 2})
        assert await collection.count_documents({}) == 2
        await client.close()


async def test_closing_the_client_leaves_an_operation_that_waits_its_answer(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    fail_point: Any,
    commands: CommandRecorder,
) -> None:
    client = client_factory(appname=db_name, event_listeners=[commands])
    await client[db_name].test.insert_one({"_id": 1})
    with slow(fail_point, db_name, 300):
        waiting = client[db_name].test.find_one()
        await async_wait_until(lambda: commands.named("find"))
        await client.close()
        assert await asyncio.wait_for(waiting, PATIENCE) == {"_id": 1}


# What comes in other sizes and shapes -----------------------------------------------------------


async def use(collection: Any) -> None:
    """Operations big and small, one after the other and at once."""
    small = [{"_id": n, "text": "x" * (n % 300)} for n in range(300)]
    await collection.insert_many(small)
    assert await collection.find().sort("_id").to_list() == small
    found = await asyncio.gather(*(collection.find_one({"_id": n}) for n in range(300)))
    assert found == small
    large = [{"_id": f"large {n}", "data": os.urandom(1 + n * 300_000)} for n in range(6)]
    await asyncio.gather(*map(collection.insert_one, large))
    for document in large:
        assert await collection.find_one({"_id": document["_id"]}) == document
    batches = [doc async for doc in collection.find({"data": {"$exists": True}}, batch_size=2)]
    assert sorted(doc["_id"] for doc in batches) == [doc["_id"] for doc in large]


async def test_operations_big_and_small(framework: Framework, collection: Any) -> None:
    await use(collection)


async def test_compressed_messages(
    framework: Framework, client_factory: Any, sync_client: Any, db_name: str
) -> None:
    def compressed() -> int:
        network = sync_client.admin.command("serverStatus")["network"]
        return int(network["compression"]["zlib"]["decompressor"]["bytesIn"])

    before = compressed()
    await use(client_factory(compressors="zlib")[db_name].test)
    assert compressed() > before


async def test_exhaust_cursors(
    framework: Framework, client_factory: Any, commands: CommandRecorder, db_name: str
) -> None:
    collection = client_factory(event_listeners=[commands], maxPoolSize=2)[db_name].test
    await collection.insert_many([{"_id": n} for n in range(100)])
    cursor = collection.find(cursor_type=CursorType.EXHAUST, batch_size=10).sort("_id")
    assert [doc["_id"] async for doc in cursor] == [*range(100)]
    assert len(commands.named("getMore")) >= 9
    cursor = collection.find(cursor_type=CursorType.EXHAUST, batch_size=10).sort("_id")
    assert [(await cursor.next())["_id"] for _ in range(25)] == [*range(25)]
    # The rest is on its way, on a connection that no other operation may use.
    await cursor.close()
    assert await asyncio.gather(*(collection.count_documents({}) for _ in range(5))) == [100] * 5


async def test_a_document_of_the_largest_size(framework: Framework, collection: Any) -> None:
    document = {"_id": 1, "data": os.urandom(1024) * (LARGEST // 1024)}
    await collection.insert_one(document)
    found, number = await asyncio.gather(
        collection.find_one({"_id": 1}), collection.count_documents({})
    )
    assert found == document
    assert number == 1


# TLS ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        find_mongod()
    except MongodNotFound as error:
        pytest.skip(f"a server of our own is needed for TLS: {error}")
    certificates = Certificates(Path(tmp_path_factory.mktemp("tls")))
    args = [
        *("--tlsMode", "preferTLS", "--tlsCertificateKeyFile", certificates.server_file),
        *("--tlsCAFile", certificates.authority_file, "--tlsAllowConnectionsWithoutCertificates"),
    ]
    with EmbeddedMongo(args=args, replica_set=None) as mongo:
        yield f"{mongo.uri}?tls=true&tlsCAFile={quote_plus(certificates.authority_file)}"


async def test_operations_big_and_small_over_tls(
    framework: Framework, client_factory: Any, tls_uri: str, db_name: str, sockets: list[Any]
) -> None:
    client = client_factory(tls_uri)
    await use(client[db_name].test)
    await client.drop_database(db_name)
    assert sockets
    assert all(isinstance(sock, BufferedSocket) for sock in sockets)
    assert not any(isinstance(sock, PlainSocket) for sock in sockets)


async def test_timeouts_over_tls(
    framework: Framework, client_factory: Any, sync_factory: Any, tls_uri: str, db_name: str
) -> None:
    options = {"socketTimeoutMS": 50, "retryReads": False}
    client, sync = client_factory(tls_uri, **options), sync_factory(tls_uri, **options)
    # Of this server, the fixture for fail points knows nothing.
    busy = {"$where": "sleep(300) || true"}
    patient = client_factory(tls_uri)
    await patient[db_name].test.insert_one({"_id": 1})
    found = await awaited_error_of(client[db_name].test.find_one(busy))
    assert found == error_of(sync[db_name].test.find_one, busy)
    assert found[0] is NetworkTimeout
    with suppress(PyMongoError):
        await patient.drop_database(db_name)


# Unix domain sockets ------------------------------------------------------------------------------


@pytest.fixture
def socket_path() -> Iterator[str]:
    # pytest's directories may be too deep for the path of a socket.
    with tempfile.TemporaryDirectory() as directory:
        yield f"{directory}/mongodb.sock"


@pytest.mark.skipif(os.name != "posix", reason="this system has no Unix domain sockets")
async def test_operations_big_and_small_over_a_unix_domain_socket(
    framework: Framework,
    client_factory: Any,
    sync_client: Any,
    db_name: str,
    sockets: list[Any],
    socket_path: str,
) -> None:
    async with Forwarder(sync_client, socket_path) as uri:
        client = client_factory(uri)
        await use(client[db_name].test)
        await client.close()
    assert all(isinstance(sock, PlainSocket) for sock in sockets)
    assert all(sock.fileno() == -1 for sock in sockets)
