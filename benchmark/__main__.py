"""Runs the benchmark: `python -m benchmark --help`."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark import options
from benchmark.cases import Case, select
from benchmark.drivers import chosen
from benchmark.environments import Environments, NoPython, find_python
from benchmark.floors import Verdict, judge
from benchmark.plots import draw
from benchmark.report import to_markdown, to_rst
from benchmark.runner import Outcome, Runner
from benchmark.servers import Server, running
from benchmark.summary import Summary, summarize


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return the exit status: 1 when there is nothing to report."""
    asked = options.parse(arguments)
    try:
        cases = select(asked.case, asked.quick)
        drivers = chosen(asked.drivers, asked.other)
        python = find_python(asked.python)
    except (ValueError, NoPython) as error:
        print(error, file=sys.stderr)
        return 2
    if asked.list:
        print("\n".join(case.name for case in cases))
        return 0
    wanted = {name for case in cases for name in case.drivers}
    drivers = {name: driver for name, driver in drivers.items() if name in wanted}
    environments = Environments(asked.cache, python)
    environments.make(drivers.values())
    with running({case.route for case in cases}, asked.standalone) as server:
        runner = Runner(drivers, environments, server, asked.loop, asked.quick, asked.rounds)
        meta = _meta(asked, environments, server, runner)
        outcomes = _measure(runner, cases)
    summaries = [summarize(outcome) for outcome in outcomes]
    verdicts = list(judge(summaries))
    directory = _write(asked.out, meta, outcomes, summaries, verdicts)
    print((directory / "report.md").read_text())
    print(f"written to {directory}", file=sys.stderr)
    return 0 if any(summary.figures for summary in summaries) else 1


def _measure(runner: Runner, cases: Sequence[Case]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(runner.run(cases))
    except KeyboardInterrupt:
        print("interrupted: what there is will be reported", file=sys.stderr)
    return outcomes


def _meta(
    asked: Namespace, environments: Environments, server: Server, runner: Runner
) -> dict[str, Any]:
    hello = server.client.admin.command("hello")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {_model()}",
        "load": round(os.getloadavg()[0], 1),
        "python": environments.python_version,
        "loop": asked.loop,
        "quick": asked.quick,
        "mongodb": server.version,
        "topology": "replica set" if "setName" in hello else "standalone",
        "drivers": runner.describe(),
    }


def _model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _write(
    out: Path,
    meta: dict[str, Any],
    outcomes: Sequence[Outcome],
    summaries: Sequence[Summary],
    verdicts: Sequence[Verdict],
) -> Path:
    directory = out / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    directory.mkdir(parents=True)
    results = {
        "meta": meta,
        "cases": [
            summary.to_json() | {"rounds": outcome.rounds, "beats": outcome.beats}
            for summary, outcome in zip(summaries, outcomes, strict=True)
        ],
        "floors": [
            {
                "floor": verdict.floor.title,
                "against": verdict.peer,
                "limit": verdict.limit,
                "holds": verdict.holds,
                "measured": verdict.values,
            }
            for verdict in verdicts
        ],
    }
    (directory / "results.json").write_text(json.dumps(results, indent=1))
    (directory / "report.md").write_text(to_markdown(meta, summaries, verdicts))
    (directory / "report.rst").write_text(to_rst(meta, summaries, verdicts))
    try:
        draw(summaries, directory)
    except ImportError:
        print("no plots, because matplotlib is not installed", file=sys.stderr)
    return directory


if __name__ == "__main__":
    raise SystemExit(main())
