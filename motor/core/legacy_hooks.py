"""Where the core asks the bridge for old code, if there is one.

There are three questions: `undefined`, `refused` and `assign`. The core asks them, and imports the
bridge, only where a call would fail otherwise: a name does not exist, arguments are refused, a
property cannot be assigned to. The core knows none of the old names; the fronts say which module
answers.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from motor.core.arguments import bind
from motor.signatures import signature_of

__all__ = [
    "NOT_BRIDGED",
    "assign",
    "install",
    "module_attribute",
    "refused",
    "refused_keywords",
    "takes_old_arguments",
    "undefined",
]

F = TypeVar("F", bound=Callable[..., Any])

#: The bridge's answer to what it does not know.
NOT_BRIDGED: Final = object()


#: The module that has the answers, and what reads the keywords that no server takes.
_module: str | None = None
_keywords: Callable[[], frozenset[str]] = frozenset


def install(module: str, keywords: Callable[[], frozenset[str]]) -> None:
    """Fill the slot.

    - `module`: the name of the module that has functions `undefined`, `refused` and `assign`. It is
      imported at the first question
    - `keywords`: returns the old keywords that PyMongo would pass on to a server, which takes none
      of them. Called at the first call with keywords
    """
    global _module, _keywords
    _module, _keywords = module, functools.cache(keywords)


def _bridge() -> Any:
    return None if _module is None else importlib.import_module(_module)


def undefined(owner: Any, name: str) -> Any:
    """What became of an attribute that `owner` does not have, or `NOT_BRIDGED`.

    - `owner`: a Motor object, or the name of one of Motor's modules. Clients, databases and
      collections have every attribute, so what is asked for is a method of theirs that is called
    """
    bridge = _bridge()
    return NOT_BRIDGED if bridge is None else bridge.undefined(owner, name)


def refused(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Callable[[], Any] | None:
    """What makes a call whose arguments are refused today; None if they were never taken.

    - `owner`: the Motor object whose method `name` it is, the PyMongo class that is to be made, or
      a function of the user's that is called `name` and refused the arguments
    """
    bridge = _bridge()
    return None if bridge is None else bridge.refused(owner, name, args, kwargs)


def assign(owner: Any, name: str, value: Any) -> bool:
    """Assign to what cannot be assigned to. Returns whether that was done."""
    bridge = _bridge()
    return bridge is not None and bool(bridge.assign(owner, name, value))


def refused_keywords() -> frozenset[str]:
    """The old keywords that no server takes, although PyMongo would pass them on."""
    return _keywords()


# Ways to ask.


def module_attribute(module: str, name: str) -> Any:
    """What is gone from one of Motor's modules. Raises AttributeError for what was never there."""
    if not name.startswith("_"):
        found = undefined(module, name)
        if found is not NOT_BRIDGED:
            return found
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def takes_old_arguments(method: F) -> F:
    """Let the bridge have calls with arguments that `method`, written by hand, does not take."""
    signature = signature_of(method)
    keywords, most = frozenset(signature.parameters), len(signature.parameters) - 1

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) > most or not keywords.issuperset(kwargs):
            old_call = refused(self, method.__name__, args, kwargs)
            if old_call is not None:
                return old_call()
            bind(f"{type(self).__name__}.{method.__name__}", signature, (self, *args), kwargs)
        return method(self, *args, **kwargs)

    # It is marked itself: code that unwraps it must not get past the mark.
    del call.__wrapped__
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
