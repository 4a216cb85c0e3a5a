"""Pairs of sockets, of which one reads ahead, and what goes through them."""

from __future__ import annotations

import socket
import ssl
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from motor.accelerators.sockets.buffered import (
    BufferedSocket,
)
from motor.accelerators.sockets.buffered import buffered as buffered_interface
from support.tls import Certificates
from support.wait import PATIENCE


def buffered(sock: Any) -> BufferedSocket | None:
    """What PyMongo would send and receive by, instead of `sock`."""
    interface = buffered_interface(SimpleNamespace(sock=sock))
    return None if interface is None else interface.get_conn


Pair = tuple[BufferedSocket, socket.socket]


#: No stretch of it looks like another.
STREAM = array("I", range(1_000_000)).tobytes()

#: What PyMongo takes for "there is nothing yet".
NOTHING_YET = (TimeoutError, BlockingIOError, ssl.SSLWantReadError)


def data(size: int) -> bytes:
    return STREAM[:size]


def receive(sock: Any, size: int) -> bytes:
    """What one call brings, at most `size` bytes."""
    target = bytearray(size)
    return bytes(target[: sock.recv_into(memoryview(target))])


def receive_all(sock: Any, size: int) -> bytes:
    """`size` bytes, or what comes up to the end of the stream or a timeout, as PyMongo does it."""
    return exactly(sock, size)[0]


def exactly(sock: Any, size: int) -> tuple[bytes, str]:
    """`size` bytes, or what there is, and why there is no more."""
    target = bytearray(size)
    view = memoryview(target)
    received, end = 0, "all"
    while received < size and end == "all":
        try:
            more = sock.recv_into(view[received:])
            end = "all" if more else "end"
            received += more
        except NOTHING_YET:
            end = "timeout"
        except ConnectionError as error:
            end = type(error).__name__
    return bytes(view[:received]), end


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        return near, server.accept()[0]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    """Runs the other end of a connection, or what has to wait."""
    with ThreadPoolExecutor(thread_name_prefix="background") as executor:
        yield executor


@pytest.fixture
def make_pair(
    request: pytest.FixtureRequest, background: ThreadPoolExecutor
) -> Iterator[Callable[[str], Pair]]:
    """Make a buffered socket and its peer: `make_pair("unix")`, `"tcp"` or `"tls"`."""
    with ExitStack() as stack:

        def make(kind: str) -> Pair:
            near, far = socket.socketpair() if kind == "unix" else tcp_pair()
            if kind == "tls":
                certificates: Certificates = request.getfixturevalue("certificates")
                accepted = background.submit(
                    certificates.server_context.wrap_socket, far, server_side=True
                )
                client = certificates.client_context
                # Session tickets would be something to read that is not data.
                client.maximum_version = ssl.TLSVersion.TLSv1_2
                near = client.wrap_socket(near, server_hostname="localhost")
                far = accepted.result(PATIENCE)
            stack.callback(near.close)
            stack.callback(far.close)
            far.settimeout(PATIENCE)
            sock = buffered(near)
            assert sock is not None
            return sock, far

        yield make


@pytest.fixture(params=["unix", "tcp", "tls"])
def pair(request: pytest.FixtureRequest, make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair(request.param)


@pytest.fixture(params=["unix", "tcp"])
def plain_pair(request: pytest.FixtureRequest, make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair(request.param)


@pytest.fixture
def tcp(make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair("tcp")
