"""The cursors of commands, among them those whose command has not been sent yet."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, ClassVar

from pymongo.asynchronous.command_cursor import AsyncCommandCursor, AsyncRawBatchCommandCursor
from pymongo.client_session import ClientSession
from pymongo.command_cursor import CommandCursor, RawBatchCommandCursor

from motor.core.base_cursor import AgnosticBaseCursor
from motor.core.brief import is_small
from motor.core.errors import CallRefused
from motor.declarations import InstanceAttribute
from motor.serial_queue import SerialQueue
from motor.strands import ENDS

__all__ = [
    "AgnosticCommandCursor",
    "AgnosticLatentCommandCursor",
    "AgnosticRawBatchCommandCursor",
]


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
            if not self._at_hand() and reader.alive:
                await self._more()
        except Exception:
            await self._close_broken()
            raise
        return reader.buffer.popleft() if reader.buffer else None

    def batch_size(self, batch_size: int, **kwargs: Any) -> Any:
        """Limit the number of documents in a batch. Returns the cursor.

        - `batch_size`: a number of documents, 0 for the server's default
        """
        self.delegate.batch_size(batch_size, **kwargs)
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
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}")


class AgnosticLatentCommandCursor(AgnosticCommandCursor):
    """The cursor of a command that is sent when the cursor is first read, entered or awaited.

    Awaiting it sends the command and gives the cursor itself, so that errors show up there and
    then.
    """

    __motor_class_name__ = "MotorLatentCommandCursor"
    start: Any = InstanceAttribute("What sends the command; None when that was done.")
    args: Any = InstanceAttribute("The arguments to send it with.")
    kwargs: Any = InstanceAttribute("The keywords to send it with.")
    # The registry already knows the delegate's class: it stands for a command that has been sent.
    __delegate_class__: ClassVar[type] = CommandCursor

    def __init__(
        self,
        collection: Any,
        start: Callable[..., Any],
        *args: Any,
        _queue: SerialQueue | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(None, collection, _start=self._send, _queue=_queue)
        self.start = start
        self.args = args
        self.kwargs = kwargs
        self._batch_size: int | None = None
        self._batch_options: dict[str, Any] = {}

    @property
    def session(self) -> Any:
        """The session that was passed for this cursor, or None."""
        if self.delegate is not None:
            return super().session
        arguments = (*self.args, *self.kwargs.values())
        session = next((a for a in arguments if isinstance(a, ClientSession)), None)
        return None if session is None else self._wrap(session)

    def _is_brief(self) -> bool:
        return is_small(self.args, self.kwargs)

    def _send(self) -> Any:
        start, self.start = self.start, None
        kwargs = self.kwargs
        if self._batch_size is not None and start.__name__.startswith("aggregate"):
            kwargs = {**kwargs, "batchSize": self._batch_size}
        try:
            delegate = start(*self.args, **kwargs)
        except ENDS:
            # It begins anew.
            self.start = start
            raise
        if self._batch_size is not None:
            delegate.batch_size(self._batch_size, **self._batch_options)
        return delegate

    def __repr__(self) -> str:
        if self.delegate is None and self.start is not None:
            name = getattr(self.start, "__name__", self.start)
            return f"{type(self).__name__}(<{name}, not sent yet>)"
        return super().__repr__()

    def batch_size(self, batch_size: int, **kwargs: Any) -> Any:
        """Limit the number of documents in a batch. Returns the cursor.

        - `batch_size`: a number of documents, 0 for the server's default
        """
        if self.delegate is not None:
            return super().batch_size(batch_size, **kwargs)
        if not isinstance(batch_size, int):
            raise TypeError(f"batch_size must be an integer, not {type(batch_size)}")
        if batch_size < 0:
            raise ValueError("batch_size must be >= 0")
        self._batch_size, self._batch_options = batch_size, kwargs
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        reader = self._reader
        if reader.delegate is None and not reader.closed:
            yield from self._read(reader.open, discard=self._abandon).__await__()
        return self

    def _abandon(self, result: None, error: BaseException | None) -> None:
        """Whoever awaited the cursor is gone, and nobody else has it."""
        if self._reader.shut() and not self._client._closed:
            self._client._pool.submit(self._reader.close_delegate)

    async def __aenter__(self) -> Any:
        return await self

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: the results of commands cannot be indexed."""
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}")
