"""For the tests of the accelerator `greenlets`. Needs greenlet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.monitoring import CommandListener

from motor.accelerators.greenlets.calls import GreenletCall, current_call

__all__ = ["SLOW", "Where", "chosen", "client", "heartbeat", "in_threads", "where"]

#: A query that takes its time.
SLOW = {"$where": "sleep(200) || true"}


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTOR_ACCELERATORS", "all,greenlets")


class Where(CommandListener):
    """Records which commands begin in greenlets: `where.inline` and `where.on_workers`."""

    def __init__(self, function: Callable[[], object] = lambda: None) -> None:
        self.inline: list[str] = []
        self.on_workers: list[str] = []
        self.function = function

    def started(self, event: Any) -> None:
        if current_call() is None:
            self.on_workers.append(event.command_name)
            return
        self.inline.append(event.command_name)
        self.function()

    def succeeded(self, event: Any) -> None:
        pass

    failed = succeeded

    def take(self) -> tuple[list[str], list[str]]:
        """What there was since the last time."""
        found = self.inline, self.on_workers
        self.inline, self.on_workers = [], []
        return found


@pytest.fixture
def where() -> Where:
    return Where()


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The functions that greenlets have run on another thread."""
    functions: list[Any] = []
    run_in_thread = GreenletCall.run_in_thread

    def spy(self: GreenletCall, function: Any) -> Any:
        functions.append(function)
        return run_in_thread(self, function)

    monkeypatch.setattr(GreenletCall, "run_in_thread", spy)
    return functions


@pytest.fixture
def client(client_factory: Any, where: Where) -> Any:
    return client_factory(event_listeners=[where])


@contextmanager
def heartbeat() -> Iterator[list[int]]:
    """Count how often the loop comes round while the block runs."""
    beats = [0]

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.001)
            beats[0] += 1

    task = asyncio.ensure_future(beat())
    try:
        yield beats
    finally:
        task.cancel()
