"""Watch what PyMongo does with its connections."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pymongo.monitoring import ConnectionPoolListener


class PoolRecorder(ConnectionPoolListener):
    """Counts the events of a client's connection pools, by name: `pools["cleared"]`.

    Give it to a client as `event_listeners=[pools]`. `used` has the id of the connection of each
    operation, in order; `most_open` is how many connections there ever were at once.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.used: list[int] = []
        self.most_open = 0

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    @property
    def open(self) -> int:
        return self["connection_created"] - self["connection_closed"]

    def connection_created(self, event: Any) -> None:
        self._counts["connection_created"] += 1
        self.most_open = max(self.most_open, self.open)

    def connection_checked_out(self, event: Any) -> None:
        self.used.append(event.connection_id)

    def connection_closed(self, event: Any) -> None:
        self._counts["connection_closed"] += 1

    def pool_cleared(self, event: Any) -> None:
        self._counts["cleared"] += 1

    def _ignore(self, event: object) -> None:
        pass

    pool_created = pool_ready = pool_closed = connection_ready = connection_checked_in = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore
