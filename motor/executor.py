"""The threads that run calls: the executor that the whole process shares, and its statistics."""

from __future__ import annotations

from typing import Any

from motor.execution.default import default_executor
from motor.execution.pool_statistics import PoolStatistics

__all__ = ["PoolStatistics", "default_executor", "statistics"]


def statistics(client: Any = None, *, waiting: bool = False) -> PoolStatistics:
    """Return what the workers are doing and have done, for programs that export metrics.

    - `client`: a Motor client, for the pool that runs its calls: its own if it was given an
      `executor`. None: the pool that all others share
    - `waiting`: the `client`'s pool for change streams and tailable cursors instead

    Cheap enough to be asked for every second. Raises TypeError when `client` is no Motor client.
    """
    if client is None:
        if waiting:
            raise TypeError("waiting=True needs a client, because each has a pool of its own")
        return default_executor().statistics()
    # The class is asked, because a client has any name as an attribute: it is a database.
    if not isinstance(getattr(type(client), "_awaiting_pool", None), property):
        raise TypeError(f"client must be a Motor client, or None, not {type(client)}")
    pool = client._awaiting_pool if waiting else client._pool
    numbers: PoolStatistics = pool.statistics()
    return numbers
