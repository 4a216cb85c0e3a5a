"""Each line with a comment is a mistake, for mypy and for pyright, of the kind that it names."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from motor import executor, legacy
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)
from motor.motor_tornado import MotorClient
from motor.web.asgi import GridFSApp


class Movie(TypedDict):
    name: str


async def not_awaited(client: AsyncIOMotorClient) -> None:
    found = client.db.movies.find_one({})
    print(found["name"])  # index | reportIndexIssue
    name: str = client.db.movies.find_one({})  # assignment | reportAssignmentType
    count: int = client.db.movies.count_documents({})  # assignment | reportAssignmentType
    print(name, count)


async def no_such_method(client: AsyncIOMotorClient) -> None:
    await client.db.movies.insert({"name": "Momo"})  # operator | reportCallIssue
    await client.db.movies.find_on({})  # operator | reportCallIssue
    await client.db.collection_names()  # operator | reportCallIssue
    client.open_sync()  # operator | reportCallIssue


async def wrong_arguments(client: AsyncIOMotorClient) -> None:
    await client.db.movies.update_one({"a": 1})  # call-arg | reportCallIssue
    await client.db.movies.insert_one({}, sesion=None)  # call-arg | reportCallIssue
    await client.db.movies.insert_many({"name": "Momo"})  # dict-item | reportArgumentType
    await client.db.movies.find().to_list("all")  # arg-type | reportArgumentType
    client[1]  # index | reportArgumentType


async def not_for_this_framework(client: AsyncIOMotorClient) -> None:
    AsyncIOMotorDatabase(MotorClient(), "db")  # arg-type | reportArgumentType
    MotorClient(io_loop=asyncio.get_running_loop())  # arg-type | reportArgumentType
    AsyncIOMotorClient.from_delegate(AsyncMongoClient())  # arg-type | reportArgumentType


async def sessions(client: AsyncIOMotorClient, bare: AsyncClientSession) -> None:
    await client.db.movies.find_one_and_delete({}, session=bare)  # arg-type | reportArgumentType
    with client.start_session():  # attr-defined | reportGeneralTypeIssues
        pass
    await (await client.start_session()).with_transaction(plain)  # arg-type | reportArgumentType


def plain(session: AsyncIOMotorClientSession) -> int:
    return 1


async def types_of_documents(client: AsyncIOMotorClient[Movie]) -> None:
    await client.db.movies.insert_one({"title": "Momo"})  # arg-type | reportArgumentType
    movie = await client.db.movies.find_one()
    print(movie["name"])  # index | reportOptionalSubscript
    if movie is not None:
        print(movie["title"])  # typeddict-item | reportGeneralTypeIssues
    other: AsyncIOMotorClient[dict[str, Any]] = client  # assignment | reportAssignmentType
    print(other)


async def cursors(client: AsyncIOMotorClient) -> None:
    for _ in client.db.movies.find():  # misc | reportGeneralTypeIssues
        pass
    client.db.movies.find()[0]  # index | reportArgumentType
    client.db.movies.find().alive()  # operator | reportCallIssue
    bad: MongoClient[dict[str, Any]] = client  # assignment | reportAssignmentType
    print(bad, client.address())  # operator | reportCallIssue


async def files(client: AsyncIOMotorClient, bucket: AsyncIOMotorGridFSBucket) -> None:
    AsyncIOMotorGridFSBucket(MotorClient().db)  # arg-type | reportArgumentType
    bucket.open_download_stream(1).read()  # attr-defined | reportAttributeAccessIssue
    await bucket.open_upload_stream("a.txt").write()  # call-arg | reportCallIssue
    text: str = bucket.open_upload_stream("a.txt").write(b"")  # assignment | reportAssignmentType
    for _ in bucket.find():  # misc | reportGeneralTypeIssues
        pass
    GridFSApp(client.db, get_gridfs_file=text)  # arg-type | reportArgumentType
    print(executor.statistics(client).threads)  # attr-defined | reportAttributeAccessIssue


async def old_code(client: legacy.AsyncIOMotorClient) -> None:
    await client.db.posts.count(callback=print)  # call-arg | reportCallIssue
    await client.db.posts.insert()  # call-arg | reportCallIssue
    await client.db.eval("1")  # operator | reportCallIssue
    legacy.MotorClient(io_lop=None, max_pool_size="10")  # arg-type | reportArgumentType
