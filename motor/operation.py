"""One call's way from an event loop to a worker and back.

``submit`` makes an :class:`OperationFuture` and hands a :class:`Call` to the pool; the worker runs
it in the caller's context and leaves the outcome with the loop's :class:`Completions`; the loop,
woken once however many outcomes wait, resolves the futures. No step goes back.
"""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from motor.executor import AGAIN, WorkerPool

__all__ = ["OperationFuture", "SerialQueue", "submit"]

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


class _Batch:
    """Outcomes on their way to an event loop, which calls this to resolve them.

    Only the loop holds a batch. When it is closed, or lost, before it came to the batch, this dies
    with the loop's other callbacks, and the outcomes are dropped.
    """

    __slots__ = ("__weakref__", "_lock", "outcomes", "taken")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.outcomes: deque[tuple[Call, Any, BaseException | None]] = deque()
        #: Whether the loop has come for it. Guarded by the lock.
        self.taken = False

    def __call__(self) -> None:
        with self._lock:
            self.taken = True
        outcomes = self.outcomes
        try:
            while outcomes:
                call, result, error = outcomes.popleft()
                call.resolve(result, error)
        finally:
            if outcomes:
                # One raised, which is no reason for the others to wait for ever.
                asyncio.get_running_loop().call_soon(self)

    def __del__(self) -> None:
        if any(call.discard is not None for call, _, _ in self.outcomes):
            # The garbage collector may be at work, in the middle of anything, and discarding makes
            # calls: not here, then.
            with suppress(RuntimeError):
                _thread.start_new_thread(_drop, (self.outcomes,))


def _drop(outcomes: deque[tuple[Call, Any, BaseException | None]]) -> None:
    while True:
        try:
            call, result, error = outcomes.popleft()
        except IndexError:
            # Not "while outcomes": two may be dropping the same ones.
            return
        call.drop(result, error)


