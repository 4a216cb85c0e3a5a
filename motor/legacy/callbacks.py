"""``callback(result, error)``: how results came before there were futures, on Tornado."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from motor.core.errors import CallbackRefused

__all__ = ["Callback", "check_callback", "deliver"]

#: Takes the result and the error, of which one is None.
Callback = Callable[[Any, BaseException | None], object]


def check_callback(owner: Any, callback: Any) -> None:
    """Raise CallbackRefused or TypeError unless `callback` is None or can be a callback.

    - `owner`: the Motor object whose method got it
    """
    if callback is None:
        return
    if owner._framework.CLASS_PREFIX:
        raise CallbackRefused(
            "Motor with asyncio prohibits callbacks: await the future that the method returns"
        )
    if not callable(callback):
        raise TypeError(f"callback must be a callable, not {callback!r}")


def deliver(future: asyncio.Future[Any], callback: Callback) -> None:
    """Call ``callback(result, error)`` on the future's loop when it is done."""
    future.add_done_callback(partial(_call, callback))


def _call(callback: Callback, future: asyncio.Future[Any]) -> None:
    error = asyncio.CancelledError() if future.cancelled() else future.exception()
    if error is not None:
        callback(None, error)
    else:
        callback(future.result(), None)
