"""How PyMongo waits in a greenlet: for a reply, a connection, a server, or before a retry.

Private names: those of `motor.accelerators.connections` and `motor.accelerators.sockets`; the
option ``_condition_class`` of ``MongoClient``; ``size_cond``, ``_max_connecting_cond``, ``lock``
and ``checkin`` of a pool, ``pool_ref`` and ``close_conn`` of a connection, with which one is given
back that is of no more use; ``receive_message``, and ``payload_document`` and
``unpack_response`` of what it returns; and ``_retry_policy`` of a client, with ``backoff`` and
``should_retry``, where it has one.
"""

from __future__ import annotations

import functools
import ssl
import threading
import time
import weakref
from functools import partial
from typing import Any

from motor.accelerators.greenlets.calls import current_call
from motor.accelerators.sockets.buffered import BufferedSocket, PlainSocket

__all__ = [
    "GreenletCondition",
    "adapt",
    "can_wait",
    "pause_before_retries",
    "pool_class",
]

#: The size of a reply (in bytes) from which it is decoded on another thread.
LARGE_REPLY = 32 * 1024


# Replies.


class _Receiver(BufferedSocket):
    """A socket that lets the event loop go on until a reply comes."""

    #: The greenlet that waits; None: no one does.
    call: Any = None
    #: When it has waited long enough (``time.monotonic()``).
    deadline: float = 0.0
    #: The scheduler that watches for replies, by its `key`.
    watched_by: object = None
    connection: Any = staticmethod(lambda: None)

    def _wait(self, call: Any) -> None:
        self.call, call.receiving = call, self
        try:
            call.scheduler.wait_for_reply(call, self, self._timeout[0])
        finally:
            self.call = call.receiving = None

    def close(self) -> None:
        """Close the socket. The selector forgets it by itself."""
        super().close()
        self.watched_by = None

    def abandon(self) -> None:
        """Close the connection and give it back, because its reply will not be read."""
        connection = self.connection()
        pool = None if connection is None else connection.pool_ref()
        if pool is not None:
            connection.close_conn(None)
            pool.checkin(connection)

    def _expect(self, size: int) -> None:
        # Reading a file blocks.
        if current_call() is None:
            super()._expect(size)

    def _receive(self, target: memoryview, whole: bool) -> int:
        call = current_call()
        if call is None:
            self._let_block()
            return super()._receive(target, whole)
        self._keep_from_blocking()
        while not call.scheduler.closing:
            count = self._try_receive(target, call)
            if count is not None:
                return count
        return self._receive_at_close(target, call.scheduler.closing_until - time.monotonic())

    def _try_receive(self, target: memoryview, call: Any) -> int | None:
        """Wait and receive. Returns how many bytes; None: none, or the loop has been closed."""
        raise NotImplementedError

    def _keep_from_blocking(self) -> None:
        if self.sock.gettimeout() != 0:
            self.sock.settimeout(0)

    def _let_block(self) -> None:
        """Let it block, because a worker uses the connection."""
        if self.sock.gettimeout() == 0:
            self.sock.settimeout(None)

    def _receive_at_close(self, target: memoryview, seconds: float) -> int:
        self.sock.settimeout(max(seconds, 0))
        try:
            return self.sock.recv_into(target)
        except TimeoutError:
            # Others would let PyMongo try again.
            raise BlockingIOError from None
        finally:
            self.sock.settimeout(None)


