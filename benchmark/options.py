"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmark.drivers import DRIVERS, ROOT
from benchmark.environments import DEFAULT_CACHE

DEFAULT_OUT = ROOT / "benchmark" / "results"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the process with a message for those that do not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="Measure Motor against Motor 3.7.1 and PyMongo, each in a process and a "
        "virtual environment of its own, with one MongoDB: MONGODB_URI, or one made for it.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="the main cases with few rounds, in about a minute")
    add(
        "--case",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="only cases that match a pattern, such as 'small/*/100'",
    )
    add("--list", action="store_true", help="list the cases and end")
    add("--rounds", type=_positive, metavar="N", help="how many rounds each case has")
    add("--loop", choices=("asyncio", "uvloop"), default="asyncio", help="the event loop")
    add("--python", metavar="VERSION", help="a version or path: the Python to measure with")
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
        "--standalone",
        action="store_true",
        help="with a standalone server: acknowledges writes before its journal is on the disk",
    )
    add("--cache", type=Path, default=DEFAULT_CACHE, help="where the environments are kept")
    add("--out", type=Path, default=DEFAULT_OUT, help="where a directory of results is made")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
