"""Condenses the rounds of a case to the numbers that are reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.cases import Case
from benchmark.drivers import MOTOR
from benchmark.ratios import Spread, pairwise, spread
from benchmark.runner import Outcome, Round


@dataclass(frozen=True)
class Figures:
    """One driver's numbers in one case. None: not measured.

    - `result`: the case's own: a rate, or for memory the peak in MB
    - `cpu`: processor microseconds of the client process for each operation (document, MB, ...)
    - `stall`, `stall_worst`: how long the loop stood still at most, in ms: in the median of the
      rounds, and in the worst
    - `stall_p99`: the delay, in ms, that 99 of 100 callbacks have at most
    - `growth`: how much of a peak of memory, in MB, came with the work
    - `latency`: of 99 of 100 requests, in ms, for the HTTP services
    - `threads`, `connections`: the most threads, and the connections to the server in the end
    """

    result: Spread
    cpu: float
    stall: float | None
    stall_worst: float | None
    stall_p99: float | None
    growth: float | None
    latency: float | None
    threads: int
    connections: int | None


@dataclass(frozen=True)
class Summary:
    """A case's numbers: those of each driver, and Motor's ratios to each other one.

    - `ratios`: of the results: for rates, how many times as fast Motor is; for memory, how many
      times as much it takes
    - `cpu_ratios`: of the processor time for an operation
    - `left_out`: why the case, or a driver, is missing
    """

    case: Case
    figures: dict[str, Figures]
    ratios: dict[str, Spread]
    cpu_ratios: dict[str, Spread]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return asdict(self)


def summarize(outcome: Outcome) -> Summary:
    """The numbers of a case."""
    case = outcome.case
    results = {name: [_result(case, r) for r in found] for name, found in outcome.rounds.items()}
    cpu = {name: [_cpu(r) for r in found] for name, found in outcome.rounds.items()}
    return Summary(
        case,
        {name: _figures(outcome, name, results[name], cpu[name]) for name in results},
        _ratios(results),
        _ratios(cpu),
        outcome.left_out,
    )


def _ratios(values: dict[str, list[float]]) -> dict[str, Spread]:
    ours = values.get(MOTOR)
    if ours is None:
        return {}
    found = {name: pairwise(ours, theirs) for name, theirs in values.items() if name != MOTOR}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def _result(case: Case, taken: Round) -> float:
    if case.measure == "memory":
        return float(taken["peak"])
    return float(taken["amount"] / taken["seconds"])


def _cpu(taken: Round) -> float:
    return float(taken["cpu"] / taken["amount"] * 1e6)


def _figures(outcome: Outcome, name: str, results: list[float], cpu: list[float]) -> Figures:
    rounds, beats = outcome.rounds[name], outcome.beats.get(name, [])
    longest = _each(beats, lambda taken: taken["stall"]["longest"] * 1e3)
    p99 = _each(beats, lambda taken: taken["stall"]["p99"] * 1e3)
    latency = _each(rounds, lambda taken: taken["p99"] * 1e3)
    growth = _each(rounds, lambda taken: taken["peak"] - taken["base"])
    return Figures(
        result=spread(results),
        cpu=spread(cpu).median,
        stall=longest.median if longest else None,
        stall_worst=longest.maximum if longest else None,
        stall_p99=p99.median if p99 else None,
        growth=growth.median if growth and outcome.case.measure == "memory" else None,
        latency=latency.median if latency else None,
        threads=max(taken["threads"] for taken in (*rounds, *beats)),
        connections=outcome.connections.get(name),
    )


def _each(rounds: list[Round], value: Callable[[Round], float]) -> Spread | None:
    """The spread of a value over the rounds that have it."""
    found = []
    for taken in rounds:
        try:
            found.append(value(taken))
        except KeyError:
            continue
    return spread(found) if found else None
