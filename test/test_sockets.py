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
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from motor.accelerators.sockets.buffered import (
    BUFFER_SIZE,
    BufferedSocket,
    PlainSocket,
)
from motor.execution import malloc
from support import sockets as made
from support import wait_until
from support.sockets import (
    NOTHING_YET,
    PATIENCE,
    Pair,
    buffered,
    data,
    exactly,
    receive,
    receive_all,
    tcp_pair,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or sys.implementation.name != "cpython",
    reason="there are no buffered sockets here",
)

certificates = made.certificates
background = made.background
make_pair = made.make_pair
pair = made.pair
plain_pair = made.plain_pair
tcp = made.tcp


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


@pytest.mark.parametrize(("size", "expected"), [(BUFFER_SIZE, [2_000_000]), (1000, [])])
def test_memory_is_made_ready_if_more_comes_than_is_read_ahead(
    plain_pair: Pair, monkeypatch: pytest.MonkeyPatch, size: int, expected: list[int]
) -> None:
    touched: list[int] = []
    monkeypatch.setattr(malloc, "touch_ahead", touched.append)
    near, far = plain_pair
    near.settimeout(PATIENCE)
    message = struct.pack("<i", 2_000_000) + data(size)[4:]
    far.sendall(message)
    wait_until(lambda: len(near.sock.recv(size, socket.MSG_PEEK)) == size)
    assert receive(near, 16) == message[:16]
    assert receive(near, size) == message[16:]
    assert touched == expected


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
def test_without_a_timeout_it_waits_after_any_earlier_timeout(
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


def test_sending_without_a_reader_is_a_timeout(pair: Pair) -> None:
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
