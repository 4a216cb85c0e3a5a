"""One call: a blocking function, on its way to a worker and back."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from motor.execution.completions import deliver
from motor.execution.future import OperationFuture
from motor.execution.jobs import Pool
from motor.execution.serial_queue import SerialQueue

__all__ = ["AGAIN", "Call", "Caller", "submit"]

T = TypeVar("T")

#: A function returns this to be called again, after the other calls that wait.
AGAIN = object()

HandOver = Callable[[asyncio.Future[Any], Any, BaseException | None], None]

_NO_KEYWORDS: Mapping[str, Any] = {}


class Caller(Protocol):
    """The object whose method was called: it knows how outcomes are presented."""

    def _wrap(self, value: Any) -> Any:
        """Turn the function's result, on the worker, into the future's."""

    def _explain(
        self,
        error: BaseException,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        future: OperationFuture[Any],
    ) -> BaseException:
        """Tell the future, on the worker, what it was that failed. Returns its error."""


class Call:
    """A function with its arguments, the context to run it in, and the future of its outcome."""

    delivers_to_others = False

    __slots__ = (
        "args",
        "caller",
        "context",
        "error",
        "function",
        "future",
        "hand_over",
        "kwargs",
        "queued_at",
        "result",
    )

    def __init__(
        self,
        future: asyncio.Future[Any],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        caller: Caller | None,
    ) -> None:
        self.queued_at: float = 0.0
        self.future: Any = future
        self.function: Any = function
        self.args: tuple[Any, ...] = args
        self.kwargs: Mapping[str, Any] = kwargs
        self.context: contextvars.Context = contextvars.copy_context()
        self.caller = caller
        self.result: Any = None
        self.error: BaseException | None = None
        #: What resolves the future, if not `deliver`.
        self.hand_over: HandOver | None = None

    def run(self) -> bool:
        """Run on a worker. If the caller has cancelled the call by now, it is never sent."""
        if not self.future.cancelled():
            try:
                result = self.context.run(self.function, *self.args, **self.kwargs)
                if result is AGAIN and not self.future.get_loop().is_closed():
                    return True
                self.result = result if self.caller is None else self.caller._wrap(result)
            except (GeneratorExit, StopIteration) as error:
                # A future cannot carry it: the coroutine that awaits it would end.
                raised = type(error).__name__
                self.error = RuntimeError(f"{self.function!r} raised {raised}")
                self.error.__cause__ = error
            except BaseException as error:
                self.error = error
                if self.caller is not None:
                    call = (self.function, self.args, self.kwargs)
                    self.error = self.caller._explain(error, *call, self.future)
        # The arguments must not live longer than the call.
        self.function = self.context = self.caller = None  # type: ignore[assignment]
        self.args, self.kwargs = (), _NO_KEYWORDS
        return False

    def deliver(self) -> None:
        """Send the outcome to the future's loop."""
        future, result, error = self.future, self.result, self.error
        # The error's traceback refers to this call.
        self.future = self.result = self.error = None
        (self.hand_over or deliver)(future, result, error)

    def fail(self, error: BaseException) -> None:
        """Deliver `error` instead of an outcome: there is no worker for the call."""
        self.error = error
        self.deliver()


def submit(
    pool: Pool,
    loop: asyncio.AbstractEventLoop,
    function: Callable[..., T],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] = _NO_KEYWORDS,
    *,
    queue: SerialQueue | None = None,
    caller: Caller | None = None,
) -> OperationFuture[T]:
    """Run ``function(*args, **kwargs)`` on a worker. Returns its future at once.

    - `pool`: the workers
    - `loop`: the asyncio event loop that the future belongs to
    - `function`: runs in a copy of the caller's context. When it returns `AGAIN`, it is called
      again after the others that wait, unless the future was cancelled or the loop closed
    - `queue`: calls that this one must wait for
    - `caller`: presents the outcome; None: it is the function's

    Raises RuntimeError when the pool can run nothing more.
    """
    future: OperationFuture[T] = OperationFuture(loop=loop)
    call = Call(future, function, args, kwargs, caller)
    if queue is None:
        pool.add(call)
    else:
        queue.add(pool, call)
    return future
