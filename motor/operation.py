"""One call's way from an event loop to a worker and back.

``submit`` makes an :class:`OperationFuture` and hands a :class:`Call` to the pool; the worker runs
it in the caller's context and leaves the outcome with the loop's ``Completions``, which wakes the
loop, and the loop resolves the future. No step goes back.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from motor.completions import completions_of
from motor.executor import AGAIN, WorkerPool
from motor.loop_runner import LoopRunner
from motor.serial_queue import SerialQueue
from motor.strands import ENDS

__all__ = ["Discard", "OperationFuture", "submit"]

T = TypeVar("T")
Discard = Callable[[Any, BaseException | None], object]


if TYPE_CHECKING:

    class _FutureAndCoroutine(asyncio.Future[T], Coroutine[Any, Any, T]):
        """What Python finds by itself to be so: the abstract class asks for the methods only."""

else:
    _FutureAndCoroutine = asyncio.Future


class OperationFuture(_FutureAndCoroutine[T]):
    """The future of an operation that has already started.

    It is an ``asyncio.Future`` in all respects, and a coroutine as well, because code written for
    PyMongo's async API hands operations to ``asyncio.create_task`` and ``TaskGroup.create_task``,
    which take nothing but coroutines.

    ``asyncio.wait``, on the other hand, takes futures and refuses coroutines. The first thing it
    does with them is to put them in a set; so an operation that is put in a set, or is a
    dictionary's key, is from then on a future and nothing else.
    """

    def send(self, value: None) -> Any:
        """Run up to the next suspension: the coroutine protocol's first half."""
        return self._iterator().send(value)

    def throw(
        self,
        kind: Any,
        value: Any = None,
        traceback: TracebackType | None = None,
        /,
    ) -> Any:
        """Raise an exception where the coroutine is suspended: the second half."""
        if isinstance(kind, type):
            kind = kind() if value is None else value
        raise kind.with_traceback(traceback) if traceback is not None else kind

    def close(self) -> None:
        """Do nothing: the operation has started, and closing a coroutine does not undo it."""

    def _iterator(self) -> Generator[Any, None, T]:
        return iter(self)

    def __hash__(self) -> int:
        self.__class__ = _HashedOperationFuture  # type: ignore[assignment]
        return object.__hash__(self)

    if not TYPE_CHECKING:
        # Type checkers take it to be inherited, as it would be without a hash of our own.
        __eq__ = asyncio.Future.__eq__


class _HashedOperationFuture(asyncio.Future[T]):
    """What an :class:`OperationFuture` becomes in a set: a future that is not a coroutine too."""

    __hash__ = asyncio.Future.__hash__


_HashedOperationFuture.__name__ = _HashedOperationFuture.__qualname__ = "OperationFuture"


