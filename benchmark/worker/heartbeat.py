"""How long the event loop keeps its callbacks waiting."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

#: How often (in seconds) the heart should beat.
INTERVAL = 0.001


class CollectorClock:
    """How long Python's cyclic garbage collector has been at work, in seconds.

    A collection has the interpreter lock to itself, whichever thread it comes up in. As soon as it
    is over, the event loop may have the lock, before the collector has told that it is.
    """

    def __init__(self) -> None:
        self._total = 0.0
        #: When the collection at hand began. None: there is none, or it is counted.
        self._start: float | None = None
        gc.callbacks.append(self._tell)

    def read(self) -> float:
        """The time up to now."""
        # Nobody can ask during a collection: where there seems to be one, it is just over.
        self._count(time.perf_counter())
        return self._total

    def _tell(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._start = time.perf_counter()
        else:
            self._count(time.perf_counter())

    def _count(self, now: float) -> None:
        # Without a call in it, so that no other thread comes in between.
        if self._start is not None:
            self._total += now - self._start
            self._start = None

    def stop(self) -> None:
        gc.callbacks.remove(self._tell)


class Gap(NamedTuple):
    """The time between two beats, and what of it was spent by whom, in seconds.

    - `collector`: by the garbage collector
    - `cpu`: on processors by this process, all its threads together
    """

    seconds: float
    collector: float
    cpu: float

    @property
    def stall(self) -> float:
        return max(0.0, self.seconds - INTERVAL)

    @property
    def own_stall(self) -> float:
        """The stall without the garbage collector."""
        return max(0.0, self.seconds - self.collector - INTERVAL)


class Heartbeat:
    """A callback that comes every millisecond, or as soon after as the loop lets it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._collector = CollectorClock()
        #: What was between the beats so far.
        self.gaps: list[Gap] = []
        #: The most threads alive at a beat.
        self.threads = 0
        self._last = self._clocks()
        self._timer = self._loop.call_later(INTERVAL, self._beat)

    def _clocks(self) -> Gap:
        return Gap(time.perf_counter(), self._collector.read(), time.process_time())

    def _beat(self) -> None:
        self._timer = self._loop.call_later(INTERVAL, self._beat)
        self.threads = max(self.threads, threading.active_count())
        self._note()

    def _note(self) -> None:
        now = self._clocks()
        self.gaps.append(Gap(*(new - old for new, old in zip(now, self._last, strict=True))))
        self._last = now

    def stop(self) -> dict[str, float]:
        """End, and return what there was of stalls; see `stalls`."""
        self._timer.cancel()
        # What the loop has not come to yet is a stall, too.
        self._note()
        self._collector.stop()
        return stalls(self.gaps)


def stalls(gaps: Sequence[Gap]) -> dict[str, float]:
    """How the loop stood still, in seconds.

    - `longest`: the longest stall; `longest_gc` and `longest_cpu`: what the garbage collector, and
      the process on all processors, spent of it
    - `own`: the longest stall if the garbage collector had taken no time
    - `p99`: the 99th percentile
    """
    longest = max(gaps, key=lambda gap: gap.seconds)
    total = sum(gap.seconds for gap in gaps)
    return {
        "longest": longest.stall,
        "longest_gc": min(longest.collector, longest.stall),
        "longest_cpu": longest.cpu,
        "own": max(gap.own_stall for gap in gaps),
        "p99": delay_percentile([gap.stall for gap in gaps], total, 0.99),
    }


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
