"""What differs between the drivers: imports, and how a client is closed."""

from __future__ import annotations

import inspect
import os
from typing import Any


class Unavailable(Exception):
    """The driver lacks what the workload needs."""


class MotorAdapter:
    """Motor, this one or 3.7.1."""

    asynchronous = True

    def client(self, uri: str, front: str = "asyncio", **options: Any) -> Any:
        if front == "tornado":
            from motor.motor_tornado import MotorClient

            return MotorClient(uri, **options)
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient(uri, **options)

    def bucket(self, database: Any) -> Any:
        try:
            from motor.motor_asyncio import AsyncIOMotorGridFSBucket
        except ImportError:
            raise Unavailable("needs GridFS") from None
        return AsyncIOMotorGridFSBucket(database)

    async def close(self, client: Any) -> None:
        closing = client.close()
        if inspect.isawaitable(closing):
            await closing


class MotorGreenletsAdapter(MotorAdapter):
    """Motor with the accelerator that is used on request only."""

    def client(self, uri: str, front: str = "asyncio", **options: Any) -> Any:
        os.environ["MOTOR_ACCELERATORS"] = "all,greenlets"
        return super().client(uri, front, **options)


class PyMongoAsyncAdapter(MotorAdapter):
    def client(self, uri: str, front: str = "asyncio", **options: Any) -> Any:
        from pymongo import AsyncMongoClient

        return AsyncMongoClient(uri, **options)

    def bucket(self, database: Any) -> Any:
        from gridfs import AsyncGridFSBucket

        return AsyncGridFSBucket(database)


class PyMongoSyncAdapter(MotorAdapter):
    asynchronous = False

    def client(self, uri: str, front: str = "asyncio", **options: Any) -> Any:
        from pymongo import MongoClient

        return MongoClient(uri, **options)

    def bucket(self, database: Any) -> Any:
        from gridfs import GridFSBucket

        return GridFSBucket(database)


class ExecutorAdapter(MotorAdapter):
    """No driver: the hand-off of asyncio."""


ADAPTERS = {
    "motor": MotorAdapter,
    "motor-greenlets": MotorGreenletsAdapter,
    "pymongo-async": PyMongoAsyncAdapter,
    "pymongo-sync": PyMongoSyncAdapter,
    "executor": ExecutorAdapter,
}
