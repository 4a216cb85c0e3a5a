"""Small operations, by few or many tasks at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmark.dataset import COLLECTIONS, small_document
from benchmark.worker.workload import CountedWorkload, in_tasks, in_threads

#: The numbers of threads that are tried for the synchronous client, to find the best.
THREADS = (1, 2, 3, 4, 6, 10)

#: How many documents a list has.
LIST = 10


class SmallOperations(CountedWorkload):
    """The `operation`, `count` times, by `tasks` at once."""

    async def open(self) -> dict[str, Any]:
        await super().open()
        self.make_client()
        self.operate: Callable[[int], Any] = getattr(self, "_" + self.params["operation"])()
        if self.adapter.asynchronous:
            return {}
        return {"best_threads": self._choose_threads()}

    async def run_async(self) -> float:
        await in_tasks(self.params["tasks"], self.count, self.operate)
        return self.count

    def run_sync(self) -> float:
        self.threads = in_threads(self.best_threads, self.count, self.operate)
        return self.count

    async def close(self) -> None:
        if self.params["operation"] == "insert_one":
            await self.settle(self._own().drop())
        await super().close()

    def _choose_threads(self) -> int:
        tasks, count = self.params["tasks"], max(100, self.params["count"] // 4)
        taken = {}
        for threads in THREADS:
            if threads <= tasks:
                start = time.perf_counter()
                in_threads(threads, count, self.operate)
                taken[threads] = time.perf_counter() - start
        self.best_threads = min(taken, key=lambda threads: taken[threads])
        return self.best_threads

    # The operations: each returns a function of a number.

    def _find_one(self) -> Callable[[int], Any]:
        collection, size = self.database["few"], COLLECTIONS["few"]
        return lambda number: collection.find_one({"_id": number % size})

    def _find(self) -> Callable[[int], Any]:
        collection, size = self.database["few"], COLLECTIONS["few"] - LIST

        def operate(number: int) -> Any:
            found = collection.find({"_id": {"$gte": number % size}}, limit=LIST)
            return found.to_list(None)

        return operate

    def _update_one(self) -> Callable[[int], Any]:
        collection, size = self.database["few"], COLLECTIONS["few"]
        return lambda number: collection.update_one({"_id": number % size}, {"$inc": {"count": 1}})

    def _insert_one(self) -> Callable[[int], Any]:
        collection = self._own()
        return lambda number: collection.insert_one(small_document(number))

    def _ping(self) -> Callable[[int], Any]:
        admin = self.client["admin"]
        return lambda _: admin.command("ping")

    def _own(self) -> Any:
        return self.database[f"inserted_{self.setting.name}"]
