"""Databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.mongo_client import MongoClient

from motor.core import reference
from motor.core.arguments import call
from motor.core.namespace import Namespace
from motor.core.redaction import shown
from motor.metaprogramming import AwaitedCursor, takes_arguments_of

__all__ = ["AgnosticDatabase"]


class AgnosticDatabase(Namespace):
    """A database: a namespace of collections; see :class:`pymongo.database.Database`.

    - `client`: a Motor client
    - `name`: the database's name
    - further keywords are those of :meth:`pymongo.mongo_client.MongoClient.get_database`

    Raises TypeError if `client` is not a Motor client of the same framework.
    """

    __motor_class_name__ = "MotorDatabase"
    __delegate_class__ = Database
    __async_class__ = AsyncDatabase
    _reference = reference.DATABASE

    cursor_command: Any = AwaitedCursor()
    list_collections: Any = AwaitedCursor()

    def __init__(self, client: Any, name: str, _delegate: Any = None, **kwargs: Any) -> None:
        self._require(client, MongoClient, f"First argument to {type(self).__name__}")
        if _delegate is None:
            _delegate = call(type(self).__name__, client.delegate.get_database, name, **kwargs)
        # Past __setattr__, because databases are made for every call of many applications.
        self.__dict__.update(delegate=_delegate, _client=client)

    @property
    def client(self) -> Any:
        """The Motor client that the database belongs to."""
        return self._client

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        return cls(owner._client, delegate.name, _delegate=delegate)

    @takes_arguments_of(Database.with_options)
    def with_options(self, *args: Any, **kwargs: Any) -> Any:
        """Get the same database with other options. Returns it at once; nothing is sent.

        ::

            safe = db.with_options(write_concern=WriteConcern("majority"))
            await safe.books.insert_one({"title": "Emma"})
        """
        what = f"{type(self).__name__}.with_options"
        delegate = call(what, self.delegate.with_options, *args, **kwargs)
        return type(self)(self.client, self.name, _delegate=delegate)

    def _submit(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if name == "command":
            _check_command(args[0] if args else kwargs.get("command", ""))
        return super()._submit(name, args, kwargs)

    def _name_hint(self, name: str) -> str:
        return f"To access the {name} collection, use database['{name}']."

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise TypeError: what was called is no method, but a database."""
        return self._call_undefined(self.name, self.client, args, kwargs)

    def __bool__(self) -> bool:
        """Raise NotImplementedError, as PyMongo does: compare with None instead."""
        return bool(self.delegate)


def _check_command(command: object) -> None:
    # An empty one would end a coroutine: PyMongo raises StopIteration.
    if not isinstance(command, str | Mapping) or command == {}:
        raise TypeError(
            "command must be the name of a command, or a mapping whose first key is its name, not "
            f"{shown(command)}"
        )