class Call:
    """A blocking function with its arguments, the context to run it in, and who waits for it."""

    __slots__ = (
        "args",
        "context",
        "discard",
        "function",
        "future",
        "kwargs",
        "pool",
        "wrap",
    )

    def __init__(
        self,
        future: OperationFuture[Any],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        pool: WorkerPool,
        wrap: Callable[[Any], Any] | None,
        discard: Discard | None,
    ) -> None:
        self.future: OperationFuture[Any] = future
        self.function: Callable[..., Any] = function
        self.args: tuple[Any, ...] = args
        self.kwargs: Mapping[str, Any] = kwargs
        self.context: contextvars.Context = contextvars.copy_context()
        self.pool: WorkerPool = pool
        self.wrap: Callable[[Any], Any] | None = wrap
        self.discard: Discard | None = discard

    def __call__(self) -> object:
        """Run on a worker. A call whose caller has cancelled it before now is never sent.

        Returns how to hand over the outcome, for when the worker is free for the next call.
        """
        future = self.future
        if future.cancelled():
            return None
        result, error = self._outcome(self.context.run, self.function)
        if result is AGAIN and not (future.cancelled() or future.get_loop().is_closed()):
            return AGAIN
        # Before anyone has the outcome: what it was called with lives no longer than its users.
        del self.function, self.args, self.kwargs
        try:
            return partial(self._hand_over, future, result, error)
        finally:
            # The error's traceback holds this frame: without this, frame, future and error would
            # keep each other alive until the garbage collector comes.
            del future, error

    def run_on_loop(self) -> object:
        """Run on the loop's thread, in a strand that has the caller's context.

        Returns `AGAIN` when a worker is to run it as well, or what has ended the strand; in both
        cases the call is as it was before.
        """
        future = self.future
        if future.cancelled():
            return None
        result, error = self._outcome(self.function)
        if isinstance(error, ENDS):
            return error
        if result is AGAIN:
            return AGAIN
        del self.function, self.args, self.kwargs
        try:
            if future.get_loop().is_closed():
                self.drop(result, error)
            else:
                self.resolve(result, error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                # They are for whoever runs the loop, too.
                raise error
            return None
        finally:
            # As above.
            del future, error

    def _outcome(
        self, run: Callable[..., Any], *function: Callable[..., Any]
    ) -> tuple[Any, BaseException | None]:
        """What running the call's function returns, wrapped, and what it raises."""
        try:
            result = run(*function, *self.args, **self.kwargs)
            if self.wrap is not None and result is not AGAIN:
                result = self.wrap(result)
        except StopIteration as exc:
            return None, _in_other_words(exc, self.function)
        except BaseException as exc:
            return None, exc
        return result, None

    def fail(self, error: BaseException) -> None:
        """Give whoever waits `error` instead of an outcome: there is no worker for the call."""
        self._hand_over(self.future, None, error)

    def _hand_over(
        self, future: OperationFuture[Any], result: Any, error: BaseException | None
    ) -> None:
        if future.cancelled():
            self.drop(result, error)
        else:
            loop = future.get_loop()
            completions_of(loop).add(self, result, error, loop, self.pool)

    def resolve(self, result: Any, error: BaseException | None) -> None:
        """Give the outcome to whoever waits, on the loop's own thread."""
        future = self.future
        del self.future
        if future.done():
            self.drop(result, error)
            return
        # The worker may be holding this call still, which must not hold a cursor any more.
        self.discard = None
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def drop(self, result: Any, error: BaseException | None) -> None:
        """Nobody wants the outcome any more."""
        if self.discard is not None and result is not AGAIN:
            self.discard(result, error)


def _in_other_words(error: StopIteration, function: Callable[..., Any]) -> RuntimeError:
    """What a future can carry in the place of `error`, which would let waiting never end."""
    other = RuntimeError(f"{function!r} raised StopIteration")
    other.__cause__ = error
    return other


def submit(
    pool: WorkerPool,
    loop: asyncio.AbstractEventLoop,
    function: Callable[..., T],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    queue: SerialQueue | None = None,
    wrap: Callable[[Any], Any] | None = None,
    discard: Discard | None = None,
    runner: LoopRunner | None = None,
) -> OperationFuture[T]:
    """Run ``function(*args, **kwargs)`` on a worker and return its future, at once.

    - `pool`: the workers to run it on
    - `loop`: the asyncio event loop that the future belongs to
    - `function`: runs in a copy of the caller's context. When it returns `AGAIN`, it is called
      again after the others that wait, unless the future was cancelled or the loop closed
    - `queue`: calls that this one must wait for
    - `wrap`: turns the function's result, on the worker, into the future's
    - `discard`: called with the result and the error when nobody waits for them any more, on a
      worker or on the loop's thread: it must not block
    - `runner`: runs the call in the place of a worker, unless it has to wait for others in the
      queue. With a queue, when the function returns `AGAIN`, a worker calls it again
    """
    future: OperationFuture[T] = OperationFuture(loop=loop)
    call = Call(future, function, args, kwargs or {}, pool, wrap, discard)
    if queue is not None:
        queue.submit(pool, call, runner)
    elif runner is not None:
        runner.submit(call)
    else:
        pool.submit(call)
    return future
