"""The results of a run, as text for a terminal and as a table for the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.gaps import Struck
from chaos.results import Result

_MOST_ERRORS = 12

#: What a row has of one driver in one run; None: unknown.
Value = Any
#: What it has of each driver, by its name.
Column = dict[str, Value]


def _longest(values: Sequence[Value]) -> str:
    return f"{max(values):.1f}"


def _longest_of_lists(values: Sequence[Value]) -> str:
    return f"{max((gap for gaps in values for gap in gaps), default=0.0):.1f}"


def _median_of_lists(values: Sequence[Value]) -> str:
    return f"{statistics.median([gap for gaps in values for gap in gaps] or [0.0]):.1f}"


def _largest(values: Sequence[Value]) -> str:
    return f"{max(values):.0f}"


def _sum(values: Sequence[Value]) -> str:
    return "?" if None in values else f"{sum(values):,}"


def _rates(values: Sequence[Value]) -> str:
    return ", ".join(f"{value:.1f}" for value in values if value is not None)


@dataclass(frozen=True)
class Row:
    """A row of the table.

    - `fold`: makes one cell of the values of several runs
    - `probes`: whether the driver that only probes has it, too
    """

    name: str
    value: Callable[[Result, list[Struck]], Value]
    fold: Callable[[Sequence[Value]], str] = _sum
    probes: bool = False


def _count(name: str, *words: str) -> Row:
    return Row(name, lambda result, _: result.count(*words))


def _found(name: str, *findings: str) -> Row:
    return Row(name, lambda result, _: sum(result.findings[finding] for finding in findings))


ROWS = (
    Row("operations", lambda r, _: r.errors.attempts),
    Row(
        "ended in an error or were cancelled",
        lambda r, _: r.errors.kinds.total() + r.errors.cancelled,
    ),
    Row("documents, transfers, files: acknowledged", lambda r, _: r.books.acknowledged),
    Row("in doubt", lambda r, _: r.books.in_doubt),
    _count("acknowledged, and lost", "lost"),
    _count("doubled", "s doubled", "given twice"),
    _count("accounts out of balance", "balance"),
    _count("wrong or older reads", "wrong read", "went back"),
    _count("incomplete or wrong files", "torn", "changed", "wrong file"),
    Row("change events", lambda r, _: r.kinds["event"]),
    _found("events missed", "events missed", "tailed missed"),
    _found("missed by reads with a timeout", "events of hurried reads missed"),
    Row("streams that a timeout closed", lambda r, _: r.kinds["stream closed"]),
    _count("out of order", "out of order"),
    Row("cancelled before they were sent", lambda r, _: r.books.unsent),
    _count("of these, sent", "sent after cancellation"),
    Row("false errors", lambda r, _: r.errors.strange.total()),
    Row("errors not documented", lambda r, _: r.errors.undocumented.total()),
    _found("later than the options promise", "late", "never ended"),
    Row("threads and descriptors left", lambda r, _: r.left_in_process if r.left else None),
    Row("cursors left on the servers", lambda r, _: r.left_at_servers.total()),
    Row("longest time without an answer (s)", lambda r, _: r.gaps.longest, _longest, True),
    Row(
        "after a failover: longest (s)",
        lambda r, struck: r.gaps.after_failovers(struck),
        _longest_of_lists,
        True,
    ),
    Row(
        "after a failover: median (s)",
        lambda r, struck: r.gaps.after_failovers(struck),
        _median_of_lists,
        True,
    ),
    Row("memory at the end (MB)", lambda r, _: r.memory.last_megabytes, _largest),
    Row("memory grows by (MB an hour)", lambda r, _: r.memory.growth, _rates),
)


def values(struck: list[Struck], results: list[Result]) -> list[Column]:
    """What each row has of each driver."""
    return [
        {
            result.candidate.name: row.value(result, struck)
            for result in results
            if row.probes or result.candidate.kind != "pymongo"
        }
        for row in ROWS
    ]


def _cells(runs: list[list[Column]], drivers: list[str]) -> list[tuple[str, list[str]]]:
    """Each row's name, and its cells: empty for a driver that only probed, or too short a run."""
    rows = []
    for number, row in enumerate(ROWS):
        told = [[run[number][name] for run in runs if name in run[number]] for name in drivers]
        cells = [row.fold(each) if each else "" for each in told]
        if any(cells):
            rows.append((row.name, cells))
    return rows


def text(struck: list[Struck], results: list[Result]) -> str:
    """The report for a terminal."""
    titles = [result.candidate.name for result in results]
    rows = _cells([values(struck, results)], titles)
    width = max(len(name) for name, _ in rows)
    lines = [" " * width + "  " + "  ".join(f"{title:>16}" for title in titles)]
    for name, cells in rows:
        lines.append(f"{name:<{width}}  " + "  ".join(f"{cell:>16}" for cell in cells))
    for result in results:
        lines += ["", f"{result.candidate.name}:"]
        lines += [f"  FOUND {name}: {count}" for name, count in sorted(result.findings.items())]
        lines += [f"  LEFT {name}: {value}" for name, value in result.left.items() if value]
        lines += [f"  LEFT {name}: {n}" for name, n in result.left_at_servers.items()]
        accounts = result.books.inserts, result.books.transfers, result.books.files
        lines += [f"  WRONG {key}" for account in accounts for key in account.wrong]
        lines += [f"  BULK {n} marks: {line}" for line, n in result.books.bulks.wrong.values()]
        lines += [f"  STRANGE {n} x {sign}" for sign, n in result.errors.strange.items()]
        lines += [f"  UNDOCUMENTED {n} x {s}" for s, n in result.errors.undocumented.items()]
        lines += [
            f"  LATE {line['kind']} by {line['way']}: {line['seconds']} s, "
            f"promised {line['promise']} s ({line.get('error', {}).get('class')})"
            for line in result.errors.late()[:_MOST_ERRORS]
        ]
        lines += [f"  {n} x {s}" for s, n in result.errors.kinds.most_common(_MOST_ERRORS)]
    return "\n".join(lines)


def table(runs: list[list[Column]], titles: dict[str, str]) -> str:
    """The report on one run or several as an RST table. `titles`: of the drivers, by name."""
    rows = [["", *titles.values()]]
    rows += [[name, *cells] for name, cells in _cells(runs, [*titles])]
    lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for row in rows:
        for number, cell in enumerate(row):
            lines.append(f"   {'  ' if number else '* '}- {cell}".rstrip())
    return "\n".join(lines) + "\n"


def faults(struck: list[Struck]) -> str:
    """How many faults struck, and which did not."""
    done = [one for one in struck if not one.problem]
    lines = [f"{len(done)} of {len(struck)} faults struck"]
    lines += [f"  not {s.fault.name} ({s.fault.who}): {s.problem}" for s in struck if s.problem]
    return "\n".join(lines)
