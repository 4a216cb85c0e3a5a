"""Where the core asks `motor.legacy`, the bridge for code from the PyMongo 2 era.

There are three hooks: `undefined`, `refused` and `assign`. They are asked, and the bridge is
imported, only where a call would fail otherwise: a name is not there, arguments are refused, a
property cannot be assigned to. The core knows none of the old names.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

__all__ = [
    "NOT_BRIDGED",
    "assign",
    "module_attribute",
    "refused",
    "takes_old_arguments",
    "undefined",
]

F = TypeVar("F", bound=Callable[..., Any])

#: What the bridge answers where it does not lead.
NOT_BRIDGED: Final = object()


def undefined(owner: Any, name: str) -> Any:
    """What became of an attribute that `owner` does not have, or `NOT_BRIDGED`.

    - `owner`: a Motor object, or the name of one of Motor's modules. Clients, databases and
      collections have every attribute, so what is asked for is a method of theirs that is called
    """
    from motor.legacy import hooks

    return hooks.undefined(owner, name)


def refused(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Callable[[], Any] | None:
    """What makes a call whose arguments are refused today; None if they were never taken.

    - `owner`: the Motor object whose method `name` it is, or the PyMongo class that is to be made
    """
    from motor.legacy import hooks

    return hooks.refused(owner, name, args, kwargs)


def assign(owner: Any, name: str, value: Any) -> bool:
    """Assign to what cannot be assigned to. Returns whether that was done."""
    from motor.legacy import hooks

    return hooks.assign(owner, name, value)


# Ways to ask, for whoever has the same question.


def module_attribute(module: str, name: str) -> Any:
    """What is gone from one of Motor's modules. Raises AttributeError for what was never there."""
    if not name.startswith("_"):
        found = undefined(module, name)
        if found is not NOT_BRIDGED:
            return found
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def takes_old_arguments(method: F) -> F:
    """Let the bridge have calls with arguments that `method`, written by hand, does not take."""
    signature = inspect.signature(method)
    keywords, most = frozenset(signature.parameters), len(signature.parameters) - 1

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) > most or not keywords.issuperset(kwargs):
            call_of_old = refused(self, method.__name__, args, kwargs)
            if call_of_old is not None:
                return call_of_old()
        return method(self, *args, **kwargs)

    # Whatever it is marked as, it is that itself: what unwraps it must not get past the mark.
    del call.__wrapped__
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
