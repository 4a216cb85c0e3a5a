"""The loops that work is done on: each in a thread of its own, asyncio's or Tornado's."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from chaos.worker.journal import Journal

_TICK = 0.1
_NOTEWORTHY = 0.4
_UNWIND_SECONDS = 30.0

#: Begins the place's tasks, on its loop.
Jobs = Callable[["Place"], Awaitable[list["asyncio.Task[None]"]]]


@dataclass
class Place:
    """One loop in one thread."""

    name: str
    framework: str
    journal: Journal
    jobs: Jobs
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, name=f"work-{self.name}")
        self._thread.start()

    def finish(self) -> None:
        """Have the work come to its end."""
        # A place whose work has an end of its own may have closed its loop.
        with suppress(RuntimeError):
            if self.loop is not None:
                self.loop.call_soon_threadsafe(self.stopping.set)

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            if self.framework == "tornado":
                from tornado.ioloop import IOLoop

                loop = IOLoop(make_current=True)
                try:
                    loop.run_sync(self._main)
                finally:
                    loop.close(all_fds=True)
            else:
                asyncio.run(self._main())
        except BaseException as error:
            traceback.print_exc()
            self.journal.write("place failed", place=self.name, error=repr(error))

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._complain)
        ticking = asyncio.create_task(self._tick())
        tasks = await self.jobs(self)
        waiting = asyncio.create_task(self.stopping.wait())
        await asyncio.wait(
            [waiting, asyncio.gather(*tasks, return_exceptions=True)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        _, late = await asyncio.wait(tasks, timeout=_UNWIND_SECONDS)
        for task in late:
            self.journal.write("never ended", place=self.name, task=task.get_name())
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                shown = "".join(traceback.format_exception(result))[-1500:]
                self.journal.write("job failed", place=self.name, error=shown)
        waiting.cancel()
        ticking.cancel()
        await asyncio.gather(waiting, ticking, return_exceptions=True)

    async def _tick(self) -> None:
        """Note when this loop does not run: what takes long then is not the driver's fault."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            if now - last > _NOTEWORTHY:
                self.journal.write("stall", place=self.name, begun=last, seconds=now - last)
            last = now

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.journal.write("loop error", place=self.name, error=repr(context)[:500])
