"""The sources of files, and their destinations."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gridfs import GridFSBucket
from gridfs.errors import CorruptGridFile

from support import CommandRecorder, Framework, async_wait_until, wait_until
from support.gridfs import CHUNK, content, leftovers

pytestmark = pytest.mark.every_loop

DATA = content(10 * CHUNK + 3)


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db, chunk_size_bytes=CHUNK)


@pytest.fixture
def stored(sync_db: Any) -> Any:
    """The id of a file that has DATA."""
    return GridFSBucket(sync_db, chunk_size_bytes=CHUNK).upload_from_stream("stored", DATA)


class AsyncFile:
    """An asynchronous file, which reads at most three bytes at a time, as a connection may."""

    def __init__(self, data: bytes = b"") -> None:
        self.file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        await asyncio.sleep(0)
        return self.file.read(min(size, 3))

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        self.file.write(data)


class Trickle(io.RawIOBase):
    """A synchronous file that reads at most three bytes at a time, as a pipe may."""

    def __init__(self) -> None:
        self.file = io.BytesIO(DATA)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.file.read(min(3, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


async def generate() -> AsyncIterator[bytes]:
    for start in range(0, len(DATA), 7):
        yield DATA[start : start + 7]


SOURCES: dict[str, Any] = {
    "bytes": lambda: DATA,
    "bytearray": lambda: bytearray(DATA),
    "memoryview": lambda: memoryview(DATA),
    "file": lambda: io.BytesIO(DATA),
    "raw file": Trickle,
    "async file": lambda: AsyncFile(DATA),
    "async generator": generate,
}


@pytest.mark.parametrize("kind", SOURCES)
async def test_file_is_made_from_any_source(bucket: Any, sync_db: Any, kind: str) -> None:
    file_id = await bucket.upload_from_stream("name", SOURCES[kind]())
    assert GridFSBucket(sync_db).open_download_stream(file_id).read() == DATA
    async with bucket.open_upload_stream("name") as grid_in:
        await grid_in.write(b"before")
        await grid_in.write(SOURCES[kind]())
        await grid_in.write(b"after")
    found = GridFSBucket(sync_db).open_download_stream(grid_in._id).read()
    assert found == b"before" + DATA + b"after"


async def test_file_on_disk_goes_up_and_down(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DATA)
    with open(tmp_path / "source", "rb") as source:
        file_id = await bucket.upload_from_stream("name", source)
    with open(tmp_path / "copy", "wb") as destination:
        await bucket.download_to_stream(file_id, destination)
    assert (tmp_path / "copy").read_bytes() == DATA


async def test_stream_of_a_connection_is_a_source_and_a_destination(
    bucket: Any, stored: Any
) -> None:
    received = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await bucket.upload_from_stream("name", reader))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await bucket.download_to_stream(stored, writer)
        writer.write_eof()
        grid_out = await bucket.open_download_stream(await received)
        assert await grid_out.read() == DATA
        writer.close()
        await writer.wait_closed()


async def test_file_of_gridfs_is_a_source(bucket: Any, stored: Any, sync_db: Any) -> None:
    grid_out = await bucket.open_download_stream(stored)
    assert await grid_out.read(5) == DATA[:5]
    file_id = await bucket.upload_from_stream("copy", grid_out)
    assert GridFSBucket(sync_db).open_download_stream(file_id).read() == DATA[5:]
    assert grid_out.tell() == len(DATA)


async def test_pymongo_s_file_is_a_source(bucket: Any, stored: Any, sync_db: Any) -> None:
    file_id = await bucket.upload_from_stream(
        "copy", GridFSBucket(sync_db).open_download_stream(stored)
    )
    assert await (await bucket.open_download_stream(file_id)).read() == DATA


async def test_new_file_of_gridfs_is_a_destination(bucket: Any, stored: Any) -> None:
    async with bucket.open_upload_stream("copy") as grid_in:
        await bucket.download_to_stream(stored, grid_in)
    assert await (await bucket.open_download_stream(grid_in._id)).read() == DATA


async def test_async_file_is_a_destination(bucket: Any, stored: Any) -> None:
    destination = AsyncFile()
    await bucket.download_to_stream(stored, destination)
    assert destination.file.getvalue() == DATA


async def test_destination_whose_write_returns_an_awaitable(bucket: Any, stored: Any) -> None:
    destination = AsyncFile()

    class Wrapper:
        def write(self, data: bytes) -> Any:
            return destination.write(data)

    await bucket.download_to_stream(stored, Wrapper())
    assert destination.file.getvalue() == DATA


async def test_synchronous_files_are_used_off_the_loop(bucket: Any, stored: Any) -> None:
    threads = []

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            threads.append(threading.current_thread())
            return super().read(size)

        def write(self, data: Any, /) -> int:
            threads.append(threading.current_thread())
            return super().write(data)

    await bucket.upload_from_stream("name", File(DATA))
    await bucket.download_to_stream(stored, File())
    assert threads
    assert threading.current_thread() not in threads


# Errors of the other side -------------------------------------------------------------------


class Broken(Exception):
    pass


async def fail_after(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(100_000)
    raise Broken


@pytest.mark.parametrize("count", [0, 1, 100])
async def test_upload_whose_source_fails_leaves_nothing(
    framework: Framework, db: Any, sync_db: Any, count: int
) -> None:
    bucket = framework.GridFSBucket(db, chunk_size_bytes=100_000)
    with pytest.raises(Broken):
        await bucket.upload_from_stream("name", fail_after(count))
    assert leftovers(sync_db) == (0, 0)


async def test_cancelled_upload_leaves_nothing(framework: Framework, db: Any, sync_db: Any) -> None:
    bucket = framework.GridFSBucket(db, chunk_size_bytes=100_000)
    many = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for count in range(10**9):
            yield bytes(100_000)
            if count == 50:
                many.set()
            await asyncio.sleep(0)

    upload = bucket.upload_from_stream("name", endless())
    await many.wait()
    assert leftovers(sync_db)[1] > 0
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await async_wait_until(lambda: leftovers(sync_db) == (0, 0), what="nothing was left")


async def test_download_to_a_destination_that_fails_stops(bucket: Any, stored: Any) -> None:
    class Full:
        def write(self, data: bytes) -> None:
            raise Broken

    with pytest.raises(Broken):
        await bucket.download_to_stream(stored, Full())


async def test_download_of_a_broken_file_fails(bucket: Any, stored: Any, sync_db: Any) -> None:
    sync_db.fs.chunks.delete_one({"files_id": stored, "n": 3})
    with pytest.raises(CorruptGridFile, match="#3"):
        await bucket.download_to_stream(stored, io.BytesIO())


@pytest.mark.parametrize("wrong", [5, None, object(), [b"data"]])
async def test_source_must_be_one(bucket: Any, sync_db: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="can only write"):
        await bucket.upload_from_stream("name", wrong)
    assert leftovers(sync_db) == (0, 0)


async def test_source_must_give_bytes(bucket: Any, sync_db: Any) -> None:
    async def numbers() -> AsyncIterator[Any]:
        yield 5

    with pytest.raises(TypeError, match="gave <class 'int'>"):
        await bucket.upload_from_stream("name", numbers())
    with pytest.raises(TypeError, match="encoding"):
        await bucket.upload_from_stream("name", io.StringIO("text"))
    assert leftovers(sync_db) == (0, 0)


async def test_read_that_is_asynchronous_in_disguise_is_refused(bucket: Any) -> None:
    class Disguised:
        def read(self, size: int) -> Any:
            return AsyncFile(DATA).read(size)

    with pytest.raises(TypeError, match="asynchronous iterable"):
        await bucket.upload_from_stream("name", Disguised())


async def test_destination_must_be_writable(bucket: Any, stored: Any) -> None:
    with pytest.raises(TypeError, match="destination must have a method write"):
        await bucket.download_to_stream(stored, object())


# Overlap ------------------------------------------------------------------------------------


async def zeros() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield bytes(100_000)


LARGE_SOURCES: dict[str, Any] = {
    "bytes": lambda: bytes(10_000_000),
    "file": lambda: io.BytesIO(bytes(10_000_000)),
    "async generator": zeros,
}


@pytest.mark.parametrize("kind", LARGE_SOURCES)
async def test_source_is_read_while_chunks_are_stored(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    commands: CommandRecorder,
    hold: Any,
    kind: str,
) -> None:
    """The next batch is on its way while the server has not answered yet."""
    client = client_factory(event_listeners=[commands])
    bucket = framework.GridFSBucket(client[db_name], chunk_size_bytes=100_000)
    underway, held = [], ExitStack()
    started, succeeded = commands.started, commands.succeeded

    def answered() -> int:
        return len([e for e in commands.succeeded_events if e.command_name == "insert"])

    def count(event: Any) -> None:
        started(event)
        if event.command_name == "insert":
            underway.append(len(commands.named("insert")) - answered())

    def hold_the_rest(event: Any) -> None:
        if event.command_name == "insert" and not answered():
            held.enter_context(hold("insert", ns=f"{db_name}.fs.chunks"))
        succeeded(event)

    commands.started = count  # type: ignore[method-assign]
    commands.succeeded = hold_the_rest  # type: ignore[method-assign]
    with held:
        upload = asyncio.ensure_future(bucket.upload_from_stream("name", LARGE_SOURCES[kind]()))
        await async_wait_until(lambda: 2 in underway, what="the next batch is on its way")
        # Anything else on its way would have arrived by now.
        await bucket.collection.files.find_one()
    await upload
    # The first alone, then two at once, and no more.
    assert underway[:2] == [1, 1]
    assert max(underway) == 2


async def test_next_bytes_are_read_while_the_destination_writes(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(12_000_000), 100_000)
    commands.clear()

    class Destination:
        def write(self, data: bytes) -> None:
            if not commands.named("find")[2:]:
                # The file's document, the chunks at hand, and those that are to follow.
                wait_until(lambda: len(commands.named("find")) > 2, what="the next were read")

    await bucket.download_to_stream(file_id, Destination())


async def test_many_open_files_hold_no_threads(
    framework: Framework, client_factory: Any, db_name: str, stored: Any
) -> None:
    bucket = framework.GridFSBucket(client_factory()[db_name], chunk_size_bytes=CHUNK)
    before = threading.active_count()
    readers = [await bucket.open_download_stream(stored) for _ in range(50)]
    ranges = [reader.iter_range() for reader in readers]
    assert {await anext(each) for each in ranges} == {DATA[:CHUNK]}
    writers = [bucket.open_upload_stream("name") for _ in range(50)]
    for writer in writers:
        await writer.write(DATA)
    assert threading.active_count() - before < 10
    await asyncio.gather(*(writer.close() for writer in writers))
    contents = await asyncio.gather(*(reader.read() for reader in readers))
    assert set(contents) == {DATA}
