"""Code that was written for Motor 3, or for PyMongo's async API, stores and reads files here."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from tornado import gen

from motor import core, motor_gridfs
from support import Framework, motor371
from support.gridfs import leftovers


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db)


async def test_code_for_motor_3(bucket: Any) -> None:
    grid_in = bucket.open_upload_stream("test_file", chunk_size_bytes=4, metadata={"type": "text"})
    await grid_in.write(b"data I want to store!")
    await grid_in.set("contentType", "text/plain")
    await grid_in.close()
    grid_out = await bucket.open_download_stream(grid_in._id)
    assert await grid_out.read() == b"data I want to store!"
    assert grid_out.seek(0) == 0
    chunks = []
    while True:
        chunk = await grid_out.readchunk()
        if not chunk:
            break
        chunks.append(chunk)
    assert chunks[0] == b"data"
    grid_out.close()
    cursor = bucket.find({"filename": "test_file"}, sort=[("uploadDate", -1)])
    with pytest.warns(DeprecationWarning, match="fetch_next"):
        assert await cursor.fetch_next
    with pytest.warns(DeprecationWarning, match="next_object"):
        assert (await cursor.next_object().read()).startswith(b"data")
    await cursor.close()


async def test_code_for_pymongo_s_async_api(bucket: Any) -> None:
    async with bucket.open_upload_stream("test_file", metadata={"type": "text"}) as grid_in:
        grid_in.custom = "field"
        await grid_in.write(b"one\ntwo\n")
    async with await bucket.open_download_stream(grid_in._id) as grid_out:
        assert await grid_out.readline() == b"one\n"
        assert await grid_out.seek(0) == 0
        assert await grid_out.readlines() == [b"one\n", b"two\n"]
        await grid_out.seek(0)
        assert await grid_out.to_list() == [b"one\n", b"two\n"]
        assert grid_out.custom == "field"
    assert grid_out.closed
    async for found in bucket.find({"filename": "test_file"}):
        await found.open()
        assert await found.read() == b"one\ntwo\n"
    files = await bucket.find().to_list()
    assert [file.filename for file in files] == ["test_file"]


async def test_operations_can_be_made_tasks_of(bucket: Any) -> None:
    file_id = await asyncio.create_task(bucket.upload_from_stream("name", b"data"))
    grid_in = bucket.open_upload_stream("name")
    await asyncio.create_task(grid_in.write(b"more"))
    await asyncio.create_task(grid_in.close())
    grid_out = await asyncio.create_task(bucket.open_download_stream(file_id))
    async with asyncio.TaskGroup() as group:
        read = group.create_task(grid_out.read())
        group.create_task(bucket.download_to_stream(grid_in._id, io.BytesIO()))
    assert read.result() == b"data"
    assert await asyncio.create_task(grid_out.seek(1)) == 1
    await asyncio.create_task(grid_out.close())


async def test_operations_return_futures(bucket: Any) -> None:
    grid_in = bucket.open_upload_stream("name")
    futures = [grid_in.write(b"data"), grid_in.writelines([b"x"]), grid_in.set("a", 1)]
    futures += [grid_in.close()]
    assert all(asyncio.isfuture(each) for each in futures)
    await asyncio.wait(futures)
    grid_out = await bucket.open_download_stream(grid_in._id)
    reads = [grid_out.read(1), grid_out.readline(), grid_out.readchunk(), grid_out.open()]
    assert all(asyncio.isfuture(each) for each in reads)
    assert (await asyncio.gather(*reads))[:2] == [b"d", b"atax"]


def test_tornado_s_generators_yield_operations(db_name: str, mongo_uri: str, sync_db: Any) -> None:
    framework = Framework("tornado")

    @gen.coroutine
    def main() -> Any:
        client = framework.Client(mongo_uri, serverMonitoringMode="poll")
        bucket = framework.GridFSBucket(client[db_name])
        file_id = yield bucket.upload_from_stream("name", b"data")
        grid_in = bucket.open_upload_stream("name")
        yield grid_in.write(b"more")
        yield grid_in.close()
        grid_out = yield bucket.open_download_stream(file_id)
        data = yield grid_out.read()
        yield client.close()
        return data

    async def run() -> Any:
        return await main()

    assert framework.run(run) == b"data"
    assert leftovers(sync_db) == (2, 2)


def test_import_path_of_motor_3_is_kept() -> None:
    assert set(motor_gridfs.__all__) == motor371.GRIDFS
    for name in motor371.GRIDFS - {"MotorGridOutProperty"}:
        assert getattr(motor_gridfs, name) is getattr(core, name)


def test_subclasses_of_the_classes_keep_working(framework: Framework, db: Any) -> None:
    class Bucket(framework.GridFSBucket):  # type: ignore[misc,name-defined]
        def __init__(self, database: Any) -> None:
            super().__init__(database, "own")
            self.extra = 1

    assert Bucket(db).extra == 1

    class Written(framework.GridIn):  # type: ignore[misc,name-defined]
        def shout(self) -> Any:
            return self.filename.upper()

    assert Written(db.fs, filename="name").shout() == "NAME"
