"""Reading a whole collection, with different consumers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmark.dataset import COLLECTIONS
from benchmark.worker.workload import Workload

#: How many documents a busy reader by `to_list` takes at a time.
PIECE = 1000
#: After how many documents a polite consumer lets the event loop run.
POLITE = 100


def spin(turns: int) -> None:
    """Keep the processor busy for a number of turns, not a time, so that the work is the same."""
    for _ in range(turns):
        pass


def turns_for(seconds: float) -> int:
    """How many turns take this time on this machine."""
    turns, fastest = 1000, float("inf")
    for _ in range(2000):
        start = time.perf_counter()
        spin(turns)
        fastest = min(fastest, time.perf_counter() - start)
    return max(1, round(turns * seconds / fastest))


class Reading(Workload):
    """All of `collection`, by `way`, with `batch_size`, for a `consumer`.

    The consumer is "idle" (does nothing), "busy" (`turns` a document; 5 microseconds or so) or
    "polite" (busy, and gives way to the event loop now and then). The first two never await.
    """

    async def run_async(self) -> float:
        way, consumer = self.params["way"], self.params["consumer"]
        return self._checked(await getattr(self, f"_{way}_{consumer}")(self._cursor()))

    def run_sync(self) -> float:
        turns = self.params["turns"] if self.params["consumer"] != "idle" else 0
        cursor = self._cursor()
        if self.params["way"] == "to_list":
            if not turns:
                return self._checked(len(cursor.to_list()))
            return self._checked(self._to_list_sync(cursor, turns))
        count = 0
        for _ in cursor:
            count += 1
            if turns:
                spin(turns)
        return self._checked(count)

    def _cursor(self) -> Any:
        collection = self.database[self.params["collection"]]
        return collection.find({}, batch_size=self.params["batch_size"] or 0)

    def _checked(self, count: int) -> float:
        expected = COLLECTIONS[self.params["collection"]]
        if count != expected:
            raise AssertionError(f"read {count} documents, but there are {expected}")
        return count

    # One function for each way, so that none pays for a condition of another.

    async def _async_for_idle(self, cursor: Any) -> int:
        count = 0
        async for _ in cursor:
            count += 1
        return count

    async def _async_for_busy(self, cursor: Any) -> int:
        count, turns = 0, self.params["turns"]
        async for _ in cursor:
            count += 1
            spin(turns)
        return count

    async def _async_for_polite(self, cursor: Any) -> int:
        count, turns = 0, self.params["turns"]
        async for _ in cursor:
            count += 1
            spin(turns)
            if count % POLITE == 0:
                await asyncio.sleep(0)
        return count

    async def _to_list_idle(self, cursor: Any) -> int:
        return len(await cursor.to_list(None))

    async def _to_list_busy(self, cursor: Any) -> int:
        count, turns = 0, self.params["turns"]
        while documents := await cursor.to_list(PIECE):
            for _ in documents:
                count += 1
                spin(turns)
        return count

    def _to_list_sync(self, cursor: Any, turns: int) -> int:
        count = 0
        while documents := cursor.to_list(PIECE):
            for _ in documents:
                count += 1
                spin(turns)
        return count
