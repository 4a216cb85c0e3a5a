"""The chaos harness's proxy breaks connections as it says, and in no other way."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from chaos.frames import HEADER_BYTES, Frames
from chaos.proxy import Proxy

_SECONDS = 60.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(body: bytes) -> bytes:
    """A message as far as the proxy is concerned: its length, the rest of a header, a body."""
    return struct.pack("<iiii", HEADER_BYTES + len(body), 1, 2, 3) + body


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send each message back."""
    try:
        while True:
            header = await reader.readexactly(4)
            rest = await reader.readexactly(struct.unpack("<i", header)[0] - 4)
            writer.write(header + rest)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Callable[[], Coroutine[Any, Any, Streams]]]]:
    """A proxy before a server that echoes, and a function that connects to it."""
    opened: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    proxy = Proxy("127.0.0.1", server.sockets[0].getsockname(), seed=1)
    await proxy.start(port=0)

    async def connect() -> Streams:
        reader, writer = await asyncio.open_connection(*proxy.address)
        opened.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(_SECONDS):
            yield proxy, connect
    finally:
        for writer in opened:
            writer.close()
        await proxy.stop()
        server.close()
        await asyncio.gather(*(w.wait_closed() for w in opened), return_exceptions=True)
        await server.wait_closed()


async def exchange(streams: Streams, body: bytes) -> bytes:
    """Send a message and return as many bytes."""
    reader, writer = streams
    sent = frame(body)
    writer.write(sent)
    return await reader.readexactly(len(sent))


async def test_everything_passes_both_ways() -> None:
    async with proxied() as (_, connect):
        one, other = await connect(), await connect()
        for body in (b"", b"x" * 100_000, b"y"):
            assert await exchange(one, body) == frame(body)
            assert await exchange(other, body) == frame(body)


async def test_end_of_one_side_is_the_end_of_the_other() -> None:
    async with proxied() as (proxy, connect):
        _, writer = streams = await connect()
        await exchange(streams, b"x")
        writer.close()
        while proxy.fronts:
            await asyncio.sleep(0)


async def test_reset_is_an_error_to_the_client() -> None:
    async with proxied() as (proxy, connect):
        streams = await connect()
        await exchange(streams, b"x")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
        assert await exchange(await connect(), b"y") == frame(b"y")


async def test_silent_connection_stays_open_and_others_work() -> None:
    async with proxied() as (proxy, connect):
        silent = await connect()
        await exchange(silent, b"x")
        proxy.silence()
        silent[1].write(frame(b"lost"))
        reading = asyncio.ensure_future(silent[0].read(1))
        await proxy.heal()
        assert await exchange(await connect(), b"y" * 1000) == frame(b"y" * 1000)
        assert not reading.done()
        reading.cancel()
        await asyncio.wait([reading])


async def test_reply_is_cut_once_in_its_middle() -> None:
    async with proxied() as (proxy, connect):
        reader, writer = streams = await connect()
        await exchange(streams, b"x")
        proxy.cut()
        writer.write(frame(b"y" * 50))
        got = await reader.read()
        assert 0 < len(got) < len(frame(b"y" * 50))
        assert frame(b"y" * 50).startswith(got)
        assert await exchange(await connect(), b"z") == frame(b"z")


async def test_wrong_bytes_are_in_one_header_alone() -> None:
    async with proxied() as (proxy, connect):
        streams = await connect()
        await exchange(streams, b"x")
        proxy.garble()
        got = await exchange(streams, b"y" * 50)
        assert got[:HEADER_BYTES] != frame(b"y" * 50)[:HEADER_BYTES]
        assert got[HEADER_BYTES:] == b"y" * 50
        assert await exchange(streams, b"z") == frame(b"z")


async def test_connections_are_refused_until_it_heals() -> None:
    async with proxied() as (proxy, connect):
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await connect()
        await proxy.heal()
        assert await exchange(await connect(), b"x") == frame(b"x")


async def test_late_bytes_come_in_order() -> None:
    async with proxied() as (proxy, connect):
        reader, writer = await connect()
        proxy.behaviour.jitter = 0.02
        bodies = [bytes([n]) * n for n in range(20)]
        for body in bodies:
            writer.write(frame(body))
            await asyncio.sleep(0)
        whole = b"".join(map(frame, bodies))
        assert await reader.readexactly(len(whole)) == whole


async def test_few_bytes_at_a_time_are_all_of_them() -> None:
    async with proxied() as (proxy, connect):
        proxy.behaviour.piece = 7
        proxy.behaviour.pause = 0.0
        assert await exchange(await connect(), b"abc" * 30) == frame(b"abc" * 30)


async def test_server_that_is_gone_resets_the_client() -> None:
    async with proxied() as (proxy, connect):
        # Nothing listens at the discard port's neighbour on any machine that runs tests.
        proxy.target = ("127.0.0.1", 1)
        reader, _ = await connect()
        with pytest.raises(ConnectionResetError):
            await reader.read()


@pytest.mark.parametrize("size", [1, 3, 4, 5, 16, 1000])
def test_frames_begin_where_messages_do(size: int) -> None:
    messages = [frame(b"x" * n) for n in (0, 1, 5, 300)]
    stream, starts, position = b"".join(messages), set(), 0
    for message in messages:
        starts.add(position)
        position += len(message)
    frames, seen = Frames(), set()
    for begin in range(0, len(stream), size):
        if frames.at_start:
            seen.add(begin)
        frames.feed(stream[begin : begin + size])
    assert frames.at_start
    assert seen == {start for start in starts if start % size == 0}
