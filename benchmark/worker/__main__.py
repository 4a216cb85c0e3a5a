"""A driver's process: takes commands from its standard input, one JSON object in each line."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.metadata
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from benchmark.mechanisms import MECHANISMS, switch_off
from benchmark.worker.adapters import ADAPTERS, Unavailable
from benchmark.worker.files import GridFiles
from benchmark.worker.handoff import HandOff
from benchmark.worker.meter import Meter, peak_memory
from benchmark.worker.mixed import Mixed
from benchmark.worker.reading import Reading, turns_for
from benchmark.worker.small import SmallOperations
from benchmark.worker.web import WebService
from benchmark.worker.workload import Setting, Workload
from benchmark.worker.writing import InsertMany

WORKLOADS: dict[str, type[Workload]] = {
    "small": SmallOperations,
    "mixed": Mixed,
    "read": Reading,
    "insert_many": InsertMany,
    "handoff": HandOff,
    "gridfs": GridFiles,
    "http": WebService,
}
PACKAGES = ("motor", "pymongo", "uvloop", "tornado", "starlette", "uvicorn")
#: How long to wait before a client's first round, until its monitors are idle.
CALM = 0.05


class Worker:
    """One driver and its current workload."""

    def __init__(self, name: str, adapter: str) -> None:
        self._name = name
        self._adapter = ADAPTERS[adapter]()
        self._workload: Workload | None = None
        self._meter: Meter | None = None

    async def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command: `do` names one of the methods below."""
        do = command.pop("do")
        try:
            return await getattr(self, f"do_{do}")(**command)
        except Unavailable as error:
            return {"unavailable": str(error)}
        except Exception:
            return {"error": traceback.format_exc()}

    async def do_describe(self) -> dict[str, Any]:
        versions = {}
        for package in PACKAGES:
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue
        return {"python": sys.version.split()[0], "packages": versions}

    async def do_calibrate(self, seconds: float) -> dict[str, Any]:
        return {"turns": turns_for(seconds)}

    async def do_open(self, workload: str, uri: str, params: dict[str, Any]) -> dict[str, Any]:
        setting = Setting(self._name, self._adapter, uri, params)
        opening = WORKLOADS[workload](setting)
        try:
            details = await opening.open()
        except BaseException:
            # It is half open: only a client may exist.
            await Workload.close(opening)
            raise
        self._workload = opening
        await asyncio.sleep(CALM)
        return details

    async def do_warm_up(self) -> dict[str, Any]:
        assert self._workload is not None
        await self._workload.warm_up()
        return {}

    async def do_round(self, heartbeat: bool, collector: bool = True) -> dict[str, Any]:
        workload = self._workload
        assert workload is not None
        await workload.prepare()
        gc.collect()
        base = peak_memory()
        meter = Meter(heartbeat and self._adapter.asynchronous, collector)
        try:
            amount = await workload.run()
        finally:
            used = meter.stop()
        await workload.clean()
        used["threads"] = max(used["threads"], workload.threads)
        return used | {"amount": amount, "peak": peak_memory(), "base": base}

    async def do_begin(self, heartbeat: bool, collector: bool = True) -> dict[str, Any]:
        """The start of a round whose work another process makes."""
        gc.collect()
        self._meter = Meter(heartbeat, collector)
        return {}

    async def do_end(self) -> dict[str, Any]:
        assert self._meter is not None
        meter, self._meter = self._meter, None
        return meter.stop()

    async def do_close(self) -> dict[str, Any]:
        if self._meter is not None:
            await self.do_end()
        if self._workload is not None:
            workload, self._workload = self._workload, None
            await workload.close()
        gc.collect()
        return {}


async def serve(worker: Worker, write: Callable[[bytes], object]) -> None:
    """Answer commands until the input ends. The loop runs on in between, for the monitors."""
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        write(json.dumps(await worker.answer(json.loads(line))).encode() + b"\n")
    await worker.do_close()


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("adapter", choices=ADAPTERS)
    parser.add_argument("loop", choices=("asyncio", "uvloop"))
    parser.add_argument("--without", choices=MECHANISMS)
    options = parser.parse_args()
    if options.without:
        switch_off(options.without)
    # The output of drivers must not mix with the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    worker = Worker(options.name, options.adapter)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(worker, lambda data: os.write(answers, data)))


if __name__ == "__main__":
    main()
