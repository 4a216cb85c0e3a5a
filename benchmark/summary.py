"""Reduces the rounds of a case to the reported numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.cases import Case
from benchmark.drivers import MOTOR, MOTOR_GREENLETS, PYMONGO_SYNC
from benchmark.ratios import Spread, pairwise, spread
from benchmark.runner import Outcome, Round
from benchmark.setups import Setup


@dataclass(frozen=True)
class Stall:
    """How long the loop stood still, in ms.

    - `longest`, `worst`: the longest stall, as the median of the rounds and in the worst round
    - `own`: the longest stall with Python's garbage collector off, as the median of the rounds
    - `p99`: the delay that 99 of 100 callbacks do not exceed
    - `cpu`: the process's processor time in the longest, in the median of the rounds
    """

    longest: float
    worst: float
    own: float
    p99: float
    cpu: float


@dataclass(frozen=True)
class Figures:
    """One driver's numbers in one case. None: not measured.

    - `result`: the case's own: a rate, or for memory the peak in MB
    - `cpu`: processor microseconds of the client process for each operation (document, MB, ...)
    - `stall`: how the loop stood still
    - `growth`: the part of the peak memory, in MB, that the work has added
    - `latency`: the time, in ms, that 99 of 100 requests do not exceed, for the HTTP services
    - `threads`, `connections`: the most threads, and the connections to the server in the end
    - `best_threads`: for the synchronous client, the best number of threads
    """

    result: Spread
    cpu: float
    stall: Stall | None
    growth: float | None
    latency: float | None
    threads: int
    connections: int | None
    best_threads: float | None


@dataclass(frozen=True)
class Summary:
    """A case's numbers with one setup: those of each driver, and Motor's ratios to the others.

    - `ratios`: of the results: for rates, how many times as fast Motor is; for memory, how many
      times as much it takes
    - `cpu_ratios`: of the processor time for an operation
    - `greenlets`: of the results, those of Motor with greenlets to the others
    - `limits`: for each other driver the ratio to the synchronous client, which is the limit
    - `left_out`: why the case, or a driver, is missing
    """

    case: Case
    setup: Setup
    figures: dict[str, Figures]
    ratios: dict[str, Spread]
    cpu_ratios: dict[str, Spread]
    limits: dict[str, Spread]
    greenlets: dict[str, Spread]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """All numbers, as values for JSON."""
        return asdict(self)


def summarize(outcome: Outcome) -> Summary:
    """The numbers of a case."""
    case = outcome.case
    results = {name: [_result(case, r) for r in found] for name, found in outcome.rounds.items()}
    cpu = {name: [_cpu(r) for r in found] for name, found in outcome.rounds.items()}
    processes = next(([r["process"] for r in found] for found in outcome.rounds.values()), [])
    return Summary(
        case,
        outcome.setup,
        {name: _figures(outcome, name, results[name], cpu[name]) for name in results},
        _others_to(MOTOR, results, processes, inverse=True),
        _others_to(MOTOR, cpu, processes, inverse=True),
        _others_to(PYMONGO_SYNC, results, processes),
        _others_to(MOTOR_GREENLETS, results, processes, inverse=True),
        outcome.left_out,
    )


def labels(summaries: Sequence[Summary]) -> list[str]:
    """A label for each summary: its case, and its setup if the case has several."""
    several = len({summary.setup for summary in summaries}) > 1
    return [
        f"{summary.case.name} ({summary.setup})" if several else summary.case.name
        for summary in summaries
    ]


def _others_to(
    name: str, values: dict[str, list[float]], processes: list[int], inverse: bool = False
) -> dict[str, Spread]:
    """The ratios of each other driver to this one; `inverse`: of this one to each other."""
    one = values.get(name)
    if one is None:
        return {}
    found = {}
    for other, theirs in values.items():
        if other != name:
            pair = (one, theirs) if inverse else (theirs, one)
            found[other] = pairwise(*pair, processes)
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def _result(case: Case, taken: Round) -> float:
    if case.measure == "memory":
        return float(taken["peak"])
    return float(taken["amount"] / taken["seconds"])


def _cpu(taken: Round) -> float:
    return float(taken["cpu"] / taken["amount"] * 1e6)


def _figures(outcome: Outcome, name: str, results: list[float], cpu: list[float]) -> Figures:
    rounds, beats = outcome.rounds[name], outcome.beats.get(name, [])
    latency = _median(rounds, lambda taken: taken["p99"] * 1e3)
    growth = _median(rounds, lambda taken: taken["peak"] - taken["base"])
    return Figures(
        result=spread(results, [taken["process"] for taken in rounds]),
        cpu=statistics.median(cpu),
        stall=_stall(beats, outcome.uncollected.get(name, [])),
        growth=growth if outcome.case.measure == "memory" else None,
        latency=latency,
        threads=max(taken["threads"] for taken in (*rounds, *beats)),
        connections=outcome.connections.get(name),
        best_threads=_median(outcome.details.get(name, []), lambda told: told["best_threads"]),
    )


def _stall(beats: list[Round], uncollected: list[Round]) -> Stall | None:
    def each(found: list[Round], what: str) -> list[float]:
        return [taken["stall"][what] * 1e3 for taken in found if "stall" in taken]

    longest = each(beats, "longest")
    if not longest:
        return None
    return Stall(
        longest=statistics.median(longest),
        worst=max(longest),
        own=statistics.median(each(uncollected, "longest")),
        p99=statistics.median(each(beats, "p99")),
        cpu=statistics.median(each(beats, "longest_cpu")),
    )


def _median(found: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float | None:
    """The median of a value over those that have it."""
    values = []
    for one in found:
        try:
            values.append(value(one))
        except KeyError:
            continue
    return statistics.median(values) if values else None
