"""The accelerator `sockets`: connections that need few system calls for an operation.

Private names: those of `motor.accelerators.connections`; ``conn`` of a connection, which is what
PyMongo calls its networking interface, with ``sock``; and what PyMongo asks of such an interface,
which `motor.accelerators.sockets.buffered` offers. What else it asks is passed on.
"""

from __future__ import annotations

import sys
from typing import Any

from motor.accelerators import connections
from motor.accelerators.checks import lacking, sets
from motor.accelerators.sockets.buffered import INTERFACE, buffered

__all__ = ["adapt", "unusable"]


def unusable() -> str | None:
    """Why the accelerator cannot be used; None: it can."""
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        return "PyMongo waits with select() here, which does not know of what was read ahead"
    from pymongo.network_layer import NetworkingInterface
    from pymongo.synchronous.pool import Connection

    return (
        connections.unusable()
        or sets(Connection, "conn")
        or lacking(Connection, "send_message", "receive_message")
        or lacking(NetworkingInterface, "sock", *INTERFACE)
    )


def adapt(connection: Any) -> None:
    """Give a new connection a buffered socket, if it has one of a kind that can be buffered."""
    interface = buffered(connection.conn)
    if interface is not None:
        connection.conn = interface
