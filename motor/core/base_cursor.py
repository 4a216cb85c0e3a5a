"""What all cursors have in common: reading, iterating, closing."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.errors import InvalidOperation, PyMongoError

from motor import pymongo_internals
from motor.core import bridge
from motor.core.base import bound_queue
from motor.core.old_cursor_style import OldCursorStyle
from motor.core.read import Read
from motor.core.reader import Reader
from motor.core.self_awaiting import SelfAwaiting
from motor.core.waiting import Waiters
from motor.declarations import InstanceAttribute, coroutine_annotation
from motor.loop_runner import LoopRunner
from motor.operation import OperationFuture
from motor.serial_queue import SerialQueue

__all__ = ["AgnosticBaseCursor"]

#: How many documents "async for" gives out between two looks at the clock.
BREATH = 64

#: How long (in seconds) "async for" goes on at most without letting the event loop run.
PATIENCE = 0.001


class AgnosticBaseCursor(SelfAwaiting, OldCursorStyle):
    """A cursor: documents that come from the server in batches, for ``async for``."""

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
        # What the cursor asks beside its reading, such as explain, must wait for its session too.
        self._queue = _queue
        self._reader = Reader(cursor, start=_start, queue=_queue, convert=_convert)
        self._waiters = Waiters()
        self._breath = BREATH
        self._breathed = 0.0

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
        """The event loop of whatever has made the cursor, when none is running."""
        return self.collection.get_io_loop()

    # Reading.

    def _read(self, function: Callable[..., Any], *args: Any, discard: Any = None) -> Any:
        """Start one of the reader's functions, on a worker or in a strand."""
        reader = self._reader
        runner = None if reader.started else self._first_runner()
        reader.started = True
        read = Read()
        run = partial(reader.run if runner is None else reader.begin, read, function, *args)
        if discard is None:
            # Whoever waited is gone. The next to ask shall have it.
            discard = partial(_settle, reader)
        if reader.delegate is not None and pymongo_internals.awaits_data(reader.delegate):
            client = self._client
            client._check_open()
            wanted = pymongo_internals.await_time(reader.delegate)
            turn = partial(self._wait_a_turn, reader.delegate, run, wanted)
            future = self._waiters.add(client._submit_waiting(turn, reader.queue, discard))
        else:
            future = self._submit_function(run, queue=reader.queue, discard=discard, runner=runner)
        read.future = future
        # Whoever asks for a batch at a time wants its first document.
        wanted_next = int(function == reader.fill)
        future.add_done_callback(partial(_after_read, weakref.ref(self), reader, wanted_next))
        return future

    def _first_runner(self) -> LoopRunner | None:
        """What runs the first read on the loop's thread; None: a worker does."""
        options = getattr(self.collection.delegate, "codec_options", None)
        if options is None or self._queue is not None or self._reader.convert is not None:
            return None
        runner = self._client._loop_runner(options)
        return runner if runner is not None and self._is_brief() else None

    def _is_brief(self) -> bool:
        """Whether the command for the first batch is small, and needs nothing of a worker."""
        return False

    def _read_ahead(self, wanted: int) -> None:
        """Start reading the next batch while this one is consumed, if that is good.

        - `wanted`: how many of the documents at hand are about to be taken
        """
        reader = self._reader
        if (
            not (reader.ahead or reader.going_on is not None)
            and reader.may_read_ahead(wanted)
            and self._may_be_ahead()
        ):
            reader.ahead = True
            self._submit_function(reader.read_ahead, queue=reader.queue)

    def _may_be_ahead(self) -> bool:
        """Whether batches may be read before they are asked for.

        Not with a session of the user's, whose operations must not be more than were asked for; not
        within ``pymongo.timeout()``, whose end is not that of who will ask; and nothing is to be
        had ahead from a cursor that waits for what has not happened yet.
        """
        return (
            self._queue is None
            and not self._client._closed
            and not pymongo_internals.is_tailable(self._reader.delegate)
            and pymongo_internals.remaining_timeout() is None
        )

    async def _breathe(self) -> None:
        """See to the next batch, and let the event loop run if it has not for a while."""
        self._breath = BREATH
        # One document is on its way to whoever iterates.
        self._read_ahead(1)
        if time.monotonic() - self._breathed > PATIENCE:
            await asyncio.sleep(0)
            self._breathed = time.monotonic()

    def _wait_a_turn(self, delegate: Any, run: Callable[[], Any], wanted: int | None) -> Any:
        self._client._waiting_lane.limit_turn(delegate, wanted)
        try:
            return run()
        finally:
            pymongo_internals.set_await_time(delegate, wanted)

    async def _more(self) -> bool:
        """Read the next batch for a document of it. Returns whether there is any."""
        reader = self._reader
        future = self._read(reader.fill, True)
        if reader.batches_are_small and self._may_be_ahead():
            # The worker goes on by itself. If it were told later, it would hardly come to send
            # anything before the documents are consumed: this thread has the interpreter lock.
            wanted = partial(_is_wanted, weakref.ref(self), reader, future)
            reader.going_on = wanted
            self._submit_function(reader.read_on, (wanted,), queue=reader.queue)
        more: int = await future
        return self._at_hand() or bool(more)

    def _at_hand(self) -> bool:
        """Whether there is a document in the buffer, where some are decoded if it is empty."""
        reader = self._reader
        while not reader.buffer and reader.undecoded:
            if reader.untouched:
                self._read_ahead(1)
            reader.decode()
        return bool(reader.buffer)

    async def _close_broken(self) -> None:
        """Close the cursor if it has given what cannot be decoded, as PyMongo does."""
        if self._reader.broken:
            with contextlib.suppress(PyMongoError):
                await AgnosticBaseCursor.close(self)

    async def next(self) -> Any:
        """The next document.

        Raises StopAsyncIteration when there is none: at the end, or, from a tailable cursor, when
        none has come while the server waited.
        """
        reader = self._reader
        try:
            if not reader.unclaimed and self._at_hand():
                return reader.buffer.popleft()
            while reader.alive:
                more = await self._more()
                if reader.buffer:
                    return reader.buffer.popleft()
                if not more:
                    break
        except Exception:
            await self._close_broken()
            raise
        raise StopAsyncIteration

    # Not to be overridden: a subclass that overrides `next` has never changed what others do.
    _next_document = next  # noqa: A003

    async def __anext__(self) -> Any:
        reader = self._reader
        if reader.buffer and not reader.unclaimed:
            self._breath -= 1
            if self._breath:
                return reader.buffer.popleft()
            await self._breathe()
            if reader.buffer and not reader.unclaimed:
                return reader.buffer.popleft()
        return await self._next_document()

    def __aiter__(self) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            found = bridge.undefined(self, name)
            if found is not bridge.NOT_BRIDGED:
                return found
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
        )

    # What can be sliced, Python would also run through with a plain "for".
    __iter__ = None

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()

    @coroutine_annotation
    @bridge.takes_old_arguments
    def to_list(self, length: int | None = None) -> OperationFuture[list[Any]]:
        """Start reading the next `length` documents, or all that remain, into a list.

        - `length`: how many documents at most; None: all

        Returns a future of the list. What is left stays with the cursor. Raises TypeError or
        ValueError for a `length` that is not a number of documents, and InvalidOperation for a
        tailable cursor, which has no end.
        """
        if length is not None:
            if not isinstance(length, int) or isinstance(length, bool):
                raise TypeError(f"length must be an int, not {length!r}")
            if length < 0:
                raise ValueError("length must be non-negative")
        if self.delegate is not None and pymongo_internals.is_tailable(self.delegate):
            raise InvalidOperation(
                "Can't call to_list on tailable cursor: it has no end. Use 'async for' or next()."
            )
        asked: list[OperationFuture[list[Any]]] = []

        def cancelled() -> bool:
            return bool(asked) and asked[0].cancelled()

        asked.append(self._read(self._reader.take, length, cancelled))
        return asked[0]

    # Closing.

    @coroutine_annotation
    @bridge.takes_old_arguments
    def close(self) -> OperationFuture[None]:
        """Start closing the cursor, on the server too. Returns a future of None.

        A ``next`` that waits for data in another task ends with StopAsyncIteration.
        """
        reader = self._reader
        must_close = reader.shut()
        self._waiters.release()
        if not must_close:
            return self._client._resolved(None)
        # Not in the reader's queue: a read that waits for data shall not hold this up.
        queue = None if self._may_overtake() else reader.queue
        return self._submit_closing(reader.close_delegate, queue)

    def _may_overtake(self) -> bool:
        return pymongo_internals.awaits_data(self.delegate)

    def _submit_closing(
        self, function: Callable[[], None], queue: SerialQueue | None
    ) -> OperationFuture[None]:
        if self._client._closed:
            # Without connections there is no telling the server.
            return self._client._resolved(None)
        return self._submit_function(function, queue=queue)


def _settle(reader: Reader, *outcome: object) -> None:
    reader.settle()


def _after_read(
    cursor: weakref.ref[AgnosticBaseCursor],
    reader: Reader,
    wanted: int,
    future: OperationFuture[Any],
) -> None:
    reader.settle()
    alive = cursor()
    if alive is not None and _is_wanted(cursor, reader, future):
        alive._read_ahead(wanted)


def _is_wanted(
    cursor: weakref.ref[AgnosticBaseCursor], reader: Reader, future: OperationFuture[Any]
) -> bool:
    # A cursor that nobody has any more needs no further batch.
    alive = cursor()
    return alive is not None and alive._reader is reader and not future.cancelled()
