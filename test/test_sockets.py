"""The sockets that read ahead: from the outside, they are sockets like any other."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import struct
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motor.accelerators import sockets
from motor.accelerators.sockets.buffered import (
    BUFFER_SIZE,
    BufferedSocket,
    PlainSocket,
)
from motor.accelerators.sockets.buffered import buffered as buffered_interface
from support.tls import Certificates


def buffered(sock: Any) -> BufferedSocket | None:
    """What PyMongo would send and receive by, instead of `sock`."""
    interface = buffered_interface(SimpleNamespace(sock=sock))
    return None if interface is None else interface.get_conn


#: Seconds. Long enough to tell "waits" from "never comes".
PATIENCE = 10.0

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or sys.implementation.name != "cpython",
    reason="there are no buffered sockets here",
)

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


# Reading ahead --------------------------------------------------------------------------------


def at_hand(sock: BufferedSocket) -> bool:
    """Whether the operating system, or OpenSSL, still has something for the socket."""
    pending = sock.sock.pending() if isinstance(sock.sock, ssl.SSLSocket) else 0
    return bool(pending or select.select([sock.sock], [], [], 0)[0])


def test_a_small_reply_is_read_at_once_and_given_out_in_pieces(pair: Pair) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    far.sendall(data(1000))
    assert receive(near, 16) == data(1000)[:16]
    assert not at_hand(near)
    # There is nothing to wait for.
    near.settimeout(0)
    assert receive(near, 100) == data(1000)[16:116]
    assert receive(near, 2000) == data(1000)[116:]


def test_replies_that_come_together_are_told_apart_by_their_sizes(pair: Pair) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    replies = [data(size) for size in (1, 16, 17, 500, 16384, 20000, 3)]
    far.sendall(b"".join(replies))
    assert [receive_all(near, len(reply)) for reply in replies] == replies


def test_what_is_as_large_as_the_buffer_is_received_where_it_belongs(tcp: Pair) -> None:
    near, far = tcp
    near.settimeout(PATIENCE)
    far.sendall(data(BUFFER_SIZE + 5))
    assert receive(near, BUFFER_SIZE) == data(BUFFER_SIZE + 5)[:BUFFER_SIZE]
    assert at_hand(near), "what comes after it was read as well"
    assert receive(near, 100) == data(BUFFER_SIZE + 5)[-5:]


def test_a_large_reply_begins_with_what_was_read_ahead(pair: Pair) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    far.sendall(data(1000))
    assert receive(near, 16) == data(1000)[:16]
    far.sendall(data(100_000))
    assert receive_all(near, 984 + 100_000) == data(1000)[16:] + data(100_000)


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_large_reply_comes_in_one_call(
    plain_pair: Pair, background: ThreadPoolExecutor, timeout: float | None
) -> None:
    near, far = plain_pair
    near.settimeout(timeout)
    whole = data(4_000_000)
    sending = background.submit(far.sendall, whole)
    assert receive(near, len(whole)) == whole
    sending.result(PATIENCE)


def test_sixteen_megabytes_come_whole(pair: Pair, background: ThreadPoolExecutor) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    sending = background.submit(far.sendall, data(4_000_000) * 4)
    assert receive_all(near, 16) == data(16)
    assert receive_all(near, 16_000_000 - 16) == (data(4_000_000) * 4)[16:]
    sending.result(PATIENCE)


# Timeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, 1e-9, 1e-6, 0.0000011, 0.001, 0.1])
@pytest.mark.parametrize("size", [16, 50_000], ids=["small", "large"])
def test_nothing_in_time_is_a_timeout_after_which_all_goes_on(
    pair: Pair, timeout: float, size: int
) -> None:
    near, far = pair
    near.settimeout(timeout)
    for _ in range(2):
        with pytest.raises(NOTHING_YET):
            receive(near, size)
    near.settimeout(PATIENCE)
    far.sendall(data(size))
    assert receive_all(near, size) == data(size)


def test_what_is_there_is_received_without_any_time(pair: Pair) -> None:
    near, far = pair
    near.settimeout(0)
    far.sendall(b"here")
    select.select([near], [], [], PATIENCE)
    assert receive(near, 100) == b"here"


def waits(waiting: Future[Any]) -> bool:
    return not waiting.done() and not threading.Event().wait(0.15) and not waiting.done()


@pytest.mark.parametrize("size", [16, 50_000], ids=["small", "large"])
def test_without_a_timeout_it_waits_whatever_was_set_before(
    pair: Pair, background: ThreadPoolExecutor, size: int
) -> None:
    near, far = pair
    for timeout in (0.001, 0.0):
        near.settimeout(timeout)
        with pytest.raises(NOTHING_YET):
            receive(near, size)
        near.settimeout(None)
        assert near.gettimeout() is None
        waiting = background.submit(receive_all, near, size)
        assert waits(waiting)
        far.sendall(data(size))
        assert waiting.result(PATIENCE) == data(size)


def test_part_of_what_was_asked_for_is_not_lost_in_a_timeout(pair: Pair) -> None:
    near, far = pair
    near.settimeout(0.05)
    whole = data(60_000)
    far.sendall(whole[:20_000])
    assert exactly(near, 60_000) == (whole[:20_000], "timeout")
    far.sendall(whole[20_000:])
    assert exactly(near, 40_000) == (whole[20_000:], "all")


def test_sending_and_receiving_have_the_timeout_of_their_moment(
    pair: Pair, background: ThreadPoolExecutor
) -> None:
    near, far = pair
    for _ in range(3):
        near.settimeout(PATIENCE)
        near.sendall(b"question")
        assert receive_all(far, 8) == b"question"
        near.settimeout(0.001)
        before = time.monotonic()
        with pytest.raises(NOTHING_YET):
            receive(near, 16)
        assert time.monotonic() - before < PATIENCE / 2, "the timeout of sending held"
        near.settimeout(None)
        near.sendall(b"question")
        assert receive_all(far, 8) == b"question"
        waiting = background.submit(receive, near, 16)
        assert waits(waiting)
        far.sendall(b"answer")
        assert waiting.result(PATIENCE) == b"answer"


def test_timeout_is_at_first_the_sockets_own() -> None:
    for timeout in (None, 12.5):
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(timeout)
            sock = buffered(near)
            assert sock is not None
            assert sock.gettimeout() == timeout
            sock.settimeout(0.25)
            assert sock.gettimeout() == 0.25


# Sending --------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_more_than_the_systems_buffers_hold_is_sent(
    pair: Pair, background: ThreadPoolExecutor, timeout: float | None
) -> None:
    near, far = pair
    near.settimeout(timeout)
    whole = data(4_000_000) * 2
    received = background.submit(receive_all, far, len(whole))
    near.sendall(whole)
    assert received.result(PATIENCE) == whole


def test_sending_what_nobody_reads_is_a_timeout(pair: Pair) -> None:
    near, _ = pair
    near.settimeout(0.05)
    with pytest.raises(TimeoutError):
        near.sendall(data(4_000_000) * 2)


def test_a_timeout_in_sending_leaves_that_of_receiving(plain_pair: Pair) -> None:
    near, far = plain_pair
    near.settimeout(0.01)
    with pytest.raises(TimeoutError):
        near.sendall(data(4_000_000) * 2)
    with pytest.raises(TimeoutError):
        receive(near, 50_000)
    far.sendall(b"still here")
    near.settimeout(PATIENCE)
    assert receive(near, 16) == b"still here"


# The end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 50_000], ids=["small", "large"])
def test_the_end_of_the_stream_comes_after_all_of_it(pair: Pair, size: int) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    far.sendall(data(100))
    assert receive(near, 10) == data(100)[:10]
    far.shutdown(socket.SHUT_WR)
    assert receive_all(near, 90) == data(100)[10:]
    for _ in range(2):
        assert receive(near, size) == b""


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    """The result, or the class and the number of the error."""
    try:
        return function(*args)
    except OSError as error:
        return type(error), error.errno


def broken_by_peer() -> socket.socket:
    near, far = tcp_pair()
    # Closed so, the peer sends a reset.
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    select.select([near], [], [], PATIENCE)
    return near


def left_by_peer() -> socket.socket:
    near, far = socket.socketpair()
    far.close()
    return near


def closed() -> socket.socket:
    near, far = socket.socketpair()
    far.close()
    near.close()
    return near


@pytest.mark.parametrize("make", [broken_by_peer, left_by_peer, closed])
@pytest.mark.parametrize("timeout", [None, 0.0, 1.5])
@pytest.mark.parametrize("size", [16, 50_000], ids=["small", "large"])
def test_errors_are_those_of_a_plain_socket(
    make: Callable[[], socket.socket], timeout: float | None, size: int
) -> None:
    expected, found = [], []
    for method in (receive, lambda sock, size: sock.sendall(data(size))):
        with make() as plain, make() as inner:
            if inner.fileno() >= 0:
                plain.settimeout(timeout)
                near = PlainSocket(inner)
            else:
                near = on_closed()
            near.settimeout(timeout)
            expected.append(outcome(method, plain, size))
            found.append(outcome(method, near, size))
    assert found == expected


def on_closed() -> BufferedSocket:
    near, far = socket.socketpair()
    far.sendall(b"read ahead and forgotten")
    far.close()
    sock = PlainSocket(near)
    assert receive(sock, 4) == b"read"
    sock.close()
    return sock


def test_closing_closes_the_socket_and_forgets_what_was_read_ahead(pair: Pair) -> None:
    near, far = pair
    near.settimeout(PATIENCE)
    far.sendall(data(100))
    assert receive(near, 10)
    near.close()
    assert outcome(receive, near, 10) == (OSError, errno.EBADF)
    assert outcome(near.sendall, b"x") == (OSError, errno.EBADF)
    # A second time, as with any socket.
    near.close()


def test_it_can_be_polled_until_it_is_closed(pair: Pair) -> None:
    near, far = pair
    poll = select.poll()
    poll.register(near, select.POLLIN)
    assert poll.poll(0) == []
    far.close()
    assert poll.poll(PATIENCE * 1000)
    poll.unregister(near)
    near.close()
    assert near.fileno() == -1
    with pytest.raises(ValueError, match="file descriptor"):
        poll.register(near, select.POLLIN)


# Compared with a plain socket -----------------------------------------------------------------

sizes = st.one_of(
    st.integers(1, 64), st.integers(BUFFER_SIZE - 2, BUFFER_SIZE + 2), st.just(40_000)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("arrives"), sizes),
        st.tuples(st.just("receive"), sizes),
        st.tuples(st.just("send"), sizes),
        st.tuples(st.just("timeout"), st.sampled_from([0.0, 1e-9, 1e-6, 0.001])),
        st.tuples(st.just("shutdown"), st.just(0)),
    ),
    max_size=25,
)

#: More than this on its way, and sending would have to wait.
ON_ITS_WAY = 100_000


class Plain:
    """The same methods, on the socket itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.settimeout = sock.settimeout
        self.recv_into = sock.recv_into

    def sendall(self, data: bytes) -> None:
        timeout = self._sock.gettimeout()
        self._sock.settimeout(PATIENCE)
        self._sock.sendall(data)
        self._sock.settimeout(timeout)


