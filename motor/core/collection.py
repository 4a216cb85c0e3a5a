"""Collections."""

from __future__ import annotations

import types
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.collection import Collection
from pymongo.database import Database

from motor.core import reference
from motor.core.arguments import call
from motor.core.base import unwrap_arguments
from motor.core.bulk_writes import keep_whole
from motor.core.namespace import Namespace
from motor.declarations import AsyncWrite, DelegateMethod, InstanceAttribute, LatentCursor
from motor.metaprogramming import takes_arguments_of

__all__ = ["AgnosticCollection"]


class _BulkWrite(AsyncWrite):
    """PyMongo's ``bulk_write``, with nothing left out."""

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if args:
                args = (keep_whole(args[0]), *args[1:])
            elif "requests" in kwargs:
                kwargs["requests"] = keep_whole(kwargs["requests"])
            return self._submit(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class _Find(DelegateMethod):
    """``find`` and ``find_raw_batches``, whose cursors remember their arguments."""

    #: Where the type of the cursor stands among the positional arguments.
    type_position = 5

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            cursor = self._call_in_place(pymongo_name, args, kwargs)
            cursor._asked = ((pymongo_name, *unwrap_arguments(args, kwargs)[:2]),)
            position = _Find.type_position
            kind = args[position] if len(args) > position else kwargs.get("cursor_type")
            cursor._flags = kind or 0
            return cursor

        return method  # type: ignore[return-value]


class AgnosticCollection(Namespace):
    """A collection of documents; see :class:`pymongo.collection.Collection`.

    - `database`: a Motor database
    - `name`: the collection's name
    - `codec_options`, `read_preference`, `write_concern`, `read_concern`: None: the database's

    Raises TypeError if `database` is not a Motor database of the same framework.
    """

    __motor_class_name__ = "MotorCollection"
    __delegate_class__ = Collection
    __async_class__ = AsyncCollection
    _reference = reference.COLLECTION

    # PyMongo annotates its asynchronous twin as returning a cursor of another kind.
    aggregate_raw_batches: Any = LatentCursor()
    bulk_write: Any = _BulkWrite()
    # PyMongo's cursors have no public way to get their arguments.
    find: Any = _Find()
    find_raw_batches: Any = _Find()

    database: Any = InstanceAttribute("The Motor database that the collection is in.")
    _client: Any = InstanceAttribute("", lambda self: self.database._client)

    def __init__(
        self,
        database: Any,
        name: str,
        codec_options: Any = None,
        read_preference: Any = None,
        write_concern: Any = None,
        read_concern: Any = None,
        _delegate: Any = None,
        **kwargs: Any,
    ) -> None:
        self._require(database, Database, f"First argument to {type(self).__name__}")
        if _delegate is None:
            _delegate = call(
                type(self).__name__,
                database.delegate.get_collection,
                name,
                codec_options=codec_options,
                read_preference=read_preference,
                write_concern=write_concern,
                read_concern=read_concern,
                **kwargs,
            )
        # Past __setattr__, because collections are made for every call of many applications.
        self.__dict__.update(delegate=_delegate, database=database, _client=database._client)

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        database = owner.database if isinstance(owner, AgnosticCollection) else owner
        if database.delegate is not delegate.database and database.name != delegate.database.name:
            database = database.client._wrap(delegate.database)
        return cls(database, delegate.name, _delegate=delegate)

    @takes_arguments_of(Collection.with_options)
    def with_options(self, *args: Any, **kwargs: Any) -> Any:
        """Get the same collection with other options. Returns it at once; nothing is sent.

        ::

            from_primary = books.with_options(read_preference=ReadPreference.PRIMARY)
            print(await from_primary.count_documents({}))
        """
        what = f"{type(self).__name__}.with_options"
        delegate = call(what, self.delegate.with_options, *args, **kwargs)
        return type(self)(self.database, self.name, _delegate=delegate)

    def _name_hint(self, name: str) -> str:
        own = self.__dict__.get("delegate")
        full = name if own is None else f"{own.name}.{name}"
        return f"To access the {full} collection, use database['{full}']."

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise TypeError: what was called is no method, but a collection."""
        parent, _, name = self.name.rpartition(".")
        owner = self.database[parent] if parent else self.database
        return self._call_undefined(name, owner, args, kwargs)

    def __bool__(self) -> bool:
        """Raise NotImplementedError, as PyMongo does: compare with None instead."""
        return bool(self.delegate)
