"""Names that are methods and properties today, and were names of databases or collections."""

from __future__ import annotations

import inspect
import types
from typing import Any

from motor.legacy.deprecation import check
from motor.legacy.registry import entries, find

__all__ = ["Called", "give_old_names"]

#: The members that Motor's objects have in addition to PyMongo's, in any version.
_MOTORS_OWN = {
    "aclose",
    "aconnect",
    "client",
    "collection",
    "database",
    "delegate",
    "from_delegate",
    "get_io_loop",
    "io_loop",
    "wrap",
}

_IN_COMMON = {"codec_options", "name", "read_preference", "write_concern"}

#: The members of Motor 0.7's classes that today's have as well.
_THEN_AND_NOW: dict[str, set[str]] = {
    "client": {
        "address",
        "arbiters",
        "close",
        "drop_database",
        "get_database",
        "get_default_database",
        "is_mongos",
        "is_primary",
        "nodes",
        "primary",
        "secondaries",
        "server_info",
    },
    "database": {
        "command",
        "create_collection",
        "dereference",
        "drop_collection",
        "get_collection",
        "validate_collection",
    },
    "collection": {
        "aggregate",
        "bulk_write",
        "create_index",
        "delete_many",
        "delete_one",
        "distinct",
        "drop",
        "drop_index",
        "drop_indexes",
        "find",
        "find_one",
        "find_one_and_delete",
        "find_one_and_replace",
        "find_one_and_update",
        "full_name",
        "index_information",
        "insert_many",
        "insert_one",
        "options",
        "rename",
        "replace_one",
        "update_many",
        "update_one",
        "with_options",
    },
}


class Called:
    """A database or collection that may be called if its name is the name of a method."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call today's method of this name, or the old one."""
        meant = self.__dict__.get("_meant")
        if meant is not None:
            return meant(*args, **kwargs)
        return super().__call__(*args, **kwargs)  # type: ignore[misc]


class _Name:
    """A name that is a database or a collection, which may be called as today's method."""

    def __init__(self, name: str, today: Any) -> None:
        self.name = name
        self.today = today

    def __get__(self, owner: Any, cls: type | None = None) -> Any:
        if owner is None:
            return self.today
        child = owner[self.name]
        child.__dict__["_parent"] = owner
        if inspect.isfunction(self.today):
            child.__dict__["_meant"] = types.MethodType(self.today, owner)
        return child


def give_old_names(cls: type, kind: str) -> None:
    """Give the names of a class their old meaning: names, attributes, settings.

    - `kind`: whose names: "client", "database", "collection" or "replica_set_client"
    """
    kinds = ["client", kind] if kind == "replica_set_client" else [kind]
    kept = _MOTORS_OWN | _IN_COMMON | _THEN_AND_NOW[kinds[0]]
    for name in dir(cls):
        today = inspect.getattr_static(cls, name)
        if not name.startswith("_") and name not in kept and not isinstance(today, _Name):
            setattr(cls, name, _Name(name, today))
    for each in kinds:
        for entry in entries("attribute", each):
            setattr(cls, entry.name, _attribute(each, entry.name))


def _attribute(kind: str, name: str) -> property:
    def read(self: Any) -> Any:
        entry = find("attribute", kind, name)
        assert entry is not None
        assert entry.function is not None
        check(entry)
        return entry.function(self)

    return property(read)
