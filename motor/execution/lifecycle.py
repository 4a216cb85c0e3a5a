"""What happens when the process is forked, and when it ends: the one place that Python is told."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable

__all__ = ["after_fork_in_child", "at_exit", "not_at_exit"]

_after_fork: list[Callable[[], Callable[[], object] | None]] = []


def after_fork_in_child(function: Callable[[], object]) -> None:
    """Call `function` in each child that this process is forked into.

    A bound method is called for as long as its object lives.
    """
    method = getattr(function, "__self__", None) is not None
    _after_fork.append(
        weakref.WeakMethod(function, _after_fork.remove) if method else lambda: function
    )


def at_exit(function: Callable[[], object]) -> None:
    """Call `function` when the process ends."""
    atexit.register(function)


def not_at_exit(function: Callable[[], object]) -> None:
    """Do not call `function` when the process ends, after all."""
    atexit.unregister(function)


def _run_after_fork() -> None:
    alive = [(found, found()) for found in _after_fork]
    _after_fork[:] = [found for found, function in alive if function is not None]
    for _, function in alive:
        if function is not None:
            function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_after_fork)
