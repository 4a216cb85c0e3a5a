"""Motor for Tornado: one class in each line, derived from PyMongo's by way of ``motor.core``."""

from __future__ import annotations

import importlib
from typing import Any, TypeVar

from motor import core
from motor._bridge import module_attribute
from motor.frameworks import tornado as tornado_framework
from motor.metaprogramming import create_class_with_framework

__all__ = [
    "MotorChangeStream",
    "MotorClient",
    "MotorClientEncryption",
    "MotorClientSession",
    "MotorCollection",
    "MotorCommandCursor",
    "MotorCursor",
    "MotorDatabase",
    "MotorGridFSBucket",
    "MotorGridIn",
    "MotorGridOut",
    "MotorGridOutCursor",
]

T = TypeVar("T")


def create_motor_class(cls: type[T]) -> Any:
    """The Tornado class for one of ``motor.core``'s, or for a subclass of such."""
    return create_class_with_framework(cls, tornado_framework, "motor.motor_tornado")


MotorClient = create_motor_class(core.AgnosticClient)
MotorClientSession = create_motor_class(core.AgnosticClientSession)
MotorDatabase = create_motor_class(core.AgnosticDatabase)
MotorCollection = create_motor_class(core.AgnosticCollection)
MotorCursor = create_motor_class(core.AgnosticCursor)
MotorRawBatchCursor = create_motor_class(core.AgnosticRawBatchCursor)
MotorCommandCursor = create_motor_class(core.AgnosticCommandCursor)
MotorRawBatchCommandCursor = create_motor_class(core.AgnosticRawBatchCommandCursor)
MotorLatentCommandCursor = create_motor_class(core.AgnosticLatentCommandCursor)
MotorChangeStream = create_motor_class(core.AgnosticChangeStream)

# Made at first use: most programs use neither encryption nor GridFS.
MotorClientEncryption: Any
MotorGridFSBucket: Any
MotorGridIn: Any
MotorGridOut: Any
MotorGridOutCursor: Any


def __getattr__(name: str) -> Any:
    if name in __all__:
        agnostic = getattr(core, f"Agnostic{name.removeprefix('Motor')}")
        made = globals()[name] = create_motor_class(agnostic)
        return made
    if name == "motor_gridfs":
        return importlib.import_module("motor.motor_gridfs")
    return module_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
