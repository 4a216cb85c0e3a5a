"""Puts results into words: tables of speed, of the loop's stalls, of resources, and the floors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmark.drivers import MOTOR, MOTOR_3, PYMONGO_ASYNC, PYMONGO_SYNC, titles
from benchmark.floors import Verdict
from benchmark.ratios import Spread
from benchmark.summary import Figures, Summary
from benchmark.tables import Table

#: The order of columns; others follow.
_ORDER = (MOTOR, PYMONGO_ASYNC, MOTOR_3, PYMONGO_SYNC)

NOTHING = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"


def number(value: float | None) -> str:
    """A number with as many digits as mean something."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def ratio(found: Spread | None) -> str:
    """A ratio with the quartiles of its rounds."""
    if found is None:
        return NOTHING
    return f"{found.median:.2f}{_TIMES} ({found.low:.2f}{NOTHING}{found.high:.2f})"


def tables(summaries: Sequence[Summary]) -> list[Table]:
    """All tables of the results, those of speed first."""
    measured = [summary for summary in summaries if summary.figures]
    groups: dict[str, list[Summary]] = {}
    for summary in measured:
        groups.setdefault(summary.case.group, []).append(summary)
    found = []
    for group, members in groups.items():
        found.append(_results(group, members))
        found.append(_resources(group, members))
        every = [figures for member in members for figures in member.figures.values()]
        if any(figures.stall is not None for figures in every):
            found.append(_stalls(group, members))
        if any(figures.latency is not None for figures in every):
            what = f"{group}: 99th percentile of the latency, ms"
            found.append(_plain(what, members, lambda figures: number(figures.latency)))
        if any(figures.growth is not None for figures in every):
            what = f"{group}: growth of the peak during the work, MB"
            found.append(_plain(what, members, lambda figures: number(figures.growth)))
    return found


def _names(summaries: Sequence[Summary]) -> list[str]:
    present = {name for summary in summaries for name in summary.figures}
    known = [name for name in _ORDER if name in present]
    return known + sorted(present - set(known))


def _results(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    peers = [name for name in names if name != MOTOR] if MOTOR in names else []
    unit = summaries[0].case.unit
    header = ["case", *(f"{known[name]}, {unit}" for name in names)]
    header += [f"Motor to {known[peer]}" for peer in peers]
    rows = []
    for summary in summaries:
        row = [f"`{summary.case.name}`"]
        row += [_of(summary, name, lambda f: number(f.result.median)) for name in names]
        row += [ratio(summary.ratios.get(peer)) for peer in peers]
        rows.append(row)
    return Table(f"{group}: results, and ratios with their quartiles", header, rows)


def _resources(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    per = summaries[0].case.unit.partition("/")[0]
    header = ["case"]
    header += [f"{known[name]}: CPU µs, threads, connections" for name in names]
    rows = []
    for summary in summaries:
        row = [f"`{summary.case.name}`"]
        row += [_of(summary, name, _used) for name in names]
        rows.append(row)
    per = {"MB": "operation or document", "op": "operation", "doc": "document"}.get(per, per)
    return Table(f"{group}: CPU time for one {per}, threads, connections", header, rows)


def _used(figures: Figures) -> str:
    connections = NOTHING if figures.connections is None else str(figures.connections)
    return f"{number(figures.cpu)}, {figures.threads}, {connections}"


def _stalls(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    names = [name for name in names if any(_has_stall(s, name) for s in summaries)]
    header = ["case", *(f"{known[name]}: longest (worst round), p99, ms" for name in names)]
    rows = [
        [f"`{summary.case.name}`", *(_of(summary, name, _stall) for name in names)]
        for summary in summaries
    ]
    return Table(f"{group}: how long the event loop stood still", header, rows)


def _has_stall(summary: Summary, name: str) -> bool:
    return name in summary.figures and summary.figures[name].stall is not None


def _stall(figures: Figures) -> str:
    if figures.stall is None:
        return NOTHING
    longest, worst = number(figures.stall), number(figures.stall_worst)
    return f"{longest} ({worst}), {number(figures.stall_p99)}"


def _plain(title: str, summaries: Sequence[Summary], show: Callable[[Figures], str]) -> Table:
    names, known = _names(summaries), titles()
    rows = [
        [f"`{summary.case.name}`", *(_of(summary, name, show) for name in names)]
        for summary in summaries
    ]
    return Table(title, ["case", *(known[name] for name in names)], rows)


def _of(summary: Summary, name: str, show: Callable[[Figures], str]) -> str:
    figures = summary.figures.get(name)
    return NOTHING if figures is None else show(figures)


# Floors -------------------------------------------------------------------------------------


def floors_table(verdicts: Iterable[Verdict]) -> Table:
    """Which floors hold."""
    known = titles()
    rows = [
        [
            verdict.floor.title,
            NOTHING if verdict.peer == MOTOR else known[verdict.peer],
            _limit(verdict, verdict.limit, bound=True),
            {True: "holds", False: "FAILS", None: "not measured"}[verdict.holds],
            _evidence(verdict),
        ]
        for verdict in verdicts
    ]
    return Table("Floors", ["floor", "against", "limit", "", "measured"], rows)


def _evidence(verdict: Verdict) -> str:
    if not verdict.values:
        return ""
    worst, failed = verdict.worst, verdict.failed
    text = f"worst {_limit(verdict, verdict.values[worst])} (`{worst}`)"
    if failed:
        text += f"; {len(failed)} of {len(verdict.values)} cases fail"
    return text


def _limit(verdict: Verdict, value: float, bound: bool = False) -> str:
    sign = ("≥ " if verdict.floor.at_least else "≤ ") if bound else ""
    if verdict.floor.measure == "stall":
        return f"{sign}{value:.1f} ms"
    return f"{sign}{value:.2f}{_TIMES}"


# Whole documents ----------------------------------------------------------------------------


def about(meta: dict[str, Any]) -> list[str]:
    """Where the numbers come from, in a few lines."""
    known = titles()
    versions = [
        f"{known.get(name, name)}: "
        + ", ".join(f"{package} {version}" for package, version in found["packages"].items())
        for name, found in meta["drivers"].items()
    ]
    return [
        f"{meta['date']}, {meta['machine']}, load {meta['load']} at the start",
        f"Python {meta['python']}, {meta['loop']}, MongoDB {meta['mongodb']}, "
        f"{meta['topology']}{', quick mode' if meta['quick'] else ''}",
        *versions,
    ]


def left_out(summaries: Iterable[Summary]) -> list[str]:
    """What is missing, and why, a line each."""
    return [
        f"{summary.case.name}: {name}: {reason.strip().splitlines()[-1]}"
        for summary in summaries
        for name, reason in summary.left_out.items()
    ]


def to_markdown(
    meta: dict[str, Any], summaries: Sequence[Summary], verdicts: Sequence[Verdict]
) -> str:
    """The whole report."""
    parts = ["## Benchmark", "\n".join(f"- {line}" for line in about(meta))]
    parts += [table.to_markdown() for table in tables(summaries)]
    missing = left_out(summaries)
    if missing:
        parts.append("### Left out\n\n" + "\n".join(f"- {line}" for line in missing))
    parts.append(floors_table(verdicts).to_markdown())
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def to_rst(meta: dict[str, Any], summaries: Sequence[Summary], verdicts: Sequence[Verdict]) -> str:
    """The same as a fragment to include in a page of documentation: without headings."""
    parts = ["\n".join(f"- {line}" for line in about(meta))]
    parts += [table.to_rst() for table in (*tables(summaries), floors_table(verdicts))]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
