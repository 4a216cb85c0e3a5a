"""The statistics: medians, their spread, and ratios of what was measured side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles and extremes."""

    median: float
    low: float
    high: float
    minimum: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    if len(values) == 1:
        only = values[0]
        return Spread(only, only, only, only, only)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high, min(values), max(values))


def pairwise(ours: Sequence[float], theirs: Sequence[float]) -> Spread | None:
    """The spread of the ratios, ours to theirs, of each round. None where there are no rounds.

    Each ratio is of two neighbours in time: what disturbs the machine for longer than a round
    disturbs both. Raises ValueError when one has more rounds than the other.
    """
    ratios = [our / their for our, their in zip(ours, theirs, strict=True) if their > 0]
    return spread(ratios) if ratios else None


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The names in the same order, beginning `by` later: nobody always follows the same one."""
    if not names:
        return []
    start = by % len(names)
    return [*names[start:], *names[:start]]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least the `share` of all are not above. 0 where there are none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]
