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
class Effort:
    """How much of a case is measured.

    - `processes`: how many processes each driver has, one after the other. The same code differs
      from process to process, because memory and hashes lie differently in each
    - `rounds`: how many rounds each process has; `beats`: how many more with the heartbeat, and as
      many again without Python's garbage collector; `warm_ups`: how many shorter rounds before
      these, which do not count
    """

    processes: int
    rounds: int
    beats: int = 1
    warm_ups: int = 0


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    - `workload`: the name of the worker's workload, and `params` for it
    - `unit`: the unit of a round's rate or size
    - `drivers`: which drivers take part, if they are chosen
    - `reads`: the collections that it needs filled
    - `route`: how it reaches the server
    - `full`, `brief`: how much of it is measured in full and in quick mode
    - `quick`: whether it belongs to quick mode; `quick_params` change `params` there
    - `everywhere`: whether it is measured with every event loop and Python, not just the first
    - `seconds`: about how long a round takes, to estimate the time of a run
    - `measure`: "rate"; "memory", where a process has a single round, and its peak memory is the
      result; or "http", where another process makes the work
    """

    name: str
    workload: str
    params: dict[str, Any]
    unit: str = "op/s"
    drivers: tuple[str, ...] = drivers.ALL
    reads: tuple[str, ...] = ()
    route: str = PLAIN
    full: Effort = Effort(3, 2)
    brief: Effort = Effort(2, 1)
    quick: bool = False
    quick_params: dict[str, Any] = field(default_factory=dict)
    everywhere: bool = False
    seconds: float = 0.3
    measure: str = "rate"

    @property
    def group(self) -> str:
        """The first part of the name: cases of one group share a table."""
        return self.name.partition("/")[0]

    def takes(self, driver: str) -> bool:
        """Whether the driver with this name is measured."""
        return (drivers.MOTOR if driver.startswith(drivers.WITHOUT) else driver) in self.drivers

    def params_for(self, quick: bool) -> dict[str, Any]:
        return self.params | self.quick_params if quick else self.params

    def effort(self, quick: bool) -> Effort:
        return self.brief if quick else self.full


# Operations in a round, by the number of tasks: enough for about a quarter of a second.
_COUNTS = {1: 400, 10: 1000, 100: 1000, 1000: 2000}
_HAND_OFFS = {1: 3000, 10: 10_000, 100: 20_000, 1000: 20_000}


def _small() -> Iterator[Case]:
    operations = ("find_one", "insert_one", "update_one", "ping")
    for route, operation, tasks in product((PLAIN, TLS), operations, _COUNTS):
        main = route == PLAIN and operation == "find_one"
        beats = 1 if operation == "find_one" else 0
        yield Case(
            f"small{_suffix(route)}/{operation}/{tasks}",
            "small",
            {"operation": operation, "tasks": tasks, "count": _COUNTS[tasks]},
            reads=("few",),
            route=route,
            full=Effort(3, 3 if main else 2, 1, 1) if route == PLAIN else Effort(2, 2, beats, 1),
            brief=Effort(2, 2, warm_ups=1),
            quick=main,
            everywhere=main,
            seconds=_COUNTS[tasks] / (3000 if tasks == 1 else 5500),
        )


def _beside_others() -> Iterator[Case]:
    """A program that does other things, too; and a machine that does."""
    yield Case(
        "mixed/100",
        "mixed",
        {"tasks": 100, "count": 500},
        drivers=drivers.ASYNC,
        reads=("few",),
        full=Effort(4, 3, 1, 1),
        brief=Effort(2, 2, warm_ups=1),
        seconds=0.5,
    )
    for tasks in (10, 100):
        yield Case(
            f"burners/find_one/{tasks}",
            "small",
            {"operation": "find_one", "tasks": tasks, "count": 1000, "burners": 2},
            drivers=drivers.ASYNC,
            reads=("few",),
            full=Effort(4, 2, 1, 1),
            brief=Effort(2, 2, warm_ups=1),
            seconds=1,
        )


def _lists() -> Iterator[Case]:
    for tasks, count in _COUNTS.items():
        yield Case(
            f"lists/find/{tasks}",
            "small",
            {"operation": "find", "tasks": tasks, "count": count},
            reads=("few",),
            full=Effort(3, 2, 1, 1),
            brief=Effort(2, 2, warm_ups=1),
            seconds=count / (2500 if tasks == 1 else 4500),
        )


#: The reading cases of quick mode, which are also measured with every loop and Python.
_MAIN_READS = {
    "read/small/async_for/default/idle",
    "read/small/to_list/default/idle",
    "read-2ms/small/async_for/1000/busy",
}


def _reading() -> Iterator[Case]:
    variants = product(
        (PLAIN, SLOW),
        ("small", "large"),
        ("async_for", "to_list"),
        (None, 1000),
        ("idle", "busy", "polite"),
    )
    for route, collection, way, batch_size, consumer in variants:
        polite = consumer == "polite"
        if polite and (way != "async_for" or route != PLAIN or batch_size):
            continue
        name = f"read{_suffix(route)}/{collection}/{way}/{batch_size or 'default'}/{consumer}"
        main = name in _MAIN_READS
        floors = route == PLAIN and collection == "small" and consumer == "idle"
        seconds = 0.45 if collection == "small" else 0.15
        seconds += (0.5 if collection == "small" else 0.05) if consumer != "idle" else 0
        seconds += 0.3 if route == SLOW else 0
        rounds = 1 if route == SLOW and collection == "large" else 2
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
            full=Effort(3 if floors or main else 2, rounds, 1 if route == PLAIN else 0),
            brief=Effort(2, 1, 1 if route == PLAIN else 0),
            quick=main,
            everywhere=main,
            seconds=seconds,
        )


def _others() -> Iterator[Case]:
    yield Case(
        "insert_many/small",
        "insert_many",
        {"count": 100_000},
        unit="doc/s",
        full=Effort(3, 2),
        quick=True,
        everywhere=True,
        seconds=1.3,
    )
    for tasks, count in _HAND_OFFS.items():
        yield Case(
            f"handoff/{tasks}",
            "handoff",
            {"tasks": tasks, "count": count},
            drivers=drivers.HAND_OFF,
            full=Effort(3, 3, beats=0, warm_ups=1),
            brief=Effort(2, 2, beats=0, warm_ups=1),
            quick=tasks >= 100,
            everywhere=tasks == 100,
        )
    for tasks in (1, 100):
        yield Case(
            f"handoff-method/{tasks}",
            "handoff",
            {"tasks": tasks, "count": _HAND_OFFS[tasks], "method": True},
            drivers=drivers.HAND_OFF_METHOD,
            full=Effort(3, 3, beats=0, warm_ups=1),
            brief=Effort(2, 2, beats=0, warm_ups=1),
        )
    yield Case(
        "memory/read",
        "read",
        {"collection": "many_large", "way": "async_for", "batch_size": None, "consumer": "idle"},
        unit="MB",
        reads=("many_large",),
        full=Effort(3, 1, beats=0),
        brief=Effort(1, 1, beats=0),
        measure="memory",
        quick=True,
        # Several of the largest batches are enough: no driver holds more than two at once.
        quick_params={"collection": "large"},
        seconds=2.5,
    )
    yield Case(
        "memory/pending",
        "small",
        {"operation": "find_one", "tasks": 10_000, "count": 10_000},
        unit="MB",
        drivers=drivers.ASYNC,
        reads=("few",),
        full=Effort(3, 1, beats=0),
        brief=Effort(1, 1, beats=0),
        measure="memory",
        seconds=3,
    )
    for direction in ("upload", "download"):
        yield Case(
            f"gridfs/{direction}",
            "gridfs",
            {"direction": direction, "megabytes": 100},
            unit="MB/s",
            full=Effort(3, 1),
            quick_params={"megabytes": 20},
            seconds=1.5,
        )
    for front, busy in product(("tornado", "starlette"), (False, True)):
        yield Case(
            f"http/{front}/{'while-reading' if busy else 'alone'}",
            "http",
            {"front": front, "busy": busy, "connections": 32, "seconds": 1.0},
            unit="req/s",
            drivers=drivers.ASYNC,
            reads=("few", "small"),
            full=Effort(2, 2),
            everywhere=front == "starlette" and not busy,
            measure="http",
            seconds=2.0 if busy else 1.5,
        )


def _suffix(route: str) -> str:
    return "" if route == PLAIN else f"-{route}"


_KINDS = (_small(), _beside_others(), _lists(), _reading(), _others())
CASES = {case.name: case for cases in _KINDS for case in cases}


def select(globs: Sequence[str] | None, quick: bool, everywhere: bool = False) -> list[Case]:
    """The cases whose names match one of the patterns; without patterns all, or the quick ones.

    - `everywhere`: without patterns, only the cases for every event loop and Python

    Raises ValueError for a pattern that no case matches.
    """
    if not globs:
        return [
            case
            for case in CASES.values()
            if (case.quick or not quick) and (case.everywhere or not everywhere)
        ]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in CASES):
            raise ValueError(f"no case matches {glob!r}; --list shows them")
    return [case for name, case in CASES.items() if any(fnmatchcase(name, g) for g in globs)]
