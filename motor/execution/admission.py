"""How many calls run at once: few while they are short, more while they are slow.

A call that has just begun is busy with BSON and the interpreter lock. More than a few such threads
only slow each other down. A call that has run for a while waits for its server and needs no
processor: it does not count. If processor time is left while calls wait, a few more may begin.
"""

from __future__ import annotations

import time

__all__ = ["RECENT", "Admission"]

#: The age (in seconds) at which a call is taken to be waiting for its server.
RECENT = 0.002

#: How many times as many recent calls may run at once while processor time is left.
STRETCH = 2

#: If the process uses less than the first share of one processor, time is left; above the second
#: share, none is.
IDLE, FULL = 0.7, 0.9

#: The shortest time (in seconds) over which the use of the processor is measured.
SPAN = 0.008


class Admission:
    """How many calls one pool may run at once.

    - `max_workers`: the most workers that are ever busy at once
    - `recent_limit`: how many recent calls run at once while the processor is busy
    """

    __slots__ = ("_cpu", "_measured", "limit", "most", "recent_limit")

    def __init__(self, max_workers: int, recent_limit: int) -> None:
        self.recent_limit: int = min(recent_limit, max_workers)
        #: How many recent calls may run at once at the most, and for now.
        self.most: int = min(STRETCH * recent_limit, max_workers)
        self.limit: int = self.recent_limit
        self._measured = time.monotonic()
        self._cpu = time.process_time()

    def measure(self) -> None:
        """Set the limit by the use of the processor since the last call. Called while calls
        wait."""
        now = time.monotonic()
        passed = now - self._measured
        if passed < SPAN:
            return
        cpu = time.process_time()
        share = (cpu - self._cpu) / passed
        self._measured, self._cpu = now, cpu
        if passed > 10 * SPAN:
            # The last measurement is too old to compare with.
            self.limit = self.recent_limit
        elif share < IDLE:
            self.limit = min(self.limit + 1, self.most)
        elif share > FULL:
            self.limit = max(self.limit - 1, self.recent_limit)
