"""Change streams: what happens on a collection, a database or a deployment, as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.change_stream import ChangeStream

from motor.core.arguments import check_arguments
from motor.core.async_only import AsyncOnly
from motor.core.base import AgnosticBase, unwrap_arguments
from motor.core.loops import needs_loop
from motor.core.self_awaiting import SelfAwaiting
from motor.declarations import coroutine_annotation
from motor.execution.awaiting import WaitingReads
from motor.execution.call import AGAIN
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = ["AgnosticChangeStream"]


class AgnosticChangeStream(AsyncOnly, SelfAwaiting, AgnosticBase):
    """A stream of change events, opened when it is first read, entered or awaited.

    See :class:`pymongo.change_stream.ChangeStream`.
    """

    _instead = "'async for', or 'await stream.next()'"
    __motor_class_name__ = "MotorChangeStream"
    __delegate_class__ = ChangeStream
    __async_class__ = AsyncChangeStream

    def __init__(self, target: Any, *args: Any, _method: str = "watch", **kwargs: Any) -> None:
        self._target = target
        self._client = target._client
        self.delegate: Any = None
        if not hasattr(type(target.delegate), _method):
            package = type(target.delegate).__module__.partition(".")[0]
            raise NotImplementedError(f"{package} has no change streams")
        watch = getattr(target.delegate, _method)
        arguments = check_arguments(f"{type(target).__name__}.{_method}", watch, args, kwargs)
        args, kwargs, _ = unwrap_arguments(args, kwargs)  # type: ignore[assignment]
        self._watch: Callable[[], Any] = partial(watch, *args, **kwargs)
        self._wanted: int | None = arguments.get("max_await_time_ms")
        #: Events that have come, each with the token to resume after it.
        self._events: deque[tuple[Any, Any]] = deque()
        self._resume_token = arguments.get("start_after") or arguments.get("resume_after")
        #: What a read has failed with, until it is taken, as an event is.
        self._error: BaseException | None = None
        self._closed = False
        self._queued_reads = SerialQueue()
        self._waiting = WaitingReads()

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        stream = cls(owner)
        stream.delegate = delegate
        stream._wanted = owner._client._await_time.get(delegate)
        stream._resume_token = delegate.resume_token
        return stream

    # On workers.

    def _open(self) -> None:
        if self.delegate is not None or self._closed:
            return
        reads = self._client._reads
        reads.begin(self._close_delegate)
        try:
            self.delegate = self._watch()
            self._resume_token = self.delegate.resume_token
            if self._closed:
                self.delegate.close()
        finally:
            reads.end(self._close_delegate)

    def _close_delegate(self) -> None:
        if self.delegate is not None:
            self.delegate.close()

    def _turn(self, patient: bool) -> object:
        """One round trip at most, unless an event is at hand; `patient`: once more if none came."""
        if self._at_hand or self._closed:
            return None
        try:
            self._open()
            if not self.delegate.alive:
                return None
            turn = self._client._awaiting_pool.turn(self._wanted)
            self._client._await_time.set(self.delegate, turn)
            event = self.delegate.try_next()
        except BaseException as error:
            # Kept in the stream, not in the future: its waiter may be cancelled before it is told.
            self._error = error
            if self._closed:
                self._forget()
            return None
        if self._closed:
            # Closed while the answer was on its way: PyMongo may have resumed with a new cursor.
            self.delegate.close()
            return None
        token = self.delegate.resume_token
        if event is not None:
            self._events.append((event, token))
            if self._closed:
                # Since it was looked at: the stream keeps nothing then.
                self._forget()
            return None
        self._resume_token = token
        return AGAIN if patient and self.delegate.alive else None

    def _forget(self) -> None:
        self._events.clear()
        self._error = None

    # On the loop.

    @property
    def alive(self) -> bool:
        """Whether another event may come."""
        if self._closed:
            return False
        return self._at_hand or self.delegate is None or bool(self.delegate.alive)

    @property
    def _at_hand(self) -> bool:
        # A worker may bring an event to a stream that was closed meanwhile, and take it away again.
        return not self._closed and (bool(self._events) or self._error is not None)

    @property
    def resume_token(self) -> Any:
        """The token to resume after the last event that was taken; None before there is one."""
        return self._resume_token

    def _read(self, patient: bool) -> OperationFuture[object]:
        turn = partial(self._turn, patient)
        return self._waiting.add(self._client._submit_awaiting(turn, self._queued_reads))

    def _take(self) -> Any:
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                # Its traceback refers to this frame.
                del error
        event, self._resume_token = self._events.popleft()
        return event

    async def next(self) -> Any:
        """Wait for the next event, as long as it takes. Returns it, a dictionary.

        ::

            async with books.watch() as stream:
                print(await stream.next())

        If the wait is cancelled, no event is lost: the next call returns it. Raises
        StopAsyncIteration when the stream is closed, also by another task in the meantime.
        """
        while self.alive:
            if self._at_hand:
                return self._take()
            await self._read(patient=True)
        raise StopAsyncIteration

    async def try_next(self) -> Any:
        """Ask the server for the next event once. Returns it, or None if there is none yet.

        ::

            async with books.watch() as stream:
                event = await stream.try_next()
        """
        if self.alive and not self._at_hand:
            await self._read(patient=False)
        return self._take() if self._at_hand else None

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        return await AgnosticChangeStream.next(self)

    def __await__(self) -> Generator[Any, None, Any]:
        """Open the stream. Returns the stream itself."""
        if self.delegate is None and not self._closed:
            yield from self._submit_function(self._open, queue=self._queued_reads).__await__()
        return self

    async def __aenter__(self) -> Any:
        return await self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()

    @coroutine_annotation
    @needs_loop
    def close(self) -> OperationFuture[None]:
        """Close the stream. Returns a future of None. ``async with`` does it by itself.

        ::

            stream = books.watch()
            await stream.close()

        A ``next`` that waits in another task ends with StopAsyncIteration.
        """
        already, self._closed = self._closed, True
        self._forget()
        self._waiting.release()
        if already or self.delegate is None or self._client._closed:
            return self._client._resolved(None)
        # Beside a read that waits, not after it.
        return self._submit_function(self.delegate.close)

    def __enter__(self) -> Any:
        raise RuntimeError(f'Use {type(self).__name__} in "async with", not "with"')

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        """Only here so that ``with`` gets as far as `__enter__`, which refuses."""

    def __repr__(self) -> str:
        if self.delegate is None:
            return f"{type(self).__name__}(<on {self._target!r}, not opened yet>)"
        return super().__repr__()
