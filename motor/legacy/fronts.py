"""The classes of `motor.legacy`, made for a framework at the first use of one of them."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from motor.core import (
    AgnosticClient,
    AgnosticCollection,
    AgnosticCursor,
    AgnosticDatabase,
    AgnosticLatentCommandCursor,
)
from motor.legacy import followers
from motor.legacy.old_client import OldClient, OldReplicaSetClient
from motor.legacy.old_collection import OldCollection
from motor.legacy.old_cursors import OldCursor, OldLatentCommandCursor
from motor.legacy.old_database import OldDatabase
from motor.legacy.old_names import give_old_names
from motor.metaprogramming import create_class_with_framework

__all__ = ["front_class"]

followers.classes.update(
    {
        AgnosticClient: OldClient,
        AgnosticCollection: OldCollection,
        AgnosticCursor: OldCursor,
        AgnosticDatabase: OldDatabase,
        AgnosticLatentCommandCursor: OldLatentCommandCursor,
    }
)

_OLD_CLASSES: dict[type, str | None] = {
    OldClient: "client",
    OldReplicaSetClient: "replica_set_client",
    OldDatabase: "database",
    OldCollection: "collection",
    OldCursor: None,
    OldLatentCommandCursor: None,
}

_ASYNCIO = "AsyncIO"


def _make_classes(framework: str) -> dict[str, type]:
    """The classes for "asyncio" or "tornado", by their names."""
    # Today's classes first: they are the bases of these.
    importlib.import_module(f"motor.motor_{framework}")
    module = importlib.import_module(f"motor.frameworks.{framework}")
    made: dict[str, type] = {}
    for agnostic, kind in _OLD_CLASSES.items():
        cls = create_class_with_framework(agnostic, module, "motor.legacy")
        if kind is not None:
            give_old_names(cls, kind)
        made[cls.__name__] = cls
    return made


_classes = functools.cache(_make_classes)


def front_class(name: str) -> Any:
    """A class by its name in `motor.legacy`, for asyncio if it begins with "AsyncIO".

    Raises AttributeError when there is none.
    """
    framework = "asyncio" if name.startswith(_ASYNCIO) else "tornado"
    try:
        return _classes(framework)[name]
    except ModuleNotFoundError as error:
        raise AttributeError(
            f"motor.legacy has no {name!r} here: Is it {_ASYNCIO}{name}? Or should {error.name} be "
            "installed?"
        ) from error
