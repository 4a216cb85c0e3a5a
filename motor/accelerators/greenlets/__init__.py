"""The accelerator `greenlets`: small operations on the event loop's own thread.

A hand-off to a worker costs two changes of threads. PyMongo's code in a greenlet on the loop's
thread costs none: wherever it would block, the greenlet lets the loop go on. It is used only where
``MOTOR_ACCELERATORS`` names it, and needs `greenlet` from PyPI.

Private names: see the modules `connections`, `pool` and `targets`; and what the accelerator
`sockets` uses.
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from typing import Any

from motor.accelerators import sockets
from motor.accelerators.checks import lacking, sets
from motor.accelerators.sockets.buffered import BufferedInterface

__all__ = ["adapt", "adapt_options", "impossible", "pool_of", "unusable"]


def impossible() -> str | None:
    """Why it cannot be used on this machine, and what to do; None: it can."""
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        return "the event loops of Windows, and Pythons other than CPython, cannot be used with it"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it has nothing to gain on a Python with free threads"
    if importlib.util.find_spec("greenlet") is None:
        return "greenlet is not installed: install it, or Motor with its extra: motor[greenlets]"
    return None


def unusable() -> str | None:
    """Why PyMongo's private names do not fit; None: they do."""
    from pymongo import MongoClient, message
    from pymongo.cursor import Cursor
    from pymongo.synchronous.pool import Connection, Pool
    from pymongo.synchronous.server import Server
    from pymongo.synchronous.topology import Topology

    reason = (
        sockets.unusable()
        or sets(MongoClient, "_topology")
        or lacking(Topology, "get_server_by_address")
        or lacking(Server, "pool")
        or sets(Pool, "conns", "lock", "size_cond", "_max_connecting_cond")
        or lacking(Pool, "checkin")
        or sets(Connection, "pool_ref")
        or lacking(Connection, "close_conn", "receive_message")
        or sets(Cursor, "_exhaust", "_limit", "_spec")
        or lacking(getattr(message, "_OpMsg", None), "payload_document", "unpack_response")
    )
    if reason is None:
        from motor.accelerators.greenlets.connections import GreenletCondition

        # A client that does not know the option refuses it.
        client: MongoClient[Any] = MongoClient(connect=False, _condition_class=GreenletCondition)
        client.close()
    return reason


def adapt(connection: Any) -> None:
    """Let a new connection wait in a greenlet, if its socket is one that can."""
    from motor.accelerators.greenlets import connections

    if not isinstance(connection.conn, BufferedInterface):
        sockets.adapt(connection)
    connections.adapt(connection)


def adapt_options(options: dict[str, Any]) -> dict[str, Any]:
    """PyMongo's options with classes whose waiting lets the loop go on."""
    from motor.accelerators.greenlets.connections import GreenletCondition, pool_class

    own = {"_condition_class": GreenletCondition, "_pool_class": pool_class(options["_pool_class"])}
    return {**options, **own}


def pool_of(workers: Any, client: Any) -> Any:
    """What takes the calls of a PyMongo client in the place of `workers`.

    Raises ValueError when these are those of the user's own executor.
    """
    from motor.accelerators.greenlets.pool import InlinePool

    return InlinePool.around(workers, client)
