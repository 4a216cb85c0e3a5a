"""Clients' connections: Motor's own kind, and how they begin and wait."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.errors import PyMongoError
from pymongo.message import _OpMsg
from pymongo.mongo_client import MongoClient
from pymongo.monitoring import ConnectionClosedReason
from pymongo.synchronous.pool import Connection, Pool

from motor.condition import Condition
from motor.pymongo_internals.replies import begin_to_receive, received
from motor.sockets import BufferedSocket, buffered
from motor.strands import Strand, current_strand

__all__ = ["begin_to_connect", "can_give_way", "client_options", "connect", "has_connection"]

#: Whether Python starts threads while it ends.
_THREADS_START_AT_EXIT = sys.version_info < (3, 12)


class _Connection(Connection):
    """A connection that reads ahead, and whose replies are decoded in slices."""

    def receive_message(self, request_id: int | None) -> _OpMsg:
        begin_to_receive()
        strand = current_strand()
        if strand is None:
            return received(super().receive_message(request_id))
        return received(self._receive_in_strand(strand, request_id))

    def _receive_in_strand(self, strand: Strand, request_id: int | None) -> _OpMsg:
        strand.forsake = self._forsake
        try:
            return super().receive_message(request_id)
        finally:
            strand.forsake = None

    def _forsake(self) -> None:
        """Give back the connection, closed, of a strand that can never do it."""
        pool = self.pool_ref()
        self.close_conn(ConnectionClosedReason.ERROR)
        if pool is not None:
            pool.checkin(self)


def _close(connection: Connection) -> None:
    connection.close_conn(ConnectionClosedReason.ERROR)


class _Pool(Pool):
    """A pool of such connections. Those of the monitors are left as they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.size_cond = Condition(self.lock)
        self._max_connecting_cond = Condition(self.lock)

    def connect(self, *args: Any, **kwargs: Any) -> Connection:
        strand = current_strand()
        if strand is not None:
            return strand.elsewhere(partial(self.connect, *args, **kwargs), discard=_close)
        connection = super().connect(*args, **kwargs)
        if not connection.is_sdam:
            connection.__class__ = _Connection
            interface = buffered(connection.conn.sock)
            if interface is not None:
                connection.conn = interface  # type: ignore[assignment]
        return connection


def client_options() -> dict[str, Any]:
    """What every client of Motor's is made with, so that its calls are gentle to others.

    Uses the options ``_pool_class`` and ``_condition_class`` of ``MongoClient``, ``Pool.connect``,
    ``size_cond`` and ``_max_connecting_cond``, on which it waits for connections, ``Connection``
    with its ``pool_ref`` and ``conn``, which is what PyMongo calls its networking interface, and
    ``receive_message``. How PyMongo waits, reads from its sockets and decodes what it has read are
    no concern of anybody's in public. But it gives the interpreter lock away nine times for each
    operation, which with several threads at work costs more than the operation itself; it keeps it
    for a quarter of a second when the batch is large; and on an event loop's thread it would block.
    """
    return {"_pool_class": _Pool, "_condition_class": Condition}


def can_give_way(client: Any) -> bool:
    """Whether operations of `client`, which was just made, wait in strands without blocking.

    They do where Motor's pools and conditions are in use, and where nothing of the user's runs that
    might block: no listeners, no automatic encryption, no OIDC callbacks.

    Uses ``MongoClient._resolve_srv_info``, which has the classes that it was made with,
    ``_event_listeners``, and ``PoolOptions._credentials``: in public a client does not tell. Uses
    ``_retry_policy``: PyMongo sleeps for the time that ``backoff`` says, and in a strand that has
    to be done beforehand. Old versions of PyMongo do not have it.
    """
    if not isinstance(client, MongoClient):
        return False
    found = client._resolve_srv_info
    if found.get("pool_class") is not _Pool or found.get("condition_class") is not Condition:
        return False
    if _runs_code_of_users(client):
        return False
    policy = getattr(client, "_retry_policy", None)
    if policy is not None:
        policy.backoff = partial(_backoff, policy, policy.backoff)
    return True


def _runs_code_of_users(client: Any) -> bool:
    listeners, options = client._event_listeners, client.options
    credentials = options.pool_options._credentials
    return (
        listeners is None
        or listeners.enabled_for_commands
        or listeners.enabled_for_cmap
        or options.auto_encryption_opts is not None
        or (credentials is not None and credentials.mechanism == "MONGODB-OIDC")
    )


def _backoff(policy: Any, backoff: Callable[..., float], attempt: int, *args: Any) -> float:
    delay = backoff(attempt, *args)
    strand = current_strand()
    if strand is None or not policy.should_retry(attempt, delay):
        return delay
    strand.pause(delay)
    return 0.0


def has_connection(client: Any) -> bool:
    """Whether `client` has a connection that an operation could use at once, without blocking.

    Those of pyOpenSSL block.

    Uses ``MongoClient._topology``, ``Topology._servers``, ``Pool.conns`` and ``Connection.conn``:
    there is no public way to ask.
    """
    topology = client._topology
    if topology is None:
        # A name server has to be asked first.
        return False
    # Copies, because other threads add and remove servers and connections.
    return any(
        isinstance(connection.conn, BufferedSocket)
        for server in list(topology._servers.values())
        for connection in list(server.pool.conns)
    )


def connect(client: Any) -> None:
    """Let `client` begin to connect, without waiting for any server.

    Uses ``MongoClient._connect``: in public a client that was made with ``connect=False`` connects
    at its first operation only, which waits. A client of another make has nothing to connect to.
    """
    if isinstance(client, MongoClient):
        client._connect()


def begin_to_connect(client: Any) -> None:
    """Let `client` begin to connect, where it matters when, without waiting for anything.

    Errors are left for later.

    Uses ``MongoClient._connect``, and ``_resolve_srv_info`` to know of a client that would have to
    wait for a name server first: it begins later, too. Python 3.12 and later start no threads once
    the program has come to its end, PyMongo's neither, and operations that are under way by then
    would wait in vain for a server to be found.
    """
    if _THREADS_START_AT_EXIT or not isinstance(client, MongoClient):
        return
    if not client._resolve_srv_info.get("is_srv"):
        with contextlib.suppress(PyMongoError, RuntimeError):
            client._connect()
