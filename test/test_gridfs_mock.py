"""GridFS on mongomock's clients, and on those of libraries that stand in for Motor's classes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from unittest import mock

import mongomock
import mongomock.gridfs
import pytest
from gridfs.errors import FileExists, NoFile

from support import Framework
from support.gridfs import collected, content

DATA = content(1_000_000)


@pytest.fixture(autouse=True)
def _integration() -> Iterator[None]:
    # As mongomock has it, but not for the rest of the run.
    started: list[Any] = []
    patch = mock.patch

    class Patch:
        def __init__(self, *args: Any) -> None:
            self.patch = patch(*args)

        def start(self) -> None:
            self.patch.start()
            started.append(self.patch)

    with patch("mongomock.gridfs.mock.patch", Patch):
        mongomock.gridfs.enable_gridfs_integration()
    yield
    for each in reversed(started):
        each.stop()


class StandInDatabase:
    """Says that it is Motor's database, as those of mongomock-motor do, but is not."""

    def __init__(self, database_class: type, delegate: Any) -> None:
        self._database_class = database_class
        self.delegate = delegate

    @property
    def __class__(self) -> type:
        return self._database_class

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise NotImplementedError

    def __getitem__(self, name: str) -> Any:
        return self.delegate[name]

    def get_collection(self, name: str, **options: Any) -> Any:
        return self.delegate.get_collection(name, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.delegate, name)


@pytest.fixture(params=["mongomock", "a stand-in"])
def database(request: pytest.FixtureRequest, framework: Framework) -> Iterator[Any]:
    sync_client: Any = mongomock.MongoClient()
    if request.param == "mongomock":
        client = framework.Client.from_delegate(sync_client)
        yield client.shop
        client.close()
    else:
        yield StandInDatabase(framework.Database, sync_client.shop)


@pytest.fixture
def bucket(framework: Framework, database: Any) -> Any:
    return framework.GridFSBucket(database, chunk_size_bytes=100_000)


async def test_files_go_up_and_down(framework: Framework, bucket: Any) -> None:
    file_id = await bucket.upload_from_stream("name", io.BytesIO(DATA), metadata={"a": 1})
    destination = io.BytesIO()
    await bucket.download_to_stream(file_id, destination)
    assert destination.getvalue() == DATA
    grid_out = await bucket.open_download_stream(file_id)
    assert (grid_out.filename, grid_out.metadata, grid_out.length) == ("name", {"a": 1}, len(DATA))
    assert await grid_out.read(5) == DATA[:5]
    assert b"".join(await collected(grid_out)) == DATA[5:]
    async with bucket.open_upload_stream_with_id(1, "lines") as grid_in:
        await grid_in.write(b"one\ntwo\n")
        grid_in.author = "Ende"
    await grid_in.set("year", 1973)
    grid_out = await bucket.open_download_stream_by_name("lines")
    assert await grid_out.readlines() == [b"one\n", b"two\n"]
    assert (grid_out.author, grid_out.year) == ("Ende", 1973)
    with pytest.raises(FileExists):
        await bucket.upload_from_stream_with_id(1, "again", b"data")
    with pytest.raises(NoFile):
        await bucket.open_download_stream("nope")


async def test_files_are_found_renamed_and_deleted(framework: Framework, bucket: Any) -> None:
    for number in range(3):
        await bucket.upload_from_stream_with_id(number, str(number), b"data")
    found = await bucket.find({"_id": {"$gt": 0}}).sort("_id", -1).to_list()
    assert [type(each) for each in found] == [framework.GridOut] * 2
    assert [(each.filename, await each.read()) for each in found] == [
        ("2", b"data"),
        ("1", b"data"),
    ]
    await bucket.rename(0, "zero")
    await bucket.rename_by_name("1", "one")
    await bucket.delete(2)
    assert sorted([each.filename async for each in bucket.find()]) == ["one", "zero"]
    await bucket.delete_by_name("one")
    assert await bucket.collection.files.count_documents({}) == 1
    assert await bucket.collection.chunks.count_documents({}) == 1


async def test_aborted_file_leaves_nothing(bucket: Any) -> None:
    grid_in = bucket.open_upload_stream("name")
    await grid_in.write(DATA)
    await grid_in.abort()
    assert await bucket.collection.chunks.count_documents({}) == 0


async def test_nothing_is_broken_afterwards(bucket: Any, database: Any) -> None:
    file_id = await bucket.upload_from_stream("name", b"data")
    await bucket.delete(file_id)
    # Other methods of the same objects, which ask more of the client.
    assert await bucket.collection.find_one() is None
    await bucket.collection.insert_one({"_id": 1})
    assert await bucket.collection.find().to_list() == [{"_id": 1}]
    assert bucket.get_io_loop() is not None
    assert await bucket.upload_from_stream("name", b"data") is not None


async def test_databases_of_mongomock_motor_are_taken() -> None:
    mongomock_motor = pytest.importorskip("mongomock_motor")
    from motor.motor_asyncio import AsyncIOMotorGridFSBucket

    with mongomock_motor.enabled_gridfs_integration():
        client = mongomock_motor.AsyncMongoMockClient()
        bucket = AsyncIOMotorGridFSBucket(client.shop)
        file_id = await bucket.upload_from_stream("name", DATA)
        destination = io.BytesIO()
        await bucket.download_to_stream(file_id, destination)
        assert destination.getvalue() == DATA
        assert [each.filename async for each in bucket.find()] == ["name"]
        await bucket.delete(file_id)
    await client.shop.orders.insert_one({"_id": 1})
    assert await client.shop.orders.find_one() == {"_id": 1}
