"""asyncio, as Motor's classes see it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from motor.frameworks.common import (
    add_future,
    chain_future,
    chain_return_value,
    current_asyncio_loop,
    get_future,
    is_future,
    pymongo_class_wrapper,
    run_on_executor,
)

__all__ = [
    "CLASS_PREFIX",
    "FRONT",
    "add_future",
    "asyncio_loop",
    "call_soon",
    "chain_future",
    "chain_return_value",
    "check_event_loop",
    "coroutine",
    "framework_loop",
    "get_event_loop",
    "get_future",
    "is_event_loop",
    "is_future",
    "platform_info",
    "pymongo_class_wrapper",
    "run_on_executor",
    "yieldable",
]

CLASS_PREFIX = "AsyncIO"

#: The module that users import, where the classes of this framework are.
FRONT = "motor.motor_asyncio"

get_event_loop = current_asyncio_loop


def is_event_loop(loop: object) -> bool:
    """Whether `loop` is an asyncio event loop, uvloop's included."""
    return isinstance(loop, asyncio.AbstractEventLoop)


def check_event_loop(loop: object) -> None:
    """Raise TypeError unless `loop` is an asyncio event loop."""
    if not is_event_loop(loop):
        raise TypeError(
            f"io_loop must be instance of asyncio-compatible event loop, not {type(loop)}"
        )


def asyncio_loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """`loop` itself."""
    return loop


def framework_loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """`loop` itself, which runs here."""
    return loop


def call_soon(
    loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any, **kwargs: Any
) -> None:
    """Call ``callback(*args, **kwargs)`` on the next turn of `loop`."""
    if kwargs:
        loop.call_soon(lambda: callback(*args, **kwargs))
    else:
        loop.call_soon(callback, *args)


def coroutine(f: Callable[..., Any]) -> Callable[..., NoReturn]:
    """Refuse: generator-based coroutines left asyncio with Python 3.11."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            f"{f!r} is a generator-based coroutine, which asyncio no longer runs: declare it with "
            "'async def' and replace 'yield from' with 'await'."
        )

    return refuse


def yieldable(future: asyncio.Future[Any]) -> Any:
    """What a generator-based coroutine yields to wait for `future`. Deprecated: await it."""
    warnings.warn(
        "The yieldable function is deprecated: await the future instead.",
        DeprecationWarning,
        stacklevel=2,
    )
    return next(iter(future))


def platform_info() -> str:
    """The framework's name, as the server's log shows it."""
    return "asyncio"
