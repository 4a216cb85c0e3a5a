"""What makes Motor quicker and could be left out, and how each is switched off for a measurement.

Not options of Motor: each reaches into it, in the process of one driver. A mechanism that gains
less than 5 %, and shortens no stall, should be taken out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = ["MECHANISMS", "switch_off"]


def _put(owner: Any, name: str, value: Any) -> None:
    """Set what is there already: a mechanism that is renamed must not seem to gain nothing."""
    getattr(owner, name)
    setattr(owner, name, value)


def _sockets() -> None:
    os.environ["MOTOR_ACCELERATORS"] = "batches"


def _batches() -> None:
    os.environ["MOTOR_ACCELERATORS"] = "sockets"


def _admission() -> None:
    from motor.execution import default

    _put(default, "RECENT_LIMIT", default.DEFAULT_MAX_WORKERS)


def _stretch() -> None:
    from motor.execution import admission

    _put(admission, "STRETCH", 1)


def _shared_wake_ups() -> None:
    from motor.execution import call, completions

    def deliver(future: Any, result: Any, error: BaseException | None) -> None:
        loop = future.get_loop()
        outcomes = completions._Outcomes()
        outcomes.queue.append((future, result, error))
        loop.call_soon_threadsafe(outcomes)

    _put(call, "deliver", deliver)


def _early_sleep() -> None:
    from motor.execution.call import Call

    _put(Call, "delivers_to_others", True)


def _split_batches() -> None:
    from motor.accelerators.batches import splitting

    _put(splitting, "NEAR", 0.0)


def _read_ahead() -> None:
    from motor.core.cursors.reader import Reader

    _put(Reader, "may_read_ahead", lambda self, batches: False)


def _decode_meanwhile() -> None:
    from motor.core.cursors.reader import Reader

    _put(Reader, "_decode_quietly", lambda self: None)


def _kept_memory() -> None:
    from motor.execution import malloc

    _put(malloc, "_kept", True)


def _touched_memory() -> None:
    from motor.execution import malloc

    _put(malloc, "touch_ahead", lambda size: None)


def _pauses() -> None:
    from motor.execution import pauses

    _put(pauses, "EVERY", float("inf"))


def _undecoded() -> None:
    from motor.accelerators.batches import replies

    _put(replies, "leave_undecoded", lambda *arguments: None)


def _slices() -> None:
    from motor.accelerators.batches import undecoded

    _put(undecoded, "SLICED_FROM", 2**31)


def _probing() -> None:
    from motor.accelerators.batches import slices

    _put(slices, "_probe", lambda *arguments: None)


#: How to switch each off, in a process in which Motor has not been used yet.
MECHANISMS: dict[str, Callable[[], None]] = {
    "sockets": _sockets,
    "batches": _batches,
    "admission": _admission,
    "stretch": _stretch,
    "shared-wake-ups": _shared_wake_ups,
    "early-sleep": _early_sleep,
    "split-batches": _split_batches,
    "read-ahead": _read_ahead,
    "decode-meanwhile": _decode_meanwhile,
    "kept-memory": _kept_memory,
    "touched-memory": _touched_memory,
    "pauses": _pauses,
    "undecoded": _undecoded,
    "slices": _slices,
    "probing": _probing,
}


def switch_off(name: str) -> None:
    """Switch a mechanism of `MECHANISMS` off in this process."""
    MECHANISMS[name]()
