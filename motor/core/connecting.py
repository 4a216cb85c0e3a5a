"""How a client begins to connect, its name for the server, and what closing it returns."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Coroutine, Generator
from typing import Any, NoReturn

import pymongo
from pymongo.driver_info import DriverInfo
from pymongo.mongo_client import MongoClient
from pymongo.read_preferences import Secondary

from motor._version import version

__all__ = [
    "THREADS_START_AT_EXIT",
    "Done",
    "begin_to_connect",
    "begin_to_connect_elsewhere",
    "driver_info",
    "joined",
]

#: Whether Python starts threads while it ends. Python 3.12 does not, so operations in flight would
#: wait for ever for a server, unless their client has begun to connect before.
THREADS_START_AT_EXIT = sys.version_info[:2] != (3, 12)

#: A time (in seconds) that is over when it begins.
_NO_TIME = 1e-9

#: Members that no server is among.
_NOWHERE = Secondary([{"motor": "begins to connect"}])


def begin_to_connect(client: Any) -> None:
    """Let `client` begin to connect, without waiting for a server.

    A client that was made with ``connect=False`` connects at its first operation. This operation
    finds no server and no time, so it sends nothing. Its error is ignored, whatever it is.
    """
    if isinstance(client, MongoClient):
        with contextlib.suppress(Exception), pymongo.timeout(_NO_TIME):
            if not client.nodes:
                client.admin.command("ping", read_preference=_NOWHERE)


def begin_to_connect_elsewhere(client: Any) -> None:
    """Let `client` begin to connect, on another thread. When this returns, it has begun.

    PyMongo then looks for files. A tool that refuses this on the event loop's thread would leave
    PyMongo's client half begun.
    """
    thread = threading.Thread(
        target=begin_to_connect, args=(client,), name="motor-connecting", daemon=True
    )
    # Such a tool refuses the wait, too.
    with contextlib.suppress(Exception):
        thread.start()
        thread.join()


def driver_info(platform: str) -> DriverInfo:
    return DriverInfo("Motor", version, platform)


def joined(own: DriverInfo, users: DriverInfo | None) -> DriverInfo:
    """Motor and the driver that is built on it, as one: their names are joined by bars.

    As one because all connections name what is passed as ``driver``, those of the monitors too, and
    only those for operations what is appended later.
    """
    if users is None:
        return own
    name, version, platform = (
        [part or "" for part in parts] for parts in zip(own, users, strict=True)
    )
    # Its constructor refuses names with bars in them. It has seen both of these before.
    return DriverInfo._make(["|".join(name), "|".join(version), "|".join(filter(None, platform))])


class Done(Coroutine[Any, Any, None]):
    """What closing returns if there is nothing to wait for. ``await`` and ``create_task`` take it,
    as they take the future that closing returns otherwise.
    """

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()

    def send(self, value: Any) -> NoReturn:
        """Be done."""
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, traceback: Any = None, /) -> NoReturn:
        """Raise the exception."""
        raise kind

    def close(self) -> None:
        """Do nothing: there is nothing left to close."""
