"""The cursors of ``find``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pymongo.asynchronous.cursor import AsyncCursor, AsyncRawBatchCursor
from pymongo.cursor import Cursor, CursorType, RawBatchCursor

from motor.core import reference
from motor.core.cursors.base import AgnosticBaseCursor
from motor.core.cursors.reader import Reader
from motor.core.errors import CallRefused
from motor.execution.deferred import DeferredOperation
from motor.metaprogramming import AsyncRead

__all__ = ["AgnosticCursor", "AgnosticRawBatchCursor"]


class AgnosticCursor(AgnosticBaseCursor):
    """The cursor that ``find`` returns: options are chained to it, then it is iterated.

    See :class:`pymongo.cursor.Cursor`.
    """

    __motor_class_name__ = "MotorCursor"
    __delegate_class__: ClassVar[type] = Cursor
    __async_class__: ClassVar[type] = AsyncCursor
    _reference = reference.CURSOR

    # Both send commands of their own, and leave the cursor as it is.
    distinct: Any = AsyncRead()
    explain: Any = AsyncRead()

    #: Its query flags: PyMongo's cursors have no public way to get theirs.
    _flags: int = 0
    #: The calls that made it, with PyMongo's arguments: ``find``, and the chained calls.
    _asked: tuple[tuple[str, tuple[Any, ...], Mapping[str, Any]], ...] = ()

    @property
    def retrieved(self) -> int:
        """How many documents have come from the server so far."""
        return self._reader.received

    @property
    def _is_tailable(self) -> bool:
        return bool(self._flags & CursorType.TAILABLE)

    @property
    def _awaits_data(self) -> bool:
        # One that is tailable only is answered at once, and the server refuses to be told how long
        # it may wait.
        return self._flags & CursorType.TAILABLE_AWAIT == CursorType.TAILABLE_AWAIT

    # Options.

    def _call_in_place(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        result = super()._call_in_place(name, args, kwargs)
        if result is self:
            self._asked += ((name, args, kwargs),)
        return result

    def add_option(self, mask: int, **kwargs: Any) -> Self:
        """Set query flags. Returns the cursor.

        - `mask`: bits of :class:`pymongo.cursor.CursorType` and others of the wire protocol
        """
        self._call_in_place("add_option", (mask,), kwargs)
        self._flags |= mask
        return self

    def remove_option(self, mask: int, **kwargs: Any) -> Self:
        """Clear query flags. Returns the cursor.

        - `mask`: as for `add_option`
        """
        self._call_in_place("remove_option", (mask,), kwargs)
        self._flags &= ~mask
        return self

    def batch_size(self, batch_size: int, **kwargs: Any) -> Any:
        """Limit the number of documents that come from the server at once. Returns the cursor.

        ::

            async for book in books.find().batch_size(20):
                print(book["title"])

        - `batch_size`: a number of documents, 0 for the server's default
        """
        return self._call_in_place("batch_size", (batch_size,), kwargs)

    # Again.

    def rewind(self) -> Any:
        """Start again: the next read sends the query again. Returns the cursor.

        ::

            cursor = books.find()
            assert await cursor.to_list() == await cursor.rewind().to_list()
        """
        reader = self._reader
        # A fresh copy instead of the delegate's own rewind, which would close it on the loop's
        # thread and change it under a read that has not ended.
        again = self._unsent()
        self._reader = Reader(
            reader.fetch,
            again,
            queue=reader.queue,
            convert=reader.convert,
            reads=self._client._reads,
        )
        if reader.started and reader.close():
            queue = None if self._awaits_data else reader.queue
            closing = self._submit_closing(reader.close_delegate, queue)
            if isinstance(closing, DeferredOperation):
                # No loop runs that could do it. PyMongo closes a cursor that is forgotten.
                closing.close()
        return self

    def _unsent(self) -> Any:
        """A PyMongo cursor with the same options that has not been sent."""
        if not (self._asked and "let" in self._asked[0][2]):
            return self.delegate.clone()
        # PyMongo's clones forget it.
        cursor = self.collection.delegate
        for name, args, kwargs in self._asked:
            cursor = getattr(cursor, name)(*args, **kwargs)
        return cursor

    def clone(self) -> Any:
        """A new cursor with the same options, which has not been read."""
        return self._copy(self._unsent())

    def __copy__(self) -> Any:
        return self._copy(copy.copy(self.delegate))

    def __deepcopy__(self, memo: Any) -> Any:
        return self._copy(copy.deepcopy(self.delegate, memo))

    def _copy(self, delegate: Any) -> Any:
        copied = type(self)._from_delegate(delegate, self.collection)
        copied._flags, copied._asked = self._flags, self._asked
        return copied

    def __getitem__(self, index: Any) -> Any:
        """The cursor limited to a slice of its results: ``find()[20:25]`` skips 20 and reads 5.

        Raises TypeError for anything but a slice: a single document has to be awaited.
        """
        if not isinstance(index, slice):
            raise TypeError(
                f"{type(self).__name__} indices must be slices, not {type(index).__name__}: to get "
                "one document write 'await cursor.skip(n).limit(-1).next()'"
            )
        return self._call_in_place("__getitem__", (index,), {})


class AgnosticRawBatchCursor(AgnosticCursor):
    """The cursor that ``find_raw_batches`` returns: each item is the BSON of a batch, as bytes.

    See :class:`pymongo.cursor.RawBatchCursor`.
    """

    __motor_class_name__ = "MotorRawBatchCursor"
    __delegate_class__: ClassVar[type] = RawBatchCursor
    __async_class__: ClassVar[type] = AsyncRawBatchCursor

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: batches cannot be indexed."""
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}: use {self._instead}")
