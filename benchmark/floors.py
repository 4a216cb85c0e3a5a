"""What Motor must reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from benchmark.drivers import MOTOR, MOTOR_3, PYMONGO_ASYNC, RUN_IN_EXECUTOR
from benchmark.summary import Summary, labels


@dataclass(frozen=True)
class Floor:
    """One promise.

    - `cases`: patterns of its cases
    - `measure`: "ratio" (to the peer, at least), "memory" and "cpu" (ratios to the peer, at most),
      "stall" (Motor's own, in milliseconds, at most)
    - `limits`: the number for each peer; for a stall, Motor's own
    """

    title: str
    cases: tuple[str, ...]
    measure: str
    limits: dict[str, float]

    @property
    def at_least(self) -> bool:
        return self.measure == "ratio"

    def covers(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.cases)


def _against(pymongo: float, motor_3: float) -> dict[str, float]:
    return {PYMONGO_ASYNC: pymongo, MOTOR_3: motor_3}


# For Python 3.11.
FLOORS = (
    Floor("small operations, 1 task", ("small*/*/1",), "ratio", _against(0.88, 1.05)),
    Floor("small operations, 10 tasks", ("small*/*/10",), "ratio", _against(0.88, 1.3)),
    Floor("small operations, 100 tasks", ("small*/*/100",), "ratio", _against(0.9, 1.2)),
    Floor("small operations, 1,000 tasks", ("small*/*/1000",), "ratio", _against(0.93, 1.2)),
    Floor("reads, writes and other input", ("mixed/*",), "ratio", _against(0.95, 1.1)),
    Floor("on a machine that is busy", ("burners/*",), "ratio", _against(1.2, 1.0)),
    Floor("HTTP service", ("http/*/alone",), "ratio", _against(0.92, 1.1)),
    Floor("HTTP service that reads", ("http/*/while-reading",), "ratio", _against(2.5, 2.5)),
    Floor(
        "reading 100,000 documents, `async for`",
        ("read/small/async_for/*/idle",),
        "ratio",
        _against(1.4, 1.5),
    ),
    Floor(
        "reading 100,000 documents, `to_list`",
        ("read/small/to_list/*/idle",),
        "ratio",
        _against(1.1, 1.1),
    ),
    Floor(
        "the same through 2 ms of network, `batch_size=1000`, busy consumer",
        ("read-2ms/small/*/1000/busy",),
        "ratio",
        _against(1.3, 1.3),
    ),
    Floor("`insert_many` of 100,000", ("insert_many/*",), "ratio", _against(1.0, 1.0)),
    Floor("longest loop stall, reading", ("read/*",), "stall", {MOTOR: 10.0}),
    Floor("longest loop stall, `insert_many` of 100,000", ("insert_many/*",), "stall", {MOTOR: 30}),
    Floor("peak memory, reading 4 kB documents", ("memory/read",), "memory", _against(0.5, 0.5)),
    Floor(
        "hand-off under load, processor time",
        ("handoff/100", "handoff/1000"),
        "cpu",
        {RUN_IN_EXECUTOR: 0.2},
    ),
)


@dataclass(frozen=True)
class Verdict:
    """Whether one floor holds against one peer, in the cases that were measured.

    - `values`: what was measured in each case, by its label
    - `asked`: for a rate, the share of the synchronous client's rate that the floor requires
    """

    floor: Floor
    peer: str
    limit: float
    values: dict[str, float]
    asked: dict[str, float]

    @property
    def failed(self) -> list[str]:
        """The cases in which it does not hold."""
        return [name for name, value in self.values.items() if not self._holds(value)]

    @property
    def beyond(self) -> list[str]:
        """Those of them where it requires more than the synchronous client reaches."""
        return [name for name in self.failed if self.asked.get(name, 0.0) > 1.0]

    @property
    def holds(self) -> bool | None:
        """None where nothing was measured."""
        return not self.failed if self.values else None

    @property
    def worst(self) -> str:
        """The case with the worst value."""
        pick = min if self.floor.at_least else max
        return pick(self.values, key=lambda name: self.values[name])

    def _holds(self, value: float) -> bool:
        return value >= self.limit if self.floor.at_least else value <= self.limit


def judge(summaries: Sequence[Summary]) -> Iterator[Verdict]:
    """A verdict for every floor and peer."""
    labelled = list(zip(labels(summaries), summaries, strict=True))
    for floor in FLOORS:
        covered = [(label, s) for label, s in labelled if floor.covers(s.case.name)]
        for peer, limit in floor.limits.items():
            found = {label: _value(floor, peer, summary) for label, summary in covered}
            values = {name: value for name, value in found.items() if value is not None}
            asked = {
                label: limit * s.limits[peer].median
                for label, s in covered
                if floor.at_least and peer in s.limits
            }
            yield Verdict(floor, peer, limit, values, asked)


def _value(floor: Floor, peer: str, summary: Summary) -> float | None:
    if floor.measure == "stall":
        stall = summary.figures[MOTOR].stall if MOTOR in summary.figures else None
        return None if stall is None else stall.longest
    ratios = summary.cpu_ratios if floor.measure == "cpu" else summary.ratios
    return ratios[peer].median if peer in ratios else None
