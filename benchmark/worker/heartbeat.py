"""How long the event loop delays its callbacks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

#: The time (in seconds) between two beats.
INTERVAL = 0.001


class Gap(NamedTuple):
    """The time between two beats, in seconds.

    - `cpu`: the processor time of this process in it, all its threads together
    """

    seconds: float
    cpu: float

    @property
    def stall(self) -> float:
        return max(0.0, self.seconds - INTERVAL)


class Heartbeat:
    """A callback that is due every millisecond, and runs as soon as the loop lets it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        #: The times between the beats so far.
        self.gaps: list[Gap] = []
        #: The most threads alive at a beat.
        self.threads = 0
        self._last = self._clocks()
        self._timer = self._loop.call_later(INTERVAL, self._beat)

    def _clocks(self) -> Gap:
        return Gap(time.perf_counter(), time.process_time())

    def _beat(self) -> None:
        self._timer = self._loop.call_later(INTERVAL, self._beat)
        self.threads = max(self.threads, threading.active_count())
        self._note()

    def _note(self) -> None:
        now = self._clocks()
        self.gaps.append(Gap(*(new - old for new, old in zip(now, self._last, strict=True))))
        self._last = now

    def stop(self) -> dict[str, float]:
        """End, and return the stalls; see `stalls`."""
        self._timer.cancel()
        # A beat that is still due is a stall, too.
        self._note()
        return stalls(self.gaps)


def stalls(gaps: Sequence[Gap]) -> dict[str, float]:
    """How the loop stood still, in seconds.

    - `longest`: the longest stall
    - `longest_cpu`: the processor time of the process in it, all its threads together
    - `p99`: the 99th percentile
    """
    longest = max(gaps, key=lambda gap: gap.seconds)
    total = sum(gap.seconds for gap in gaps)
    return {
        "longest": longest.stall,
        "longest_cpu": longest.cpu,
        "p99": delay_percentile([gap.stall for gap in gaps], total, 0.99),
    }


def delay_percentile(stalls: Sequence[float], total: float, share: float) -> float:
    """The delay that `share` of callbacks do not exceed, if they come at random times.

    A callback that comes during a stall waits for the rest of it. If the beats were counted
    instead, a stall of a second would be one late beat among thousands.

    - `stalls`: how long each lasted
    - `total`: the length of the whole measurement
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
