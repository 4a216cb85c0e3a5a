"""Code as it was written for PyMongo's async API, with Motor's names."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.results import InsertOneResult

from motor.motor_asyncio import (
    AsyncIOMotorChangeStream,
    AsyncIOMotorClient,
    AsyncIOMotorClientEncryption,
    AsyncIOMotorClientSession,
    AsyncIOMotorCommandCursor,
    AsyncIOMotorCursor,
)
from motor.motor_tornado import MotorClient, MotorClientSession, MotorCommandCursor


async def connect() -> None:
    async with AsyncIOMotorClient[dict[str, Any]]("mongodb://localhost") as client:
        await client.aconnect()
        books = client.library.books
        async for group in await books.aggregate([]):
            assert_type(group, dict[str, Any])
        cursor = await books.aggregate([])
        assert_type(cursor, AsyncIOMotorCommandCursor[dict[str, Any]])
        assert_type(await cursor.to_list(), list[dict[str, Any]])
        assert_type(await cursor.try_next(), dict[str, Any] | None)
        async with await books.watch() as stream:
            assert_type(stream, AsyncIOMotorChangeStream[dict[str, Any]])
            assert_type(await stream.next(), dict[str, Any])
            assert_type(await stream.try_next(), dict[str, Any] | None)
        async with client.start_session() as session:
            assert_type(session, AsyncIOMotorClientSession)
            async with await session.start_transaction():
                await books.insert_one({}, session=session)
            async with session.bind() as bound:
                assert_type(bound, AsyncIOMotorClientSession)
            assert_type(await session.with_transaction(callback=answer), str)
        assert_type(await anext(books.find()), dict[str, Any])
        async with books.find() as found:
            assert_type(found, AsyncIOMotorCursor[dict[str, Any]])
        await books.find().rewind().close()
        await client.close()


async def answer(session: AsyncIOMotorClientSession) -> str:
    return "yes"


async def tasks(client: AsyncIOMotorClient) -> None:
    books = client.library.books
    task = asyncio.create_task(books.insert_one({}))
    assert_type(task, asyncio.Task[InsertOneResult])
    assert_type(await asyncio.wait_for(books.count_documents({}), 1), int)
    assert_type(await asyncio.shield(books.count_documents({})), int)
    count, names = await asyncio.gather(books.count_documents({}), client.list_database_names())
    assert_type(count, int)
    assert_type(names, list[str])
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(books.count_documents({})), asyncio.Task[int])
        cursor = group.create_task(books.aggregate([]))
        assert_type(cursor, asyncio.Task[AsyncIOMotorCommandCursor[dict[str, Any]]])
    asyncio.create_task(client.start_session()).cancel()
    await asyncio.wait([books.count_documents({})])
    done, _ = await asyncio.wait({books.count_documents({}), books.count_documents({})})
    assert_type([one.result() for one in done], list[int])


async def tornado(client: MotorClient) -> None:
    cursor = await client.library.books.aggregate([])
    assert_type(cursor, MotorCommandCursor[dict[str, Any]])
    async with client.start_session() as session:
        assert_type(session, MotorClientSession)
    await client.close()


async def encryption(client: AsyncIOMotorClient) -> None:
    options = CodecOptions[dict[str, Any]]()
    async with AsyncIOMotorClientEncryption({}, "kv.keys", client, options) as vault:
        async for key in vault.get_keys():
            assert_type(key, RawBSONDocument)
        collection, fields = await vault.create_encrypted_collection(
            client.test, "people", {"fields": []}, "local"
        )
        print(collection.full_name, fields)
        assert_type(await collection.find_one(), dict[str, Any] | None)
