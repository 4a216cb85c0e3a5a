"""Sockets that read ahead give what plain ones give; some sockets are not replaced."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
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
from support import sockets as made
from support.sockets import PATIENCE, STREAM, Pair, buffered, data, exactly, receive_all

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
    # OpenSSL receives by itself, with any flags.
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
