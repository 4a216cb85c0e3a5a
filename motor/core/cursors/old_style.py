"""How cursors were read before ``async for``: step by step, or with callbacks."""

from __future__ import annotations

import asyncio
import warnings
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.errors import InvalidOperation

from motor.core.base import AgnosticBase
from motor.core.cursors.reader import Reader
from motor.core.errors import with_article
from motor.execution.completions import AtDelivery
from motor.execution.future import OperationFuture

__all__ = ["OldCursorStyle"]


class OldCursorStyle(AgnosticBase):
    """The methods of a cursor that ``async for`` has replaced."""

    # What they need of the cursor.
    _reader: Reader

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether there is, or may yet be, another document."""

    @abstractmethod
    def _read(self, function: Callable[..., Any], *args: Any) -> OperationFuture[Any]:
        """Start one of the reader's functions on a worker."""

    @abstractmethod
    async def _next_document(self) -> Any:
        """The next document. Raises StopAsyncIteration when there is none."""

    def _get_more(self) -> OperationFuture[int]:
        """Read the next batch, unless there are documents at hand; how many there are then."""
        if not self.alive:
            raise InvalidOperation(
                f"Can't call get_more() on {with_article(self)} that has been exhausted or killed."
            )
        return self._read(self._fill, self._reader)

    @staticmethod
    def _fill(reader: Reader) -> AtDelivery:
        reader.fill_buffer()
        return AtDelivery(lambda: len(reader.buffer) if reader.at_hand() else 0)

    @property
    def fetch_next(self) -> Any:
        """A future that is true when `next_object` has a document to give. Deprecated.

        It resolves to the number of documents that were fetched, to True when some were at hand,
        and to a false value at the end.
        """
        warnings.warn(
            "The fetch_next property is deprecated: use 'async for' or 'await cursor.next()'.",
            DeprecationWarning,
            stacklevel=2,
        )
        if self._reader.buffer:
            return self._client._resolved(True)
        if not self.alive:
            return self._client._resolved(False)
        return self._get_more()

    def next_object(self) -> Any:
        """The document that `fetch_next` has fetched, or None at the end. Deprecated."""
        warnings.warn(
            "The next_object method is deprecated: use 'async for' or 'await cursor.next()'.",
            DeprecationWarning,
            stacklevel=2,
        )
        reader = self._reader
        # A batch that has come may be decoded in part only.
        at_hand = bool(reader.buffer) or (bool(reader.batches) and reader.at_hand())
        return reader.buffer.popleft() if at_hand else None

    def each(self, callback: Callable[[Any, BaseException | None], Any]) -> None:
        """Call ``callback(document, None)`` for each document and ``callback(None, None)`` at the
        end.

        - `callback`: takes a document and an error, of which one at least is None. When it returns
          False, no more documents are read; the cursor stays open

        An error while reading ends it with ``callback(None, error)``; what the callback itself
        raises goes to the event loop's exception handler. Raises TypeError if `callback` cannot be
        called.
        """
        if not callable(callback):
            raise TypeError("callback must be a callable")
        loop = self._loop()
        # The loop may run in another thread: the client remembers it.
        loop.call_soon_threadsafe(self._begin_callbacks, loop, callback)

    def _begin_callbacks(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[..., Any]
    ) -> None:
        task = loop.create_task(self._each(callback))
        _callback_tasks.add(task)
        task.add_done_callback(partial(_end_callbacks, loop))

    async def _each(self, callback: Callable[[Any, BaseException | None], Any]) -> None:
        while True:
            try:
                document = await self._next_document()
            except StopAsyncIteration:
                callback(None, None)
                return
            except Exception as error:
                callback(None, error)
                return
            if callback(document, None) is False:
                return
            if self._reader.closed:
                callback(None, None)
                return


#: The tasks of `each`. The loop alone does not keep them from the garbage collector.
_callback_tasks: set[asyncio.Task[None]] = set()


def _end_callbacks(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    _callback_tasks.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        loop.call_exception_handler(
            {"message": "Exception in the callback of each()", "exception": error, "future": task}
        )
