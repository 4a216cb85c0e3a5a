"""Operations that are called where no event loop runs."""

from __future__ import annotations

import asyncio
import contextvars
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from motor.execution.future import OperationFuture
from motor.execution.unawaited import Unawaited

__all__ = ["DeferredOperation", "start_on"]

T = TypeVar("T")


class DeferredOperation(Unawaited, Coroutine[Any, Any, Any]):
    """An operation that starts when an event loop takes it, as a coroutine does.

    ``asyncio.run``, ``loop.run_until_complete``, ``asyncio.run_coroutine_threadsafe`` and ``await``
    take it. It starts once, however often it is awaited, all on one loop.

    - `start`: starts the operation on the loop that runs then, and returns what to await
    - `name`: the method that was called, with its class
    """

    def __init__(self, start: Callable[[], Awaitable[Any]], name: str) -> None:
        self._start: Callable[[], Awaitable[Any]] | None = start
        self._name = name
        self._started: asyncio.Future[Any] | None = None
        self._context = contextvars.copy_context()
        self._steps: Generator[Any, None, Any] | None = None

    def __await__(self) -> Generator[Any, None, Any]:
        """Start the operation, unless it has started. Returns its result."""
        if self._started is None:
            start, self._start = self._start, None
            if start is None:
                raise RuntimeError(f"{self._name}() was closed before it started")
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise RuntimeError(
                    "No asyncio event loop runs here. Motor works on asyncio and Tornado (and with "
                    "anyio on asyncio), not on trio or curio"
                ) from None
            self._started = self._context.run(lambda: asyncio.ensure_future(start()))
        return (yield from self._started.__await__())

    def send(self, value: None) -> Any:
        """Run up to the next suspension: what a task does with a coroutine."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *exception: Any) -> Any:
        """Raise an exception where the coroutine is suspended: what a cancelled task does."""
        if self._steps is None:
            self._steps = self.__await__()
            # The task that took it was cancelled before its first step: that is an end, too.
            self._start = None
        return self._steps.throw(*exception)

    def close(self) -> None:
        """Drop an operation that has not started. One that has goes on."""
        self._start = None

    def __del__(self) -> None:
        if getattr(self, "_start", None) is not None:
            warnings.warn(
                f"{self._name}() was called where no event loop runs, and was never awaited: "
                "nothing was sent",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )


def start_on(
    loop: asyncio.AbstractEventLoop, start: Callable[[], Awaitable[T]]
) -> OperationFuture[T]:
    """Start an operation on `loop`, which runs in another thread.

    - `start`: is called on the loop, in a copy of the caller's context, and returns what to await

    Returns the operation's future, which belongs to `loop`. Cancelling it cancels the operation.
    """
    future: OperationFuture[T] = OperationFuture(loop=loop)

    def begin() -> None:
        if future.cancelled():
            return
        try:
            started = asyncio.ensure_future(start())
        except Exception as error:
            future.set_exception(error)
            return
        started.add_done_callback(finish)
        future.add_done_callback(lambda _: future.cancelled() and started.cancel())

    def finish(started: asyncio.Future[T]) -> None:
        if future.done():
            return
        if started.cancelled():
            future.cancel()
        elif (error := started.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(started.result())

    loop.call_soon_threadsafe(begin, context=contextvars.copy_context())
    return future
