"""Files in GridFS: what several of their tests need."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterable
from typing import Any

from bson import Int64, ObjectId

#: Of the files in these tests, so that a few bytes make several chunks.
CHUNK = 4


def content(length: int) -> bytes:
    """So many bytes, in which a shifted piece shows."""
    return bytes(itertools.islice(itertools.cycle(range(251)), length))


async def collected(pieces: AsyncIterable[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


def insert_sparse(
    sync_db: Any, length: int, chunk_size: int, chunks: dict[int, bytes], **fields: Any
) -> ObjectId:
    """A file of which only some of the chunks are there, by their numbers. Returns its id."""
    file_id = ObjectId()
    document = {"_id": file_id, "length": Int64(length), "chunkSize": chunk_size, **fields}
    sync_db.fs.files.insert_one(document)
    documents = [{"files_id": file_id, "n": n, "data": data} for n, data in chunks.items()]
    if documents:
        sync_db.fs.chunks.insert_many(documents)
    return file_id


def leftovers(sync_db: Any, bucket: str = "fs") -> tuple[int, int]:
    """How many files, and how many chunks, the bucket has."""
    root = sync_db[bucket]
    return root.files.count_documents({}), root.chunks.count_documents({})
