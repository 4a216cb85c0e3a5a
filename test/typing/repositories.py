"""Repositories: generic classes around collections, for both frameworks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Generic, TypedDict, TypeVar, assert_type

from bson import ObjectId
from pymongo.client_session import ClientSession

from motor.core import AgnosticClient, AgnosticClientSession, AgnosticCollection, AgnosticDatabase
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from motor.motor_tornado import MotorClient, MotorCollection

Document = TypeVar("Document", bound=Mapping[str, Any])


class Repository(Generic[Document]):
    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self.collection = collection

    async def get(self, key: ObjectId) -> Document | None:
        return await self.collection.find_one({"_id": key})

    async def add(
        self, document: Document, session: AsyncIOMotorClientSession | None = None
    ) -> ObjectId:
        result = await self.collection.insert_one(document, session=session)
        key: ObjectId = result.inserted_id
        return key

    async def page(self, number: int, size: int = 20) -> list[Document]:
        return await self.collection.find().skip(number * size).limit(size).to_list(size)

    async def all(self) -> AsyncIterator[Document]:
        async for document in self.collection.find():
            yield document


class User(TypedDict):
    name: str


class Users(Repository[User]):
    async def named(self, name: str) -> User | None:
        return await self.collection.find_one({"name": name})


async def use(client: AsyncIOMotorClient[Any]) -> None:
    users = Users(client.app.users)
    assert_type(await users.get(ObjectId()), User | None)
    assert_type(await users.page(0), list[User])
    async for user in users.all():
        assert_type(user["name"], str)


class AnyFramework(Generic[Document]):
    """As Motor 3 documented it for libraries: with the classes that stand for both frameworks."""

    def __init__(self, collection: AgnosticCollection[Document]) -> None:
        self.collection = collection

    async def count(self, session: AgnosticClientSession | None = None) -> int:
        return await self.collection.count_documents({}, session=session)

    async def first(self) -> Document | None:
        async for document in self.collection.find().limit(1):
            return document
        return None


def database_of(client: AgnosticClient[Document]) -> AgnosticDatabase[Document]:
    return client.get_database("app")


async def both(one: AsyncIOMotorClient, other: MotorClient) -> None:
    await AnyFramework(one.app.users).count()
    await AnyFramework(other.app.users).count()
    collection: AgnosticCollection[dict[str, Any]] = database_of(other).users
    assert_type(await AnyFramework(collection).first(), dict[str, Any] | None)


async def bare_session(collection: MotorCollection, session: ClientSession) -> None:
    """A session of PyMongo's own runs as well, where synchronous code has started one."""
    await collection.find_one({}, session=session)
    await collection.insert_one({}, session=session)
