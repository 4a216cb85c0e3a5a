"""Where Motor 3 had its classes for GridFS, of no framework yet. They are in ``motor.core``.

Applications use those of ``motor.motor_asyncio`` or ``motor.motor_tornado``.
"""

from __future__ import annotations

from typing import Any

from gridfs import DEFAULT_CHUNK_SIZE

from motor import core
from motor.core import (
    AgnosticGridFSBucket,
    AgnosticGridIn,
    AgnosticGridOut,
    AgnosticGridOutCursor,
)
from motor.core.gridfs.grid_out import MotorGridOutProperty

__all__ = [
    "DEFAULT_CHUNK_SIZE",
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
    "MotorGridOutProperty",
]

#: What else Motor 3 had here, and other packages may import.
_NAMES_OF_CORE = {
    "AgnosticCollection",
    "AgnosticCursor",
    "AgnosticDatabase",
    "AsyncCommand",
    "AsyncRead",
    "DelegateMethod",
    "ReadOnlyProperty",
    "coroutine_annotation",
    "create_class_with_framework",
}


def _hash_gridout(gridout: Any) -> str:
    """What identifies the content of an open file, for an ETag header: without its quotes."""
    from motor.web.planner import FileFacts

    return FileFacts.of(gridout).etag.strip('"')


def __getattr__(name: str) -> Any:
    if name in _NAMES_OF_CORE:
        return getattr(core, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
