"""Writing many documents with one call."""

from __future__ import annotations

from benchmark.dataset import small_document
from benchmark.worker.workload import Workload


class InsertMany(Workload):
    """One `insert_many` of `count` documents."""

    async def prepare(self) -> None:
        # New documents each time, because an insert adds the `_id`.
        self.documents = [small_document(number) for number in range(self.params["count"])]

    async def run_async(self) -> float:
        return len((await self._collection().insert_many(self.documents)).inserted_ids)

    def run_sync(self) -> float:
        return len(self._collection().insert_many(self.documents).inserted_ids)

    async def clean(self) -> None:
        self.documents = []
        await self.settle(self._collection().drop())

    def _collection(self):
        return self.database[f"inserted_{self.setting.name}"]
