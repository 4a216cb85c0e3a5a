"""Sends as many requests as an HTTP service can answer, over connections that stay open.

Run as `python -m benchmark.load PORT CONNECTIONS SECONDS [busy]`: prints a JSON object with the
number of requests, their latencies' median and 99th percentile, and the number of long reads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from benchmark.ratios import percentile

#: The path of the quick request, and of the long one that a busy service has at the same time.
ONE, ALL = "/one", "/all"


class Connection:
    """One connection, which sends a request when the last one is answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str) -> bytes:
        """The body of the answer. Raises RuntimeError unless it is a 200."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        length = 0
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = await self._reader.readexactly(length)
        if status.split()[1] != "200":
            raise RuntimeError(f"{path} was answered with {status!r}: {body[:500]!r}")
        return body

    def close(self) -> None:
        self._writer.close()


async def connect(port: int) -> Connection:
    return Connection(*await asyncio.open_connection("127.0.0.1", port))


async def _repeat(port: int, path: str, end: float, latencies: list[float]) -> None:
    connection = await connect(port)
    try:
        start = time.perf_counter()
        while start < end:
            await connection.get(path)
            now = time.perf_counter()
            latencies.append(now - start)
            start = now
    finally:
        connection.close()


async def load(port: int, connections: int, seconds: float, busy: bool) -> dict[str, Any]:
    """Load the service for so long, and with long reads at the same time when `busy`."""
    latencies: list[float] = []
    long_latencies: list[float] = []
    start = time.perf_counter()
    end = start + seconds
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_repeat(port, ONE, end, latencies))
        if busy:
            group.create_task(_repeat(port, ALL, end, long_latencies))
    # A long read may end after the quick requests, so these have a time of their own.
    return {
        "amount": len(latencies),
        "seconds": seconds,
        "median": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
        "long_reads": len(long_latencies),
    }


if __name__ == "__main__":
    port, connections, seconds, *rest = sys.argv[1:]
    result = asyncio.run(load(int(port), int(connections), float(seconds), rest == ["busy"]))
    print(json.dumps(result))
