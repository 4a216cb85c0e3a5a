"""Reading files: in every way, from every position, large ones and damaged ones."""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import gridfs
import pytest
from gridfs.errors import NoFile
from pymongo.errors import InvalidOperation, OperationFailure

from support import CommandRecorder, Framework
from support.gridfs import CHUNK, collected, content

DATA = content(10 * CHUNK + 3)
MEGABYTE = 1024 * 1024


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db, chunk_size_bytes=CHUNK)


@pytest.fixture
def stored(sync_db: Any) -> Any:
    """The id of a file that has DATA."""
    bucket = gridfs.GridFSBucket(sync_db, chunk_size_bytes=CHUNK)
    return bucket.upload_from_stream("stored", DATA, metadata={"a": 1})


@pytest.fixture
def grid_out(framework: Framework, db: Any, stored: Any) -> Any:
    """The file, which has not been opened."""
    return framework.GridOut(db.fs, stored)


# What is known of a file --------------------------------------------------------------------


async def test_attributes_are_those_of_the_document(bucket: Any, sync_db: Any, stored: Any) -> None:
    fields = {"contentType": "image/png", "aliases": ["x"], "md5": "abc", "custom": 5}
    sync_db.fs.files.update_one({"_id": stored}, {"$set": fields})
    grid_out = await bucket.open_download_stream(stored)
    document = sync_db.fs.files.find_one()
    assert grid_out._id == stored
    assert grid_out.filename == grid_out.name == "stored"
    assert grid_out.length == len(DATA)
    assert grid_out.chunk_size == CHUNK
    assert grid_out.upload_date == document["uploadDate"]
    assert grid_out.metadata == {"a": 1}
    assert grid_out.content_type == "image/png"
    assert grid_out.aliases == ["x"]
    assert grid_out.md5 == "abc"
    assert grid_out.custom == 5
    with pytest.raises(AttributeError, match="GridOut object has no attribute 'nope'"):
        _ = grid_out.nope


async def test_attributes_that_the_document_lacks_are_none(bucket: Any, sync_db: Any) -> None:
    sync_db.fs.files.insert_one({"_id": 1})
    grid_out = await bucket.open_download_stream(1)
    assert grid_out.length == 0
    for name in ("filename", "metadata", "content_type", "aliases", "md5", "upload_date"):
        assert getattr(grid_out, name) is None
    assert await grid_out.read() == b""


@pytest.mark.parametrize("name", ["length", "filename", "metadata", "_id", "custom"])
async def test_attribute_of_an_unopened_file_says_what_to_do(
    framework: Framework, grid_out: Any, name: str
) -> None:
    message = rf"You must call {framework.GridOut.__name__}\.open\(\) before accessing the "
    with pytest.raises(InvalidOperation, match=message):
        getattr(grid_out, name)


async def test_open_gives_the_file(grid_out: Any) -> None:
    assert await grid_out.open() is grid_out
    assert grid_out.length == len(DATA)
    assert await grid_out.open() is grid_out


async def test_open_of_a_missing_file_fails(framework: Framework, db: Any) -> None:
    for attempt in ("open", "read", "readline", "readlines", "readchunk", "to_list", "__anext__"):
        with pytest.raises(NoFile, match="nope"):
            await getattr(framework.GridOut(db.fs, "nope"), attempt)()
    with pytest.raises(NoFile):
        await collected(framework.GridOut(db.fs, "nope").iter_range())


async def test_file_can_be_made_from_its_document(
    framework: Framework, db: Any, sync_db: Any, stored: Any
) -> None:
    grid_out = framework.GridOut(db.fs, file_document=sync_db.fs.files.find_one())
    assert grid_out.length == len(DATA)
    assert await grid_out.read() == DATA


def test_file_needs_a_collection(framework: Framework, db: Any, sync_db: Any) -> None:
    message = f"First argument to {framework.GridOut.__name__} must be .*Collection"
    for wrong in (db, sync_db.fs, None):
        with pytest.raises(TypeError, match=message):
            framework.GridOut(wrong, 1)


async def test_protocols_of_the_language_do_not_ask_for_fields(grid_out: Any) -> None:
    assert not hasattr(grid_out, "__len__")
    assert repr(grid_out).startswith(type(grid_out).__name__)
    assert grid_out == grid_out
    assert {grid_out: 1}[grid_out] == 1


# Reading ------------------------------------------------------------------------------------


