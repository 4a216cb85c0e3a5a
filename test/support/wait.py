"""Wait for a thing, not for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

#: Seconds after which what is waited for has failed to come, on a machine with much else to do too.
PATIENCE = 120.0

_POLL_SECONDS = 0.005


def wait_until(predicate: Callable[[], Any], timeout: float = PATIENCE, what: str = "") -> Any:
    """Poll until `predicate()` is true, and return its value; AssertionError after `timeout` s."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(_message(predicate, timeout, what))
        time.sleep(_POLL_SECONDS)
    return value


async def async_wait_until(
    predicate: Callable[[], Any], timeout: float = PATIENCE, what: str = ""
) -> Any:
    """Like `wait_until` with the loop running meanwhile; `predicate` may return an awaitable."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(_message(predicate, timeout, what))
        await asyncio.sleep(_POLL_SECONDS)


def _message(predicate: Callable[[], Any], timeout: float, what: str) -> str:
    return f"waited {timeout} s without success until {what or predicate.__qualname__}"
