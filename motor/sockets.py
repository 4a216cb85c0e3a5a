"""Sockets that need few system calls, because each of them costs a thread the interpreter lock.

PyMongo reads a reply in two pieces, sets the socket's timeout before each piece and sets it back
after it. Each of these steps gives the interpreter lock away, and with several threads at work
somebody else takes it. These sockets read ahead, so that a small reply comes with one system call,
and change the timeout of the operating system's socket only when it matters.

They stand in for what PyMongo calls the networking interface of a connection. What they offer, and
the errors that they raise, are a socket's; there is no protocol here.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
from collections.abc import Callable

from motor.strands import READABLE, WRITABLE, Strand, current_strand

__all__ = ["BufferedSocket", "buffered"]

#: How many bytes are read ahead at most.
BUFFER_SIZE = 16 * 1024

#: What a socket raises that has to be waited for.
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def _awaited(error: BaseException, otherwise: int) -> int:
    """What to wait for, when `error` was raised: with TLS, reading may have to write first."""
    if isinstance(error, ssl.SSLWantReadError):
        return READABLE
    return WRITABLE if isinstance(error, ssl.SSLWantWriteError) else otherwise


def buffered(sock: object) -> BufferedSocket | None:
    """A buffered socket on top of a connected one, or None for a kind that cannot have one."""
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        # PyMongo waits there with select(), which does not know of what was read ahead.
        return None
    if isinstance(sock, ssl.SSLSocket):
        return BufferedSocket(sock)
    # PyMongo also knows pyOpenSSL's connections, which are left as they are.
    return PlainSocket(sock) if type(sock) is socket.socket else None


class BufferedSocket:
    """A connected socket, and up to 16 kB that were read from it ahead of being asked for.

    - `sock`: must not be used by anybody else from now on
    """

    # What Python says with TLS.
    _read_too_late = "The read operation timed out"
    _write_too_late = "The write operation timed out"

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fileno: Callable[[], int] = sock.fileno
        self._timeout = sock.gettimeout()
        self._answer_is_due = False
        self._buffer = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0

    @property
    def get_conn(self) -> BufferedSocket:
        """What messages are sent by."""
        return self

    def gettimeout(self) -> float | None:
        """The timeout in seconds; None: no such."""
        return self._timeout

    def settimeout(self, timeout: float | None) -> None:
        """Let what is sent or received from now on time out after so many seconds."""
        self._timeout = timeout

    def close(self) -> None:
        """Close the socket. What was read ahead is gone with it."""
        self.sock.close()
        self._end = 0

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError and what a socket raises."""
        strand = current_strand()
        if strand is not None:
            self._send_from_strand(strand, data)
            return
        self._apply_timeout()
        self.sock.sendall(data)

    def recv_into(self, target: memoryview) -> int:
        """Receive something into `target`. Returns how many bytes, 0 at the end.

        Raises TimeoutError and what a socket raises.
        """
        if self._start >= self._end:
            if len(target) >= BUFFER_SIZE:
                return self._receive(target, whole=True)
            self._end = self._receive(self._buffer, whole=False)
            self._start = 0
        count = min(len(target), self._end - self._start)
        target[:count] = self._buffer[self._start : self._start + count]
        self._start += count
        return count

    def _receive(self, target: memoryview, *, whole: bool) -> int:
        strand = current_strand()
        if strand is not None:
            return self._receive_in_strand(strand, target, whole=whole)
        self._apply_timeout()
        return self.sock.recv_into(target)

    def _apply_timeout(self) -> None:
        if self.sock.gettimeout() != self._timeout:
            self.sock.settimeout(self._timeout)

    # In strands, which wait in another way.

    def _send_from_strand(self, strand: Strand, data: bytes) -> None:
        strand.sent = self._answer_is_due = True
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._send_now(rest) :]
            except _WAIT as exc:
                if not strand.wait_for(self.fileno(), _awaited(exc, WRITABLE), self._timeout):
                    raise TimeoutError(self._write_too_late) from None

    def _receive_in_strand(self, strand: Strand, target: memoryview, *, whole: bool) -> int:
        count, ready = 0, True
        if self._answer_is_due and self._timeout != 0:
            # It cannot be there yet, so that trying to receive it first would be in vain.
            self._answer_is_due = False
            ready = strand.wait_for(self.fileno(), READABLE, self._timeout)
        while True:
            try:
                received = self._receive_now(target[count:])
            except _WAIT as exc:
                if not ready or self._timeout == 0:
                    # Even after the time was over there was nothing.
                    if count:
                        return count
                    raise TimeoutError(self._read_too_late) from None
                ready = strand.wait_for(self.fileno(), _awaited(exc, READABLE), self._timeout)
                continue
            count += received
            if not whole or not received or count == len(target):
                return count

    def _send_now(self, data: memoryview) -> int:
        """Send what can be sent at once. Raises one of `_WAIT` when that is nothing."""
        if self.sock.gettimeout() != 0:
            self.sock.settimeout(0)
        return self.sock.send(data)

    def _receive_now(self, target: memoryview) -> int:
        """Receive what is there. Raises one of `_WAIT` when that is nothing."""
        if self.sock.gettimeout() != 0:
            self.sock.settimeout(0)
        return self.sock.recv_into(target)


class PlainSocket(BufferedSocket):
    """One without TLS, where the operating system itself can watch over the timeout."""

    _read_too_late = _write_too_late = "timed out"

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        # With a timeout of Python's own, each call would be two: first wait, then receive.
        sock.settimeout(None)
        self._applied: float | None = None

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError and what a socket raises."""
        strand = current_strand()
        if strand is not None:
            self._send_from_strand(strand, data)
            return
        if self._timeout is None:
            self.sock.sendall(data)
            return
        self.sock.settimeout(self._timeout)
        try:
            self.sock.sendall(data)
        finally:
            self.sock.settimeout(None)

    def _send_now(self, data: memoryview) -> int:
        return self.sock.send(data, socket.MSG_DONTWAIT)

    def _receive_now(self, target: memoryview) -> int:
        return self.sock.recv_into(target, 0, socket.MSG_DONTWAIT)

    def _receive(self, target: memoryview, *, whole: bool) -> int:
        strand = current_strand()
        if strand is not None:
            return self._receive_in_strand(strand, target, whole=whole)
        timeout = self._timeout
        flags = socket.MSG_WAITALL if whole else 0
        if timeout is not None and timeout < 1e-6:
            flags = socket.MSG_DONTWAIT
        elif timeout != self._applied:
            self._apply(timeout)
        try:
            return self.sock.recv_into(target, 0, flags)
        except BlockingIOError:
            raise TimeoutError(self._read_too_late) from None

    def _apply(self, timeout: float | None) -> None:
        # To the operating system zero means no timeout.
        seconds, rest = divmod(timeout or 0.0, 1)
        value = struct.pack("@ll", int(seconds), int(rest * 1e6))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._applied = timeout
