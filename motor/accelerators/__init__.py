"""Optional speed: code that uses private names of PyMongo, each with a check and a fallback.

An accelerator is a package here with a function ``unusable()``, which returns the reason why it
cannot be used, or None; and functions that adapt connections or fetch batches. The core asks for
those in use when a client is made. An accelerator is imported only if it is chosen.

The environment variable ``MOTOR_ACCELERATORS`` chooses: ``all``, the default, means all of
`BY_DEFAULT`; ``none``; or names, separated by commas. Those `ON_REQUEST` are used only where they
are named, and naming one that cannot be used on this machine is an error.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

__all__ = [
    "BY_DEFAULT",
    "ON_REQUEST",
    "Acceleration",
    "chosen",
    "impossible",
    "in_use",
    "reason_unusable",
]

#: The accelerators that ``all`` means.
BY_DEFAULT = ("sockets", "batches")

#: Those that are used only where they are named.
ON_REQUEST = ("greenlets",)

_log = logging.getLogger("motor.accelerators")


@dataclass(frozen=True)
class Acceleration:
    """What the accelerators in use give to the core."""

    #: Options for PyMongo's client.
    client_options: Mapping[str, Any] = field(default_factory=dict)
    #: Returns what fetches the batches of a PyMongo client's cursors.
    fetch_of: Callable[[Any], Any] = lambda client: None
    #: What changes how long the server waits for data; None: nothing does.
    await_time: Any = None
    #: Returns what takes the calls of a PyMongo client, in the place of the pool it is given.
    pool_of: Callable[[Any, Any], Any] = lambda pool, client: pool


def chosen() -> tuple[str, ...]:
    """The names that ``MOTOR_ACCELERATORS`` chooses.

    Raises ValueError for an unknown name.
    """
    known = BY_DEFAULT + ON_REQUEST
    text = os.environ.get("MOTOR_ACCELERATORS", "").strip() or "all"
    if text == "none":
        return ()
    names: list[str] = []
    for name in (part.strip() for part in text.split(",")):
        if name == "all":
            names += BY_DEFAULT
        elif name in known:
            names.append(name)
        else:
            raise ValueError(
                "The environment variable MOTOR_ACCELERATORS must be 'all', 'none' or a list of "
                f"{', '.join(known)}, separated by commas: there is no {name!r} in {text!r}"
            )
    return tuple(dict.fromkeys(names))


def reason_unusable(name: str) -> str | None:
    """Why the accelerator cannot be used; None: it can."""
    try:
        reason: str | None = impossible(name) or _module(name).unusable()
    except Exception as error:
        # If finding out fails, the accelerator is not used.
        return f"{type(error).__name__}: {error}"
    return reason


def impossible(name: str) -> str | None:
    """Why one that is used on request only cannot be used on this machine; None: it can."""
    if name not in ON_REQUEST:
        return None
    with contextlib.suppress(ImportError):
        # If it is not there, `unusable` cannot be asked either, and that is logged.
        reason: str | None = _module(name).impossible()
        return reason
    return None


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"motor.accelerators.{name}")


def in_use() -> Acceleration:
    """What the chosen and usable accelerators give.

    Those that are chosen but not usable are logged, once. Raises ValueError like `chosen`, and for
    one that cannot be used on this machine though it was named.
    """
    return _combined(chosen())


@functools.cache
def _combined(names: tuple[str, ...]) -> Acceleration:
    usable = []
    for name in names:
        if name in ON_REQUEST and (obstacle := impossible(name)) is not None:
            raise ValueError(
                f"The environment variable MOTOR_ACCELERATORS names {name!r}, which cannot be used "
                f"here: {obstacle}; or leave {name!r} out"
            )
        reason = reason_unusable(name)
        if reason is None:
            usable.append(_module(name))
        else:
            _log.info(
                "Motor goes on without its accelerator %r, which only costs speed: %s", name, reason
            )
    adapters = [module.adapt for module in usable if hasattr(module, "adapt")]
    fetchers = [module.fetch_of for module in usable if hasattr(module, "fetch_of")]
    options: dict[str, Any] = {}
    if adapters:
        from motor.accelerators.connections import pool_class

        options["_pool_class"] = pool_class(adapters)
    pools = []
    for module in usable:
        if hasattr(module, "adapt_options"):
            options = module.adapt_options(options)
        if hasattr(module, "pool_of"):
            pools.append(module.pool_of)
    fetch_of = fetchers[0] if fetchers else Acceleration.fetch_of
    await_times = [module.await_time() for module in usable if hasattr(module, "await_time")]
    return Acceleration(
        options,
        fetch_of,
        await_times[0] if await_times else None,
        pools[0] if pools else Acceleration.pool_of,
    )
