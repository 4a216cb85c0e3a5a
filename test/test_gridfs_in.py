"""Writing files."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gridfs
import pytest
from bson import ObjectId
from gridfs.errors import FileExists
from pymongo.errors import OperationFailure, WriteError

from support import CommandRecorder, Framework, async_wait_until
from support.accelerators import takes_executors
from support.errors import raises_code
from support.gridfs import CHUNK, content, leftovers

pytestmark = pytest.mark.every_loop

MEGABYTE = 1024 * 1024


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db, chunk_size_bytes=CHUNK)


@pytest.fixture
def grid_in(bucket: Any) -> Any:
    return bucket.open_upload_stream("name")


def stored(sync_db: Any, grid_in: Any) -> bytes:
    data: bytes = gridfs.GridFSBucket(sync_db).open_download_stream(grid_in._id).read()
    return data


# Writing ------------------------------------------------------------------------------------


async def test_file_is_there_when_it_is_closed(grid_in: Any, sync_db: Any) -> None:
    for start in range(0, 30, 3):
        await grid_in.write(content(30)[start : start + 3])
    assert leftovers(sync_db)[0] == 0
    assert not grid_in.closed
    assert await grid_in.close() is None
    assert grid_in.closed
    assert stored(sync_db, grid_in) == content(30)
    assert await grid_in.close() is None
    assert leftovers(sync_db) == (1, 8)


async def test_writes_that_start_together_follow_one_another(
    framework: Framework, db: Any, sync_db: Any
) -> None:
    grid_in = framework.GridFSBucket(db).open_upload_stream("name", chunk_size_bytes=MEGABYTE)

    async def slowly() -> AsyncIterator[bytes]:
        for piece in (b"c", b"d"):
            await asyncio.sleep(0)
            yield piece

    futures = [grid_in.write(io.BytesIO(b"a" * 5 * MEGABYTE)), grid_in.write(b"b")]
    futures += [grid_in.write(slowly()), grid_in.write(b"e"), grid_in.writelines([b"f", b"g"])]
    futures += [grid_in.close()]
    await asyncio.gather(*futures)
    assert stored(sync_db, grid_in) == b"a" * 5 * MEGABYTE + b"bcdefg"


async def test_cancelled_write_does_not_let_the_next_one_pass(grid_in: Any, sync_db: Any) -> None:
    going = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"first"
        await going.wait()
        yield b"second"

    first = grid_in.write(slowly())
    cancelled = grid_in.write(io.BytesIO(b"never"))
    await asyncio.sleep(0)
    cancelled.cancel()
    third = grid_in.write(b"third")
    going.set()
    await asyncio.gather(first, third)
    await grid_in.close()
    assert stored(sync_db, grid_in) == b"firstsecondthird"


@pytest.mark.parametrize("length", [5 * MEGABYTE, 5 * MEGABYTE + 1])
async def test_large_writes_go_up_in_batches(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder, length: int
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    data = content(length)
    async with bucket.open_upload_stream("name", MEGABYTE // 4) as grid_in:
        await grid_in.write(data)
    inserts = [c.command for c in commands.named("insert") if c.command["insert"] == "fs.chunks"]
    # Two megabytes each.
    assert len(inserts) == 3
    grid_out = await bucket.open_download_stream(grid_in._id)
    assert await grid_out.read() == data


async def test_tiny_chunks_go_up_in_batches_too(bucket: Any, sync_db: Any) -> None:
    data = content(CHUNK * 2500 + 1)
    async with bucket.open_upload_stream("name") as grid_in:
        await grid_in.write(data)
    assert stored(sync_db, grid_in) == data


async def test_small_file_costs_no_more_commands_than_with_pymongo(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])
    bucket = framework.GridFSBucket(client[db_name])
    await bucket.upload_from_stream("name", b"data")
    commands.clear()
    await bucket.upload_from_stream("name", b"data")
    ours = commands.names
    commands.clear()
    with gridfs.GridFSBucket(client.delegate[db_name]).open_upload_stream("name") as grid_in:
        grid_in.write(b"data")
    assert ours == commands.names


async def test_buffer_that_changes_after_the_write_changes_nothing(
    grid_in: Any, sync_db: Any
) -> None:
    buffer = bytearray(b"before")
    await grid_in.write(buffer)
    buffer[:] = b"after!"
    await grid_in.close()
    assert stored(sync_db, grid_in) == b"before"


async def test_text_needs_an_encoding(framework: Framework, db: Any, sync_db: Any) -> None:
    grid_in = framework.GridIn(db.fs, encoding="utf-16-le")
    await grid_in.write("smörgås")
    await grid_in.close()
    assert stored(sync_db, grid_in) == "smörgås".encode("utf-16-le")
    with pytest.raises(TypeError, match="encoding"):
        await framework.GridIn(db.fs).write("smörgås")


async def test_lines_are_written_without_separators(grid_in: Any, sync_db: Any) -> None:
    async def more() -> AsyncIterator[Any]:
        yield b"d"
        yield io.BytesIO(b"e")

    await grid_in.writelines([b"a", io.BytesIO(b"b"), bytearray(b"c")])
    await grid_in.writelines(more())
    await grid_in.close()
    assert stored(sync_db, grid_in) == b"abcde"


async def test_closed_file_cannot_be_written(grid_in: Any) -> None:
    await grid_in.close()
    for attempt in (grid_in.write(b"more"), grid_in.writelines([b"more"])):
        with pytest.raises(ValueError, match="cannot write to a closed file"):
            await attempt


def test_file_that_is_written_cannot_be_read(grid_in: Any) -> None:
    assert grid_in.writeable()
    assert not grid_in.readable()
    assert not grid_in.seekable()
    with pytest.raises(io.UnsupportedOperation):
        grid_in.read()


def test_file_outlives_its_event_loop(framework: Framework, bucket: Any, sync_db: Any) -> None:
    grid_in = bucket.open_upload_stream("name", chunk_size_bytes=MEGABYTE)
    data = content(7 * MEGABYTE)

    async def write(data: bytes) -> None:
        await grid_in.write(data)

    framework.run(lambda: write(data[: 5 * MEGABYTE]))
    framework.run(lambda: write(data[5 * MEGABYTE :]))
    framework.run(grid_in.close)
    assert stored(sync_db, grid_in) == data


# async with ---------------------------------------------------------------------------------


async def test_block_closes_the_file(bucket: Any, sync_db: Any) -> None:
    async with bucket.open_upload_stream("name") as grid_in:
        await grid_in.write(b"data")
    assert grid_in.closed
    assert stored(sync_db, grid_in) == b"data"


@pytest.mark.parametrize("length", [0, 10, 7_000_000])
async def test_exception_in_the_block_leaves_nothing(
    framework: Framework, db: Any, sync_db: Any, length: int
) -> None:
    bucket = framework.GridFSBucket(db)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with bucket.open_upload_stream("name") as grid_in:
            await grid_in.write(bytes(length))
            raise ZeroDivisionError
    assert leftovers(sync_db) == (0, 0)
    assert grid_in.closed


async def test_block_that_aborts_may_end_well(bucket: Any, sync_db: Any) -> None:
    async with bucket.open_upload_stream("name") as grid_in:
        await grid_in.write(b"data")
        await grid_in.abort()
    assert leftovers(sync_db) == (0, 0)


async def test_file_that_is_taken_stays_when_the_block_fails(bucket: Any, sync_db: Any) -> None:
    gridfs.GridFSBucket(sync_db).upload_from_stream_with_id(1, "old", b"old data", CHUNK)
    before = leftovers(sync_db)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with bucket.open_upload_stream_with_id(1, "new") as grid_in:
            await grid_in.write(b"new data")
            raise ZeroDivisionError
    with pytest.raises(FileExists):
        async with bucket.open_upload_stream_with_id(1, "new") as grid_in:
            await grid_in.write(b"new data")
    assert leftovers(sync_db) == before
    assert gridfs.GridFSBucket(sync_db).open_download_stream(1).read() == b"old data"


async def test_cancelled_block_leaves_nothing(framework: Framework, db: Any, sync_db: Any) -> None:
    bucket = framework.GridFSBucket(db)
    writing = asyncio.Event()

    async def write() -> None:
        async with bucket.open_upload_stream("name") as grid_in:
            await grid_in.write(bytes(7_000_000))
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(write())
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert leftovers(sync_db) == (0, 0)


@takes_executors
async def test_close_that_was_cancelled_may_be_repeated(
    framework: Framework, client_factory: Any, db_name: str, sync_db: Any
) -> None:
    with ThreadPoolExecutor(1) as executor:
        client = client_factory(executor=executor)
        grid_in = framework.GridFSBucket(client[db_name]).open_upload_stream("name")
        await grid_in.write(b"some data")
        # The last bytes are handed over, but not taken yet.
        free = threading.Event()
        executor.submit(free.wait)
        closing = grid_in.close()
        for _ in range(5):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.sleep(0)
        free.set()
        await grid_in.close()
        await client.close()
    assert stored(sync_db, grid_in) == b"some data"


async def test_abort_goes_on_without_a_waiter(framework: Framework, db: Any, sync_db: Any) -> None:
    grid_in = framework.GridFSBucket(db).open_upload_stream("name")
    await grid_in.write(bytes(7_000_000))
    grid_in.abort().cancel()
    await async_wait_until(lambda: grid_in.closed, what="the file was aborted")
    assert leftovers(sync_db) == (0, 0)


# abort --------------------------------------------------------------------------------------


async def test_abort_deletes_what_was_written(framework: Framework, db: Any, sync_db: Any) -> None:
    grid_in = framework.GridFSBucket(db).open_upload_stream("name")
    await grid_in.write(bytes(7_000_000))
    assert leftovers(sync_db)[1] > 0
    assert await grid_in.abort() is None
    assert leftovers(sync_db) == (0, 0)
    with pytest.raises(ValueError, match="closed"):
        await grid_in.write(b"more")


async def test_abort_deletes_a_file_that_is_closed(bucket: Any, sync_db: Any) -> None:
    async with bucket.open_upload_stream("name") as grid_in:
        await grid_in.write(b"data")
    await grid_in.abort()
    assert leftovers(sync_db) == (0, 0)


@pytest.mark.parametrize("written", [b"", b"new data"])
@pytest.mark.parametrize("existing", [b"", b"old data"])
async def test_abort_leaves_another_file_with_the_same_id(
    bucket: Any, sync_db: Any, written: bytes, existing: bytes
) -> None:
    gridfs.GridFSBucket(sync_db).upload_from_stream_with_id(1, "old", existing, CHUNK)
    grid_in = bucket.open_upload_stream_with_id(1, "new")
    await grid_in.write(written)
    with pytest.raises(FileExists):
        await grid_in.close()
    await grid_in.abort()
    assert gridfs.GridFSBucket(sync_db).open_download_stream(1).read() == existing


# What the server refuses --------------------------------------------------------------------


@pytest.mark.parametrize("which", ["fs.chunks", "fs.files"])
async def test_error_of_the_server_is_raised_and_nothing_is_left(
    framework: Framework, db: Any, sync_db: Any, which: str
) -> None:
    rule = {"$jsonSchema": {"required": ["nope"]}}
    sync_db.create_collection(which, validator=rule)
    bucket = framework.GridFSBucket(db)
    with raises_code(121, WriteError):
        await bucket.upload_from_stream("name", b"data")
    assert leftovers(sync_db) == (0, 0)


async def test_batch_that_was_stored_in_part_is_deleted(bucket: Any, sync_db: Any) -> None:
    sync_db.create_collection("fs.chunks", validator={"$expr": {"$lt": ["$n", 3]}})
    grid_in = bucket.open_upload_stream("name")
    await grid_in.write(content(10 * CHUNK))
    with pytest.raises(WriteError):
        await grid_in.close()
    assert leftovers(sync_db) == (0, 3)
    await grid_in.abort()
    assert leftovers(sync_db) == (0, 0)


async def test_error_of_a_batch_under_way_is_raised_by_what_follows(
    framework: Framework, db: Any, sync_db: Any
) -> None:
    rule = {"$expr": {"$lt": ["$n", 20]}}
    sync_db.create_collection("fs.chunks", validator=rule)
    grid_in = framework.GridFSBucket(db).open_upload_stream("name", 100_000)
    with pytest.raises(WriteError):  # noqa: PT012
        for _ in range(100):
            await grid_in.write(bytes(100_000))
    for attempt in (grid_in.write(b"more"), grid_in.close(), grid_in.close()):
        with pytest.raises(WriteError):
            await attempt
    assert not grid_in.closed
    await grid_in.abort()
    assert leftovers(sync_db) == (0, 0)


async def test_upload_that_failed_can_be_made_again_with_the_same_id(
    framework: Framework, client_factory: Any, db_name: str, sync_db: Any, fail_point: Any
) -> None:
    client = client_factory(appName="gridfs-close", retryWrites=False)
    bucket = framework.GridFSBucket(client[db_name])
    failure = {"failCommands": ["insert"], "errorCode": 11601}
    failing = fail_point(mode={"times": 1}, appName="gridfs-close", **failure)
    with failing, pytest.raises(OperationFailure):
        await bucket.upload_from_stream_with_id(1, "name", b"data")
    await bucket.upload_from_stream_with_id(1, "name", b"data")
    assert leftovers(sync_db) == (1, 1)


# Fields -------------------------------------------------------------------------------------


async def test_attributes_become_fields_when_the_file_is_closed(grid_in: Any, sync_db: Any) -> None:
    grid_in.custom = {"a": 1}
    grid_in.filename = "changed"
    grid_in.content_type = "image/png"
    assert grid_in.custom == {"a": 1}
    assert grid_in.name == "changed"
    await grid_in.set("more", 5)
    await grid_in.close()
    document = sync_db.fs.files.find_one()
    assert document["custom"] == {"a": 1}
    assert document["filename"] == "changed"
    assert document["contentType"] == grid_in.content_type == "image/png"
    assert document["more"] == grid_in.more == 5


async def test_attribute_of_a_closed_file_says_what_to_do(grid_in: Any, sync_db: Any) -> None:
    await grid_in.close()
    for name in ("custom", "filename", "content_type"):
        with pytest.raises(AttributeError, match=r"await grid_in\.set"):
            setattr(grid_in, name, "x")
    await grid_in.set("custom", 5)
    await grid_in.set("content_type", "image/png")
    await grid_in.set("filename", "changed")
    document = sync_db.fs.files.find_one()
    assert (document["custom"], document["contentType"]) == (5, "image/png")
    assert document["filename"] == grid_in.filename == "changed"


@pytest.mark.parametrize("name", ["_id", "chunk_size", "chunkSize", "length"])
async def test_what_chunks_depend_on_cannot_be_changed(grid_in: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        await grid_in.set(name, 5)
    if name != "_id":
        with pytest.raises(AttributeError):
            setattr(grid_in, name, 5)


async def test_length_and_date_are_there_when_the_file_is_closed(grid_in: Any) -> None:
    await grid_in.write(b"data")
    for name in ("length", "upload_date", "md5"):
        with pytest.raises(AttributeError, match=r"can only get .* on a closed file"):
            getattr(grid_in, name)
    assert isinstance(grid_in._id, ObjectId)
    await grid_in.close()
    assert grid_in.length == 4
    assert grid_in.upload_date is not None
    assert grid_in.md5 is None
    with pytest.raises(AttributeError, match="GridIn object has no attribute 'nope'"):
        _ = grid_in.nope


async def test_file_can_be_made_from_a_collection(
    framework: Framework, db: Any, sync_db: Any
) -> None:
    grid_in = framework.GridIn(db.fs, _id=5, filename="name", chunk_size=3, custom=1)
    await grid_in.write(b"data")
    await grid_in.close()
    document = sync_db.fs.files.find_one()
    del document["uploadDate"]
    expected = {"_id": 5, "filename": "name", "chunkSize": 3, "custom": 1, "length": 4}
    assert document == expected
    message = f"First argument to {framework.GridIn.__name__} must be .*Collection"
    with pytest.raises(TypeError, match=message):
        framework.GridIn(sync_db.fs)
    with pytest.raises(ValueError, match="size of chunks"):
        framework.GridIn(db.fs, chunk_size=0)
