"""A client never blocks its loop: not when it closes, and not for its properties."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pymongo
import pytest
from pymongo.errors import InvalidOperation
from pymongo.topology_description import TopologyDescription

from motor.testing import EmbeddedMongo
from support import PATIENCE, CommandRecorder, Framework, async_wait_until
from support.accelerators import takes_executors
from support.pools import PoolRecorder

#: In seconds: longer than anything that does not wait, and shorter than any wait for a server.
PROMPTLY = PATIENCE
LONG = {"serverSelectionTimeoutMS": 600_000, "connectTimeoutMS": 600_000}


# Closing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["close", "aclose"])
async def test_closing_can_be_awaited(client: Any, method: str, framework: Framework) -> None:
    await client.admin.command("ping")
    assert await getattr(client, method)() is None
    with pytest.raises(InvalidOperation, match=r"after close\(\)"):
        await client.admin.command("ping")
    with pytest.raises(InvalidOperation):
        client.delegate.admin.command("ping")


async def test_close_need_not_be_awaited(
    client_factory: Any, commands: CommandRecorder, db_name: str
) -> None:
    client = client_factory(event_listeners=[commands])
    await client[db_name].test.insert_one({})
    client.close()
    await async_wait_until(lambda: "endSessions" in commands.names)


async def test_closing_twice_is_no_error(client: Any) -> None:
    await client.admin.command("ping")
    client.close()
    await client.close()
    await client.aclose()
    client.close()


async def test_closing_an_unused_client_is_no_error(client: Any) -> None:
    await client.close()


def test_close_with_no_loop_running_is_done_when_it_returns(
    client_factory: Any, commands: CommandRecorder, framework: Framework
) -> None:
    client = client_factory(event_listeners=[commands])

    async def use() -> None:
        await client.admin.command("ping")

    framework.run(use)
    client.close()
    assert commands.names[-1] == "endSessions"
    framework.run(await_closing, client)


async def await_closing(client: Any) -> None:
    await client.close()


@takes_executors
async def test_close_leaves_the_loop_running(client_factory: Any) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        client = client_factory(executor=executor)
        await client.admin.command("ping")
        # Closing must wait for the only worker; the loop need not.
        executor.submit(release.wait, 60)
        closing = client.close()
        await asyncio.sleep(0)
        assert not closing.done()
        release.set()
        await closing


async def test_close_ends_abandoned_cursors_and_sessions_on_the_server(
    client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])
    collection = client[db_name].test
    await collection.insert_many([{} for _ in range(10)])
    cursor = collection.find(batch_size=2)
    await cursor.next()
    del cursor
    gc.collect()
    await client.close()
    assert sorted(commands.names[2:]) == ["endSessions", "killCursors"]


async def test_every_kind_of_call_after_close_is_refused_at_once(client: Any, db: Any) -> None:
    await client.close()
    calls = [
        lambda: db.test.insert_one({}),
        lambda: db.list_collection_names(),
        lambda: client.list_database_names(),
        lambda: client.start_session(),
        lambda: client.aconnect(),
        lambda: db.test.find().to_list(),
    ]
    for call in calls:
        with pytest.raises(InvalidOperation, match=r"after close\(\)"):
            call()


# What it knows of its servers ---------------------------------------------------------------


PROPERTIES = ("address", "primary", "secondaries", "arbiters", "is_primary", "is_mongos", "nodes")


def known(client: Any) -> dict[str, Any]:
    return {name: getattr(client, name) for name in PROPERTIES}


NOTHING = {
    "address": None,
    "primary": None,
    "secondaries": set(),
    "arbiters": set(),
    "is_primary": False,
    "is_mongos": False,
    "nodes": frozenset(),
}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("options", [{}, {"replicaSet": "rs0"}, {"directConnection": True}])
async def test_properties_never_wait_for_an_unreachable_server(
    client_factory: Any, silent_port: int, options: dict[str, Any]
) -> None:
    client = client_factory(f"mongodb://127.0.0.1:{silent_port}", **LONG, **options)
    started = time.monotonic()
    before_connecting = known(client)
    await client.aconnect()
    assert known(client) == before_connecting == NOTHING
    assert isinstance(client.topology_description, TopologyDescription)
    assert time.monotonic() - started < PROMPTLY


async def test_properties_of_a_client_that_was_not_used_are_empty(client: Any) -> None:
    assert known(client) == NOTHING


async def test_properties_on_a_replica_set(client: Any, sync_client: Any) -> None:
    await client.admin.command("ping")
    hello = sync_client.admin.command("hello")
    host, _, port = hello["primary"].rpartition(":")
    assert client.address == client.primary == (host, int(port))
    assert client.is_primary is True
    assert client.is_mongos is False
    assert client.nodes == {(h, int(p)) for h, _, p in (n.rpartition(":") for n in hello["hosts"])}
    assert client.topology_description.topology_type_name == "ReplicaSetWithPrimary"


@pytest.fixture(scope="module")
def standalone() -> Iterator[EmbeddedMongo]:
    with EmbeddedMongo(replica_set=None) as mongo:
        yield mongo


async def test_properties_on_a_standalone(client_factory: Any, standalone: EmbeddedMongo) -> None:
    client = client_factory(standalone.uri)
    await client.admin.command("ping")
    (address,) = standalone.addresses
    known_now = {**NOTHING, "address": address, "is_primary": True, "nodes": {address}}
    assert known(client) == known_now
    assert client.topology_description.topology_type_name == "Single"


@pytest.fixture(scope="module")
def trio() -> Iterator[str]:
    """The URI of a primary, a secondary and an arbiter, in this order."""
    with ExitStack() as stack:
        # Not told of each other by EmbeddedMongo, whose replica sets have no arbiters.
        at_once = "shutdownTimeoutMillisForSignaledShutdown=0"
        args = ["--replSet", "trio", "--setParameter", at_once]
        servers = [EmbeddedMongo(replica_set=None, args=args) for _ in range(3)]
        hosts = ["{}:{}".format(*stack.enter_context(server).addresses[0]) for server in servers]
        members: list[dict[str, Any]] = [{"_id": n, "host": h} for n, h in enumerate(hosts)]
        members[1]["priority"] = 0
        members[2]["arbiterOnly"] = True
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 200}
        config = {"_id": "trio", "members": members, "settings": settings}
        with pymongo.MongoClient(hosts[0], directConnection=True) as client:
            client.admin.command("replSetInitiate", config)
        yield f"mongodb://{','.join(hosts)}/?replicaSet=trio"


async def test_secondaries_and_arbiters(client_factory: Any, trio: str) -> None:
    client = client_factory(trio, heartbeatFrequencyMS=500)
    hosts = pymongo.uri_parser.parse_uri(trio)["nodelist"]
    await client.admin.command("ping")
    await async_wait_until(lambda: client.secondaries and client.arbiters)
    assert client.primary == client.address == hosts[0]
    assert client.secondaries == {hosts[1]}
    assert client.arbiters == {hosts[2]}
    assert client.nodes == set(hosts)


async def test_a_secondary_alone_is_no_primary(client_factory: Any, trio: str) -> None:
    host, port = pymongo.uri_parser.parse_uri(trio)["nodelist"][1]
    client = client_factory(f"mongodb://{host}:{port}/?directConnection=true")
    await async_wait_until(lambda: is_secondary(client))
    assert client.address == (host, port)
    assert client.is_primary is False
    assert client.primary is None


async def is_secondary(client: Any) -> bool:
    hello: dict[str, Any] = await client.admin.command("hello")
    return hello["secondary"] and [
        s.server_type_name for s in client.topology_description.server_descriptions().values()
    ] == ["RSSecondary"]


async def test_closing_again_can_be_made_a_task_of(client_factory: Any) -> None:
    client = client_factory()
    await asyncio.to_thread(client.close)
    # Closed where no loop was running, so that there is no future to wait for here.
    assert await asyncio.create_task(client.close()) is None
    assert await asyncio.gather(client.close(), client.aclose()) == [None, None]
    async with asyncio.TaskGroup() as group:
        group.create_task(client.close())
    again = client.close()
    with pytest.raises(KeyError):
        again.throw(KeyError())
    again.close()


# Beginning to connect -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["new", "known", "single"])
async def test_beginning_to_connect_sends_nothing(
    framework: Framework,
    mongo_uri: str,
    sync_client: Any,
    commands: CommandRecorder,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on Python 3.12.
    monkeypatch.setattr("motor.core.client.THREADS_START_AT_EXIT", False)
    pools = PoolRecorder()
    options: dict[str, Any] = {"event_listeners": [commands, pools]}
    options["serverMonitoringMode"] = "poll"
    if how == "single":
        host, port = sync_client.primary
        mongo_uri, options["directConnection"] = f"mongodb://{host}:{port}", True
    with pymongo.MongoClient(mongo_uri, **options) as delegate:
        if how != "new":
            await async_wait_until(lambda: delegate.nodes)
        client = framework.Client.from_delegate(delegate)
        assert (await client.admin.command("buildInfo"))["ok"] == 1
        assert commands.names == ["buildInfo"]
        assert (pools["connection_created"], pools["connection_closed"]) == (1, 0)
        await client.close()
