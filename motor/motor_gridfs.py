"""Where Motor 3 had its classes for GridFS, of no framework yet. They are in ``motor.core``.

Applications use those of ``motor.motor_asyncio`` or ``motor.motor_tornado``.
"""

from __future__ import annotations

import importlib
from typing import Any

from motor.core import (
    AgnosticGridFSBucket,
    AgnosticGridIn,
    AgnosticGridOut,
    AgnosticGridOutCursor,
)
from motor.core.gridfs.grid_out import MotorGridOutProperty

__all__ = [
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
    "MotorGridOutProperty",
]

#: Other names of this module in Motor 3 that packages import, and where each is now.
_NAMES_OF_MOTOR_3 = {
    "AgnosticCollection": "motor.core",
    "AgnosticCursor": "motor.core",
    "AgnosticDatabase": "motor.core",
    "AsyncCommand": "motor.metaprogramming",
    "AsyncRead": "motor.metaprogramming",
    "DEFAULT_CHUNK_SIZE": "gridfs",
    "DelegateMethod": "motor.metaprogramming",
    "ReadOnlyProperty": "motor.metaprogramming",
    "coroutine_annotation": "motor.metaprogramming",
    "create_class_with_framework": "motor.metaprogramming",
}


def _hash_gridout(gridout: Any) -> str:
    """What identifies the content of an open file, for an ETag header: without its quotes."""
    from motor.web.planner import FileFacts

    return FileFacts.of(gridout).etag.strip('"')


def __getattr__(name: str) -> Any:
    if name in _NAMES_OF_MOTOR_3:
        return getattr(importlib.import_module(_NAMES_OF_MOTOR_3[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
