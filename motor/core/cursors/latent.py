"""The cursors of commands that have not been sent yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, ClassVar

from pymongo.client_session import ClientSession
from pymongo.command_cursor import CommandCursor

from motor.core.cursors.command_cursor import AgnosticCommandCursor
from motor.core.errors import CallRefused
from motor.declarations import InstanceAttribute
from motor.execution.serial_queue import SerialQueue

__all__ = ["AgnosticLatentCommandCursor"]


class AgnosticLatentCommandCursor(AgnosticCommandCursor):
    """The cursor of a command that is sent when the cursor is first read or awaited.

    Awaiting it sends the command and gives the cursor itself, so that errors show up there and
    then. ``async with cursor`` sends nothing, ``async with await cursor`` does.
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

    def _send(self) -> Any:
        start, self.start = self.start, None
        kwargs = self.kwargs
        if self._batch_size is not None and start.__name__.startswith("aggregate"):
            kwargs = {**kwargs, "batchSize": self._batch_size}
        delegate = start(*self.args, **kwargs)
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
            try:
                yield from self._read(reader.send).__await__()
            except asyncio.CancelledError:
                # The caller does not get the cursor, and so cannot close it.
                if reader.close():
                    self._submit_closing(reader.close_delegate, reader.queue)
                raise
        if reader.delegate is None:
            # What sending has failed with.
            reader.at_hand()
        return self

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: the results of commands cannot be indexed."""
        raise CallRefused(f"Cannot call __getitem__ on {type(self).__name__}: use {self._instead}")