def run_steps(sock: Any, far: socket.socket, steps: list[Any]) -> list[Any]:
    """What each step brings. The peer's bytes are counted on, so that no two stretches match."""
    seen: list[Any] = []
    arrived = received = 0
    shut = False
    for step, value in steps:
        if step == "arrives" and not shut and arrived - received + value <= ON_ITS_WAY:
            far.sendall(STREAM[arrived : arrived + value])
            arrived += value
        elif step == "receive":
            seen.append(exactly(sock, value))
            received += len(seen[-1][0])
        elif step == "send":
            sock.sendall(data(value))
            seen.append(receive_all(far, value))
        elif step == "timeout":
            sock.settimeout(value)
        elif step == "shutdown" and not shut:
            far.shutdown(socket.SHUT_WR)
            shut = True
    return seen


@settings(deadline=None, max_examples=150, database=None)
@given(steps)
def test_it_gives_what_a_plain_socket_gives(steps: list[Any]) -> None:
    seen = []
    for make in (Plain, PlainSocket):
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(0.001)
            seen.append(run_steps(make(near), far, steps))
    assert seen[0] == seen[1]


# Kinds that are left alone --------------------------------------------------------------------


def test_plain_and_tls_sockets_are_buffered(make_pair: Callable[[str], Pair]) -> None:
    assert type(make_pair("tcp")[0]) is PlainSocket
    # OpenSSL receives by itself, whatever the flags.
    assert type(make_pair("tls")[0]) is BufferedSocket


def test_what_may_behave_in_another_way_is_left_alone() -> None:
    class Special(socket.socket):
        pass

    class LikePyOpenSSL:
        def __init__(self, inner: socket.socket) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    near, far = socket.socketpair()
    with near, far, Special() as special:
        near.settimeout(3)
        assert buffered(special) is None
        assert buffered(LikePyOpenSSL(near)) is None
        assert near.gettimeout() == 3


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("platform", "win32"), ("implementation", SimpleNamespace(name="pypy"))],
    ids=["windows", "pypy"],
)
def test_systems_that_wait_in_another_way_have_none(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: Any
) -> None:
    assert sockets.unusable() is None
    with monkeypatch.context() as patch:
        patch.setattr(sys, attribute, value)
        reason = sockets.unusable()
    assert reason is not None
    assert "select()" in reason


def test_what_else_is_asked_of_an_interface_is_passed_on() -> None:
    near, far = socket.socketpair()
    with near, far:
        theirs = SimpleNamespace(sock=near, is_closing=lambda: "asked")
        interface = buffered_interface(theirs)
        assert interface is not None
        assert interface.is_closing() == "asked"
        assert interface.get_conn.getsockname() == near.getsockname()
        with pytest.raises(AttributeError):
            _ = interface.unknown
