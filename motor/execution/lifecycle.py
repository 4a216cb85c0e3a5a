"""What happens at a fork and at the end of the process: registered with Python only here."""

from __future__ import annotations

import atexit
import os
import types
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["after_fork_in_child", "at_exit", "not_at_exit"]

_functions: list[Callable[[], object]] = []

#: One method for each object. The references are weak and remove themselves in C, because Python
#: code may find its own module gone while the interpreter ends.
_methods: dict[weakref.ref[Any], Callable[[Any], object]] = {}


def after_fork_in_child(function: Callable[[], object]) -> None:
    """Call `function` in each child that this process is forked into.

    A bound method is called for as long as its object lives. An object has one at most.
    """
    if isinstance(function, types.MethodType):
        _methods[weakref.ref(function.__self__, _methods.pop)] = function.__func__
    else:
        _functions.append(function)


def at_exit(function: Callable[[], object]) -> None:
    """Call `function` when the process ends."""
    atexit.register(function)


def not_at_exit(function: Callable[[], object]) -> None:
    """Do not call `function` when the process ends, after all."""
    atexit.unregister(function)


def _run_after_fork() -> None:
    for function in _functions:
        function()
    for reference, method in list(_methods.items()):
        owner = reference()
        if owner is not None:
            method(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_after_fork)
