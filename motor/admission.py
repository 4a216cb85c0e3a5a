"""Who of a pool's workers may run when: as many calls at once as are good for their speed.

Calls that have just begun are busy with BSON and the interpreter lock, and more than a few threads
of that kind only slow each other down. A call that has run for a while waits for its server and
costs nothing: it does not count. In between, the processor says which it is: as long as it has time
to spare while calls wait, a few more may begin.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Protocol

__all__ = ["Admission"]

#: The age (in seconds) at which a call is taken to be waiting for the server, not for the
#: processor.
YOUNG = 0.002

#: How many times as many young calls may run at once while the processor has time to spare.
STRETCH = 2

#: The shares of one processor that the process uses below which it has time to spare, and above
#: which it has none.
IDLE, FULL = 0.7, 0.9

#: The shortest time (in seconds) that says something about the use of the processor.
SPAN = 0.008


class Busy(Protocol):
    """A worker at work."""

    busy_since: float


class Admission:
    """Decides whether one more worker may begin. Used with the pool's lock held.

    - `max_workers`: the most workers that are ever busy at once
    - `young_limit`: how many calls younger than two milliseconds run at once while the processor is
      busy
    """

    __slots__ = ("_cpu", "_looked", "limit", "max_workers", "most", "young_limit")

    def __init__(self, max_workers: int, young_limit: int) -> None:
        self.max_workers: int = max_workers
        self.young_limit: int = min(young_limit, max_workers)
        #: How many young calls may ever run at once.
        self.most: int = min(STRETCH * young_limit, max_workers)
        #: How many may for now.
        self.limit: int = self.young_limit
        self._looked = time.monotonic()
        self._cpu = time.process_time()

    @property
    def limited(self) -> bool:
        """Whether a call may have to wait although there are workers to be had."""
        return self.young_limit < self.max_workers

    def allows_one_more(self, busy: Collection[Busy]) -> bool:
        """Whether a worker may begin beside those that are busy."""
        if len(busy) < self.limit:
            return True
        return len(busy) < self.max_workers and young(busy) < self.limit

    def look(self) -> None:
        """See how busy the processor has been, and set the limit; called while calls wait."""
        now = time.monotonic()
        passed = now - self._looked
        if passed < SPAN:
            return
        cpu = time.process_time()
        share = (cpu - self._cpu) / passed
        self._looked, self._cpu = now, cpu
        if passed > 10 * SPAN:
            # Nobody looked for a while: this says nothing about now.
            self.limit = self.young_limit
        elif share < IDLE:
            self.limit = min(self.limit + 1, self.most)
        elif share > FULL:
            self.limit = max(self.limit - 1, self.young_limit)


def young(busy: Collection[Busy]) -> int:
    """How many of these have begun just now."""
    youth = time.monotonic() - YOUNG
    return sum(worker.busy_since > youth for worker in busy)
