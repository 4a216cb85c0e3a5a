"""Which event loop a call belongs to if none runs in its thread."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from motor.execution.deferred import DeferredOperation, start_on

__all__ = ["needs_loop"]

F = TypeVar("F", bound=Callable[..., Any])


def needs_loop(method: F) -> F:
    """Let a method that starts an operation be called where no event loop runs.

    If its client uses a loop in another thread, the operation starts there. If a loop is set for
    this thread, it starts at once. Otherwise it starts when a loop takes it.

    A method that takes a `name` first starts operations for the method of that name.
    """
    for_others = list(inspect.signature(method).parameters)[1:2] == ["name"]

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loop = self._loop_elsewhere()
            if loop is None:
                name = args[0] if for_others else method.__name__
                what = f"{type(self).__name__}.{name}"
                return DeferredOperation(partial(method, self, *args, **kwargs), what)
            if loop.is_running():
                return start_on(loop, partial(method, self, *args, **kwargs))
        return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]
