"""The way to a worker thread and back, with nothing to do there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pymongo.collection import Collection

from benchmark.worker.adapters import ExecutorAdapter
from benchmark.worker.workload import CountedWorkload, in_tasks


def nothing() -> None:
    """The function that is handed over."""


class IdleCollection(Collection[dict[str, Any]]):
    """A collection of PyMongo's with a method that does nothing."""

    def update_one(self, *args: Any, **kwargs: Any) -> Any:
        return None


class HandOff(CountedWorkload):
    """`count` calls that do nothing, by `tasks` at once.

    With the parameter `method`, they call a method of a Motor collection with keywords, as most
    calls of a program do.
    """

    async def open(self) -> dict[str, Any]:
        await super().open()
        if self.params.get("method"):
            # It never connects.
            self.make_client()
            self.operate = _by_method(self.database)
        else:
            executor = isinstance(self.adapter, ExecutorAdapter)
            self.operate = _by_run_in_executor() if executor else _by_motor()
        return {}

    async def run_async(self) -> float:
        await in_tasks(self.params["tasks"], self.count, self.operate)
        return self.count


def _by_motor() -> Callable[[int], Any]:
    from motor.execution.call import submit
    from motor.executor import default_executor

    pool, loop = default_executor(), asyncio.get_running_loop()
    return lambda _: submit(pool, loop, nothing)


def _by_method(database: Any) -> Callable[[int], Any]:
    collection = database.idle
    collection.delegate = IdleCollection(database.delegate, collection.name)
    found, change = {"_id": 1}, {"$set": {"x": 1}}
    return lambda _: collection.update_one(filter=found, update=change, upsert=True, comment="idle")


def _by_run_in_executor() -> Callable[[int], Any]:
    loop = asyncio.get_running_loop()
    return lambda _: loop.run_in_executor(None, nothing)