async def test_read_goes_on_where_the_last_one_ended(grid_out: Any) -> None:
    parts = [await grid_out.read(5), await grid_out.read(0), await grid_out.read(1)]
    assert parts == [DATA[:5], b"", DATA[5:6]]
    assert grid_out.tell() == 6
    assert await grid_out.readchunk() == DATA[6 : 2 * CHUNK]
    assert await grid_out.read() == DATA[2 * CHUNK :]
    assert await grid_out.read() == await grid_out.read(5) == await grid_out.readchunk() == b""


async def test_reads_that_start_together_follow_one_another(grid_out: Any) -> None:
    parts = await asyncio.gather(*(grid_out.read(3) for _ in range(15)))
    assert b"".join(parts) == DATA
    assert parts[1] == DATA[3:6]


async def test_lines_are_read_across_chunks(bucket: Any) -> None:
    lines = [b"\n", b"one\n", b"a longer line\n", b"end"]
    file_id = await bucket.upload_from_stream("lines", b"".join(lines))
    grid_out = await bucket.open_download_stream(file_id)
    assert [await grid_out.readline() for _ in range(5)] == [*lines, b""]
    grid_out.seek(1)
    assert await grid_out.readline(2) == b"on"
    assert await grid_out.readlines() == [b"e\n", *lines[2:]]
    grid_out.seek(0)
    assert await grid_out.readlines(2) == lines[:2]
    assert await grid_out.to_list() == lines[2:]


async def test_lines_are_as_many_as_pymongo_gives(bucket: Any, sync_db: Any) -> None:
    data = b"".join(b"the line no %d\n" % n for n in range(5)) + b"a last one"
    file_id = await bucket.upload_from_stream("lines", data, 7)
    for size in (-1, 0, 1, 13, 14, 28, 29, 1000):
        theirs: list[bytes] = []
        sync_out = gridfs.GridFSBucket(sync_db).open_download_stream(file_id)
        # As PyMongo's async API counts: io's own readlines stops a line earlier.
        while (size <= 0 or sum(map(len, theirs)) <= size) and (line := sync_out.readline()):
            theirs.append(line)
        grid_out = await bucket.open_download_stream(file_id)
        assert await grid_out.readlines(size) == theirs
        assert await grid_out.readline() == sync_out.readline()
        assert grid_out.tell() == sync_out.tell()
    file_id = await bucket.upload_from_stream("thirteen", b"twelve bytes\n" * 3)
    assert len(await (await bucket.open_download_stream(file_id)).readlines(13)) == 2
    assert len(await (await bucket.open_download_stream(file_id)).readlines(None)) == 3


