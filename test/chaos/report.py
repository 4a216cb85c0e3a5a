"""What came of a run, as text for a terminal and as a table for the documentation."""

from __future__ import annotations

from collections.abc import Callable

from chaos.gaps import Struck
from chaos.results import Result

Row = tuple[str, Callable[[Result], str]]
_MOST_ERRORS = 12


def _rows() -> list[Row]:
    return [
        ("operations", lambda r: f"{r.errors.attempts:,}"),
        ("ended in an error or were cancelled", lambda r: f"{_failed(r):,}"),
        ("documents, transfers, files: acknowledged", lambda r: f"{r.books.acknowledged:,}"),
        ("in doubt", lambda r: f"{r.books.in_doubt:,}"),
        ("acknowledged, and lost", lambda r: str(r.count("lost"))),
        ("doubled", lambda r: str(r.count("s doubled", "given twice"))),
        ("accounts out of balance", lambda r: str(r.count("balance"))),
        ("reads that were wrong, or went back", lambda r: str(r.count("wrong read", "went back"))),
        ("files that were torn or wrong", lambda r: str(r.count("torn", "changed", "wrong file"))),
        ("change events", lambda r: f"{r.kinds['event']:,}"),
        ("events missed", lambda r: _of(r, "events missed", "tailed missed")),
        ("missed by reads with a timeout", lambda r: _of(r, "events of hurried reads missed")),
        ("streams that a timeout closed", lambda r: f"{r.kinds['stream closed']:,}"),
        ("out of order", lambda r: str(r.count("out of order"))),
        ("cancelled before they were sent", lambda r: f"{r.books.unsent:,}"),
        ("and sent all the same", lambda r: str(r.count("sent after cancellation"))),
        ("errors that tell what is not so", lambda r: str(r.errors.strange.total())),
        ("errors not documented", lambda r: str(r.errors.undocumented.total())),
        ("later than the options promise", lambda r: _of(r, "late", "never ended")),
        ("threads and descriptors left", lambda r: _left(r)),
        ("cursors left at the servers", lambda r: str(r.left_at_servers.total())),
    ]


def _rows_of_probes(struck: list[Struck]) -> list[Row]:
    return [
        ("longest time without an answer (s)", lambda r: f"{r.gaps.longest:.1f}"),
        ("after a failover: longest (s)", lambda r: f"{max(_after(r, struck), default=0):.1f}"),
        ("after a failover: median (s)", lambda r: f"{r.gaps.median_after_failovers(struck):.1f}"),
    ]


def _rows_of_memory() -> list[Row]:
    return [
        ("memory at the end (MB)", lambda r: f"{r.memory.last_megabytes:.0f}"),
        ("memory grows by (MB an hour)", lambda r: r.memory.growth),
    ]


def _cells(struck: list[Struck], results: list[Result]) -> list[tuple[str, list[str]]]:
    """Each row's name, and its cell for each driver: empty where the driver only probed."""

    def cell(row: Row, result: Result, probes: bool) -> str:
        return row[1](result) if probes or result.candidate.kind != "pymongo" else ""

    return [
        (row[0], [cell(row, result, probes) for result in results])
        for rows, probes in (
            (_rows(), False),
            (_rows_of_probes(struck), True),
            (_rows_of_memory(), False),
        )
        for row in rows
    ]


def _after(result: Result, struck: list[Struck]) -> list[float]:
    return result.gaps.after_failovers(struck)


def _of(result: Result, *names: str) -> str:
    return str(sum(result.findings[name] for name in names))


def _failed(result: Result) -> int:
    return result.errors.kinds.total() + result.errors.cancelled


def _left(result: Result) -> str:
    left = result.left
    if not left:
        return "?"
    return str(result.left_in_process)


def text(struck: list[Struck], results: list[Result]) -> str:
    """The report for a terminal."""
    rows = _cells(struck, results)
    titles = [result.candidate.name for result in results]
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


def table(struck: list[Struck], results: list[Result]) -> str:
    """The report as an RST table."""
    head = ["", *(result.candidate.title for result in results)]
    rows = [[name, *cells] for name, cells in _cells(struck, results)]
    lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for row in [head, *rows]:
        for number, cell in enumerate(row):
            lines.append(f"   {'  ' if number else '* '}- {cell}".rstrip())
    return "\n".join(lines) + "\n"


def faults(struck: list[Struck]) -> str:
    """How many faults struck, and which did not."""
    done = [one for one in struck if not one.problem]
    lines = [f"{len(done)} of {len(struck)} faults struck"]
    lines += [f"  not {s.fault.name} ({s.fault.who}): {s.problem}" for s in struck if s.problem]
    return "\n".join(lines)
