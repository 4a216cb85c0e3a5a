"""A TCP proxy in front of one member, which breaks its connections as networks do."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass, field

from chaos.frames import HEADER_BYTES, Frames

_LINGER_NONE = struct.pack("ii", 1, 0)
_CONNECT_SECONDS = 5.0


@dataclass
class Behaviour:
    """How the proxy treats bytes.

    - `delay`, `jitter`: seconds that each piece is late, and at most how much more
    - `piece`, `pause`: pass on as many bytes at a time, and wait as many seconds in between
    """

    delay: float = 0.0
    jitter: float = 0.0
    piece: int = 0
    pause: float = 0.002
    rng: random.Random = field(default_factory=random.Random)


class _End(asyncio.Protocol):
    """One end of a connection: the other end sends the bytes that it receives."""

    def __init__(self, behaviour: Behaviour, loop: asyncio.AbstractEventLoop) -> None:
        self._behaviour = behaviour
        self._loop = loop
        self._late: deque[bytes | None] = deque()
        self._due = 0.0
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.silent = False
        self.frames = Frames()
        #: Whether the next message that comes is cut in the middle, or begins with wrong bytes.
        self.cuts = False
        self.garbles = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.silent:
            return
        at_start = self.frames.at_start
        self.frames.feed(data)
        if at_start and self.garbles:
            self.garbles = False
            data = self._behaviour.rng.randbytes(HEADER_BYTES) + data[HEADER_BYTES:]
        if at_start and self.cuts and len(data) > 1:
            self.cuts = False
            self._send(data[: self._behaviour.rng.randrange(1, len(data))])
            self._send(None)
            self.silent = True
            return
        piece = self._behaviour.piece
        if piece:
            for begin in range(0, len(data), piece):
                self._send(data[begin : begin + piece])
        else:
            self._send(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        # A connection that went silent does not even say that its other end has gone.
        if not self.silent:
            self._send(None)

    def abort(self) -> None:
        """Reset the connection: the peer sees an error, not an end."""
        if self.transport is not None:
            with_linger = self.transport.get_extra_info("socket")
            if with_linger is not None and not self.transport.is_closing():
                with_linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            self.transport.abort()

    def _send(self, data: bytes | None) -> None:
        behaviour = self._behaviour
        seconds = behaviour.delay + behaviour.rng.random() * behaviour.jitter
        if behaviour.piece:
            seconds = max(seconds, behaviour.pause)
        now = self._loop.time()
        # Never before what came before: jitter does not reorder a stream.
        self._due = max(self._due + (behaviour.pause if behaviour.piece else 0.0), now + seconds)
        if not self._late and seconds == 0.0 and self.other is not None and self._due <= now:
            self._pass_on(data)
            return
        self._late.append(data)
        self._loop.call_at(self._due, self._forward)

    def _forward(self) -> None:
        if self.other is None:
            # The other end is still being opened, or never will be.
            if self.transport is not None and not self.transport.is_closing():
                self._loop.call_later(0.001, self._forward)
            return
        self._pass_on(self._late.popleft())

    def _pass_on(self, data: bytes | None) -> None:
        assert self.other is not None
        transport = self.other.transport
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.close()
        else:
            transport.write(data)


class _Front(_End):
    """The end towards the client, which opens the one towards the server."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy.behaviour, proxy.loop)
        self._proxy = proxy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._proxy.fronts.add(self)
        self._connecting = self._loop.create_task(self._connect())

    def connection_lost(self, error: Exception | None) -> None:
        self._proxy.fronts.discard(self)
        super().connection_lost(error)
        if self.silent and self.other is not None and self.other.transport is not None:
            # The client gave up on it: the server need not keep its side.
            self.other.abort()

    async def _connect(self) -> None:
        assert self.transport is not None
        back = _End(self._behaviour, self._loop)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._loop.create_connection(lambda: back, *self._proxy.target)
        except OSError:
            self.abort()
            return
        self.other, back.other = back, self
        back.silent = self.silent
        if self.transport.is_closing():
            back.abort()


class Proxy:
    """One proxy. All of it belongs to one event loop."""

    def __init__(self, host: str, target: tuple[str, int], seed: int = 0) -> None:
        self.loop = asyncio.get_running_loop()
        self.target = target
        self.behaviour = Behaviour(rng=random.Random(seed))
        self.fronts: set[_Front] = set()
        self._host = host
        self._port = target[1]
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect to."""
        return self._host, self._port

    async def start(self, port: int | None = None) -> None:
        """Listen; at the port of the target, unless another one is given (0: a free one)."""
        self._server = await self.loop.create_server(
            lambda: _Front(self), self._host, self._port if port is None else port
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and reset all connections."""
        self.refuse()
        self.reset()
        # So that the transports close their sockets before the loop ends.
        await asyncio.sleep(0)

    def reset(self) -> None:
        """Reset all connections."""
        for front in [*self.fronts]:
            if front.other is not None:
                front.other.abort()
            front.abort()

    def silence(self) -> None:
        """Pass nothing on in the connections that there are, and keep them open."""
        for front in self.fronts:
            front.silent = True
            if front.other is not None:
                front.other.silent = True

    def cut(self) -> None:
        """Cut the next reply of each connection in the middle."""
        for front in self.fronts:
            if front.other is not None:
                front.other.cuts = True

    def garble(self) -> None:
        """Put wrong bytes in place of the header of each connection's next reply."""
        for front in self.fronts:
            if front.other is not None:
                front.other.garbles = True

    def refuse(self) -> None:
        """Accept no new connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def heal(self) -> None:
        """Behave again. Connections that are silent stay so: their clients have to notice."""
        self.behaviour.delay = self.behaviour.jitter = 0.0
        self.behaviour.piece = 0
        for front in [*self.fronts]:
            front.cuts = front.garbles = False
            if front.other is not None:
                front.other.cuts = front.other.garbles = False
        if self._server is None:
            await self.start()
