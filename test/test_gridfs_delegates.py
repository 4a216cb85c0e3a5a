"""Files from the user's own GridIn or GridOut: Motor uses their own methods."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from typing import Any

import gridfs
import pytest
from gridfs.errors import CorruptGridFile, FileExists, NoFile
from pymongo.errors import InvalidOperation

from support import CommandRecorder, Framework
from support.gridfs import CHUNK, collected, content, leftovers

DATA = content(10 * CHUNK + 3)


@pytest.fixture
def root(db: Any) -> Any:
    return db.fs


@pytest.fixture
def stored(sync_db: Any) -> Any:
    """The id of a file that has DATA."""
    bucket = gridfs.GridFSBucket(sync_db, chunk_size_bytes=CHUNK)
    return bucket.upload_from_stream("stored", DATA, metadata={"a": 1})


def stored_data(sync_db: Any, file_id: Any) -> bytes:
    data: bytes = gridfs.GridFSBucket(sync_db).open_download_stream(file_id).read()
    return data


# Writing ------------------------------------------------------------------------------------


async def test_file_is_written_by_its_delegate(
    framework: Framework, root: Any, sync_db: Any
) -> None:
    delegate = gridfs.GridIn(
        root.delegate, filename="name", chunk_size=CHUNK, encoding="utf-8", custom=1
    )
    delegate.write(b"before ")
    grid_in = framework.GridIn(root, delegate=delegate)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"two "
        yield b"three "

    writes = [grid_in.write("one "), grid_in.write(pieces()), grid_in.write(io.BytesIO(b"four"))]
    await asyncio.gather(*writes)
    await grid_in.writelines([b" fi", bytearray(b"ve")])
    assert (grid_in.filename, grid_in.custom, grid_in.chunk_size) == ("name", 1, CHUNK)
    with pytest.raises(AttributeError, match="closed file"):
        _ = grid_in.length
    for name in ("nope", "_buffer"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(grid_in, name)
    grid_in.author = "Ende"
    await grid_in.set("content_type", "text/plain")
    assert not grid_in.closed
    await grid_in.close()
    assert grid_in.closed
    assert delegate.closed
    assert grid_in.length == 30
    document = sync_db.fs.files.find_one()
    assert document["author"] == grid_in.author == "Ende"
    assert document["contentType"] == grid_in.content_type == "text/plain"
    assert stored_data(sync_db, grid_in._id) == b"before one two three four five"


async def test_closed_file_is_set_on_the_server(
    framework: Framework, root: Any, sync_db: Any
) -> None:
    async with framework.GridIn(root, delegate=gridfs.GridIn(root.delegate)) as grid_in:
        await grid_in.write(DATA)
    await grid_in.close()
    with pytest.raises(AttributeError, match=r"await grid_in\.set"):
        grid_in.author = "Ende"
    await grid_in.set("author", "Ende")
    assert sync_db.fs.files.find_one()["author"] == "Ende"
    with pytest.raises(ValueError, match="closed file"):
        await grid_in.write(b"more")
    await grid_in.abort()
    assert leftovers(sync_db) == (0, 0)


async def test_block_that_fails_deletes_nothing_of_another_file(
    framework: Framework, root: Any, sync_db: Any
) -> None:
    gridfs.GridFSBucket(sync_db).upload_from_stream_with_id(1, "old", b"old data", CHUNK)
    before = leftovers(sync_db)
    delegate = gridfs.GridIn(root.delegate, _id=1)
    with pytest.raises(FileExists):
        async with framework.GridIn(root, delegate=delegate) as grid_in:
            await grid_in.write(b"new data")
    assert grid_in.closed
    delegate = gridfs.GridIn(root.delegate, _id=1)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with framework.GridIn(root, delegate=delegate) as grid_in:
            await grid_in.write(b"new data")
            raise ZeroDivisionError
    assert grid_in.closed
    assert leftovers(sync_db) == before
    assert stored_data(sync_db, 1) == b"old data"


# Reading ------------------------------------------------------------------------------------


async def test_file_is_read_by_its_delegate(framework: Framework, root: Any, stored: Any) -> None:
    grid_out = framework.GridOut(root, delegate=gridfs.GridOut(root.delegate, stored))
    with pytest.raises(InvalidOperation, match=r"\.open\(\) before accessing the length"):
        _ = grid_out.length
    assert await grid_out.open() is grid_out
    assert (grid_out._id, grid_out.filename) == (stored, "stored")
    assert (grid_out.length, grid_out.chunk_size) == (len(DATA), CHUNK)
    assert (grid_out.metadata, grid_out.content_type) == ({"a": 1}, None)
    assert grid_out.upload_date is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = grid_out.nope
    assert await grid_out.read(5) == DATA[:5]
    assert await grid_out.readchunk() == DATA[5:8]
    assert await anext(grid_out) == DATA[8:12]
    assert grid_out.tell() == 12
    assert grid_out.seek(-5, os.SEEK_END) == len(DATA) - 5
    assert await grid_out.read() == DATA[-5:]
    grid_out.seek(2)
    assert b"".join(await collected(grid_out)) == DATA[2:]
    grid_out.seek(0)
    assert b"".join(await grid_out.readlines()) == DATA
    await grid_out.close()
    assert grid_out.closed


async def test_ranges_of_a_delegate_do_not_disturb_each_other(
    framework: Framework, root: Any, stored: Any
) -> None:
    grid_out = framework.GridOut(root, delegate=gridfs.GridOut(root.delegate, stored))
    for start in range(0, len(DATA), 5):
        for end in range(start, len(DATA) + 1, 7):
            pieces = await collected(grid_out.iter_range(start, end))
            assert b"".join(pieces) == DATA[start:end]
    ranges = [collected(grid_out.iter_range(start)) for start in range(10)]
    *found, all_of_it = await asyncio.gather(*ranges, grid_out.read())
    assert [b"".join(pieces) for pieces in found] == [DATA[start:] for start in range(10)]
    assert all_of_it == DATA


async def test_file_of_a_delegate_may_be_missing_or_damaged(
    framework: Framework, root: Any, sync_db: Any, stored: Any
) -> None:
    missing = framework.GridOut(root, delegate=gridfs.GridOut(root.delegate, "nope"))
    for attempt in (missing.open, missing.read, missing.__anext__):
        with pytest.raises(NoFile, match="nope"):
            await attempt()
    sync_db.fs.chunks.delete_one({"files_id": stored, "n": 3})
    grid_out = framework.GridOut(root, delegate=gridfs.GridOut(root.delegate, stored))
    assert [await anext(grid_out) for _ in range(3)] == [DATA[:4], DATA[4:8], DATA[8:12]]
    with pytest.raises(CorruptGridFile, match="#3"):
        await anext(grid_out)


async def test_session_of_a_delegate_is_used(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder, stored: Any
) -> None:
    client = client_factory(event_listeners=[commands])
    root = client[db_name].fs
    async with client.start_session() as session:
        commands.clear()
        sync_out = gridfs.GridOut(root.delegate, stored, session=session.delegate)
        grid_out = framework.GridOut(root, delegate=sync_out, session=session)
        assert await grid_out.read() == DATA
        assert b"".join(await collected(grid_out.iter_range())) == DATA
        sync_in = gridfs.GridIn(root.delegate, session=session.delegate)
        async with framework.GridIn(root, delegate=sync_in, session=session) as grid_in:
            await grid_in.write(b"data")
        used = {bytes(each.command["lsid"]["id"]) for each in commands}
        assert used == {bytes(session.session_id["id"])}


async def test_cursor_of_pymongo_s_gives_files_that_can_be_read(
    framework: Framework, root: Any, stored: Any
) -> None:
    cursor = root.wrap(gridfs.GridOutCursor(root.delegate))
    (grid_out,) = await cursor.to_list()
    assert type(grid_out) is framework.GridOut
    assert grid_out.filename == "stored"
    assert await grid_out.read() == DATA
