"""Runs the benchmark: `python -m benchmark --help`."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark import options, results
from benchmark.cases import Case, select
from benchmark.drivers import Driver, chosen
from benchmark.environments import Environments, NoPython, find_python
from benchmark.progress import Progress
from benchmark.results import Results
from benchmark.runner import Outcome, Runner
from benchmark.servers import Server, running

#: How many processes a driver has in each case, with all but the first event loop and Python.
OTHERS_PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return the exit status: 1 when there is nothing to report."""
    asked = options.parse(arguments)
    try:
        cases = select(asked.case, asked.quick)
        drivers = chosen(asked.drivers, asked.other, asked.without)
        pythons = dict.fromkeys(find_python(python) for python in asked.python or [None])
        found = results.read(asked.results) if asked.results else None
    except (ValueError, NoPython) as error:
        print(error, file=sys.stderr)
        return 2
    if asked.list:
        print("\n".join(case.name for case in cases))
        return 0
    if found is None:
        found = _run(asked, cases, drivers, [*pythons])
    if not any(outcome.rounds for outcome in found.outcomes):
        _say_left_out(found.outcomes)
        print("nothing was measured", file=sys.stderr)
        return 1
    directory = asked.out / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    print(results.write(found, directory))
    print(f"written to {directory}", file=sys.stderr)
    if asked.rst:
        results.write_rst(found, asked.rst)
    return 0


def _run(
    asked: Namespace, cases: Sequence[Case], drivers: dict[str, Driver], pythons: Sequence[str]
) -> Results:
    """Measure with every requested loop and Python."""
    drivers = {n: driver for n, driver in drivers.items() if any(case.takes(n) for case in cases)}
    environments = [Environments(asked.cache, python) for python in pythons]
    for place in environments:
        place.make(drivers.values())
    with running({case.route for case in cases}, asked.standalone, asked.write_concern) as server:
        parts = []
        for place, loop in _pairs(environments, asked.loop):
            others = bool(parts)
            processes = asked.processes or (OTHERS_PROCESSES if others else None)
            runner = Runner(drivers, place, server, loop, asked.quick, asked.rounds, processes)
            parts.append((runner, select(asked.case, asked.quick, everywhere=others)))
        meta = _meta(asked, server, [runner for runner, _ in parts])
        return Results([meta], _measure(parts))


def _pairs(places: Sequence[Environments], loops: Sequence[str]) -> list[tuple[Environments, str]]:
    """The first Python with each event loop, and each other Python with the first loop."""
    first, *others = places
    loops = list(dict.fromkeys(loops))
    return [(first, loop) for loop in loops] + [(other, loops[0]) for other in others]


def _measure(parts: Sequence[tuple[Runner, Sequence[Case]]]) -> list[Outcome]:
    todo = [(runner, case) for runner, cases in parts for case in cases]
    progress = Progress([runner.estimate(case) for runner, case in todo])
    outcomes: list[Outcome] = []
    try:
        for runner, case in todo:
            outcomes.append(runner.run(case))
            progress.done(f"{case.name} ({runner.setup})")
            _say_left_out(outcomes[-1:])
    except KeyboardInterrupt:
        print("interrupted: what there is will be reported", file=sys.stderr)
    return outcomes


def _say_left_out(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        for name, reason in outcome.left_out.items():
            print(f"    left out: {name}: {reason.strip()}", file=sys.stderr)


def _meta(asked: Namespace, server: Server, runners: Sequence[Runner]) -> dict[str, Any]:
    hello = server.client.admin.command("hello")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {_model()}",
        "load": round(os.getloadavg()[0], 1),
        "quick": asked.quick,
        "mongodb": server.version,
        "topology": "replica set" if "setName" in hello else "standalone",
        "write_concern": server.write_concern,
        "parts": [
            {"setup": asdict(runner.setup), "drivers": runner.describe()} for runner in runners
        ],
    }


def _model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


if __name__ == "__main__":
    raise SystemExit(main())
