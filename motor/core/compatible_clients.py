"""Clients with PyMongo's interface, such as mongomock's, for tests without a server."""

from __future__ import annotations

import inspect
from typing import Any

from pymongo.mongo_client import MongoClient

from motor.core.base import AgnosticBase, register_delegate
from motor.core.collection import AgnosticCollection
from motor.core.cursors.command_cursor import AgnosticCommandCursor
from motor.core.cursors.cursor import AgnosticCursor
from motor.core.database import AgnosticDatabase
from motor.core.redaction import shown

__all__ = ["check_compatible"]

#: What a client must have to be wrapped.
_CLIENT_METHODS = ("close", "get_database", "list_database_names", "start_session")

_PROBE = "motor-probe"


def check_compatible(client: Any, wanted_by: str) -> None:
    """Make sure that `client` is a synchronous client, and that its objects can be wrapped.

    - `wanted_by`: the name of the class that wants to wrap it

    Raises TypeError when it is not.
    """
    if isinstance(client, MongoClient):
        return
    methods = [getattr(type(client), name, None) for name in _CLIENT_METHODS]
    synchronous = all(map(callable, methods)) and not any(map(inspect.iscoroutinefunction, methods))
    # A Motor client is not a synchronous client, although its methods are plain functions.
    if isinstance(client, AgnosticBase) or not synchronous:
        raise TypeError(
            f"{wanted_by}.from_delegate() takes a synchronous client, a pymongo.MongoClient or one "
            f"with the same interface such as mongomock.MongoClient, not {shown(client)}"
        )
    database = client.get_database(_PROBE)
    collection = database[_PROBE]
    register_delegate(type(database), AgnosticDatabase)
    register_delegate(type(collection), AgnosticCollection)
    register_delegate(type(collection.find()), AgnosticCursor)
    register_delegate(type(collection.aggregate([])), AgnosticCommandCursor)