class Completions:
    """Brings outcomes to one event loop, waking it once for all that come before it is there."""

    __slots__ = ("_lock", "_newest")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: Callable[[], _Batch | None] = lambda: None

    def add(
        self,
        call: Call,
        result: Any,
        error: BaseException | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Leave an outcome for `loop`, on a worker; wake the loop unless someone has."""
        with self._lock:
            batch = self._newest()
            woken = batch is not None and not batch.taken
            if batch is None or batch.taken:
                batch = _Batch(self._lock)
                self._newest = weakref.ref(batch)
            batch.outcomes.append((call, result, error))
        try:
            if not woken:
                loop.call_soon_threadsafe(batch)
            elif loop.is_closed():
                # Since it was woken, so that it will not come for the batch.
                _drop(batch.outcomes)
        except RuntimeError:
            # The loop is closed and nobody waits for these any more.
            _drop(batch.outcomes)


_completions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Completions] = (
    weakref.WeakKeyDictionary()
)


def _completions_of(loop: asyncio.AbstractEventLoop) -> Completions:
    found = _completions.get(loop)
    return found if found is not None else _completions.setdefault(loop, Completions())


def _after_fork_in_child() -> None:
    # A worker, which is not there any more, may have been in the middle of anything.
    global _completions
    _completions = weakref.WeakKeyDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Call:
    """A blocking function with its arguments, the context to run it in, and who waits for it."""

    __slots__ = (
        "args",
        "completions",
        "context",
        "discard",
        "function",
        "future",
        "kwargs",
        "wrap",
    )

    def __init__(
        self,
        future: OperationFuture[Any],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        completions: Completions,
        wrap: Callable[[Any], Any] | None,
        discard: Discard | None,
    ) -> None:
        self.future: OperationFuture[Any] = future
        self.function: Callable[..., Any] = function
        self.args: tuple[Any, ...] = args
        self.kwargs: Mapping[str, Any] = kwargs
        self.context: contextvars.Context = contextvars.copy_context()
        self.completions: Completions = completions
        self.wrap: Callable[[Any], Any] | None = wrap
        self.discard: Discard | None = discard

    def __call__(self) -> object:
        """Run on a worker. A call whose caller has cancelled it before now is never sent."""
        future = self.future
        if future.cancelled():
            return None
        result: Any = None
        error: BaseException | None = None
        try:
            result = self.context.run(self.function, *self.args, **self.kwargs)
            if result is AGAIN:
                if not (future.cancelled() or future.get_loop().is_closed()):
                    return AGAIN
            elif self.wrap is not None:
                result = self.wrap(result)
        except StopIteration as exc:
            # A future cannot carry it: whoever waits would wait for ever.
            error = RuntimeError(f"{self.function!r} raised StopIteration")
            error.__cause__ = exc
        except BaseException as exc:
            error = exc
        # Before anyone has the outcome: what it was called with lives no longer than its users.
        del self.function, self.args, self.kwargs
        try:
            self._hand_over(future, result, error)
        finally:
            # The error's traceback holds this frame: without this, frame, future and error would
            # keep each other alive until the garbage collector comes.
            del future, error
        return None

    def fail(self, error: BaseException) -> None:
        """Give whoever waits `error` instead of an outcome: there is no worker for the call."""
        self._hand_over(self.future, None, error)

    def _hand_over(
        self, future: OperationFuture[Any], result: Any, error: BaseException | None
    ) -> None:
        if future.cancelled():
            self.drop(result, error)
        else:
            self.completions.add(self, result, error, future.get_loop())

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


class SerialQueue:
    """Runs calls one after the other, in the order they come, on whichever workers are free.

    PyMongo's cursors, change streams and sessions must not be used by two threads at once, but two
    tasks may well use one at the same time, if only because one of them was cancelled and its
    operation still runs.
    """

    __slots__ = ("_busy", "_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: deque[tuple[WorkerPool, Call]] = deque()

    @property
    def busy(self) -> bool:
        """Whether a call is running or about to."""
        return self._busy

    def submit(self, pool: WorkerPool, call: Call) -> None:
        """Run `call` on a worker of `pool` when those before it have ended."""
        with self._lock:
            if self._busy:
                self._waiting.append((pool, call))
                return
            self._busy = True
        try:
            pool.submit(_Series(self, pool, call))
        except BaseException:
            self.go_on()
            raise

    def follow(self) -> tuple[WorkerPool, Call] | None:
        """The next call, which begins now, and where; None when there is none."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._busy = False
            return None

    def go_on(self) -> None:
        """Begin the next call on another worker."""
        following = self.follow()
        while following is not None:
            pool, call = following
            try:
                pool.submit(_Series(self, pool, call))
                return
            except RuntimeError as error:
                call.fail(error)
            following = self.follow()


class _Series:
    """The job of running a queue's calls, from one of them on as far as they belong to one pool."""

    __slots__ = ("_call", "_pool", "_queue")

    def __init__(self, queue: SerialQueue, pool: WorkerPool, call: Call) -> None:
        self._queue = queue
        self._pool = pool
        self._call: Call | None = call

    def __call__(self) -> object:
        while self._call is not None:
            try:
                if self._call() is AGAIN:
                    return AGAIN
            except BaseException:
                self._queue.go_on()
                raise
            # Its arguments must not outlive it.
            self._call = None
            following = self._queue.follow()
            if following is None:
                return None
            pool, call = following
            if pool is self._pool:
                self._call = call
            else:
                self._hand_over(pool, call)
        return None

    def _hand_over(self, pool: WorkerPool, call: Call) -> None:
        try:
            pool.submit(_Series(self._queue, pool, call))
        except RuntimeError as error:
            call.fail(error)
            self._queue.go_on()


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
    """
    future: OperationFuture[T] = OperationFuture(loop=loop)
    call = Call(future, function, args, kwargs or {}, _completions_of(loop), wrap, discard)
    if queue is None:
        pool.submit(call)
    else:
        queue.submit(pool, call)
    return future