class _PlainReceiver(_Receiver, PlainSocket):
    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError and what a socket raises."""
        call = current_call()
        if call is None:
            self._let_block()
            super().sendall(data)
            return
        self._keep_from_blocking()
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            # As a rule, there is room for all that is brief.
            call.run_in_thread(partial(self.sendall, data[sent:]))

    def _try_receive(self, target: memoryview, call: Any) -> int | None:
        self._wait(call)
        try:
            return self.sock.recv_into(target)
        except BlockingIOError:
            return None


class _TLSReceiver(_Receiver):
    def _try_receive(self, target: memoryview, call: Any) -> int | None:
        try:
            return self.sock.recv_into(target)
        except ssl.SSLWantReadError:
            self._wait(call)
            return None
        except ssl.SSLWantWriteError:
            # In the middle of a renegotiation.
            return BufferedSocket._receive(self, target, False)


_RECEIVERS: dict[type, type] = {PlainSocket: _PlainReceiver, BufferedSocket: _TLSReceiver}


def adapt(connection: Any) -> None:
    """Let a new connection wait in a greenlet, if its socket is one of the standard library's."""
    buffered: Any = getattr(connection.conn, "get_conn", None)
    kind = _RECEIVERS.get(type(buffered))
    # eventlet and gevent put sockets of their own into its place.
    if kind is None or type(buffered.sock).__module__ not in ("socket", "ssl"):
        return
    buffered.__class__ = kind
    buffered.connection = weakref.ref(connection)
    connection.conn.close = buffered.close
    connection.__class__ = _connection_class(connection.__class__)


def can_wait(connection: Any) -> bool:
    """Whether a connection can wait in a greenlet."""
    return isinstance(getattr(connection.conn, "get_conn", None), _Receiver)


@functools.cache
def _connection_class(base: Any) -> type[Any]:
    class GreenletConnection(base):  # type: ignore[misc]
        def receive_message(self, *args: Any, **kwargs: Any) -> Any:
            reply = super().receive_message(*args, **kwargs)
            if len(reply.payload_document) >= LARGE_REPLY and current_call() is not None:
                reply.__class__ = _large_class(reply.__class__)
            return reply

    return GreenletConnection


@functools.cache
def _large_class(base: Any) -> type[Any]:
    """A subclass of a class of replies, which are decoded on another thread."""

    class LargeReply(base):  # type: ignore[misc]
        __slots__ = ()

        def unpack_response(self, *args: Any, **kwargs: Any) -> Any:
            unpack = partial(super().unpack_response, *args, **kwargs)
            call = current_call()
            return unpack() if call is None else call.run_in_thread(unpack)

    return LargeReply


# Connections and servers.


class GreenletCondition(threading.Condition):
    """A condition on which threads and greenlets wait alike, with a lock that no thread owns."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be notified, for `timeout` seconds at most. Returns whether it was."""
        call = current_call()
        wait = super().wait
        if call is None:
            return wait(timeout)

        def wait_and_release() -> bool:
            try:
                return wait(timeout)
            finally:
                # Before the greenlet goes on, others on its thread may want the lock.
                self.release()

        # The other thread begins with the lock taken, so that it misses no notification.
        try:
            return call.run_in_thread(wait_and_release)
        finally:
            self.acquire()


def pool_class(base: Any) -> type[Any]:
    """A subclass of a class of connection pools, in which greenlets wait for connections."""

    class GreenletPool(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.size_cond = GreenletCondition(self.lock)
            self._max_connecting_cond = GreenletCondition(self.lock)

        def connect(self, *args: Any, **kwargs: Any) -> Any:
            connect = partial(super().connect, *args, **kwargs)
            call = current_call()
            return connect() if call is None else call.run_in_thread(connect)

    return GreenletPool


def pause_before_retries(client: Any) -> None:
    """Let the loop go on while a call of `client` waits before it is tried again."""
    policy: Any = getattr(client, "_retry_policy", None)
    if hasattr(policy, "backoff") and hasattr(policy, "should_retry"):
        kind: Any = type(policy)
        policy.__class__ = _policy_class(kind)


@functools.cache
def _policy_class(base: Any) -> type[Any]:
    class GreenletRetryPolicy(base):  # type: ignore[misc]
        def backoff(self, attempt: int, *args: Any, **kwargs: Any) -> Any:
            seconds = super().backoff(attempt, *args, **kwargs)
            call = current_call()
            if call is None or not self.should_retry(attempt, seconds):
                return seconds
            call.sleep(seconds)
            return 0.0

    return GreenletRetryPolicy
