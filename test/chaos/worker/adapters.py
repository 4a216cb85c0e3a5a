"""What differs between the drivers."""

from __future__ import annotations

import inspect
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_NARROW = 4


async def settle(value: Any) -> Any:
    """The value, awaited if it can be: the drivers differ in what is a coroutine."""
    return await value if inspect.isawaitable(value) else value


class Motor:
    """This Motor. One client serves all loops and outlives a fork."""

    shares_clients = True

    def client(self, uri: str, framework: str, **options: Any) -> Any:
        """Make a client for asyncio or for Tornado."""
        if framework == "tornado":
            from motor.motor_tornado import MotorClient

            return MotorClient(uri, **options)
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient(uri, **options)

    def narrow(self, uri: str, options: dict[str, Any]) -> tuple[Any, int]:
        """Make a client for asyncio, and say how many operations it can have under way.

        None and 0 if an operation is sent as soon as it is called.
        """
        if "greenlets" in os.environ.get("MOTOR_ACCELERATORS", ""):
            return None, 0
        executor = ThreadPoolExecutor(_NARROW)
        return self.client(uri, "asyncio", executor=executor, **options), _NARROW

    def bucket(self, database: Any, framework: str) -> Any:
        """Make a GridFS bucket."""
        if framework == "tornado":
            from motor.motor_tornado import MotorGridFSBucket

            return MotorGridFSBucket(database)
        from motor.motor_asyncio import AsyncIOMotorGridFSBucket

        return AsyncIOMotorGridFSBucket(database)


class Motor3(Motor):
    """Motor 3.7.1: a client for each loop."""

    shares_clients = False

    def narrow(self, uri: str, options: dict[str, Any]) -> tuple[Any, int]:
        # As many as its pool has threads, which all its clients share.
        from motor.frameworks.asyncio import _EXECUTOR

        count = _EXECUTOR._max_workers
        return self.client(uri, "asyncio", maxPoolSize=2 * count, **options), count


class PyMongoAsync(Motor):
    """PyMongo's own asynchronous client, on Tornado's loop as on asyncio's."""

    shares_clients = False

    def client(self, uri: str, framework: str, **options: Any) -> Any:
        from pymongo import AsyncMongoClient

        return AsyncMongoClient(uri, **options)

    def narrow(self, uri: str, options: dict[str, Any]) -> tuple[Any, int]:
        return self.client(uri, "asyncio", maxPoolSize=_NARROW, **options), _NARROW

    def bucket(self, database: Any, framework: str) -> Any:
        from gridfs import AsyncGridFSBucket

        return AsyncGridFSBucket(database)


class PyMongo(Motor):
    """PyMongo's blocking client. Only the probe uses it."""

    def client(self, uri: str, framework: str, **options: Any) -> Any:
        from pymongo import MongoClient

        return MongoClient(uri, **options)


ADAPTERS = {
    "motor": Motor,
    "motor-3": Motor3,
    "pymongo-async": PyMongoAsync,
    "pymongo": PyMongo,
}
