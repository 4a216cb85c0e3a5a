"""Where the core asks `motor.legacy`, the bridge for code from the PyMongo 2 era.

It is asked, and imported, only where a call would fail otherwise: something that cannot be called
is called, PyMongo does not know a keyword, an attribute is missing, a property cannot be assigned
to. The core itself knows none of the old names, but for `SWALLOWED`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pymongo.cursor import Cursor

__all__ = [
    "NOT_BRIDGED",
    "assign",
    "call_undefined",
    "call_with_keywords",
    "client_options",
    "is_refused",
    "module_attribute",
    "takes",
    "takes_old_keywords",
    "takes_options",
    "undefined_attribute",
]

F = TypeVar("F", bound=Callable[..., Any])

#: What the bridge answers where it does not lead.
NOT_BRIDGED: Final = object()

#: Old keywords that a call would not fail for at once, because PyMongo passes them on to the
#: server: most because it passes on whatever it does not know. No server takes any of them.
SWALLOWED = frozenset(
    {
        "as_class",
        "bucket_size",
        "cache_for",
        "callback",
        "compile_re",
        "drop_dups",
        "max_scan",
        "secondary_acceptable_latency_ms",
        "snapshot",
        "tag_sets",
        "ttl",
        "uuid_subtype",
    }
)

#: The methods that hand their keywords on to another function, which knows what they may be.
_HANDS_ON_TO: dict[str, Callable[..., Any]] = {"find": Cursor, "find_one": Cursor}


def _read_keywords(delegate_class: type, name: str) -> frozenset[str] | None:
    """The keywords that a PyMongo method takes; None where it passes on those it does not know."""
    method = getattr(delegate_class, name, None)
    if delegate_class.__module__.startswith("pymongo."):
        method = _HANDS_ON_TO.get(name, method)
    try:
        parameters = inspect.signature(method).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


_keywords_of = functools.cache(_read_keywords)


def is_refused(delegate: Any, name: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether PyMongo, or the server, would refuse one of these keywords of a method."""
    if not SWALLOWED.isdisjoint(kwargs):
        return True
    known = _keywords_of(type(delegate), name)  # type: ignore[arg-type]
    return known is not None and not known.issuperset(kwargs)


def takes(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the bridge takes arguments, which are refused, of a method of `owner`."""
    from motor.legacy import hooks

    return hooks.takes(owner, name, args, kwargs)


def call_with_keywords(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Call a method of `owner` with arguments that the bridge takes."""
    from motor.legacy import hooks

    return hooks.call_with_keywords(owner, name, args, kwargs)


def call_undefined(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a method that `owner` does not have. Returns the result, or `NOT_BRIDGED`."""
    from motor.legacy import hooks

    return hooks.call_undefined(owner, name, args, kwargs)


def undefined_attribute(owner: Any, name: str) -> Any:
    """An attribute that `owner` does not have, or `NOT_BRIDGED`."""
    from motor.legacy import hooks

    return hooks.undefined_attribute(owner, name)


def assign(owner: Any, name: str, value: Any) -> bool:
    """Assign to what cannot be assigned to. Returns whether that was done."""
    from motor.legacy import hooks

    return hooks.assign(owner, name, value)


def takes_options(kwargs: Mapping[str, Any]) -> bool:
    """Whether the bridge takes the keywords, which are refused, of a client to be made."""
    from motor.legacy import hooks

    return hooks.takes_options(kwargs)


def client_options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a client to be made, which the bridge takes, as PyMongo does."""
    from motor.legacy import hooks

    return hooks.client_options(kwargs)


def module_attribute(module: str, name: str) -> Any:
    """What is gone from one of Motor's modules. Raises AttributeError for what was never there."""
    if not name.startswith("_"):
        from motor.legacy import hooks

        found = hooks.module_attribute(module, name)
        if found is not NOT_BRIDGED:
            return found
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def takes_old_keywords(method: F) -> F:
    """Let the bridge have calls with arguments that `method`, written by hand, does not take."""
    parameters = list(inspect.signature(method).parameters)
    keywords, most = frozenset(parameters), len(parameters) - 1

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) > most or not keywords.issuperset(kwargs):
            name = method.__name__
            if takes(self, name, args, kwargs):
                return call_with_keywords(self, name, args, kwargs)
        return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]
