"""Reading files: in any way, anywhere, however large or broken they are."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import aclosing
from typing import Any

import gridfs
import pytest
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.errors import InvalidOperation

from support import CommandRecorder, Framework, async_wait_until
from support.gridfs import CHUNK, collected, content, insert_sparse

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


async def test_seek_sends_nothing_on_the_loop(
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
    assert "killCursors" in commands.names
    await grid_out.close()


async def test_closing_closes_the_cursor_on_the_server(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(40 * MEGABYTE))
    async with await bucket.open_download_stream(file_id) as grid_out:
        await grid_out.read(1)
        assert not grid_out.closed
    assert grid_out.closed
    assert "killCursors" in commands.names
    assert await grid_out.close() is None


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


# Ranges -------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [True, False])
async def test_every_range_gives_its_bytes(grid_out: Any, opened: bool) -> None:
    if opened:
        await grid_out.open()
    for start in range(0, len(DATA) + 2, 3):
        for end in (*range(0, len(DATA) + 2, 5), None):
            pieces = await collected(grid_out.iter_range(start, end))
            assert b"".join(pieces) == DATA[start:end]
            assert all(0 < len(piece) <= CHUNK for piece in pieces)
    assert grid_out.tell() == 0


async def test_ranges_are_independent_of_each_other(grid_out: Any) -> None:
    ranges = [grid_out.iter_range(start) for start in range(10)]
    contents = await asyncio.gather(*map(collected, ranges))
    assert [b"".join(pieces) for pieces in contents] == [DATA[start:] for start in range(10)]


async def test_bad_ranges_are_refused_at_once(grid_out: Any) -> None:
    for arguments in ((-1,), (0, -1)):
        with pytest.raises(ValueError, match="must not be negative: -1"):
            grid_out.iter_range(*arguments)
    for arguments in (("0",), (1.5,), (None,), (True,), (0, "5")):
        with pytest.raises(TypeError, match="must be a number of bytes"):
            grid_out.iter_range(*arguments)


def reads(commands: CommandRecorder) -> list[Any]:
    return [c for c in commands.named("find") if c.command["find"] == "fs.chunks"]


async def test_range_reads_only_its_own_chunks(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", DATA, CHUNK)
    grid_out = await bucket.open_download_stream(file_id)
    commands.clear()
    await collected(grid_out.iter_range(3 * CHUNK + 1, 5 * CHUNK))
    (command,) = reads(commands)
    assert command.command["filter"]["n"] == {"$gte": 3}
    assert command.command["limit"] == 2


async def test_range_is_read_one_batch_ahead_and_no_further(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(20 * MEGABYTE), MEGABYTE)
    grid_out = await bucket.open_download_stream(file_id)
    commands.clear()
    pieces = grid_out.iter_range()
    for taken in range(1, 6):
        await anext(pieces)
        await async_wait_until(lambda: len(reads(commands)) > taken)  # noqa: B023
        # Whatever else was under way would be there by now.
        await grid_out.open()
        await bucket.collection.files.find_one()
        assert len(reads(commands)) == taken + 1
    await pieces.aclose()


async def test_closed_range_ends_and_reads_no_more(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    bucket = framework.GridFSBucket(client_factory(event_listeners=[commands])[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(20 * MEGABYTE), MEGABYTE)
    grid_out = await bucket.open_download_stream(file_id)
    commands.clear()
    async with aclosing(grid_out.iter_range()) as pieces:
        async for _ in pieces:
            break
    assert await collected(pieces) == []
    await bucket.collection.files.find_one()
    assert len(reads(commands)) <= 2
    assert commands.named("getMore", "killCursors") == []


async def test_cancelled_step_loses_nothing(grid_out: Any) -> None:
    pieces = grid_out.iter_range()
    found = [await anext(pieces)]
    for _ in range(3):
        step = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        step.cancel()
        try:
            found.append(await step)
        except asyncio.CancelledError:
            continue
    assert b"".join([*found, *await collected(pieces)]) == DATA


async def test_range_that_another_task_closes_ends(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    stored: Any,
    hold: Any,
    commands: CommandRecorder,
) -> None:
    client = client_factory(event_listeners=[commands])
    grid_out = await framework.GridFSBucket(client[db_name]).open_download_stream(stored)
    some = grid_out.iter_range()
    for pieces, close in ((some, some.aclose), (grid_out, grid_out.close)):
        commands.clear()
        with hold("find", ns=f"{db_name}.fs.chunks"):
            reader = asyncio.ensure_future(collected(pieces))
            await async_wait_until(lambda: reads(commands), what="the first piece is waited for")
            closing = asyncio.ensure_future(close())
            await asyncio.sleep(0)
        await closing
        assert await reader == []


async def test_range_cannot_be_read_by_two_at_once(grid_out: Any) -> None:
    await grid_out.open()
    pieces = grid_out.iter_range()
    results = await asyncio.gather(anext(pieces), anext(pieces), return_exceptions=True)
    assert results[0] == DATA[:CHUNK]
    assert "already running" in str(results[1])


def test_range_outlives_its_event_loop(framework: Framework, db: Any, stored: Any) -> None:
    grid_out = framework.GridOut(db.fs, stored)
    pieces = grid_out.iter_range()
    found = framework.run(lambda: anext_of(pieces))
    found += b"".join(framework.run(lambda: collected(pieces)))
    assert found == DATA


async def anext_of(pieces: Any) -> bytes:
    return await anext(pieces)  # type: ignore[no-any-return]


# Large --------------------------------------------------------------------------------------


async def test_far_offsets_of_a_file_beyond_two_gigabytes(bucket: Any, sync_db: Any) -> None:
    length = 5 * 1024**3 + 3
    last = length // MEGABYTE
    chunks = {2100: b"\1" * MEGABYTE, 2101: b"\2" * MEGABYTE, last: b"end"}
    file_id = insert_sparse(sync_db, length, MEGABYTE, chunks)
    grid_out = await bucket.open_download_stream(file_id)
    assert grid_out.length == length
    border = 2101 * MEGABYTE
    found = b"".join(await collected(grid_out.iter_range(border - 5, border + 6)))
    assert found == b"\1" * 5 + b"\2" * 6
    assert grid_out.seek(border - 1) == border - 1
    assert await grid_out.read(2) == b"\1\2"
    assert grid_out.tell() == border + 1
    assert grid_out.seek(-3, os.SEEK_END) == length - 3
    assert await grid_out.read() == b"end"
    grid_out.seek(-2, os.SEEK_END)
    assert await collected(grid_out) == [b"nd"]
    assert await collected(grid_out.iter_range(length - 1)) == [b"d"]
    with pytest.raises(CorruptGridFile, match="chunk #2102"):
        await collected(grid_out.iter_range(border))


async def test_chunks_may_be_larger_than_a_batch(bucket: Any) -> None:
    data = content(5 * MEGABYTE) * 2
    file_id = await bucket.upload_from_stream("name", data, 4 * MEGABYTE)
    grid_out = await bucket.open_download_stream(file_id)
    assert [len(piece) for piece in await collected(grid_out)] == [
        4 * MEGABYTE,
        4 * MEGABYTE,
        2 * MEGABYTE,
    ]
    assert b"".join(await collected(grid_out.iter_range())) == data


# Broken -------------------------------------------------------------------------------------

WAYS = {
    "iterating": collected,
    "a range": lambda grid_out: collected(grid_out.iter_range()),
    "read": lambda grid_out: grid_out.read(),
    "lines": lambda grid_out: grid_out.readlines(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("what", "n"),
    [("delete", 3), ("delete", 10), ("delete", 0), ("add", 11), ("truncate", 2), ("truncate", 10)],
)
async def test_damage_is_found_by_every_way_of_reading(
    bucket: Any, sync_db: Any, stored: Any, what: str, n: int, way: str
) -> None:
    where = {"files_id": stored, "n": n}
    if what == "delete":
        sync_db.fs.chunks.delete_one(where)
    elif what == "add":
        sync_db.fs.chunks.insert_one({**where, "data": b"more"})
    else:
        sync_db.fs.chunks.update_one(where, {"$set": {"data": b"x"}})
    grid_out = await bucket.open_download_stream(stored)
    with pytest.raises(CorruptGridFile, match=str(n)):
        await WAYS[way](grid_out)


@pytest.mark.parametrize("way", ["iterating", "a range"])
async def test_empty_chunk_after_the_last_is_no_damage(
    bucket: Any, sync_db: Any, stored: Any, way: str
) -> None:
    sync_db.fs.chunks.insert_one({"files_id": stored, "n": 11, "data": b""})
    pieces = await WAYS[way](await bucket.open_download_stream(stored))
    assert b"".join(pieces) == DATA


async def test_damage_outside_a_range_is_not_looked_for(
    bucket: Any, sync_db: Any, stored: Any
) -> None:
    sync_db.fs.chunks.delete_many({"files_id": stored, "n": {"$gte": 5}})
    grid_out = await bucket.open_download_stream(stored)
    assert b"".join(await collected(grid_out.iter_range(3, 5 * CHUNK))) == DATA[3 : 5 * CHUNK]


async def test_two_chunks_of_one_number_are_damage(bucket: Any, sync_db: Any, stored: Any) -> None:
    sync_db.fs.chunks.drop_indexes()
    sync_db.fs.chunks.insert_one({"files_id": stored, "n": 3, "data": b"more"})
    grid_out = await bucket.open_download_stream(stored)
    with pytest.raises(CorruptGridFile, match="expected chunk #4 but found chunk with n=3"):
        await collected(grid_out)


async def test_file_without_a_chunk_size_is_damaged(bucket: Any, sync_db: Any) -> None:
    file_id = insert_sparse(sync_db, 5, 0, {0: b"abcde"})
    grid_out = await bucket.open_download_stream(file_id)
    with pytest.raises(CorruptGridFile, match="chunkSize 0"):
        await collected(grid_out)


async def test_file_that_is_deleted_while_it_is_read_is_an_error(bucket: Any) -> None:
    file_id = await bucket.upload_from_stream("name", bytes(8 * MEGABYTE), MEGABYTE)
    grid_out = await bucket.open_download_stream(file_id)
    pieces = grid_out.iter_range()
    await anext(pieces)
    await bucket.delete(file_id)
    with pytest.raises(CorruptGridFile, match=r"no chunk #|Missing chunk"):
        await collected(pieces)


async def test_range_can_be_tried_again_after_an_error(
    bucket: Any, sync_db: Any, stored: Any
) -> None:
    chunk = sync_db.fs.chunks.find_one_and_delete({"files_id": stored, "n": 0})
    pieces = (await bucket.open_download_stream(stored)).iter_range()
    with pytest.raises(CorruptGridFile):
        await anext(pieces)
    sync_db.fs.chunks.insert_one(chunk)
    assert b"".join(await collected(pieces)) == DATA
