"""What the harness in test/chaos has found: a small test of each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gridfs.errors import NoFile
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.errors import OperationFailure

from motor.pymongo_internals import keep_whole
from support import Framework, async_wait_until
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
            # Cancelled wherever it is, which is in closing before long.
            await asyncio.sleep(0.05)
            task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(NoFile):
        await bucket.open_download_stream(1)
    # The fixture of the framework fails the test if its loop was told of an error.


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
