"""A proxy that speaks TLS with clients, and plainly with the server of the run."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.web import Serve, running


@dataclass
class Cut:
    """Where a reply ends too early: in the middle of the first one that has `mark` in it."""

    mark: bytes = b"cut here"
    #: Whether the end is announced, by a close_notify.
    announced: bool = True
    armed: threading.Event = field(default_factory=threading.Event)

    def applies(self, data: bytes) -> bool:
        return self.armed.is_set() and self.mark in data


@contextmanager
def tls_proxy(upstream: tuple[str, int], context: ssl.SSLContext, cut: Cut) -> Iterator[int]:
    """Run the proxy in a thread of its own, and give its port on 127.0.0.1."""
    with running(_serve(upstream, context, cut)) as site:
        yield site.port


def _serve(upstream: tuple[str, int], context: ssl.SSLContext, cut: Cut) -> Serve:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cuts: bool) -> None:
        while data := await reader.read(2**20):
            if cuts and cut.applies(data):
                cut.armed.clear()
                writer.write(data[: data.index(cut.mark)])
                if not cut.announced:
                    await writer.drain()
                    writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(*upstream)
        pumps = [
            asyncio.ensure_future(pump(reader, back_writer, cuts=False)),
            asyncio.ensure_future(pump(back_reader, writer, cuts=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in pumps:
                each.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for each in (writer, back_writer):
                # Sends a close_notify, where there is TLS.
                each.close()

    async def serve(listening: Any, ready: Any, stop: Any) -> None:
        # A client that refuses the certificate is not the proxy's concern.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await handle(reader, writer)
            except (OSError, asyncio.CancelledError):
                writer.close()
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(accept, sock=listening, ssl=context)
        ready()
        await stop.wait()
        server.close()
        for task in set(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return serve
