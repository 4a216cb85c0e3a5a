"""Clients of a site that read slowly, and how far the site reads ahead of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

import bson

from support.wait import PATIENCE, wait_until

T = TypeVar("T")

#: Seconds without a read, after which a stalled client counts as having stalled the server.
_QUIET = 0.5


def stalled_client(port: int) -> socket.socket:
    """A connection that has asked for `large.bin` and received little of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /files/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


def bytes_read(commands: Any) -> int:
    """How much of the chunks the driver has got from the server."""
    replies = [event.reply for event in commands.succeeded_events]
    cursors = [r["cursor"] for r in replies if "cursor" in r and "chunks" in r["cursor"]["ns"]]
    return sum(_size(batch) for c in cursors for batch in (c.get("firstBatch"), c.get("nextBatch")))


def _size(batch: Any) -> int:
    # Raw batches are bytes.
    return sum(len(d) if isinstance(d, bytes) else len(bson.encode(d)) for d in batch or ())


def wait_until_quiet(commands: Any) -> int:
    """Wait until nothing more is read, and return how many bytes were."""
    return wait_until_same(lambda: bytes_read(commands))


def wait_until_same(look: Callable[[], T]) -> T:
    """Wait until `look()` gives the same for a while, and return it."""
    seen, since = look(), time.monotonic()

    def quiet() -> bool:
        nonlocal seen, since
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > _QUIET

    wait_until(quiet, what="it stays the same")
    return seen
