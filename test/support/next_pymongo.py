"""PyMongo a release later: new members of every kind, and annotations that are classes.

Unlike every other module, this one does not postpone the evaluation of annotations, as PyMongo may
cease to do.
"""

from typing import Any

from pymongo.asynchronous.change_stream import AsyncChangeStream, AsyncCollectionChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor, AsyncRawBatchCommandCursor
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.command_cursor import CommandCursor
from pymongo.database import Database
from pymongo.mongo_client import MongoClient

__all__ = ["AsyncNextClient", "AsyncNextCollection", "NextClient", "NextCollection"]


class NextCollection(Collection):  # type: ignore[type-arg]
    """A collection with members that there are not yet."""

    def count_twice(self, factor: int = 2) -> int:
        return self.count_documents({}) * factor

    def list_newest(self, limit: int) -> CommandCursor[Any]:
        return self.aggregate([{"$sort": {"_id": -1}}, {"$limit": limit}])

    # The same results, with other annotations in the twin.
    list_by_class = list_by_text = list_by_kind = list_newest

    def follow(self, max_await_time_ms: int | None = None) -> ChangeStream[Any]:
        return self.watch(max_await_time_ms=max_await_time_ms)

    follow_by_text = follow

    def sibling(self, name: str) -> Collection[Any]:
        return self.database[name]

    @property
    def parent(self) -> Any:
        return self.database

    @property
    def size(self) -> int:
        return self.count_documents({})

    @classmethod
    def named(cls, database: Database[Any], name: str) -> "NextCollection":
        return cls(database, name)

    @classmethod
    def count_in(cls, database: Database[Any], name: str) -> int:
        return database[name].count_documents({})

    @staticmethod
    def is_good_name(name: str, strict: bool = False) -> bool:
        return name.isalpha() if strict else bool(name)

    @staticmethod
    def first_of(database: Database[Any], name: str) -> Any:
        return database[name].find_one()

    @classmethod
    def without_twin(cls) -> str:
        return cls.__name__


class AsyncNextCollection(AsyncCollection):  # type: ignore[type-arg]
    """Its twin, of which only the kinds of the members and their annotations matter."""

    async def count_twice(self, factor: int = 2) -> int:
        raise NotImplementedError

    async def list_newest(self, limit: int) -> AsyncCommandCursor[Any]:
        raise NotImplementedError

    async def list_by_class(self, limit: int) -> AsyncCommandCursor:  # type: ignore[type-arg]
        raise NotImplementedError

    async def list_by_text(self, limit: int) -> "AsyncCommandCursor[Any]":
        raise NotImplementedError

    async def list_by_kind(self, limit: int) -> AsyncRawBatchCommandCursor[Any]:
        raise NotImplementedError

    async def follow(
        self, max_await_time_ms: int | None = None
    ) -> AsyncCollectionChangeStream[Any]:
        raise NotImplementedError

    async def follow_by_text(
        self, max_await_time_ms: int | None = None
    ) -> "AsyncChangeStream[Any]":
        raise NotImplementedError

    def sibling(self, name: str) -> AsyncCollection[Any]:
        raise NotImplementedError

    @property
    def parent(self) -> Any:
        raise NotImplementedError

    @property
    async def size(self) -> int:
        raise NotImplementedError

    @classmethod
    def named(cls, database: Any, name: str) -> "AsyncNextCollection":
        raise NotImplementedError

    @classmethod
    async def count_in(cls, database: Any, name: str) -> int:
        raise NotImplementedError

    @staticmethod
    def is_good_name(name: str, strict: bool = False) -> bool:
        raise NotImplementedError

    @staticmethod
    async def first_of(database: Any, name: str) -> Any:
        raise NotImplementedError


class NextClient(MongoClient):  # type: ignore[type-arg]
    """A client with another way to make one."""

    @classmethod
    def on_port(cls, port: int) -> "NextClient":
        return cls("localhost", port, connect=False)


class AsyncNextClient(AsyncMongoClient):  # type: ignore[type-arg]
    """Its twin."""

    @classmethod
    def on_port(cls, port: int) -> "AsyncNextClient":
        raise NotImplementedError
