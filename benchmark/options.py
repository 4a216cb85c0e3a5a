"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmark.drivers import DRIVERS, ROOT
from benchmark.environments import DEFAULT_CACHE
from benchmark.mechanisms import MECHANISMS

DEFAULT_OUT = ROOT / "benchmark" / "results"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the process with a message for those that do not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="Measure Motor against Motor 3.7.1 and PyMongo, each in a process and a "
        "virtual environment of its own, with one MongoDB: MONGODB_URI, or one made for it.",
    )
    add = parser.add_argument
    add(
        "results",
        nargs="*",
        type=Path,
        metavar="RESULTS.JSON",
        help="report on these results of earlier runs, all in one, and measure nothing",
    )
    add("--quick", action="store_true", help="the main cases with few rounds: two or three minutes")
    add(
        "--case",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="only cases that match a pattern, such as 'small/*/100'",
    )
    add("--list", action="store_true", help="list the cases and end")
    add("--rounds", type=_positive, metavar="N", help="how many rounds each process has")
    add("--processes", type=_positive, metavar="N", help="how many processes each driver has")
    add(
        "--loop",
        nargs="+",
        choices=("asyncio", "uvloop"),
        default=["asyncio"],
        help="the event loops; all cases with the first, and the main ones with the others",
    )
    add(
        "--python",
        nargs="+",
        metavar="VERSION",
        help="versions or paths: the Pythons to measure with, the first for all cases",
    )
    add(
        "--drivers",
        nargs="+",
        action="extend",
        choices=DRIVERS,
        metavar="NAME",
        help=f"only these: {', '.join(DRIVERS)}",
    )
    add("--other", type=Path, metavar="CHECKOUT", help="compare with this Motor checkout, too")
    add(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        choices=MECHANISMS,
        metavar="MECHANISM",
        help=f"compare with Motor without one of: {', '.join(MECHANISMS)}",
    )
    add(
        "--standalone",
        action="store_true",
        help="with a standalone server, which has neither an oplog nor a cluster time",
    )
    add(
        "--write-concern",
        default="1",
        metavar="W",
        help="when a write is done: 1 (the default) leaves the server's disk out of the "
        "measurement, majority has it in",
    )
    add("--cache", type=Path, default=DEFAULT_CACHE, help="where the environments are kept")
    add("--out", type=Path, default=DEFAULT_OUT, help="where a directory of results is made")
    add(
        "--rst",
        type=Path,
        metavar="DIR",
        help="also write the table, the chart and all tables of the documentation there",
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
