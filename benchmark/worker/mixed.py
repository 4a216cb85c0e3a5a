"""Reads and writes of one program, beside input and output that is none of the driver's."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from benchmark.dataset import COLLECTIONS, small_document
from benchmark.worker.adapters import Unavailable
from benchmark.worker.echo import EchoServer
from benchmark.worker.workload import CountedWorkload

#: What is sent to the other server, and comes back.
LINE = b"x" * 1000 + b"\n"


class Mixed(CountedWorkload):
    """`count` times, by `tasks` at once: read a document, ask another server, replace a document.

    Each task has a connection of its own to the other server.
    """

    async def open(self) -> dict[str, Any]:
        await super().open()
        if not self.adapter.asynchronous:
            raise Unavailable("needs an event loop")
        self.make_client()
        self.own = self.database[f"mixed_{self.setting.name}"]
        self.server = EchoServer()
        return {}

    async def run_async(self) -> float:
        numbers = iter(range(self.count))
        await asyncio.gather(*(self._work(numbers) for _ in range(self.params["tasks"])))
        return self.count

    async def _work(self, numbers: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        few, size = self.database["few"], COLLECTIONS["few"]
        for number in numbers:
            await few.find_one({"_id": number % size})
            writer.write(LINE)
            await reader.readline()
            document = small_document(number) | {"_id": number % size}
            await self.own.replace_one({"_id": document["_id"]}, document, upsert=True)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def close(self) -> None:
        if self.client is not None:
            await self.settle(self.own.drop())
            self.server.stop()
        await super().close()
