"""Code as it was written for Motor 3 on asyncio, and what its expressions are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any, assert_type

from bson import ObjectId
from pymongo import ASCENDING, IndexModel, InsertOne, MongoClient, ReadPreference, UpdateOne
from pymongo.errors import BulkWriteError
from pymongo.results import BulkWriteResult, InsertManyResult, InsertOneResult, UpdateResult

from motor.motor_asyncio import (
    AsyncIOMotorChangeStream,
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorCommandCursor,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
)
from motor.operation import OperationFuture

client = AsyncIOMotorClient("mongodb://localhost:27017", maxPoolSize=10)
assert_type(client, AsyncIOMotorClient[dict[str, Any]])
assert_type(client.delegate, MongoClient[dict[str, Any]])

db = client.library
assert_type(db, AsyncIOMotorDatabase[dict[str, Any]])
assert_type(db.client, AsyncIOMotorClient[dict[str, Any]])
books = db["books"]
assert_type(books, AsyncIOMotorCollection[dict[str, Any]])
assert_type(books.archive.old, AsyncIOMotorCollection[dict[str, Any]])
assert_type(books.database, AsyncIOMotorDatabase[dict[str, Any]])


async def write() -> None:
    future = books.insert_one({"title": "Momo"})
    assert_type(future, OperationFuture[InsertOneResult])
    future.add_done_callback(lambda done: print(done.result().inserted_id))
    assert_type(await future, InsertOneResult)
    assert_type(await books.insert_many([{"n": n} for n in range(3)]), InsertManyResult)
    updated = await books.update_one({"n": 1}, {"$set": {"n": 2}}, upsert=True)
    assert_type(updated, UpdateResult)
    try:
        result = await books.bulk_write(
            [InsertOne({"n": 1}), UpdateOne({"n": 1}, {"$inc": {"n": 1}})]
        )
        assert_type(result, BulkWriteResult)
    except BulkWriteError as error:
        print(error.details)
    assert_type(await books.create_index([("title", ASCENDING)], unique=True), str)
    assert_type(await books.create_indexes([IndexModel("title")]), list[str])
    assert_type(await db.command("ping"), dict[str, Any])
    assert_type(await db.create_collection("films"), AsyncIOMotorCollection[dict[str, Any]])
    await client.drop_database(db)
    await db.drop_collection(books)


async def read() -> None:
    assert_type(await books.find_one({"_id": ObjectId()}), dict[str, Any] | None)
    assert_type(await books.count_documents({}), int)
    assert_type(await books.distinct("title"), list[Any])
    cursor = books.find({"n": {"$gt": 1}}).sort("n").skip(1).limit(5)
    assert_type(cursor, AsyncIOMotorCursor[dict[str, Any]])
    assert_type(cursor[2:4], AsyncIOMotorCursor[dict[str, Any]])
    assert_type(await cursor.to_list(length=100), list[dict[str, Any]])
    assert_type(cursor.to_list(None), OperationFuture[list[dict[str, Any]]])
    assert_type(cursor.alive, bool)
    assert_type(cursor.session, AsyncIOMotorClientSession | None)
    async for document in books.find():
        assert_type(document, dict[str, Any])
    async for group in books.aggregate([{"$group": {"_id": "$n"}}]):
        assert_type(group, dict[str, Any])
    async for index in books.list_indexes():
        assert_type(index, MutableMapping[str, Any])
    async for batch in books.find_raw_batches():
        assert_type(batch, bytes)
    async for batch in books.aggregate_raw_batches([]):
        assert_type(batch, bytes)
    while await cursor.fetch_next:
        assert_type(cursor.next_object(), dict[str, Any] | None)
    assert_type(await books.options(), MutableMapping[str, Any])
    assert_type(await cursor.explain(), dict[str, Any])
    secondary = books.with_options(read_preference=ReadPreference.SECONDARY)
    assert_type(secondary, AsyncIOMotorCollection[dict[str, Any]])


async def watch(token: Mapping[str, Any]) -> None:
    async with books.watch([{"$match": {}}], resume_after=token) as stream:
        assert_type(stream, AsyncIOMotorChangeStream[dict[str, Any]])
        async for change in stream:
            assert_type(change, dict[str, Any])
            assert_type(stream.resume_token, Mapping[str, Any] | None)


async def transact() -> None:
    async with await client.start_session() as session:
        assert_type(session, AsyncIOMotorClientSession)
        assert_type(session.client, AsyncIOMotorClient[Any])
        async with session.start_transaction():
            await books.insert_one({"n": 1}, session=session)
        assert_type(session.in_transaction, bool)
        assert_type(await session.with_transaction(work), int)


async def work(session: AsyncIOMotorClientSession) -> int:
    await books.insert_one({"n": 1}, session=session)
    return 1


async def databases() -> None:
    cursor = await client.list_databases()
    assert_type(cursor, AsyncIOMotorCommandCursor[dict[str, Any]])
    assert_type(await client.list_database_names(), list[str])
    assert_type(client.address, tuple[str, int | None] | None)
    assert_type(client.is_primary, bool)
    assert_type(client.io_loop, asyncio.AbstractEventLoop)
    client.close()
