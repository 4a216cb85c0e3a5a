"""Files in GridFS, on both frameworks and in both dialects, and what the expressions are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from bson import ObjectId
from gridfs import GridFSBucket
from tornado import gen, ioloop

import motor
from motor.core import AgnosticGridFSBucket, AgnosticGridOut
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorGridFSBucket,
    AsyncIOMotorGridIn,
    AsyncIOMotorGridOut,
    AsyncIOMotorGridOutCursor,
)
from motor.motor_tornado import (
    MotorClient,
    MotorGridFSBucket,
    MotorGridIn,
    MotorGridOut,
    MotorGridOutCursor,
)
from motor.operation import OperationFuture

db = AsyncIOMotorClient().library
bucket = AsyncIOMotorGridFSBucket(db, bucket_name="covers", chunk_size_bytes=1024)
assert_type(bucket.delegate, GridFSBucket)
assert_type(bucket.collection, AsyncIOMotorCollection[Any])
assert_type(bucket.io_loop, asyncio.AbstractEventLoop)


async def write(session: AsyncIOMotorClientSession) -> None:
    future = bucket.upload_from_stream("a.txt", b"text", metadata={"n": 1}, session=session)
    assert_type(future, OperationFuture[ObjectId])
    with Path("a.txt").open("rb") as source:
        assert_type(await bucket.upload_from_stream("a.txt", source), ObjectId)
        await bucket.upload_from_stream_with_id(1, "a.txt", source)
    async with bucket.open_upload_stream("b.txt", metadata={"n": 1}) as grid_in:
        assert_type(grid_in, AsyncIOMotorGridIn)
        grid_in.content_type = "text/plain"
        assert_type(grid_in.write(b"text"), OperationFuture[None])
        await grid_in.writelines([b"a", b"b"])
        await grid_in.set("author", "Ende")
    assert_type(grid_in.closed, bool)
    assert_type(grid_in.upload_date, datetime)
    await bucket.open_upload_stream_with_id(2, "c.txt").abort()
    await bucket.rename(grid_in._id, "d.txt")
    await bucket.delete(1)
    await bucket.delete_by_name("d.txt")


async def read() -> None:
    grid_out = await bucket.open_download_stream(1)
    assert_type(grid_out, AsyncIOMotorGridOut)
    assert_type(grid_out.filename, str | None)
    assert_type(grid_out.length, int)
    assert_type(grid_out.metadata, Mapping[str, Any] | None)
    assert_type(await grid_out.read(10), bytes)
    assert_type(await grid_out.readchunk(), bytes)
    assert_type(await grid_out.readline(), bytes)
    assert_type(await grid_out.readlines(), list[bytes])
    grid_out.seek(10)
    assert_type(grid_out.tell(), int)
    async for chunk in grid_out:
        assert_type(chunk, bytes)
    assert_type(grid_out.iter_range(1, 2), AsyncIterator[bytes])
    grid_out.close()
    with Path("a.txt").open("wb") as destination:
        assert_type(bucket.download_to_stream(1, destination), OperationFuture[None])
        await bucket.download_to_stream_by_name("a.txt", destination, revision=0)


async def find() -> None:
    cursor = bucket.find({"filename": "a.txt"}).sort("uploadDate", -1).limit(3)
    assert_type(cursor, AsyncIOMotorGridOutCursor)
    async for grid_out in cursor:
        assert_type(grid_out, AsyncIOMotorGridOut)
    assert_type(await cursor.to_list(10), list[AsyncIOMotorGridOut])
    while await cursor.fetch_next:
        assert_type(cursor.next_object(), AsyncIOMotorGridOut | None)


async def as_with_pymongo_async() -> None:
    async with await bucket.open_download_stream_by_name("a.txt") as grid_out:
        assert_type(grid_out, AsyncIOMotorGridOut)
        position: int = await grid_out.seek(10)
        print(position + 1)
    await grid_out.close()
    async with AsyncIOMotorGridIn(db.fs, filename="a.txt") as grid_in:
        assert_type(grid_in, AsyncIOMotorGridIn)
    assert_type(await bucket.find().next(), AsyncIOMotorGridOut)
    task = asyncio.create_task(bucket.open_download_stream(1))
    assert_type(task, asyncio.Task[AsyncIOMotorGridOut])


@gen.coroutine
def with_tornado() -> Generator[Any, Any, None]:
    files = motor.MotorGridFSBucket(MotorClient().library)
    assert_type(files, MotorGridFSBucket)
    assert_type(files.io_loop, ioloop.IOLoop)
    yield files.upload_from_stream("a.txt", b"text")


async def with_tornado_natively(files: MotorGridFSBucket) -> None:
    assert_type(files.open_upload_stream("a.txt"), MotorGridIn)
    grid_out = await files.open_download_stream_by_name("a.txt")
    assert_type(grid_out, MotorGridOut)
    assert_type(files.find(), MotorGridOutCursor)
    assert_type(await files.find().to_list(), list[MotorGridOut])
    await total_length(files)


async def total_length(files: AgnosticGridFSBucket) -> int:
    """For both frameworks."""
    total = 0
    async for grid_out in files.find():
        file: AgnosticGridOut = grid_out
        total += file.length
    return total


async def both() -> None:
    assert_type(await total_length(bucket), int)
