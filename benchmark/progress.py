"""Says how far a run is, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence


class Progress:
    """Corrects its estimate by the time of the cases so far.

    - `estimates`: about how many seconds each case will take
    """

    def __init__(
        self,
        estimates: Sequence[float],
        say: Callable[[str], object] = lambda text: print(text, file=sys.stderr, flush=True),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._estimates = estimates
        self._say = say
        self._clock = clock
        self._number = 0
        self._start = self._last = clock()
        say(f"{len(estimates)} cases, which will take about {duration(sum(estimates))}")

    def done(self, what: str) -> None:
        """Say that the next case is done."""
        self._number += 1
        now = self._clock()
        expected = sum(self._estimates[: self._number])
        speed = (now - self._start) / expected if expected else 1.0
        left = sum(self._estimates[self._number :]) * speed
        place = f"{self._number}/{len(self._estimates)}"
        self._say(f"[{place}] {what}: {now - self._last:.1f} s, {duration(left)} left")
        self._last = now


def duration(seconds: float) -> str:
    """A readable time: in seconds below two minutes, in minutes above."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
