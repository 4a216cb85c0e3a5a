"""What is measured: every case, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from benchmark import drivers

#: How a case reaches the server.
PLAIN, TLS, SLOW = "plain", "tls", "2ms"


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    - `workload`: the name of the worker's workload, and `params` for it
    - `unit`: what a round's rate, or size, is counted in
    - `drivers`: who takes part, if asked to
    - `reads`: the collections that it needs filled
    - `route`: how it reaches the server
    - `rounds`: how many, in full and in quick mode; `beats`: how many more with the heartbeat;
      `warm_ups`: how many before them that do not count
    - `quick`: whether it belongs to quick mode; `quick_params` change `params` there
    - `measure`: "rate"; "memory", where each round has a process of its own, whose peak memory is
      the result; or "http", where the work is made from outside the driver's process
    """

    name: str
    workload: str
    params: dict[str, Any]
    unit: str = "op/s"
    drivers: tuple[str, ...] = drivers.ALL
    reads: tuple[str, ...] = ()
    route: str = PLAIN
    rounds: tuple[int, int] = (15, 5)
    beats: tuple[int, int] = (5, 1)
    warm_ups: tuple[int, int] = (1, 1)
    quick: bool = False
    quick_params: dict[str, Any] = field(default_factory=dict)
    measure: str = "rate"

    @property
    def group(self) -> str:
        """The first part of the name: cases of one group share a table."""
        return self.name.partition("/")[0]

    def params_for(self, quick: bool) -> dict[str, Any]:
        return self.params | self.quick_params if quick else self.params

    def rounds_for(self, quick: bool) -> int:
        return self.rounds[quick]

    def warm_ups_for(self, quick: bool) -> int:
        return self.warm_ups[quick]

    def beats_for(self, quick: bool) -> int:
        return self.beats[quick]


# Operations a round, by the number of tasks: enough for a third of a second or so.
_COUNTS = {1: 600, 10: 1500, 100: 1500, 1000: 3000}
_QUICK_COUNTS = {1: 300, 10: 800, 100: 800, 1000: 1500}
_HAND_OFFS = {1: 3000, 10: 10_000, 100: 20_000, 1000: 20_000}


def _small() -> Iterator[Case]:
    operations = ("find_one", "insert_one", "update_one", "ping")
    for route, operation, tasks in product((PLAIN, TLS), operations, _COUNTS):
        yield Case(
            f"small{_suffix(route)}/{operation}/{tasks}",
            "small",
            {"operation": operation, "tasks": tasks, "count": _COUNTS[tasks]},
            reads=("few",),
            route=route,
            quick=route == PLAIN and operation == "find_one",
            quick_params={"count": _QUICK_COUNTS[tasks]},
        )


def _reading() -> Iterator[Case]:
    quick = {
        "read/small/async_for/default/idle",
        "read/small/to_list/default/idle",
        "read-2ms/small/async_for/1000/busy",
    }
    variants = product(
        (PLAIN, SLOW),
        ("small", "large"),
        ("async_for", "to_list"),
        (None, 1000),
        ("idle", "busy", "polite"),
    )
    for route, collection, way, batch_size, consumer in variants:
        if consumer == "polite" and (way != "async_for" or route != PLAIN):
            continue
        batch = batch_size or "default"
        name = f"read{_suffix(route)}/{collection}/{way}/{batch}/{consumer}"
        yield Case(
            name,
            "read",
            {
                "collection": collection,
                "way": way,
                "batch_size": batch_size,
                "consumer": consumer,
            },
            unit="doc/s",
            reads=(collection,),
            route=route,
            rounds=(9, 4 if route == PLAIN else 2),
            beats=(3, 1 if route == PLAIN else 0),
            warm_ups=(1, 0),
            quick=name in quick,
        )


def _others() -> Iterator[Case]:
    yield Case(
        "insert_many/small",
        "insert_many",
        {"count": 100_000},
        unit="doc/s",
        rounds=(9, 2),
        beats=(3, 1),
        warm_ups=(1, 0),
        quick=True,
    )
    for tasks, count in _HAND_OFFS.items():
        yield Case(
            f"handoff/{tasks}",
            "handoff",
            {"tasks": tasks, "count": count},
            drivers=drivers.HAND_OFF,
            beats=(0, 0),
            quick=tasks >= 100,
        )
    yield Case(
        "memory/read",
        "read",
        {"collection": "many_large", "way": "async_for", "batch_size": None, "consumer": "idle"},
        unit="MB",
        reads=("many_large",),
        rounds=(3, 1),
        beats=(0, 0),
        measure="memory",
        quick=True,
    )
    yield Case(
        "memory/pending",
        "small",
        {"operation": "find_one", "tasks": 10_000, "count": 10_000},
        unit="MB",
        drivers=drivers.ASYNC,
        reads=("few",),
        rounds=(3, 1),
        beats=(0, 0),
        measure="memory",
    )
    for direction in ("upload", "download"):
        yield Case(
            f"gridfs/{direction}",
            "gridfs",
            {"direction": direction, "megabytes": 100},
            unit="MB/s",
            rounds=(5, 2),
            beats=(3, 1),
            quick_params={"megabytes": 20},
        )
    for front, busy in product(("tornado", "starlette"), (False, True)):
        yield Case(
            f"http/{front}/{'while-reading' if busy else 'alone'}",
            "http",
            {"front": front, "busy": busy, "connections": 32, "seconds": 1.5},
            unit="req/s",
            drivers=drivers.ASYNC,
            reads=("few", "small"),
            rounds=(7, 3),
            beats=(3, 1),
            measure="http",
        )


def _suffix(route: str) -> str:
    return "" if route == PLAIN else f"-{route}"


CASES = {case.name: case for cases in (_small(), _reading(), _others()) for case in cases}


def select(globs: Sequence[str] | None, quick: bool) -> list[Case]:
    """The cases whose names match one of the patterns; without patterns all, or the quick ones.

    Raises ValueError for a pattern that no case matches.
    """
    if not globs:
        return [case for case in CASES.values() if case.quick or not quick]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in CASES):
            raise ValueError(f"no case matches {glob!r}; --list shows them")
    return [case for name, case in CASES.items() if any(fnmatchcase(name, g) for g in globs)]
