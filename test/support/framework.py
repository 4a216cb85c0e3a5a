"""One test body for asyncio and Tornado, and for the other loops that asyncio may have."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import time
from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any

from support.wait import PATIENCE

_MODULES = {
    "asyncio": ("motor.motor_asyncio", "AsyncIOMotor"),
    "tornado": ("motor.motor_tornado", "Motor"),
}

try:
    import uvloop
except ImportError:
    uvloop = None

#: What asyncio may be replaced or changed by, and why it is not there.
VARIANTS = {
    "eager": None if sys.version_info >= (3, 12) else "eager tasks came with Python 3.12",
    "uvloop": None if uvloop is not None else "uvloop is not installed",
}


def class_names() -> list[str]:
    """The names of a front's classes, without its prefix: both fronts have the same."""
    from motor import motor_asyncio

    prefix = _MODULES["asyncio"][1]
    # What is in `vars` depends on what was asked for.
    return [
        name.removeprefix(prefix)
        for name in dir(motor_asyncio)
        if name.startswith(prefix) and isinstance(getattr(motor_asyncio, name), type)
    ]


class Framework:
    """asyncio's or Tornado's half of Motor, and a way to run coroutines on it.

    `framework.Client` is `AsyncIOMotorClient` or `MotorClient`; every other class of the front
    likewise by its name without the prefix.
    """

    names = tuple(_MODULES)

    def __init__(self, name: str) -> None:
        #: One of `VARIANTS`, or None for asyncio's own loop and Tornado's.
        self.variant = name if name in VARIANTS else None
        self.name = name = "asyncio" if self.variant else name
        self._module_name, self._prefix = _MODULES[name]
        self.loop_errors: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"<{self.variant or self.name}>"

    @cached_property
    def module(self) -> ModuleType:
        return importlib.import_module(self._module_name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.module, self._prefix + name)

    def new_loop(self) -> Any:
        """Return a new loop as the framework's users know it; closing it is the caller's part."""
        if self.name == "asyncio":
            return self._new_asyncio_loop()
        from tornado.ioloop import IOLoop

        return IOLoop(make_current=False)

    def _new_asyncio_loop(self) -> asyncio.AbstractEventLoop:
        if self.variant == "uvloop":
            return uvloop.new_event_loop()
        loop = asyncio.new_event_loop()
        if self.variant == "eager":
            loop.set_task_factory(asyncio.eager_task_factory)
        return loop

    def current_loop(self) -> Any:
        """Return the running loop as the framework's users know it."""
        if self.name == "asyncio":
            return asyncio.get_running_loop()
        from tornado.ioloop import IOLoop

        return IOLoop.current()

    def run(self, main: Any, *args: Any, timeout: float = PATIENCE) -> Any:
        """Run `main` to its end on a fresh loop, close the loop, and return the result.

        `main` is a coroutine, or a function that returns one or (Tornado's) a future. A task left
        pending is an error; so is, at the end of the test, every error that the loop has reported.
        """
        if self.name == "asyncio":
            supervised = self._supervise(main, args, timeout)
            if self.variant is None:
                return asyncio.run(supervised, debug=False)
            with asyncio.Runner(debug=False, loop_factory=self._new_asyncio_loop) as runner:
                return runner.run(supervised)
        return self._run_on_ioloop(self._supervise(main, args, timeout))

    def _run_on_ioloop(self, coroutine: Any) -> Any:
        loop = self.new_loop()
        loop.asyncio_loop.set_debug(False)
        try:
            return loop.run_sync(lambda: coroutine)
        finally:
            # run_sync leaves to its callers what asyncio.run does at the end.
            loop.asyncio_loop.run_until_complete(loop.asyncio_loop.shutdown_asyncgens())
            loop.close(all_fds=True)

    async def _supervise(self, main: Any, args: tuple[Any, ...], timeout: float) -> Any:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: self.loop_errors.append(context)
        )
        async with asyncio.timeout(timeout):
            result = await (main if inspect.iscoroutine(main) else main(*args))
        await no_pending_tasks()
        return result


def run_plainly(function: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
    """Run an `async def` test that uses no framework."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE):
            await function(**kwargs)
        await no_pending_tasks()

    return asyncio.run(main(), debug=False)


async def no_pending_tasks(timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while pending := asyncio.all_tasks() - {asyncio.current_task()}:
        if time.monotonic() > deadline:
            raise AssertionError(f"the test left tasks pending: {pending}")
        await asyncio.sleep(0.001)
