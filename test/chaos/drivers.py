"""The drivers: Motor with each choice of accelerators, Motor 3.7.1, and PyMongo's own clients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.drivers import ROOT, Driver
from benchmark.environments import Environments

PACKAGE = Path(__file__).resolve().parent
DEFAULT_CACHE = ROOT / ".tox" / "chaos-environments"
_COMMON = ("pymongo", "tornado>=6.4")


@dataclass(frozen=True)
class Candidate:
    """A driver, and how it is set up.

    - `kind`: the name of the worker's adapter that speaks to it
    - `accelerators`: what `MOTOR_ACCELERATORS` is set to; None: nothing
    """

    name: str
    title: str
    kind: str
    driver: Driver
    accelerators: str | None = None


def _motor(name: str, title: str, accelerators: str, *requirements: str) -> Candidate:
    environment = "-".join(("motor", *requirements))
    requirements = (*_COMMON, *requirements)
    driver = Driver(environment, "Motor", "motor", environment, requirements, checkout=ROOT)
    return Candidate(name, title, "motor", driver, accelerators)


def _other(name: str, title: str, kind: str, *requirements: str) -> Candidate:
    environment = requirements[0].replace("==", "-") if requirements else "pymongo"
    driver = Driver(name, title, kind, environment, (*_COMMON, *requirements))
    return Candidate(name, title, kind, driver)


CANDIDATES = {
    candidate.name: candidate
    for candidate in (
        _motor("motor", "Motor", "all"),
        _motor("motor-none", "Motor, no accelerators", "none"),
        _motor("motor-sockets", "Motor, sockets", "sockets"),
        _motor("motor-batches", "Motor, batches", "batches"),
        _motor("motor-greenlets", "Motor, greenlets", "all,greenlets", "greenlet"),
        _other("pymongo-async", "PyMongo Async", "pymongo-async"),
        _other("motor-3.7.1", "Motor 3.7.1", "motor-3", "motor==3.7.1"),
        _other("pymongo", "PyMongo (probe)", "pymongo"),
    )
}

#: The drivers of the quick run: the others are variants of the first.
QUICK = ("motor", "motor-none", "pymongo-async", "motor-3.7.1", "pymongo")


def chosen(names: list[str] | None) -> list[Candidate]:
    """The candidates with these names, or all.

    Raises ValueError for an unknown name.
    """
    unknown = set(names or ()) - set(CANDIDATES)
    if unknown:
        raise ValueError(f"no such driver: {', '.join(sorted(unknown))}; {[*CANDIDATES]}")
    return [c for name, c in CANDIDATES.items() if not names or name in names]


def environments(cache: Path, python: str, candidates: list[Candidate]) -> Environments:
    """Make the virtual environments of the candidates, where they are missing or out of date."""
    made = Environments(cache, python, PACKAGE)
    made.make([candidate.driver for candidate in candidates])
    return made
