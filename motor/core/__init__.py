"""What differs from PyMongo, one concept in each file. The rest is derived from PyMongo's classes.

The classes here have no framework yet: applications use those of `motor.motor_asyncio` or
`motor.motor_tornado`.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from motor.core.base import AgnosticBase
from motor.core.change_stream import AgnosticChangeStream
from motor.core.client import AgnosticClient
from motor.core.collection import AgnosticCollection
from motor.core.cursors.base import AgnosticBaseCursor
from motor.core.cursors.command_cursor import (
    AgnosticCommandCursor,
    AgnosticRawBatchCommandCursor,
)
from motor.core.cursors.cursor import AgnosticCursor, AgnosticRawBatchCursor
from motor.core.cursors.latent import AgnosticLatentCommandCursor
from motor.core.database import AgnosticDatabase
from motor.core.namespace import Namespace
from motor.core.session import AgnosticClientSession

#: Motor 3's name for the base of what has codec options, read and write concerns.
AgnosticBaseProperties = Namespace

#: How long (in seconds) `with_transaction` tries again. Tests of other packages change it.
_WITH_TRANSACTION_RETRY_TIME_LIMIT = 120

#: In Motor 3, the delegate of a cursor whose command has not been sent. Here that delegate is None,
#: so ``isinstance(cursor.delegate, _LatentCursor)`` still works.
_LatentCursor = type(None)

#: The classes that are imported at first use: most programs use neither encryption, which imports
#: large packages, nor GridFS.
_LATER = {
    "AgnosticClientEncryption": "motor.core.encryption",
    "AgnosticGridFSBucket": "motor.core.gridfs.bucket",
    "AgnosticGridIn": "motor.core.gridfs.grid_in",
    "AgnosticGridOut": "motor.core.gridfs.grid_out",
    "AgnosticGridOutCursor": "motor.core.gridfs.cursor",
}

#: Other names of this module in Motor 3 that packages import, and where each is now.
_NAMES_OF_MOTOR_3 = {
    "AsyncCommand": "motor.metaprogramming",
    "AsyncRead": "motor.metaprogramming",
    "AsyncWrite": "motor.metaprogramming",
    "ChangeStream": "pymongo.change_stream",
    "ClientEncryption": "pymongo.encryption",
    "ClientSession": "pymongo.client_session",
    "Collection": "pymongo.collection",
    "CommandCursor": "pymongo.command_cursor",
    "Cursor": "pymongo.cursor",
    "Database": "pymongo.database",
    "DelegateMethod": "motor.metaprogramming",
    "DriverInfo": "pymongo.driver_info",
    "MotorCursorChainingMethod": "motor.metaprogramming",
    "RawBatchCommandCursor": "pymongo.command_cursor",
    "RawBatchCursor": "pymongo.cursor",
    "ReadOnlyProperty": "motor.metaprogramming",
    "_MotorTransactionContext": "motor.core.session",
    "_max_time_expired_error": "motor.core.transaction_errors",
    "_within_time_limit": "motor.core.transaction_errors",
    "callback_type_error": "motor.motor_common",
    "coroutine_annotation": "motor.metaprogramming",
    "create_class_with_framework": "motor.metaprogramming",
    "unwrap_args_session": "motor.metaprogramming",
    "unwrap_kwargs_session": "motor.metaprogramming",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        found = globals()[name] = getattr(importlib.import_module(_LATER[name]), name)
        return found
    if name in _NAMES_OF_MOTOR_3:
        return getattr(importlib.import_module(_NAMES_OF_MOTOR_3[name]), name)
    if name == "HAS_SSL":
        return importlib.util.find_spec("ssl") is not None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "AgnosticBase",
    "AgnosticBaseCursor",
    "AgnosticBaseProperties",
    "AgnosticChangeStream",
    "AgnosticClient",
    "AgnosticClientEncryption",
    "AgnosticClientSession",
    "AgnosticCollection",
    "AgnosticCommandCursor",
    "AgnosticCursor",
    "AgnosticDatabase",
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
    "AgnosticLatentCommandCursor",
    "AgnosticRawBatchCommandCursor",
    "AgnosticRawBatchCursor",
]