async def test_line_is_not_read_byte_by_byte(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = await bucket.upload_from_stream("lines", b"a longer line\nend")
    grid_out = await bucket.open_download_stream(file_id)
    monkeypatch.setattr(gridfs.GridOut, "read", None)
    assert await grid_out.readline() == b"a longer line\n"


async def test_seek_moves_the_next_read(grid_out: Any) -> None:
    await grid_out.open()
    assert grid_out.seek(7) == grid_out.tell() == 7
    assert await grid_out.read(2) == DATA[7:9]
    assert grid_out.seek(-3, os.SEEK_CUR) == 6
    assert await grid_out.readchunk() == DATA[6 : 2 * CHUNK]
    assert grid_out.seek(-2, os.SEEK_END) == len(DATA) - 2
    assert await grid_out.read() == DATA[-2:]
    assert grid_out.seek(10, os.SEEK_END) == len(DATA) + 10
    assert await grid_out.readchunk() == b""
    assert await grid_out.seek(0) == 0
    assert await grid_out.read() == DATA


async def test_bad_positions_are_refused(grid_out: Any) -> None:
    for arguments in ((-1,), (-1, os.SEEK_CUR), (0, 9)):
        with pytest.raises(OSError, match="Errno 22"):
            grid_out.seek(*arguments)
    with pytest.raises(TypeError, match="number of bytes"):
        grid_out.seek("5")
    with pytest.raises(InvalidOperation, match="open"):
        grid_out.seek(0, os.SEEK_END)
    assert grid_out.tell() == 0


async def test_seek_sends_nothing(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    # Motor 3.7.1 closed the chunks' cursor, and looked for the file, on the loop's thread.
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(40 * MEGABYTE))
    grid_out = await bucket.open_download_stream(file_id)
    await grid_out.read(1)
    commands.clear()
    grid_out.seek(0, os.SEEK_END)
    grid_out.seek(0)
    assert commands.names == []
    assert await grid_out.read(1) == b"\0"
    await grid_out.close()


async def test_nothing_of_a_file_stays_open_on_the_server(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(5 * MEGABYTE))
    commands.clear()
    async with await bucket.open_download_stream(file_id) as grid_out:
        await grid_out.read(1)
        await anext(grid_out)
        await grid_out.readline()
        assert not grid_out.closed
    assert grid_out.closed
    assert set(commands.names) == {"find"}
    assert {event.reply["cursor"]["id"] for event in commands.succeeded_events} == {0}
    assert await grid_out.close() is None


def reads(commands: CommandRecorder) -> list[Any]:
    return [c for c in commands.named("find") if c.command["find"] == "fs.chunks"]


async def test_small_reads_fetch_once_what_is_next_to_each_other(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    data = content(3 * MEGABYTE)
    file_id = await bucket.upload_from_stream("name", data)
    grid_out = await bucket.open_download_stream(file_id)
    commands.clear()
    found = [await grid_out.read(1000) for _ in range(1000)]
    assert b"".join(found) == data[:1_000_000]
    # Of 1, 2, and 4 chunks.
    assert len(reads(commands)) == 3
    grid_out.seek(0)
    assert await grid_out.read() == data


async def test_read_that_fails_can_be_tried_again(
    framework: Framework, client_factory: Any, db_name: str, stored: Any, fail_point: Any
) -> None:
    client = client_factory(appName="gridfs-read", retryReads=False)
    grid_out = await framework.GridFSBucket(client[db_name]).open_download_stream(stored)
    assert await grid_out.read(5) == DATA[:5]
    grid_out.seek(7)
    failing = fail_point(
        mode={"times": 3}, appName="gridfs-read", failCommands=["find"], errorCode=11601
    )
    with failing:
        for attempt in (grid_out.read, grid_out.readline, grid_out.readchunk):
            with pytest.raises(OperationFailure):
                await attempt()
    assert grid_out.tell() == 7
    assert await grid_out.read() == DATA[7:]


async def test_unopened_file_is_closed_without_asking_for_it(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    db = client_factory(event_listeners=[commands])[db_name]
    grid_out = framework.GridOut(db.fs, "nope")
    await grid_out.close()
    assert grid_out.closed
    assert commands.names == []


async def test_file_that_is_entered_is_opened(grid_out: Any) -> None:
    async with grid_out as entered:
        assert entered.length == len(DATA)


def test_file_cannot_be_written(grid_out: Any) -> None:
    assert grid_out.readable()
    assert grid_out.seekable()
    assert not grid_out.writable()
    assert not grid_out.isatty()
    assert grid_out.flush() is None
    for name, arguments in {
        "write": [b""],
        "writelines": [[]],
        "truncate": [],
        "fileno": [],
    }.items():
        with pytest.raises(io.UnsupportedOperation):
            getattr(grid_out, name)(*arguments)


# Iterating ----------------------------------------------------------------------------------


async def test_iterating_gives_chunks_from_the_position_on(grid_out: Any) -> None:
    grid_out.seek(5)
    expected = [DATA[5:8]] + [DATA[start : start + CHUNK] for start in range(8, len(DATA), CHUNK)]
    assert await collected(grid_out) == expected
    assert grid_out.tell() == len(DATA)
    assert await collected(grid_out) == []
    assert await grid_out.read() == b""


async def test_iterating_may_be_mixed_with_reading(grid_out: Any) -> None:
    assert await anext(grid_out) == DATA[:4]
    assert grid_out.tell() == 4
    assert await grid_out.read(2) == DATA[4:6]
    assert await anext(grid_out) == DATA[6:8]
    grid_out.seek(1)
    assert await anext(grid_out) == DATA[1:4]
    assert grid_out.seek(1, os.SEEK_CUR) == 5
    assert await grid_out.readchunk() == DATA[5:8]


async def test_file_is_streamed_to_a_handler_that_has_nothing_to_wait_for(grid_out: Any) -> None:
    done: list[bytes | None] = []

    class Handler:
        def write(self, data: bytes) -> None:
            done.append(data)

        def flush(self) -> None:
            done.append(None)

    await grid_out.stream_to_handler(Handler())
    assert b"".join(filter(None, done)) == DATA
    assert done[-1] is None


async def test_file_is_streamed_to_a_handler_with_back_pressure(grid_out: Any) -> None:
    done = []

    class Handler:
        def write(self, data: bytes) -> None:
            done.append(data)

        async def flush(self) -> None:
            done.append(None)

    await grid_out.open()
    await grid_out.stream_to_handler(Handler())
    assert b"".join(done[::2]) == DATA
    assert set(done[1::2]) == {None}
    assert max(map(len, done[::2])) == CHUNK
