"""Do a bit of everything with Motor, and print what came of it: `every_operation.py URI DATABASE`.

For tests that run it in processes of their own, with another PyMongo or without a part of Motor:
what it prints must not depend on that. The log of `motor.accelerators` goes to stderr.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import pymongo

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket


async def main(uri: str, name: str) -> dict[str, Any]:
    client = AsyncIOMotorClient(uri, serverMonitoringMode="poll")
    await client.aconnect()
    await client.drop_database(name)
    database = client[name]
    found = {
        **await small(database),
        **await cursors(database),
        **await waiting(database),
        **await sessions(client, database),
        **await files(database),
    }
    await client.drop_database(name)
    await client.close()
    return found


async def small(database: Any) -> dict[str, Any]:
    collection = database.small
    await collection.insert_one({"_id": 1, "text": "é"})
    together = await asyncio.gather(*(collection.find_one({"_id": 1}) for _ in range(20)))
    update = await collection.update_one({"_id": 1}, {"$inc": {"n": 2}})
    await collection.bulk_write([pymongo.InsertOne({"_id": i}) for i in range(2, 5)])
    try:
        await collection.insert_one({"_id": 1})
    except pymongo.errors.DuplicateKeyError as error:
        duplicate = error.code
    return {
        "together": together,
        "modified": update.modified_count,
        "duplicate": duplicate,
        "ping": (await database.command("ping"))["ok"],
        "found": await collection.find_one({"_id": 1}, {"n": 1}),
        "counted": await collection.count_documents({}),
        "distinct": await collection.distinct("_id"),
        "indexes": [index["name"] async for index in await collection.list_indexes()],
    }


async def cursors(database: Any) -> dict[str, Any]:
    """Every document of every batch, and no more at once than a batch."""
    collection = database.many
    documents = [{"_id": i, "text": "x" * 300} for i in range(600)]
    await collection.insert_many(documents)
    found: dict[str, Any] = {}
    for size in (0, 7, 200):
        cursor = collection.find(sort={"_id": 1}, batch_size=size)
        found[f"for {size}"] = [d["_id"] async for d in cursor] == [*range(600)]
        cursor = collection.find(sort={"_id": 1}, batch_size=size)
        found[f"list {size}"] = await cursor.to_list() == documents
    cursor = collection.find(sort={"_id": 1}, batch_size=100)
    await cursor.next()
    found["retrieved"] = cursor.retrieved
    found["rest"] = len(await cursor.to_list())
    pipeline = [{"$sort": {"_id": 1}}, {"$limit": 300}]
    cursor = collection.aggregate(pipeline, batchSize=100)
    found["next"] = await cursor.next()
    found["aggregated"] = [d["_id"] async for d in cursor] == [*range(1, 300)]
    found["limited"] = len(await collection.find(limit=150, batch_size=100).to_list())
    exhaust = collection.find(cursor_type=pymongo.CursorType.EXHAUST, batch_size=200)
    found["exhaust"] = len(await exhaust.to_list())
    cursor = collection.find(let={"most": 3}, filter={"$expr": {"$lt": ["$_id", "$$most"]}})
    found["let"] = [len(await cursor.to_list()), len(await cursor.rewind().to_list())]
    found["raw"] = sum([len(batch) async for batch in collection.find_raw_batches()])
    large = {"_id": "large", "data": "y" * 9_000_000}
    await collection.insert_one(large)
    found["large"] = await collection.find_one({"_id": "large"}) == large
    return found


async def waiting(database: Any) -> dict[str, Any]:
    capped = await database.create_collection("capped", capped=True, size=10_000)
    await capped.insert_one({"_id": 1})
    cursor = capped.find(cursor_type=pymongo.CursorType.TAILABLE_AWAIT).max_await_time_ms(50)
    found = [await cursor.next()]
    await capped.insert_one({"_id": 2})
    while len(found) < 2:
        try:
            found.append(await cursor.next())
        except StopAsyncIteration:
            assert cursor.alive
    await cursor.close()
    async with database.small.watch(max_await_time_ms=50) as stream:
        await database.small.insert_one({"_id": "seen"})
        event = await stream.next()
    return {"tailed": found, "watched": event["documentKey"]}


async def sessions(client: Any, database: Any) -> dict[str, Any]:
    async def both(session: Any) -> None:
        await database.small.insert_one({"_id": "one"}, session=session)
        await database.small.insert_one({"_id": "two"}, session=session)

    async with await client.start_session() as session:
        await session.with_transaction(both)
        async with session.start_transaction():
            await database.small.insert_one({"_id": "three"}, session=session)
            await session.abort_transaction()
    with pymongo.timeout(60):
        ids = await database.small.distinct("_id", {"_id": {"$in": ["one", "two", "three"]}})
    return {"transactions": ids}


async def files(database: Any) -> dict[str, Any]:
    bucket = AsyncIOMotorGridFSBucket(database)
    content = bytes(range(256)) * 5000
    file_id = await bucket.upload_from_stream("file", content, chunk_size_bytes=100_000)
    grid_out = await bucket.open_download_stream(file_id)
    document = await database.fs.files.find_one({"_id": file_id}, {"_id": 0, "uploadDate": 0})
    return {
        "file": document,
        "read": await grid_out.read() == content,
        "pieces": b"".join([piece async for piece in await bucket.open_download_stream(file_id)])
        == content,
    }


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s")
    logging.getLogger("motor.accelerators").setLevel(logging.INFO)
    sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:])), default=str))
