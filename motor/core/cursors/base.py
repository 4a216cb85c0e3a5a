"""What all cursors have in common: reading, iterating, closing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from pymongo.errors import InvalidOperation, PyMongoError

from motor.core import legacy_hooks
from motor.core.async_only import AsyncOnly
from motor.core.base import bound_queue
from motor.core.cursors.old_style import OldCursorStyle
from motor.core.cursors.reader import Reader
from motor.core.cursors.reading_ahead import read_ahead, read_ahead_and_send
from motor.core.loops import needs_loop
from motor.core.self_awaiting import SelfAwaiting
from motor.declarations import InstanceAttribute, coroutine_annotation
from motor.execution.awaiting import WaitingReads
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = ["AgnosticBaseCursor"]

#: How many documents "async for" gives between two readings of the clock.
YIELD_EVERY = 64

#: How long (in seconds) "async for" goes on at most without letting the event loop run.
YIELD_SECONDS = 0.001


class AgnosticBaseCursor(AsyncOnly, SelfAwaiting, OldCursorStyle):
    """A cursor: documents that come from the server in batches, for ``async for``.

    Awaiting it gives the cursor, because PyMongo's async API awaits ``rewind`` and ``add_option``.
    """

    _instead: ClassVar[str] = "'async for', or 'await cursor.to_list()'"

    collection: Any = InstanceAttribute(
        "The Motor object whose method returned the cursor: a collection, a database or a client."
    )

    def __init__(
        self,
        cursor: Any,
        collection: Any,
        *,
        _start: Callable[[], Any] | None = None,
        _queue: SerialQueue | None = None,
        _convert: Callable[[Any], Any] | None = None,
    ) -> None:
        self.collection = collection
        self._client = collection._client
        # Other operations of the cursor, such as explain, wait for its session, too.
        self._queue = _queue
        fetch = self._client._fetch
        self._reader = Reader(
            fetch, cursor, start=_start, queue=_queue, convert=_convert, reads=self._client._reads
        )
        self._waiting = WaitingReads()
        self._until_yield = YIELD_EVERY
        self._yielded = 0.0

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        session = getattr(delegate, "session", None)
        queue = owner._wrap(session)._queue if session is not None else bound_queue.get()
        return cls(delegate, owner, _queue=queue)

    @property
    def delegate(self) -> Any:
        """The PyMongo cursor; None while a latent cursor's command has not been sent."""
        return self._reader.delegate

    @property
    def started(self) -> bool:
        """Whether anything has been asked of the server."""
        return self._reader.started

    @property
    def closed(self) -> bool:
        """Whether the cursor was closed."""
        return self._reader.closed

    @property
    def alive(self) -> bool:
        """Whether there is, or may yet be, another document."""
        return self._reader.alive

    @property
    def session(self) -> Any:
        """The session that was passed for this cursor, or None."""
        session = getattr(self.delegate, "session", None)
        return None if session is None else self._wrap(session)

    def get_io_loop(self) -> Any:
        """The event loop of the object that made the cursor, when none is running."""
        return self.collection.get_io_loop()

    # Reading.

    def _read(self, function: Callable[..., Any], *args: Any) -> OperationFuture[Any]:
        """Start one of the reader's functions on a worker."""
        reader = self._reader
        reader.started = True
        if not self._awaits_data:
            return self._submit_function(function, args, queue=reader.queue)
        reader.reads = None
        turn = partial(self._await_data, reader.delegate, function, *args)
        return self._waiting.add(self._client._submit_awaiting(turn, reader.queue))

    def _await_data(self, delegate: Any, function: Callable[..., Any], *args: Any) -> Any:
        """On a worker: let the server wait for no longer than this cursor's fair share."""
        await_time = self._client._await_time
        wanted = await_time.get(delegate)
        await_time.set(delegate, self._client._awaiting_pool.turn(wanted))
        try:
            return function(*args)
        finally:
            await_time.set(delegate, wanted)

    @property
    def _awaits_data(self) -> bool:
        """Whether the server lets the cursor wait for data at the end of them."""
        return False

    @property
    def _is_tailable(self) -> bool:
        """Whether the cursor stays open at the end of its data."""
        return False

    async def _more(self) -> bool:
        """Read the next batch. Returns whether there is a document now."""
        reader = self._reader
        future = self._read(reader.fill)
        if reader.may_read_ahead(batches=1):
            # The worker goes on by itself. If it were told later, it could hardly send anything
            # before the documents are consumed, because this thread has the interpreter lock.
            read_ahead(self, after=future)
        await future
        if reader.may_read_ahead(batches=2):
            await read_ahead_and_send(self)
        return reader.at_hand()

    async def _yield_to_loop(self) -> None:
        """Let the event loop run if it has not for a while."""
        self._until_yield = YIELD_EVERY
        if time.monotonic() - self._yielded > YIELD_SECONDS:
            await asyncio.sleep(0)
            self._yielded = time.monotonic()

    async def _close_broken(self) -> None:
        """Close the cursor if it has given what cannot be decoded, as PyMongo does."""
        if self._reader.broken:
            with contextlib.suppress(PyMongoError):
                await AgnosticBaseCursor.close(self)

    async def next(self) -> Any:
        """Read the next document. Returns it.

        ::

            cursor = books.find().sort("year")
            oldest = await cursor.next()

        Raises StopAsyncIteration when there is none: at the end, or, from a tailable cursor, when
        none has come while the server waited.
        """
        reader = self._reader
        try:
            if reader.may_read_ahead(batches=2):
                await read_ahead_and_send(self)
            if reader.at_hand():
                return reader.buffer.popleft()
            while reader.alive and await self._more():
                # Another task may have been quicker.
                if reader.buffer:
                    return reader.buffer.popleft()
        except Exception:
            await self._close_broken()
            raise
        raise StopAsyncIteration

    # Separate from `next`, so that a subclass that overrides `next` does not change other methods.
    _next_document = next  # noqa: A003

    async def __anext__(self) -> Any:
        buffer = self._reader.buffer
        if buffer:
            self._until_yield -= 1
            if self._until_yield:
                return buffer.popleft()
            await self._yield_to_loop()
            if buffer:
                return buffer.popleft()
        return await self._next_document()

    def __aiter__(self) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            found = legacy_hooks.undefined(self, name)
            if found is not legacy_hooks.NOT_BRIDGED:
                return found
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if not name.startswith("_"):
            message += f": to read its documents, use {self._instead}"
        raise AttributeError(message, name=name, obj=self)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()

    @coroutine_annotation
    @legacy_hooks.takes_old_arguments
    @needs_loop
    def to_list(self, length: int | None = None) -> OperationFuture[list[Any]]:
        """Read the next `length` documents, or all that remain. Returns a future of a list of them.

        ::

            cursor = books.find({"author": "Austen"})
            for book in await cursor.to_list():
                print(book["title"])

        - `length`: how many documents at most; None: all

        The cursor keeps the remaining documents. Raises TypeError or ValueError for a `length` that
        is not a number of documents, and InvalidOperation for a tailable cursor, which has no end.
        """
        if length is not None:
            if not isinstance(length, int) or isinstance(length, bool):
                raise TypeError(f"length must be an int, not {length!r}")
            if length < 0:
                raise ValueError("length must be non-negative")
        if self._is_tailable:
            raise InvalidOperation(
                "Can't call to_list on tailable cursor: it has no end. Use 'async for' or next()."
            )
        reader = self._reader
        started: list[OperationFuture[list[Any]]] = []

        def cancelled() -> bool:
            return bool(started) and started[0].cancelled()

        wanted = math.inf if length is None else length
        reader.wanted.append(wanted)
        future = self._read(reader.collect, length, cancelled)
        started.append(future)
        if length and reader.may_read_ahead(batches=1):
            read_ahead(self, after=future)
        future.add_done_callback(lambda _: reader.wanted.remove(wanted))
        return future

    # Closing.

    @coroutine_annotation
    @legacy_hooks.takes_old_arguments
    @needs_loop
    def close(self) -> OperationFuture[None]:
        """Close the cursor, on the server too. Returns a future of None.

        ::

            async for book in (cursor := books.find()):
                break
            await cursor.close()

        A cursor that was read to its end need not be closed. A ``next`` that waits for data in
        another task ends with StopAsyncIteration.
        """
        reader = self._reader
        must_close = reader.close()
        self._waiting.release()
        if not must_close:
            return self._client._resolved(None)
        # Not in the reader's queue if a read that awaits data would delay it.
        queue = None if self._awaits_data else reader.queue
        return self._submit_closing(reader.close_delegate, queue)

    def _submit_closing(
        self, function: Callable[[], None], queue: SerialQueue | None
    ) -> OperationFuture[None]:
        if self._client._closed:
            # Without connections, the server cannot be told.
            return self._client._resolved(None)
        return self._submit_function(function, queue=queue)
