"""Sockets that need few system calls, because each of them costs a thread the interpreter lock.

PyMongo reads a reply in two pieces, sets the socket's timeout before each piece and resets it
after it. Each of these steps releases the interpreter lock, and if several threads are busy,
another one takes it. These sockets read ahead, so that a small reply needs one system call,
and change the timeout of the operating system's socket only when it matters.

What they offer, and the errors that they raise, are a socket's. All that they know of the protocol
is that a message begins with its length, for which PyMongo asks first.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from motor.execution import malloc

__all__ = ["INTERFACE", "BufferedInterface", "buffered"]

#: How many bytes are read ahead at most.
BUFFER_SIZE = 16 * 1024

#: How many bytes PyMongo asks for first. A message's length is in the first four of them.
HEADER_SIZE = 16

_INT32 = struct.Struct("<i")

#: What PyMongo asks of a networking interface.
INTERFACE = ("close", "fileno", "get_conn", "gettimeout", "recv_into", "settimeout")


def buffered(interface: Any) -> BufferedInterface | None:
    """A buffered interface in the place of PyMongo's, or None for a socket that cannot have one."""
    sock = interface.sock
    if isinstance(sock, ssl.SSLSocket):
        return BufferedInterface(interface, BufferedSocket(sock))
    # PyMongo also knows pyOpenSSL's connections, which are left as they are.
    if type(sock) is socket.socket:
        return BufferedInterface(interface, PlainSocket(sock))
    return None


class BufferedInterface:
    """What PyMongo sends and receives by: a socket's own methods, as attributes of one object.

    - `interface`: PyMongo's, for what else may be asked
    - `buffered_socket`: must not be used by anything else from now on
    """

    def __init__(self, interface: Any, buffered_socket: BufferedSocket) -> None:
        self._interface = interface
        self.get_conn: BufferedSocket = buffered_socket
        self.sock: socket.socket = buffered_socket.sock
        self.fileno: Callable[[], int] = buffered_socket.fileno
        self.close: Callable[[], None] = buffered_socket.close
        self.recv_into: Callable[[memoryview], int] = buffered_socket.recv_into
        self.gettimeout: Callable[[], float | None] = buffered_socket.gettimeout
        self.settimeout: Callable[[float | None], None] = buffered_socket.settimeout

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._interface, name)


class BufferedSocket:
    """A connected socket, and up to 16 kB that were read ahead from it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock: socket.socket = sock
        self.fileno: Callable[[], int] = sock.fileno
        # The timeout in seconds, which PyMongo sets and asks for eight times an operation.
        self._timeout: list[float | None] = [sock.gettimeout()]
        self.gettimeout: Callable[[], float | None] = partial(self._timeout.__getitem__, 0)
        self.settimeout: Callable[[float | None], None] = partial(self._timeout.__setitem__, 0)
        self._buffer = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0

    def close(self) -> None:
        """Close the socket. What was read ahead is gone with it."""
        self.sock.close()
        self._end = 0

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError and what a socket raises."""
        self._apply_timeout()
        self.sock.sendall(data)

    def recv_into(self, target: memoryview) -> int:
        """Receive something into `target`. Returns how many bytes, 0 at the end.

        Raises TimeoutError and what a socket raises.
        """
        if self._start >= self._end:
            if len(target) >= BUFFER_SIZE:
                return self._receive(target, True)
            self._end = self._receive(self._buffer, False)
            self._start = 0
            if self._end == BUFFER_SIZE and len(target) == HEADER_SIZE:
                self._expect(_INT32.unpack_from(self._buffer)[0])
        count = min(len(target), self._end - self._start)
        target[:count] = self._buffer[self._start : self._start + count]
        self._start += count
        return count

    def _expect(self, size: int) -> None:
        """Know that PyMongo will make a block of `size` bytes for the message that comes."""
        malloc.touch_ahead(size)

    def _receive(self, target: memoryview, whole: bool) -> int:
        """Receive from the operating system.

        - `whole`: whether all of `target` may be waited for
        """
        self._apply_timeout()
        return self.sock.recv_into(target)

    def _apply_timeout(self) -> None:
        timeout = self._timeout[0]
        if self.sock.gettimeout() != timeout:
            self.sock.settimeout(timeout)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "sock":
            raise AttributeError(name)
        return getattr(self.sock, name)


class PlainSocket(BufferedSocket):
    """One without TLS, where the operating system itself can watch over the timeout."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        # With a timeout of Python's own, each call would be two: first wait, then receive.
        sock.settimeout(None)
        self._applied: float | None = None

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError and what a socket raises."""
        timeout = self._timeout[0]
        if timeout is None:
            self.sock.sendall(data)
            return
        self.sock.settimeout(timeout)
        try:
            self.sock.sendall(data)
        finally:
            self.sock.settimeout(None)

    def _receive(self, target: memoryview, whole: bool) -> int:
        timeout = self._timeout[0]
        flags = socket.MSG_WAITALL if whole else 0
        if timeout is not None and timeout < 1e-6:
            flags = socket.MSG_DONTWAIT
        elif timeout != self._applied:
            self._apply(timeout)
        try:
            return self.sock.recv_into(target, 0, flags)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _apply(self, timeout: float | None) -> None:
        # To the operating system zero means no timeout.
        seconds, rest = divmod(timeout or 0.0, 1)
        value = struct.pack("@ll", int(seconds), int(rest * 1e6))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._applied = timeout
