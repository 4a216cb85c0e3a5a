"""The cursors of ``find``."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from pymongo.asynchronous.cursor import AsyncCursor, AsyncRawBatchCursor
from pymongo.cursor import Cursor, RawBatchCursor

from motor import pymongo_internals
from motor.core.base_cursor import AgnosticBaseCursor
from motor.core.brief import is_small
from motor.core.errors import CallRefused
from motor.core.reader import Reader
from motor.metaprogramming import AsyncRead, MotorCursorChainingMethod

__all__ = ["AgnosticCursor", "AgnosticRawBatchCursor"]


class AgnosticCursor(AgnosticBaseCursor):
    """The cursor that ``find`` returns: options are chained to it, then it is iterated.

    See :class:`pymongo.cursor.Cursor`.
    """

    __motor_class_name__ = "MotorCursor"
    __delegate_class__: ClassVar[type] = Cursor
    __async_class__: ClassVar[type] = AsyncCursor

    # Coroutines in PyMongo's async API, for reasons that do not apply here.
    add_option: Any = MotorCursorChainingMethod()
    # Both send commands of their own, and leave the cursor as it is.
    distinct: Any = AsyncRead()
    explain: Any = AsyncRead()

    @property
    def retrieved(self) -> int:
        """How many documents have come from the server so far."""
        return self._reader.retrieved

    def _is_brief(self) -> bool:
        query = pymongo_internals.query_of(self.delegate, self._client.delegate)
        return query is not None and is_small(query, {})

    def rewind(self) -> Any:
        """Start again: the query is sent anew when the cursor is next read. Returns the cursor."""
        reader = self._reader
        # A fresh copy instead of the delegate's own rewind, which would close it on the loop's
        # thread and change it under a read that has not ended.
        again = pymongo_internals.rewound(reader.delegate)
        self._reader = Reader(again, queue=reader.queue, convert=reader.convert)
        if reader.started and reader.shut():
            self._submit_closing(
                reader.close_delegate, None if self._may_overtake() else reader.queue
            )
        return self

    def clone(self) -> Any:
        """A new cursor with the same options, which has not been read."""
        return self._copy(self.delegate.clone())

    def __copy__(self) -> Any:
        return self._copy(copy.copy(self.delegate))

    def __deepcopy__(self, memo: Any) -> Any:
        return self._copy(copy.deepcopy(self.delegate, memo))

    def _copy(self, delegate: Any) -> Any:
        return type(self)._from_delegate(delegate, self.collection)

    def __getitem__(self, index: Any) -> Any:
        """The cursor limited to a slice of its results: ``find()[20:25]`` skips 20 and reads 5.

        Raises TypeError for anything but a slice: a single document has to be awaited.
        """
        if not isinstance(index, slice):
            raise TypeError(
                f"{type(self).__name__} indices must be slices, not {type(index).__name__}: to get "
                "one document write 'await cursor.skip(n).limit(-1).next()'"
            )
        self.delegate[index]
        return self

    def batch_size(self, batch_size: int, **kwargs: Any) -> Any:
        """Limit the number of documents in a batch. Returns the cursor.

        - `batch_size`: a number of documents, 0 for the server's default
        """
        self.delegate.batch_size(batch_size, **kwargs)
        return self


class AgnosticRawBatchCursor(AgnosticCursor):
    """The cursor that ``find_raw_batches`` returns: each item is the BSON of a batch, as bytes.

    See :class:`pymongo.cursor.RawBatchCursor`.
    """

    __motor_class_name__ = "MotorRawBatchCursor"
    __delegate_class__: ClassVar[type] = RawBatchCursor
    __async_class__: ClassVar[type] = AsyncRawBatchCursor

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: batches cannot be indexed."""
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}")
