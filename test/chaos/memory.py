"""Whether memory stays flat: a line through the resident sizes."""

from __future__ import annotations

import statistics

from chaos.journals import Line

#: What comes first is not counted: caches fill, pools grow.
_SETTLING = 0.3
_HOUR = 3600.0
_LONG = 600.0


class Memory:
    """The resident sizes of one worker."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, int]] = []

    def enter(self, line: Line) -> None:
        """Take in a line of the journal."""
        if line["kind"] == "memory":
            self._samples.append((line["at"], line["kilobytes"]))

    @property
    def last_megabytes(self) -> float:
        """The size at the end."""
        return self._samples[-1][1] / 1024 if self._samples else 0.0

    @property
    def growth(self) -> float | None:
        """How fast it grows, in MB an hour; None: the run was too short to tell."""
        times = [at for at, _ in self._samples]
        if not times or times[-1] - times[0] < _LONG:
            return None
        return self.megabytes_an_hour()

    def megabytes_an_hour(self) -> float:
        """How fast it grows, by the method of least squares, once it has settled."""
        samples = self._samples[int(len(self._samples) * _SETTLING) :]
        if len(samples) < 3:
            return 0.0
        slope = statistics.linear_regression(*zip(*samples, strict=True)).slope
        return slope * _HOUR / 1024
