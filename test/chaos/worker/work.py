"""What all kinds of work share: a client and its database, and how to try one operation."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pymongo
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from chaos.worker.adapters import Motor
from chaos.worker.journal import Journal

#: Seconds within which an operation that takes none of the short ways has to end.
PATIENCE = 10.0
_MOMENTS = (0.0, 0.0005, 0.002, 0.005, 0.02, 0.1, 0.5)
_TEXT = 300


@dataclass
class Outcome:
    """How an operation ended: `known` if with a result, and not with an error."""

    known: bool
    value: Any = None


@dataclass
class Work:
    """Where work is done: one client on one loop.

    - `pace`: seconds between two operations of one worker, in the mean
    - `promise`: seconds within which the client's options promise an end, without `pymongo.timeout`
    """

    place: str
    framework: str
    adapter: Motor
    client: Any
    db: Any
    journal: Journal
    rng: random.Random
    pace: float
    promise: float
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def await_ms(self) -> int:
        """How long (in ms) the server may wait for data, the longer the slower the pace."""
        return int(min(1500 * self.pace, 2000))

    async def rest(self) -> None:
        """Wait a moment before the next operation."""
        await asyncio.sleep(self.rng.uniform(0, 2 * self.pace))

    async def attempt(
        self,
        kind: str,
        call: Callable[[], Awaitable[Any]],
        patience: float = PATIENCE,
        hurry: float = 0.25,
        tidies: bool = False,
        **fields: Any,
    ) -> Outcome:
        """Try an operation in one of the ways in which users limit them, and write down the end.

        `call` begins it. `patience` is how long it may take where it is not hurried, and `hurry`
        how often it is; `tidies` says that it sends something more when it is given up, such as
        the end of a transaction. `fields` go into the journal.
        """
        way, seconds = self._way(patience, hurry)
        begun = time.monotonic()
        promise = self.promise if way == "plain" else seconds
        if tidies and way != "plain":
            # A call that was given up comes to its end, and then what tidies up after it.
            promise += 2 * self.promise
        try:
            value = await _limited(call, way, seconds)
        except asyncio.CancelledError:
            if way != "cancel" or self._is_cancelled():
                raise
            outcome, told = Outcome(False), {"outcome": "cancelled"}
        except Exception as error:
            outcome, told = Outcome(False), {"outcome": "error", "error": describe(error)}
        else:
            outcome, told = Outcome(True, value), {"outcome": "ok"}
        taken = round(time.monotonic() - begun, 3)
        self.journal.write(
            kind, place=self.place, way=way, seconds=taken, promise=promise, **told, **fields
        )
        return outcome

    def _way(self, patience: float, hurry: float) -> tuple[str, float]:
        if self.rng.random() >= hurry:
            return ("plain" if patience == PATIENCE else "pymongo.timeout"), patience
        way = self.rng.choice(("cancel", "wait_for", "asyncio.timeout", "pymongo.timeout"))
        seconds = self.rng.choice(_MOMENTS)
        return way, max(seconds, 0.005) if way == "pymongo.timeout" else seconds

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0


async def _limited(call: Callable[[], Awaitable[Any]], way: str, seconds: float) -> Any:
    if way == "plain":
        return await call()
    if way == "pymongo.timeout":
        with pymongo.timeout(seconds):
            return await call()
    if way == "wait_for":
        return await asyncio.wait_for(call(), seconds)
    if way == "asyncio.timeout":
        async with asyncio.timeout(seconds):
            return await call()
    task = asyncio.ensure_future(call())
    await asyncio.wait([task], timeout=seconds)
    task.cancel()
    return await task


def describe(error: BaseException) -> dict[str, Any]:
    """An error as the journal has it."""
    told: dict[str, Any] = {
        "class": f"{type(error).__module__}.{type(error).__qualname__}",
        "documented": isinstance(error, (PyMongoError, TimeoutError)),
        "text": str(error)[:_TEXT],
    }
    if isinstance(error, OperationFailure):
        told["code"] = error.code
    if isinstance(error, BulkWriteError):
        told["errors"] = [e.get("code") for e in error.details.get("writeErrors", ())][:3]
    return told
