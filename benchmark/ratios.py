"""The statistics: medians, their spread, and ratios of what was measured side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles and extremes.

    - `process_low`, `process_high`: the least and the greatest median of one process alone
    """

    median: float
    low: float
    high: float
    minimum: float
    maximum: float
    process_low: float
    process_high: float


def spread(values: Sequence[float], processes: Sequence[int] | None = None) -> Spread:
    """The spread of at least one value.

    - `processes`: for each value the number of the process it is from. None: all from one
    """
    groups: dict[int, list[float]] = {}
    for process, value in zip(processes or [0] * len(values), values, strict=True):
        groups.setdefault(process, []).append(value)
    medians = [statistics.median(group) for group in groups.values()]
    return Spread(
        *_quartiles(values),
        minimum=min(values),
        maximum=max(values),
        process_low=min(medians),
        process_high=max(medians),
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the quartiles on both sides of it."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def pairwise(
    ours: Sequence[float], theirs: Sequence[float], processes: Sequence[int] | None = None
) -> Spread | None:
    """The spread of the ratios, ours to theirs, of each round. None where there are no rounds.

    Each ratio is of two neighbouring rounds: a disturbance that is longer than a round hits both.

    - `processes`: for each round the number of the pair of processes it is from

    Raises ValueError if one has more rounds than the other.
    """
    ratios, kept = [], []
    numbers = processes or [0] * len(ours)
    for our, their, process in zip(ours, theirs, numbers, strict=True):
        if their > 0:
            ratios.append(our / their)
            kept.append(process)
    return spread(ratios, kept) if ratios else None


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The names in the same order, beginning `by` later."""
    if not names:
        return []
    start = by % len(names)
    return [*names[start:], *names[:start]]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; 0 if there are none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]
