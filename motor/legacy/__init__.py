"""The bridge for code of the PyMongo 2 era: it runs, and warns with what to write instead.

Most of the bridge needs no import: ``collection.insert(...)`` works on every Motor collection, and
gives a DeprecationWarning. Some old code is valid today and means something else. The clients of
this package give it the old meaning::

    from motor.legacy import MotorClient            # Tornado
    from motor.legacy import AsyncIOMotorClient     # asyncio

``python -m motor.legacy PATH`` lists the old calls in a source tree.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AsyncIOMotorClient",
    "AsyncIOMotorCollection",
    "AsyncIOMotorCursor",
    "AsyncIOMotorDatabase",
    "AsyncIOMotorReplicaSetClient",
    "MotorClient",
    "MotorCollection",
    "MotorCursor",
    "MotorDatabase",
    "MotorReplicaSetClient",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Imported late: applications on asyncio must not pay for Tornado's import.
    from motor.legacy import fronts

    return fronts.front_class(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
