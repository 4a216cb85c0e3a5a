"""Keeps results: writes them with their reports, and reads those of earlier runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark import page
from benchmark.cases import Case, Effort
from benchmark.floors import Verdict, judge
from benchmark.report import to_markdown, to_rst
from benchmark.runner import Outcome
from benchmark.setups import Setup
from benchmark.summary import summarize

#: The format of results.json; other formats cannot be read.
FORMAT = 3


@dataclass(frozen=True)
class Results:
    """The results of one run, or of several together.

    - `metas`: where the numbers come from: of each run
    """

    metas: list[dict[str, Any]]
    outcomes: list[Outcome]


def write(results: Results, directory: Path) -> str:
    """Write results.json and report.md into the directory, and return the report."""
    directory.mkdir(parents=True, exist_ok=True)
    summaries = [summarize(outcome) for outcome in results.outcomes]
    verdicts = list(judge(summaries))
    kept = {
        "format": FORMAT,
        "metas": results.metas,
        "outcomes": [asdict(outcome) for outcome in results.outcomes],
        "summaries": [summary.to_json() for summary in summaries],
        "floors": [_verdict_to_json(verdict) for verdict in verdicts],
    }
    (directory / "results.json").write_text(json.dumps(kept, indent=1))
    report = to_markdown(results.metas, summaries, verdicts)
    (directory / "report.md").write_text(report)
    return report


def write_rst(results: Results, directory: Path) -> None:
    """Write what the documentation shows into the directory: its page's table and chart, and all
    tables.
    """
    directory.mkdir(parents=True, exist_ok=True)
    summaries = [summarize(outcome) for outcome in results.outcomes]
    header = ".. Written by ``python -m benchmark --rst``; not to be edited.\n\n"
    every = to_rst(results.metas, summaries, list(judge(summaries)))
    (directory / "all.rst.inc").write_text(header + every)
    (directory / "table.rst.inc").write_text(header + page.table(summaries).to_rst())
    greenlets = page.greenlets_table(summaries)
    if greenlets is not None:
        (directory / "greenlets.rst.inc").write_text(header + greenlets.to_rst())
    (directory / "stalls.html").write_text(page.chart(summaries).to_html())


def read(paths: Sequence[Path]) -> Results:
    """The results of several runs together. Later results of a case replace earlier ones.

    Raises ValueError for a file without results, or with results in another format.
    """
    metas: list[dict[str, Any]] = []
    outcomes: dict[tuple[str, Setup], Outcome] = {}
    for path in paths:
        kept = _parse(path)
        metas += kept["metas"]
        for outcome in map(_outcome_from_json, kept["outcomes"]):
            outcomes[outcome.case.name, outcome.setup] = outcome
    return Results(metas, list(outcomes.values()))


def _parse(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as results of a run: {error}") from None
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise ValueError(f"{path} has no results in today's format: measure again")
    return kept


def _outcome_from_json(kept: dict[str, Any]) -> Outcome:
    case = dict(kept.pop("case"))
    for effort in ("full", "brief"):
        case[effort] = Effort(**case[effort])
    for names in ("drivers", "reads"):
        case[names] = tuple(case[names])
    return Outcome(Case(**case), Setup(**kept.pop("setup")), **kept)


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "floor": verdict.floor.title,
        "against": verdict.peer,
        "limit": verdict.limit,
        "holds": verdict.holds,
        "measured": verdict.values,
    }
