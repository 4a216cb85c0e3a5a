"""The cursors of commands that have been sent."""

from __future__ import annotations

from typing import Any, ClassVar

from pymongo.asynchronous.command_cursor import AsyncCommandCursor, AsyncRawBatchCommandCursor
from pymongo.command_cursor import CommandCursor, RawBatchCommandCursor

from motor.core.cursors.base import AgnosticBaseCursor
from motor.core.errors import CallRefused

__all__ = ["AgnosticCommandCursor", "AgnosticRawBatchCommandCursor"]


class AgnosticCommandCursor(AgnosticBaseCursor):
    """The cursor of a command that has been sent.

    See :class:`pymongo.command_cursor.CommandCursor`.
    """

    __motor_class_name__ = "MotorCommandCursor"
    __delegate_class__: ClassVar[type] = CommandCursor
    __async_class__: ClassVar[type] = AsyncCommandCursor

    async def try_next(self) -> Any:
        """The next document, or None when there is none after one more batch at most."""
        reader = self._reader
        try:
            if self._reader.at_hand() or (reader.alive and await self._more()):
                return reader.buffer.popleft()
        except Exception:
            await self._close_broken()
            raise
        return None

    def batch_size(self, batch_size: int, **kwargs: Any) -> Any:
        """Limit the number of documents in a batch. Returns the cursor.

        - `batch_size`: a number of documents, 0 for the server's default
        """
        self._call_in_place("batch_size", (batch_size,), kwargs)
        return self

    @property
    def cursor_id(self) -> int | None:
        """The cursor's id on the server, 0 at its end; None while the command has not been sent."""
        return None if self.delegate is None else self.delegate.cursor_id

    @property
    def address(self) -> Any:
        """The (host, port) of the server that has the cursor; None while nothing has been sent."""
        return None if self.delegate is None else self.delegate.address


class AgnosticRawBatchCommandCursor(AgnosticCommandCursor):
    """The cursor of a command that was sent by ``aggregate_raw_batches``: batches as bytes.

    See :class:`pymongo.command_cursor.RawBatchCommandCursor`.
    """

    __motor_class_name__ = "MotorRawBatchCommandCursor"
    __delegate_class__: ClassVar[type] = RawBatchCommandCursor
    __async_class__: ClassVar[type] = AsyncRawBatchCommandCursor

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: batches cannot be indexed."""
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}: use {self._instead}")
