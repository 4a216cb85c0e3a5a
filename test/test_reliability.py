"""What the harness in test/chaos has found: a small test of each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from gridfs.errors import NoFile
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError
from pymongo.monitoring import CommandListener

from motor.core import reads_under_way
from motor.core.bulk_writes import keep_whole
from motor.testing import EmbeddedMongo
from support import PATIENCE, Framework, async_wait_until
from support.gridfs import content

# Retries of bulk writes -----------------------------------------------------------------------


def _requests() -> list[Any]:
    return [InsertOne({"_id": 1}), UpdateOne({"_id": 2}, {"$inc": {"n": 1}}), DeleteOne({"_id": 3})]


@pytest.fixture
def unconnected(client_factory: Any, db_name: str, sync_db: Any) -> Any:
    """A collection of a client that knows the server, and has no connection for operations yet."""
    sync_db.test.insert_many([{"_id": 2, "n": 0}, {"_id": 3}])
    # Its monitor asks once, and then leaves the fail point to the operation.
    client = client_factory(appname=db_name, heartbeatFrequencyMS=60_000)
    return client[db_name].test


@pytest.mark.parametrize("ordered", [True, False])
async def test_bulk_write_that_finds_no_connection_at_first_is_sent_whole(
    unconnected: Any, sync_db: Any, fail_point: Any, db_name: str, ordered: bool
) -> None:
    client = unconnected.database.client
    await client.aconnect()
    await async_wait_until(lambda: client.nodes)
    with fail_point(
        failCommands=["hello", "isMaster"],
        closeConnection=True,
        appName=db_name,
        mode={"times": 1},
    ):
        result = await unconnected.bulk_write(_requests(), ordered=ordered)
    assert (result.inserted_count, result.modified_count, result.deleted_count) == (1, 1, 1)
    assert [*sync_db.test.find(sort=["_id"])] == [{"_id": 1}, {"_id": 2, "n": 1}]


async def test_bulk_write_keeps_what_its_caller_gave(collection: Any, sync_db: Any) -> None:
    requests = _requests()
    await collection.bulk_write(requests=requests)
    assert requests == _requests()
    assert sync_db.test.find_one({"_id": 1})


def test_kept_requests_do_nothing_to_bulk_writes_of_another_make() -> None:
    *_, keeper = keep_whole(_requests())
    bulk = object()
    keeper._add_to_bulk(bulk)
    assert type(bulk) is object


# Uploads that are given up ----------------------------------------------------------------------


async def test_upload_that_is_cancelled_while_it_closes_leaves_no_error_unseen(
    framework: Framework, client_factory: Any, db_name: str, fail_point: Any
) -> None:
    database = client_factory(appname=db_name)[db_name]
    bucket = framework.GridFSBucket(database)
    # Made before, because the fail point makes inserts slow.
    await bucket.upload_from_stream("other", content(10))

    async def upload() -> None:
        async with bucket.open_upload_stream_with_id(1, "name") as grid_in:
            await grid_in.write(content(10))

    with fail_point(
        failCommands=["insert"], blockConnection=True, blockTimeMS=200, appName=db_name
    ):
        task = asyncio.ensure_future(upload())
        while not task.done():
            # Cancelled at any point; after some rounds, while it closes.
            await asyncio.sleep(0.05)
            task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(NoFile):
        await bucket.open_download_stream(1)
    # The fixture of the framework fails the test if its loop was told of an error.


async def test_file_whose_end_is_in_doubt_is_never_there_without_its_chunks(
    framework: Framework, client_factory: Any, db_name: str, sync_db: Any, fail_point: Any
) -> None:
    bucket = framework.GridFSBucket(client_factory(appname=db_name)[db_name])
    grid_in = bucket.open_upload_stream_with_id(1, "name")
    with (
        fail_point(
            failCommands=["insert"],
            namespace=f"{db_name}.fs.files",
            closeConnection=True,
            appName=db_name,
        ),
        pytest.raises(AutoReconnect),
    ):
        async with grid_in:
            await grid_in.write(content(10))
    assert sync_db["fs.files"].find_one() is None
    # What was sent comes after all, from a server that had stopped and goes on.
    document = {"_id": 1, "length": 10, "chunkSize": grid_in.chunk_size, "filename": "name"}
    sync_db["fs.files"].insert_one({**document, "uploadDate": datetime.now(UTC)})
    assert await (await bucket.open_download_stream(1)).read() == content(10)


async def test_file_that_ended_and_fails_to_be_deleted_is_not_there_in_part(
    framework: Framework, client_factory: Any, db_name: str, sync_db: Any, fail_point: Any
) -> None:
    bucket = framework.GridFSBucket(client_factory(appname=db_name)[db_name])
    grid_in = bucket.open_upload_stream_with_id(1, "name")
    await grid_in.write(content(10))
    await grid_in.close()
    with (
        fail_point(failCommands=["delete"], errorCode=2, appName=db_name, mode={"times": 1}),
        pytest.raises(OperationFailure),
    ):
        await grid_in.abort()
    assert await (await bucket.open_download_stream(1)).read() == content(10)
    await grid_in.abort()
    assert sync_db["fs.files"].find_one() is None
    assert sync_db["fs.chunks"].find_one() is None


# Change streams that no driver resumes --------------------------------------------------------


async def test_change_stream_goes_on_at_its_token_after_an_error_that_ended_it(
    client_factory: Any, db_name: str, fail_point: Any
) -> None:
    collection = client_factory(appname=db_name)[db_name].test
    stream = await collection.watch()
    await collection.insert_one({"_id": 1})
    assert (await stream.next())["documentKey"] == {"_id": 1}
    await collection.insert_one({"_id": 2})
    # QueryPlanKilled: "the catalog was closed and reopened", which a rollback does.
    with (
        fail_point(failCommands=["getMore"], errorCode=175, appName=db_name, mode={"times": 1}),
        pytest.raises(OperationFailure) as caught,
    ):
        await stream.next()
    assert caught.value.code == 175
    assert not stream.alive
    async with collection.watch(resume_after=stream.resume_token) as resumed:
        assert (await resumed.next())["documentKey"] == {"_id": 2}


# Connections that met a member while it recovered -----------------------------------------------


@pytest.fixture(scope="module")
def three() -> Iterator[EmbeddedMongo]:
    with EmbeddedMongo(nodes=3) as mongo:
        yield mongo


async def _recover(three: EmbeddedMongo, port: int, read: Callable[[Any], Any]) -> list[str]:
    """What a client is told: while the member at `port` recovers, and twice after that."""
    told = []
    with pymongo.MongoClient("127.0.0.1", port, directConnection=True) as member:
        member.admin.command("replSetMaintenance", 1)
        told.append(await read(None))
        member.admin.command("replSetMaintenance", 0)
        await async_wait_until(lambda: member.admin.command("hello").get("secondary"))
        with pymongo.MongoClient(three.uri) as client:
            await async_wait_until(lambda: len(client.nodes) == 3)
        told += [await read(True), await read(True)]
    return told


async def test_connection_of_a_member_that_recovered_is_as_with_pymongo(
    framework: Framework, three: EmbeddedMongo
) -> None:
    with pymongo.MongoClient(three.uri, w=3) as client:
        client.test.test.update_one({"_id": 1}, {"$set": {"n": 1}}, upsert=True)
        await async_wait_until(lambda: client.secondaries)
        port = min(client.secondaries)[1]

    options = {
        "readPreference": "secondary",
        "retryReads": False,
        # Asked once at the start, so that the client does not know that the member recovers.
        "heartbeatFrequencyMS": 60_000,
        "serverMonitoringMode": "poll",
        "server_selector": lambda servers: [s for s in servers if s.address[1] == port],
    }

    def told(error: PyMongoError) -> str:
        return type(error).__name__

    async def read_by_pymongo(session: Any) -> str:
        try:
            with theirs.start_session() as own:
                theirs.test.test.find_one(session=own if session else None)
        except PyMongoError as error:
            return told(error)
        return "found"

    async def read_by_motor(session: Any) -> str:
        try:
            async with await ours.start_session() as own:
                await ours.test.test.find_one(session=own if session else None)
        except PyMongoError as error:
            return told(error)
        return "found"

    with pymongo.MongoClient(three.uri, **options) as theirs:
        await async_wait_until(lambda: len(theirs.nodes) == 3)
        expected = await _recover(three, port, read_by_pymongo)
    async with framework.Client(three.uri, **options) as ours:
        await ours.aconnect()
        await async_wait_until(lambda: len(ours.nodes) == 3)
        assert await _recover(three, port, read_by_motor) == expected
    assert expected[0] == "NotPrimaryError"


# Reads that are under way while their client closes ----------------------------------------------


class _Hold(CommandListener):
    """Holds up the reply to a command until it is told to go on."""

    def __init__(self, command: str) -> None:
        self.replied = threading.Event()
        self.go_on = threading.Event()
        self._command = command

    def started(self, event: Any) -> None:
        pass

    def succeeded(self, event: Any) -> None:
        if event.command_name == self._command:
            self.replied.set()
            self.go_on.wait(2 * PATIENCE)

    failed = started


def _idle_cursors(client: Any, namespace: str) -> list[Any]:
    # The server closes those of sessions that have ended when it looks.
    client.admin.command("refreshLogicalSessionCacheNow")
    pipeline = [{"$currentOp": {"idleCursors": True, "allUsers": True}}]
    idle = [op for op in client.admin.aggregate(pipeline) if op["type"] == "idleCursor"]
    return [op for op in idle if op["ns"] == namespace]


async def _list(collection: Any) -> None:
    await collection.find(batch_size=5).to_list()


async def _iterate(collection: Any) -> None:
    async for _ in collection.find(batch_size=5):
        pass


async def _aggregate(collection: Any) -> None:
    await collection.aggregate([], batchSize=5)


async def _watch(collection: Any) -> None:
    async with collection.watch() as stream:
        await stream.next()


@pytest.mark.parametrize(
    ("read", "command"),
    [(_list, "find"), (_iterate, "find"), (_aggregate, "aggregate"), (_watch, "aggregate")],
)
async def test_client_that_closes_leaves_no_cursor_of_a_cancelled_read(
    client_factory: Any,
    db_name: str,
    sync_client: Any,
    sync_db: Any,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Any], Any],
    command: str,
) -> None:
    monkeypatch.setattr(reads_under_way, "PATIENCE", 60.0)
    sync_db.test.insert_many([{} for _ in range(20)])
    hold = _Hold(command)
    client = client_factory(event_listeners=[hold])
    reading = asyncio.ensure_future(read(client[db_name].test))
    await async_wait_until(hold.replied.is_set)
    reading.cancel()
    await asyncio.wait([reading])
    closing = asyncio.ensure_future(client.close())
    # Time to close for a close that does not wait.
    await asyncio.wait([closing], timeout=0.5)
    hold.go_on.set()
    await closing
    assert _idle_cursors(sync_client, f"{db_name}.test") == []


async def test_client_closes_though_a_read_never_ends(
    client_factory: Any, db_name: str, sync_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads_under_way, "PATIENCE", 0.05)
    sync_db.test.insert_many([{} for _ in range(20)])
    hold = _Hold("find")
    client = client_factory(event_listeners=[hold])
    reading = asyncio.ensure_future(_list(client[db_name].test))
    await async_wait_until(hold.replied.is_set)
    await client.close()
    assert not reading.done()
    hold.go_on.set()
    # Which error it is depends on the release of PyMongo.
    with pytest.raises(PyMongoError):
        await reading


async def test_close_does_not_wait_for_reads_that_await_data(
    client_factory: Any,
    db_name: str,
    sync_db: Any,
    commands: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A close that waits fails the test: the server waits as long.
    monkeypatch.setattr(reads_under_way, "PATIENCE", 600.0)
    client = client_factory(event_listeners=[commands])
    stream = client[db_name].test.watch(max_await_time_ms=600_000)
    await stream
    reading = asyncio.ensure_future(stream.next())
    await async_wait_until(lambda: commands.named("getMore"))
    await stream.close()
    await client.close()
    with pytest.raises(StopAsyncIteration):
        await reading
    # This server looks after a killed cursor only when it has something to say.
    sync_db.test.insert_one({})
