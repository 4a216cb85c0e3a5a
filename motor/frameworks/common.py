"""What the framework modules share: both work with asyncio's futures.

Motor itself needs little of this. The functions are for packages that make classes of their own
with `motor.metaprogramming`, as in Motor 3.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from motor.execution.call import submit
from motor.execution.default import default_executor

T = TypeVar("T")

NO_LOOP = (
    "There is no event loop here. Motor works on asyncio and Tornado (and with anyio on asyncio): "
    "call this from a coroutine of theirs, or set an event loop for this thread first, or give the "
    "client an io_loop."
)


def loop_is_set() -> bool:
    """Whether an event loop was set for this thread. Asking makes none."""
    if sys.version_info >= (3, 14):
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            return False
        return True
    # Before that, `get_event_loop` makes one for a main thread without one; the policy knows.
    local = getattr(asyncio.get_event_loop_policy(), "_local", None)
    return local is None or getattr(local, "_loop", None) is not None


def current_asyncio_loop() -> asyncio.AbstractEventLoop:
    """The asyncio loop that runs now, or else the one that is set for this thread.

    Raises RuntimeError when there is neither.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    try:
        # Before Python 3.14, asyncio makes a loop for a main thread that never had one, and may
        # warn about it. Silencing the warning for a moment would silence other threads, too.
        return asyncio.get_event_loop()
    except (RuntimeError, DeprecationWarning):
        raise RuntimeError(NO_LOOP) from None


def run_on_executor(
    loop: Any, fn: Callable[..., T], *args: Any, **kwargs: Any
) -> asyncio.Future[T]:
    """Run a blocking function on Motor's pool; its future belongs to the asyncio `loop`."""
    return submit(default_executor(), getattr(loop, "asyncio_loop", loop), fn, args, kwargs)


def get_future(loop: Any) -> asyncio.Future[Any]:
    """A new future of `loop`, not resolved."""
    return asyncio.Future(loop=getattr(loop, "asyncio_loop", loop))


def is_future(f: object) -> bool:
    """Whether `f` is a future that Motor could have returned."""
    return isinstance(f, asyncio.Future)


def chain_future(a: asyncio.Future[Any], b: asyncio.Future[Any]) -> None:
    """Give the future `b` the outcome of `a`, when it comes, unless `b` has one."""
    a.add_done_callback(lambda done: _copy_outcome(done, b, lambda: done.result()))


def chain_return_value(
    future: asyncio.Future[Any], loop: Any, return_value: Any
) -> asyncio.Future[Any]:
    """A future that resolves to `return_value` when `future` has succeeded."""
    chained = get_future(loop)
    future.add_done_callback(lambda done: _copy_outcome(done, chained, lambda: return_value))
    return chained


def _copy_outcome(
    done: asyncio.Future[Any], other: asyncio.Future[Any], result: Callable[[], Any]
) -> None:
    if other.done():
        return
    if done.cancelled():
        other.cancel()
        return
    error = done.exception()
    if error is None:
        other.set_result(result())
    else:
        other.set_exception(error)


def add_future(
    loop: Any, future: asyncio.Future[Any], callback: Callable[..., object], *args: Any
) -> None:
    """Call ``callback(*args, future)`` when `future` is done."""
    future.add_done_callback(lambda done: callback(*args, done))


def pymongo_class_wrapper(f: Callable[..., Any], pymongo_class: type) -> Callable[..., Any]:
    """A coroutine function that awaits `f` and wraps its result if it is a `pymongo_class`."""

    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await f(self, *args, **kwargs)
        return self.wrap(result) if isinstance(result, pymongo_class) else result

    wrapped.__name__ = f.__name__
    wrapped.__doc__ = f.__doc__
    return wrapped
