"""Makes reports of results: tables of speed, of the loop's stalls, of resources, and the floors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmark.drivers import MOTOR, MOTOR_3, MOTOR_GREENLETS, PYMONGO_ASYNC, PYMONGO_SYNC, titles
from benchmark.floors import Verdict
from benchmark.ratios import Spread
from benchmark.summary import Figures, Summary, labels
from benchmark.tables import Table

#: The order of columns; others follow.
_ORDER = (MOTOR, MOTOR_GREENLETS, PYMONGO_ASYNC, MOTOR_3, PYMONGO_SYNC)

#: The packages whose versions are in the report.
_VERSIONS = ("motor", "pymongo", "uvloop", "tornado", "starlette", "uvicorn")

NOTHING = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"


def number(value: float | None) -> str:
    """A number with its significant digits."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def ratio(found: Spread | None) -> str:
    """A ratio with the quartiles of its rounds and the range of its processes."""
    if found is None:
        return NOTHING
    quartiles = f"{found.low:.2f}{NOTHING}{found.high:.2f}"
    processes = f"{found.process_low:.2f}{NOTHING}{found.process_high:.2f}"
    return f"{found.median:.2f}{_TIMES} ({quartiles}) [{processes}]"


def ratio_of_processes(found: Spread) -> str:
    """A ratio with the range of its processes."""
    low, high = found.process_low, found.process_high
    return f"{found.median:.2f}{_TIMES} [{low:.2f}{NOTHING}{high:.2f}]"


def percent(found: Spread | None) -> str:
    """A ratio in percent with the range of its processes."""
    if found is None:
        return NOTHING
    low, high = found.process_low * 100, found.process_high * 100
    return f"{found.median * 100:.0f} % [{low:.0f}{NOTHING}{high:.0f}]"


def tables(summaries: Sequence[Summary]) -> list[Table]:
    """All tables of the results, those of speed first."""
    measured = [summary for summary in summaries if summary.figures]
    groups: dict[str, list[Summary]] = {}
    for summary in measured:
        groups.setdefault(summary.case.group, []).append(summary)
    found = []
    for group, members in groups.items():
        found.append(_results(group, members))
        if any(member.limits for member in members):
            found.append(_limits(group, members))
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


def _table(
    title: str,
    summaries: Sequence[Summary],
    header: Sequence[str],
    cells: Callable[[Summary], Sequence[str]],
) -> Table:
    """A table with a row for each summary, which says what it is about first."""
    rows = [
        [f"`{summary.case.name}`", str(summary.setup), *cells(summary)] for summary in summaries
    ]
    header = ["case", "with", *header]
    if len({summary.setup for summary in summaries}) == 1:
        title += f" ({summaries[0].setup})"
        header, rows = [header[0], *header[2:]], [[row[0], *row[2:]] for row in rows]
    return Table(title, header, rows)


