"""How long the event loop keeps its callbacks waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

#: How often (in seconds) the heart should beat.
INTERVAL = 0.001


class Heartbeat:
    """A callback that comes every millisecond, or as soon after as the loop lets it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._gaps: list[float] = []
        #: The most threads alive at a beat.
        self.threads = 0
        self._last = time.perf_counter()
        self._timer = self._loop.call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        self._timer = self._loop.call_later(INTERVAL, self._beat)
        self.threads = max(self.threads, threading.active_count())
        now = time.perf_counter()
        self._gaps.append(now - self._last)
        self._last = now

    def stop(self) -> dict[str, float]:
        """End, and return the longest stall and the 99th percentile, in seconds."""
        self._timer.cancel()
        # What the loop has not come to yet is a stall, too.
        self._gaps.append(time.perf_counter() - self._last)
        stalls = [max(0.0, gap - INTERVAL) for gap in self._gaps]
        return {"longest": max(stalls), "p99": delay_percentile(stalls, sum(self._gaps), 0.99)}


def delay_percentile(stalls: Sequence[float], total: float, share: float) -> float:
    """The delay that all but `1 - share` of callbacks have at most, if they come at any time.

    A callback that comes during a stall waits for the rest of it. Counting the beats instead would
    make one stall of a second one late beat among thousands.

    - `stalls`: how long each lasted
    - `total`: how long the time was that they happened in
    """
    allowed = (1 - share) * total
    low, high = 0.0, max(stalls, default=0.0)
    for _ in range(50):
        middle = (low + high) / 2
        if sum(stall - middle for stall in stalls if stall > middle) > allowed:
            low = middle
        else:
            high = middle
    return high
