"""A workload, and how tasks or threads run it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.dataset import DATABASE
from benchmark.worker.adapters import MotorAdapter


@dataclass
class Setting:
    """Where a workload runs: the driver, the server, and the parameters of the case."""

    name: str
    adapter: MotorAdapter
    uri: str
    params: dict[str, Any]


#: A warm-up's share of the operations of a round.
WARM_UP = 0.25


class Workload:
    """Work to be measured. `open` and `close` once, around rounds of `prepare`, `run`, `clean`.

    Only `run` is measured. It is the same work for every driver, done by a coroutine
    (`run_async`) or, with PyMongo's synchronous client, by threads (`run_sync`).
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.params = setting.params
        self.adapter = setting.adapter
        #: The most threads that `run_sync` had.
        self.threads = 0
        self.client: Any = None

    async def open(self) -> dict[str, Any]:
        """Get ready for rounds. The result goes to the harness."""
        self.make_client()
        return {}

    def make_client(self, front: str = "asyncio") -> None:
        # The harness finds the client's connections on the server by this name.
        self.client = self.adapter.client(self.setting.uri, front, appName=self.setting.name)
        self.database = self.client[DATABASE]

    async def prepare(self) -> None:
        """Prepare the next round."""

    async def warm_up(self) -> None:
        """Do some of the work, to open connections and warm up the interpreter."""
        await self.prepare()
        await self.run()
        await self.clean()

    async def run(self) -> float:
        """Do the work. Returns how many operations, documents or megabytes it was."""
        if self.adapter.asynchronous:
            return await self.run_async()
        return self.run_sync()

    async def run_async(self) -> float:
        raise NotImplementedError

    def run_sync(self) -> float:
        raise NotImplementedError

    async def clean(self) -> None:
        """Clean up after the round."""

    async def close(self) -> None:
        if self.client is not None:
            await self.adapter.close(self.client)

    async def settle(self, result: Any) -> Any:
        """The result of an operation of any driver, outside of `run`."""
        return await result if self.adapter.asynchronous else result


class CountedWorkload(Workload):
    """A workload of `count` operations, by `tasks` at once."""

    async def open(self) -> dict[str, Any]:
        self.count = self.params["count"]
        return {}

    async def warm_up(self) -> None:
        # As many at once as in a round, but fewer in total.
        self.count = max(self.params["tasks"], int(self.params["count"] * WARM_UP))
        await super().warm_up()
        self.count = self.params["count"]


async def in_tasks(tasks: int, count: int, operate: Callable[[int], Any]) -> None:
    """Await `operate` `count` times, in several tasks at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await operate(number)

    await asyncio.gather(*(work() for _ in range(tasks)))


def in_threads(threads: int, count: int, operate: Callable[[int], Any]) -> int:
    """Call `operate` `count` times, in several threads at once. Returns how many were alive."""
    numbers = iter(range(count))
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for number in numbers:
                operate(number)
        except BaseException as error:
            errors.append(error)

    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    alive = threading.active_count()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
    return alive
