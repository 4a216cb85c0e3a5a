"""The command line."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

from chaos.drivers import CANDIDATES, DEFAULT_CACHE, QUICK
from chaos.faketime import is_installed
from chaos.plan import PACE

_QUICK_SECONDS = 90.0
_FULL_SECONDS = 1680.0
_QUICK_REST = 1.2
_FULL_REST = 2.0
_SOAK_REST = 20.0


@dataclass(frozen=True)
class Options:
    """What to run.

    - `what`: chaos, cancellations or forks
    - `seconds`: how long faults strike
    - `rest`: seconds between two faults, in the mean
    - `count`: how many cancellations or forks
    """

    what: str
    seed: int
    seconds: float
    rest: float
    count: int
    drivers: list[str] | None
    pace: float
    cache: Path
    results: Path | None
    table: Path | None
    tally: Path | None
    faketime: bool
    plan_only: bool
    faults: list[str] | None = None


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="chaos",
        description="Breaks servers, connections and clients while drivers work, and checks that "
        "nothing is lost, doubled or left behind. Takes half an hour.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="takes three minutes at most")
    what.add_argument("--soak", type=float, metavar="MINUTES", help="few faults, for long")
    what.add_argument("--cancellations", type=int, metavar="N", help="N operations, no faults")
    what.add_argument("--forks", type=int, metavar="N", help="N forks, no faults")
    parser.add_argument("--seed", type=int, help="repeats a run's schedule")
    parser.add_argument("--seconds", type=float, help="how long faults strike")
    parser.add_argument("--rest", type=float, help="seconds between two faults, in the mean")
    parser.add_argument("--driver", action="append", choices=[*CANDIDATES], help="may be repeated")
    parser.add_argument(
        "--fault", action="append", metavar="NAME", help="only these; none: no faults at all"
    )
    parser.add_argument(
        "--pace", type=float, default=PACE, help="seconds between two operations of one worker"
    )
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where environments are")
    parser.add_argument("--results", type=Path, metavar="DIRECTORY", help="keeps all journals here")
    parser.add_argument("--table", type=Path, metavar="FILE", help="writes the table here, as RST")
    parser.add_argument(
        "--tally", type=Path, metavar="FILE", help="adds up the runs with this file in one table"
    )
    parser.add_argument(
        "--faketime", action="store_true", help="sets clocks by libfaketime, which is slow"
    )
    parser.add_argument("--plan", action="store_true", help="prints the schedule, and does nothing")
    given = parser.parse_args(arguments)
    if given.faketime and not is_installed():
        parser.error("--faketime needs libfaketime: apt install faketime")
    seconds, rest, kind = _FULL_SECONDS, _FULL_REST, "chaos"
    drivers = given.driver
    if given.quick:
        seconds, rest = _QUICK_SECONDS, _QUICK_REST
        drivers = drivers or [*QUICK]
    elif given.soak:
        seconds, rest = given.soak * 60, _SOAK_REST
    elif given.cancellations or given.forks:
        kind = "cancellations" if given.cancellations else "forks"
        drivers = drivers or [name for name in CANDIDATES if name != "pymongo"]
    return Options(
        what=kind,
        seed=random.randrange(10**6) if given.seed is None else given.seed,
        seconds=given.seconds or seconds,
        rest=given.rest or rest,
        count=given.cancellations or given.forks or 0,
        drivers=drivers,
        pace=given.pace,
        cache=given.cache,
        results=given.results,
        table=given.table,
        tally=given.tally,
        faketime=given.faketime,
        plan_only=given.plan,
        faults=given.fault,
    )
