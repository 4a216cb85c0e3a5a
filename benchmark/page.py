"""What the documentation's page on performance shows: one table, and one chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmark.drivers import MOTOR, MOTOR_3, PYMONGO_ASYNC, PYMONGO_SYNC, titles
from benchmark.figure import Chart
from benchmark.ratios import Spread
from benchmark.report import NOTHING, ratio_of_processes
from benchmark.setups import Setup
from benchmark.summary import Summary
from benchmark.tables import Table

#: The cases that users have, with what the page calls them.
ROWS = {
    "small/find_one/1": "`find_one`, 1 task",
    "small/find_one/10": "`find_one`, 10 tasks",
    "small/find_one/100": "`find_one`, 100 tasks",
    "small/find_one/1000": "`find_one`, 1,000 tasks",
    "small/insert_one/100": "`insert_one`, 100 tasks",
    "mixed/100": "Reads, writes and another service, 100 tasks",
    "burners/find_one/100": "`find_one`, 100 tasks, both processors busy",
    "http/starlette/alone": "HTTP service with Starlette",
    "http/starlette/while-reading": "HTTP service, while a request reads 100,000 documents",
    "read/small/async_for/default/idle": "100,000 small documents by `async for`",
    "read/small/to_list/default/idle": "The same with `to_list`",
    "read-2ms/small/async_for/1000/busy": (
        "By `async for` through 2 ms of network, `batch_size=1000`, busy consumer"
    ),
    "insert_many/small": "`insert_many` of 100,000 small documents",
    "gridfs/download": "GridFS, 100 MB down",
}

#: Those of them that are shown for Motor with greenlets, too.
ROWS_WITH_GREENLETS = ("small/find_one/10", "small/find_one/100", "http/starlette/alone")

#: The bars of the chart.
STALLS = {
    "small/find_one/1000": "find_one, 1,000 tasks",
    "read/small/async_for/default/idle": "100,000 documents by async for",
    "read/small/async_for/default/busy": "the same, busy consumer",
    "read/small/to_list/default/idle": "the same with to_list",
    "insert_many/small": "insert_many of 100,000",
}

_PEERS = (PYMONGO_ASYNC, MOTOR_3, PYMONGO_SYNC)

#: What the page on greenlets shows, with the start of each row's label.
GREENLETS = {
    "small/find_one": "`find_one`",
    "small-tls/find_one": "`find_one` with TLS",
    "small/insert_one": "`insert_one`",
    "small/ping": "`command('ping')`",
    "lists/find": "`find().to_list(10)`",
    "http/starlette/alone": "HTTP service with Starlette",
    "http/tornado/alone": "HTTP service with Tornado",
}

#: What its columns are compared with.
_GREENLETS_TO = (MOTOR, PYMONGO_ASYNC)


def table(summaries: Sequence[Summary]) -> Table:
    """Motor's ratios to the other drivers, on each Python that was measured, newest first."""
    setups = _setups(summaries)
    found = {(summary.case.name, summary.setup): summary for summary in summaries}
    rows = []
    for case, label in ROWS.items():
        measured = [(s, found[case, s]) for s in setups if (case, s) in found]
        if measured:
            rows.append([label, *(_cell(measured, peer) for peer in _PEERS)])
            if case in ROWS_WITH_GREENLETS and any(s.greenlets for _, s in measured):
                cells = (_greenlets_cell(measured, peer) for peer in _PEERS)
                rows.append(["The same, Motor with greenlets", *cells])
    header = ["", *(f"Motor to {titles()[peer]}" for peer in _PEERS)]
    return Table("", header, rows, widths=(28, 24, 24, 24))


def greenlets_table(summaries: Sequence[Summary]) -> Table | None:
    """What the accelerator `greenlets` gains, on each Python; None: it was not measured."""
    setups = _setups(summaries)
    found = {(s.case.name, s.setup): s for s in summaries if s.greenlets}
    names = sorted({name for name, _ in found}, key=lambda name: _tasks(name) or 0)
    rows = []
    for start, label in GREENLETS.items():
        for name in names:
            if name == start or name.rpartition("/")[0] == start:
                tasks = _tasks(name)
                what = f"{label}, {tasks:,} task{'s' * (tasks != 1)}" if tasks else label
                measured = [(s, found[name, s]) for s in setups if (name, s) in found]
                rows.append([what, *(_greenlets_cell(measured, peer) for peer in _GREENLETS_TO)])
    header = ["", *(f"With greenlets, to {titles()[peer]}" for peer in _GREENLETS_TO)]
    return Table("", header, rows, widths=(34, 33, 33)) if rows else None


def _tasks(case: str) -> int | None:
    last = case.rpartition("/")[2]
    return int(last) if last.isdigit() else None


def chart(summaries: Sequence[Summary]) -> Chart:
    """How long the loop stands still, on the newest Python that was measured."""
    setup = _setups(summaries)[0]
    drivers = (MOTOR, PYMONGO_ASYNC, MOTOR_3)
    found = {s.case.name: s for s in summaries if s.setup == setup}
    groups = []
    for case, label in STALLS.items():
        if case in found:
            stalls = [
                figures.stall if (figures := found[case].figures.get(name)) else None
                for name in drivers
            ]
            groups.append((label, [stall.longest if stall else None for stall in stalls]))
    title = f"The longest time for which the event loop stands still, Python {setup.python}"
    names = [titles()[name] for name in drivers]
    return Chart(title, ("milliseconds", "ms"), names, groups)


def _setups(summaries: Sequence[Summary]) -> list[Setup]:
    """Those with asyncio's own loop if there are any, the newest Python first."""
    every = {summary.setup for summary in summaries}
    plain = {setup for setup in every if setup.loop == "asyncio"} or every
    return sorted(plain, key=lambda s: [int(n) for n in re.findall(r"\d+", s.python)], reverse=True)


def _cell(measured: Sequence[tuple[Setup, Summary]], peer: str) -> str:
    return _lines((setup, _ratio(summary, peer)) for setup, summary in measured)


def _greenlets_cell(measured: Sequence[tuple[Setup, Summary]], peer: str) -> str:
    return _lines((setup, summary.greenlets.get(peer)) for setup, summary in measured)


def _lines(spreads: Iterable[tuple[Setup, Spread | None]]) -> str:
    lines = [
        f"{'.'.join(setup.python.split('.')[:2])}: {ratio_of_processes(spread)}"
        for setup, spread in spreads
        if spread is not None
    ]
    return "\n".join(f"| {line}" for line in lines) or NOTHING


def _ratio(summary: Summary, peer: str) -> Spread | None:
    if peer == PYMONGO_SYNC:
        return summary.limits.get(MOTOR)
    return summary.ratios.get(peer)
