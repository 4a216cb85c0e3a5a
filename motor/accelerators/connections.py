"""How accelerators adapt PyMongo's connections when they are made.

Private names: the option ``_pool_class`` of ``MongoClient``, ``pymongo.synchronous.pool.Pool`` and
its ``connect``, ``is_sdam`` of a connection.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from motor.accelerators.checks import lacking, sets

__all__ = ["pool_class", "unusable"]

Adapter = Callable[[Any], None]


@functools.cache
def unusable() -> str | None:
    """Why connections cannot be adapted; None: they can."""
    from pymongo import MongoClient
    from pymongo.synchronous.pool import Connection, Pool

    reason = lacking(Pool, "connect") or sets(Connection, "is_sdam")
    if reason is None:
        # A client that does not know the option refuses it.
        client: MongoClient[Any] = MongoClient(connect=False, _pool_class=Pool)
        client.close()
    return reason


def pool_class(adapters: Sequence[Adapter]) -> type[Any]:
    """A class of connection pools that lets `adapters` adapt each connection for operations.

    Those of the monitors are left as they are.
    """
    from pymongo.synchronous.pool import Pool

    class AdaptingPool(Pool):
        def connect(self, *args: Any, **kwargs: Any) -> Any:
            connection = super().connect(*args, **kwargs)
            if not connection.is_sdam:
                for adapt in adapters:
                    # A connection that cannot be adapted stays as PyMongo made it.
                    with contextlib.suppress(AttributeError, TypeError):
                        adapt(connection)
            return connection

    return AdaptingPool
