"""A TCP proxy that delays every byte, like a network of some milliseconds.

Run as `python -m benchmark.proxy HOST PORT SECONDS`: prints its own port, and ends with its input.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections import deque
from contextlib import suppress


class _Delayed(asyncio.Protocol):
    """One end of a connection: the other end sends its bytes after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._late: deque[bytes | None] = deque()
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.other: _Delayed | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        self._late.append(data)
        # Timers with equal delays run in order, and each takes the first waiting piece.
        self._loop.call_later(self._delay, self._forward)

    def _forward(self) -> None:
        if self.other is None:
            # The other end is still being opened, or never will be.
            if self.transport is not None and not self.transport.is_closing():
                self._loop.call_later(self._delay, self._forward)
            return
        data = self._late.popleft()
        transport = self.other.transport
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.close()
        else:
            transport.write(data)


class _Front(_Delayed):
    """The end towards the client, which opens the one towards the server."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        super().__init__(delay)
        self._target = host, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        assert self.transport is not None
        back = _Delayed(self._delay)
        try:
            await self._loop.create_connection(lambda: back, *self._target)
        except OSError:
            self.transport.close()
            return
        self.other, back.other = back, self
        if self.transport.is_closing():
            # The client has disconnected meanwhile.
            assert back.transport is not None
            back.transport.close()


async def serve(host: str, port: int, delay: float) -> asyncio.Server:
    """Start a proxy to `host` and `port` on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Front(host, port, delay), "127.0.0.1", 0)


async def _main(host: str, port: str, delay: str) -> None:
    server = await serve(host, int(port), float(delay))
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()
    server.close()


def _precise_loop() -> asyncio.AbstractEventLoop:
    # The other selectors round waits up to whole milliseconds, half of this delay.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(_main(*sys.argv[1:4]))
