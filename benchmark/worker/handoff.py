"""The way to a worker thread and back, with nothing to do there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from benchmark.worker.adapters import ExecutorAdapter
from benchmark.worker.workload import CountedWorkload, in_tasks


def nothing() -> None:
    """What is handed over."""


class HandOff(CountedWorkload):
    """`count` times nothing, by `tasks` at once."""

    async def open(self) -> dict[str, Any]:
        await super().open()
        executor = isinstance(self.adapter, ExecutorAdapter)
        self.operate = _by_run_in_executor() if executor else _by_motor()
        return {}

    async def run_async(self) -> float:
        await in_tasks(self.params["tasks"], self.count, self.operate)
        return self.count


def _by_motor() -> Callable[[int], Any]:
    from motor.executor import default_pool
    from motor.operation import submit

    pool, loop = default_pool(), asyncio.get_running_loop()
    return lambda _: submit(pool, loop, nothing)


def _by_run_in_executor() -> Callable[[int], Any]:
    loop = asyncio.get_running_loop()
    return lambda _: loop.run_in_executor(None, nothing)
