"""How long the probe went without an answer."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.faults import FAILOVERS
from chaos.journals import Line
from chaos.schedule import Fault

#: A gap belongs to a failover if it overlaps the time from its begin to so many seconds later.
_SECONDS_AFTER = 15.0


@dataclass(frozen=True)
class Struck:
    """A fault, and when it began and ended on the machine's monotonic clock."""

    fault: Fault
    begun: float
    ended: float
    problem: str = ""


class Gaps:
    """The gaps of one worker's probe."""

    def __init__(self) -> None:
        self._gaps: list[tuple[float, float]] = []

    def enter(self, line: Line) -> None:
        """Take in a line of the journal."""
        if line["kind"] == "gap":
            self._gaps.append((line["begun"], line["seconds"]))

    @property
    def longest(self) -> float:
        """The longest of all, in seconds."""
        return max((seconds for _, seconds in self._gaps), default=0.0)

    def after_failovers(self, struck: list[Struck]) -> list[float]:
        """For each failover, the longest gap that it led to."""
        found = []
        for one in struck:
            if (one.fault.name, one.fault.who) in FAILOVERS and not one.problem:
                end = one.begun + _SECONDS_AFTER
                found.append(
                    max(
                        (s for at, s in self._gaps if at < end and at + s > one.begun),
                        default=0.0,
                    )
                )
        return found