def _results(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    peers = [name for name in names if name not in (MOTOR, PYMONGO_SYNC)]
    if MOTOR not in names:
        peers = []
    elif summaries[0].case.measure == "memory" and PYMONGO_SYNC in names:
        peers.append(PYMONGO_SYNC)
    unit = summaries[0].case.unit
    header = [f"{known[name]}, {unit}" for name in names]
    header += [f"Motor to {known[peer]}" for peer in peers]

    def cells(summary: Summary) -> list[str]:
        found = [_of(summary, name, lambda f: number(f.result.median)) for name in names]
        return found + [ratio(summary.ratios.get(peer)) for peer in peers]

    title = f"{group}: results; ratios (quartiles of the rounds) [range of the processes' medians]"
    return _table(title, summaries, header, cells)


def _limits(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    names = [name for name in names if any(name in s.limits for s in summaries)]

    def cells(summary: Summary) -> list[str]:
        limit = _of(summary, PYMONGO_SYNC, lambda f: number(f.result.median))
        threads = _of(summary, PYMONGO_SYNC, lambda f: number(f.best_threads or 1))
        return [limit, threads, *(percent(summary.limits.get(name)) for name in names)]

    header = [f"{known[PYMONGO_SYNC]}, {summaries[0].case.unit}", "its threads"]
    header += [f"{known[name]} reaches" for name in names]
    title = f"{group}: how near to the synchronous client in as many threads as serve it best"
    return _table(title, summaries, header, cells)


def _resources(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    per = summaries[0].case.unit.partition("/")[0]
    header = [f"{known[name]}: CPU µs, threads, connections" for name in names]
    per = {"MB": "operation or document", "op": "operation", "doc": "document"}.get(per, per)
    return _table(
        f"{group}: CPU time for one {per}, threads, connections",
        summaries,
        header,
        lambda summary: [_of(summary, name, _used) for name in names],
    )


def _used(figures: Figures) -> str:
    connections = NOTHING if figures.connections is None else str(figures.connections)
    return f"{number(figures.cpu)}, {figures.threads}, {connections}"


def _stalls(group: str, summaries: Sequence[Summary]) -> Table:
    names, known = _names(summaries), titles()
    names = [name for name in names if any(_has_stall(s, name) for s in summaries)]
    what = "longest (worst round), without GC, p99, CPU in the longest"
    return _table(
        f"{group}: how long the event loop stood still, ms",
        summaries,
        [f"{known[name]}: {what}" for name in names],
        lambda summary: [_of(summary, name, _stall) for name in names],
    )


def _has_stall(summary: Summary, name: str) -> bool:
    return name in summary.figures and summary.figures[name].stall is not None


def _stall(figures: Figures) -> str:
    stall = figures.stall
    if stall is None:
        return NOTHING
    longest, worst = number(stall.longest), number(stall.worst)
    own, p99, cpu = number(stall.own), number(stall.p99), number(stall.cpu)
    return f"{longest} ({worst}), {own}, {p99}, {cpu}"


def _plain(title: str, summaries: Sequence[Summary], show: Callable[[Figures], str]) -> Table:
    names, known = _names(summaries), titles()
    return _table(
        title,
        summaries,
        [known[name] for name in names],
        lambda summary: [_of(summary, name, show) for name in names],
    )


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
        if beyond := verdict.beyond:
            text += f", {len(beyond)} of which ask for more than PyMongo sync does"
    return text


def _limit(verdict: Verdict, value: float, bound: bool = False) -> str:
    sign = ("≥ " if verdict.floor.at_least else "≤ ") if bound else ""
    if verdict.floor.measure == "stall":
        return f"{sign}{value:.1f} ms"
    return f"{sign}{value:.2f}{_TIMES}"


# Whole documents ----------------------------------------------------------------------------


def about(meta: dict[str, Any]) -> list[str]:
    """The machine and the versions of a run, in a few lines."""
    quick = ", quick mode" if meta["quick"] else ""
    lines = [
        f"{meta['date']}, {meta['machine']}, load {meta['load']} at the start",
        f"MongoDB {meta['mongodb']}, {meta['topology']}, "
        f"write concern {meta['write_concern']}{quick}",
    ]
    for part in meta["parts"]:
        packages = [found["packages"] for found in part["drivers"].values()]
        versions = {package: {p.get(package) for p in packages} - {None} for package in _VERSIONS}
        told = "; ".join(f"{name} {', '.join(sorted(v))}" for name, v in versions.items() if v)
        lines.append(f"{part['setup']['loop']}, Python {part['setup']['python']}: {told}")
    return lines


def left_out(summaries: Sequence[Summary]) -> list[str]:
    """The missing cases and drivers, with their reasons, one in each line."""
    return [
        f"{label}: {name}: {reason.strip().splitlines()[-1]}"
        for label, summary in zip(labels(summaries), summaries, strict=True)
        for name, reason in summary.left_out.items()
    ]


def to_markdown(
    metas: Sequence[dict[str, Any]], summaries: Sequence[Summary], verdicts: Sequence[Verdict]
) -> str:
    """The whole report.

    - `metas`: where the numbers come from: of each run that they are from
    """
    parts = ["## Benchmark", "\n".join(f"- {line}" for meta in metas for line in about(meta))]
    parts += [table.to_markdown() for table in tables(summaries)]
    missing = left_out(summaries)
    if missing:
        parts.append("### Left out\n\n" + "\n".join(f"- {line}" for line in missing))
    parts.append(floors_table(verdicts).to_markdown())
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def to_rst(
    metas: Sequence[dict[str, Any]], summaries: Sequence[Summary], verdicts: Sequence[Verdict]
) -> str:
    """The same as a fragment to include in a page of documentation: without headings."""
    parts = ["\n".join(f"- {line}" for meta in metas for line in about(meta))]
    parts += [table.to_rst() for table in (*tables(summaries), floors_table(verdicts))]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
