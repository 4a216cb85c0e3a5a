"""Files whose chunks are missing, superfluous, or have the wrong size."""

from __future__ import annotations

import io
from typing import Any

import gridfs
import pytest
from gridfs.errors import CorruptGridFile

from support import Framework
from support.gridfs import CHUNK, collected, content, insert_sparse

DATA = content(10 * CHUNK + 3)
MEGABYTE = 1024 * 1024


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db, chunk_size_bytes=CHUNK)


@pytest.fixture
def stored(sync_db: Any) -> Any:
    """The id of a file that has DATA."""
    return gridfs.GridFSBucket(sync_db, chunk_size_bytes=CHUNK).upload_from_stream("stored", DATA)


WAYS = {
    "iterating": collected,
    "a range": lambda grid_out: collected(grid_out.iter_range()),
    "read": lambda grid_out: grid_out.read(),
    "lines": lambda grid_out: grid_out.readlines(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"delete": 3}, "#3"),
        ({"delete": 10}, "no chunk #10"),
        ({"delete": 0}, "#0"),
        ({"add": 11}, "Extra chunk found: expected 11 chunks but found chunk with n=11"),
        ({"truncate": 2}, "truncated chunk #2: expected chunk length to be 4 but found .* 1"),
        ({"truncate": 10}, "truncated chunk #10: expected chunk length to be 3 but found .* 1"),
    ],
)
async def test_damage_is_found_by_every_way_of_reading(
    bucket: Any, sync_db: Any, stored: Any, damage: dict[str, int], message: str, way: str
) -> None:
    ((what, n),) = damage.items()
    where = {"files_id": stored, "n": n}
    if what == "delete":
        sync_db.fs.chunks.delete_one(where)
    elif what == "add":
        sync_db.fs.chunks.insert_one({**where, "data": b"more"})
    else:
        sync_db.fs.chunks.update_one(where, {"$set": {"data": b"x"}})
    grid_out = await bucket.open_download_stream(stored)
    with pytest.raises(CorruptGridFile, match=message):
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


@pytest.mark.parametrize("damage", ["missing", "truncated"])
async def test_what_comes_before_the_damage_can_be_read(
    bucket: Any, sync_db: Any, stored: Any, damage: str
) -> None:
    where = {"files_id": stored, "n": 3}
    if damage == "missing":
        sync_db.fs.chunks.delete_one(where)
    else:
        sync_db.fs.chunks.update_one(where, {"$set": {"data": b"x"}})
    grid_out = await bucket.open_download_stream(stored)
    destination = io.BytesIO()
    with pytest.raises(CorruptGridFile, match="#3"):
        await bucket.download_to_stream(stored, destination)
    assert destination.getvalue() == DATA[: 3 * CHUNK]
    for next_piece in (grid_out.__anext__, grid_out.readchunk):
        grid_out.seek(0)
        assert [await next_piece() for _ in range(3)] == [DATA[:4], DATA[4:8], DATA[8:12]]
        for _ in range(2):
            with pytest.raises(CorruptGridFile, match="#3"):
                await next_piece()
        assert grid_out.tell() == 3 * CHUNK
