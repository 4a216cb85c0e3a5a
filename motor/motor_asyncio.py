"""Motor for asyncio: one class in each line, derived from PyMongo's by way of ``motor.core``."""

from __future__ import annotations

import importlib
from typing import Any, TypeVar

from motor import core
from motor._bridge import module_attribute
from motor.frameworks import asyncio as asyncio_framework
from motor.metaprogramming import create_class_with_framework

__all__ = [
    "AsyncIOMotorChangeStream",
    "AsyncIOMotorClient",
    "AsyncIOMotorClientEncryption",
    "AsyncIOMotorClientSession",
    "AsyncIOMotorCollection",
    "AsyncIOMotorCommandCursor",
    "AsyncIOMotorCursor",
    "AsyncIOMotorDatabase",
    "AsyncIOMotorGridFSBucket",
    "AsyncIOMotorGridIn",
    "AsyncIOMotorGridOut",
    "AsyncIOMotorGridOutCursor",
]

T = TypeVar("T")


def create_asyncio_class(cls: type[T]) -> Any:
    """The asyncio class for one of ``motor.core``'s, or for a subclass of such."""
    return create_class_with_framework(cls, asyncio_framework, "motor.motor_asyncio")


AsyncIOMotorClient = create_asyncio_class(core.AgnosticClient)
AsyncIOMotorClientSession = create_asyncio_class(core.AgnosticClientSession)
AsyncIOMotorDatabase = create_asyncio_class(core.AgnosticDatabase)
AsyncIOMotorCollection = create_asyncio_class(core.AgnosticCollection)
AsyncIOMotorCursor = create_asyncio_class(core.AgnosticCursor)
AsyncIOMotorRawBatchCursor = create_asyncio_class(core.AgnosticRawBatchCursor)
AsyncIOMotorCommandCursor = create_asyncio_class(core.AgnosticCommandCursor)
AsyncIOMotorRawBatchCommandCursor = create_asyncio_class(core.AgnosticRawBatchCommandCursor)
AsyncIOMotorLatentCommandCursor = create_asyncio_class(core.AgnosticLatentCommandCursor)
AsyncIOMotorChangeStream = create_asyncio_class(core.AgnosticChangeStream)

# Made at first use: most programs use neither encryption nor GridFS.
AsyncIOMotorClientEncryption: Any
AsyncIOMotorGridFSBucket: Any
AsyncIOMotorGridIn: Any
AsyncIOMotorGridOut: Any
AsyncIOMotorGridOutCursor: Any


def __getattr__(name: str) -> Any:
    if name in __all__:
        agnostic = getattr(core, f"Agnostic{name.removeprefix('AsyncIOMotor')}")
        made = globals()[name] = create_asyncio_class(agnostic)
        return made
    if name == "motor_gridfs":
        return importlib.import_module("motor.motor_gridfs")
    return module_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
