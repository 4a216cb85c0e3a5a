"""Ranges of files, and files of any size."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import Any

import gridfs
import pytest
from gridfs.errors import CorruptGridFile

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


def reads(commands: CommandRecorder) -> list[Any]:
    return [c for c in commands.named("find") if c.command["find"] == "fs.chunks"]


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
        # Anything else on its way would have arrived by now.
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
    framework: Framework, client_factory: Any, db_name: str, stored: Any, fail_point: Any
) -> None:
    client = client_factory(appName="gridfs-range")
    grid_out = await framework.GridFSBucket(client[db_name]).open_download_stream(stored)
    blocking = {"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 100}
    some = grid_out.iter_range()
    for pieces, close in ((some, some.aclose), (grid_out, grid_out.close)):
        with fail_point(appName="gridfs-range", **blocking):
            reader = asyncio.ensure_future(collected(pieces))
            # The reader waits for its first piece.
            await asyncio.sleep(0)
            await close()
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
