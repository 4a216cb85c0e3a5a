"""Each line with a comment is a mistake, for mypy and for pyright, of the kind that it names."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from motor.motor_tornado import MotorClient


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
