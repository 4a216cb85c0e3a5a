"""The drivers: what each of them needs installed, and how the worker uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.mechanisms import MECHANISMS

ROOT = Path(__file__).resolve().parent.parent

#: What every driver's environment has besides the driver, so that they differ in nothing else.
COMMON = ("pymongo", "uvloop", "tornado", "starlette", "uvicorn")

MOTOR = "motor"
MOTOR_GREENLETS = "motor-greenlets"
MOTOR_3 = "motor-3.7.1"
PYMONGO_ASYNC = "pymongo-async"
PYMONGO_SYNC = "pymongo-sync"
RUN_IN_EXECUTOR = "run_in_executor"
OTHER = "motor-other"
#: The name of Motor without one of its mechanisms begins so.
WITHOUT = "motor-without-"

ASYNC = (MOTOR, MOTOR_GREENLETS, MOTOR_3, PYMONGO_ASYNC, OTHER)
ALL = (*ASYNC, PYMONGO_SYNC)
HAND_OFF = (MOTOR, OTHER, RUN_IN_EXECUTOR)
HAND_OFF_METHOD = (MOTOR, OTHER, MOTOR_3)


@dataclass(frozen=True)
class Driver:
    """A driver.

    - `adapter`: the name of the worker's adapter for it
    - `environment`: the name of its virtual environment
    - `requirements`: what pip installs there
    - `checkout`: a Motor checkout to install there, too
    - `without`: which of Motor's mechanisms is switched off
    """

    name: str
    title: str
    adapter: str
    environment: str
    requirements: tuple[str, ...] = COMMON
    checkout: Path | None = None
    without: str | None = None


DRIVERS = {
    driver.name: driver
    for driver in (
        Driver(MOTOR, "Motor", "motor", "motor", checkout=ROOT),
        Driver(
            MOTOR_GREENLETS,
            "Motor with greenlets",
            MOTOR_GREENLETS,
            MOTOR_GREENLETS,
            (*COMMON, "greenlet"),
            checkout=ROOT,
        ),
        Driver(PYMONGO_ASYNC, "PyMongo Async", "pymongo-async", "pymongo-async"),
        Driver(MOTOR_3, "Motor 3.7.1", "motor", "motor-3.7.1", (*COMMON, "motor==3.7.1")),
        Driver(PYMONGO_SYNC, "PyMongo sync", "pymongo-sync", "pymongo-sync"),
        Driver(RUN_IN_EXECUTOR, "run_in_executor", "executor", "motor", checkout=ROOT),
    )
}


def titles() -> dict[str, str]:
    """Each driver's name for readers."""
    without = {WITHOUT + name: f"Motor without {name}" for name in MECHANISMS}
    others = {OTHER: "Motor (other checkout)"} | without
    return {name: d.title for name, d in DRIVERS.items()} | others


def chosen(
    names: list[str] | None, other: Path | None = None, without: Sequence[str] = ()
) -> dict[str, Driver]:
    """The drivers with these names, or all; and Motor otherwise.

    - `other`: Motor from this checkout, too
    - `without`: Motor without each of these mechanisms, too

    Raises ValueError for an unknown name.
    """
    unknown = set(names or ()) - set(DRIVERS)
    if unknown:
        raise ValueError(f"no such driver: {', '.join(sorted(unknown))}; there are {[*DRIVERS]}")
    found = {name: driver for name, driver in DRIVERS.items() if not names or name in names}
    if other is not None:
        title = titles()[OTHER]
        found[OTHER] = replace(
            DRIVERS[MOTOR], name=OTHER, title=title, environment=OTHER, checkout=other.resolve()
        )
    for mechanism in without:
        name = WITHOUT + mechanism
        found[name] = replace(DRIVERS[MOTOR], name=name, title=titles()[name], without=mechanism)
    return found
