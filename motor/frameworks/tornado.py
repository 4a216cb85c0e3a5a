"""Tornado, as Motor's classes see it. Its loops run on asyncio's, and its futures are asyncio's."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

from tornado import gen, ioloop
from tornado import version as tornado_version

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
    "tornado_version",
    "yieldable",
]

CLASS_PREFIX = ""

#: The module that users import, where the classes of this framework are.
FRONT = "motor.motor_tornado"

coroutine: Callable[[Callable[..., Any]], Callable[..., Any]] = gen.coroutine


def get_event_loop() -> ioloop.IOLoop:
    """The IOLoop that runs now, or else the one that is set for this thread.

    Raises RuntimeError when there is neither.
    """
    # Tornado would make a loop that does not run.
    current_asyncio_loop()
    return ioloop.IOLoop.current()


def is_event_loop(loop: object) -> bool:
    """Whether `loop` is a Tornado IOLoop."""
    return isinstance(loop, ioloop.IOLoop)


def check_event_loop(loop: object) -> None:
    """Raise TypeError unless `loop` is a Tornado IOLoop."""
    if not is_event_loop(loop):
        raise TypeError(f"io_loop must be instance of IOLoop, not {type(loop)}")


def asyncio_loop(loop: Any) -> asyncio.AbstractEventLoop:
    """The asyncio loop that the IOLoop `loop` runs on."""
    found: asyncio.AbstractEventLoop = loop.asyncio_loop
    return found


def framework_loop(loop: asyncio.AbstractEventLoop) -> ioloop.IOLoop:
    """The IOLoop on the asyncio `loop`, which runs here."""
    return ioloop.IOLoop.current()


def call_soon(
    loop: ioloop.IOLoop, callback: Callable[..., object], *args: Any, **kwargs: Any
) -> None:
    """Call ``callback(*args, **kwargs)`` on the next turn of `loop`."""
    loop.add_callback(callback, *args, **kwargs)


def yieldable(future: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """`future` itself. Deprecated: yield the future."""
    warnings.warn(
        "The yieldable function is deprecated: yield the future instead.",
        DeprecationWarning,
        stacklevel=2,
    )
    return future


def platform_info() -> str:
    """The framework's name and version, as the server's log shows it."""
    return f"Tornado {tornado_version}"
