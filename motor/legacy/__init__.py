"""The bridge from the PyMongo 2 era: code written for Motor 0.x runs, and says how to move on.

Most of it needs no import: ``collection.insert(...)`` on any of Motor's collections finds its way
here, and gives a DeprecationWarning. What old code means otherwise than today's, with the same
words, is as it was with the clients of this package::

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
    # Late, because applications on asyncio must not pay for Tornado's import.
    from motor.legacy import fronts

    return fronts.front_class(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
