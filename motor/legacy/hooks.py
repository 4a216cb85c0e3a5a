"""What the core's `motor.core.bridge` asks: each of its questions, answered from the registry."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from motor.core.bridge import NOT_BRIDGED
from motor.legacy import client_options as options_of_old
from motor.legacy.calls import call_method, call_with_keywords, kind_of, takes
from motor.legacy.deprecation import check
from motor.legacy.registry import Entry, find

__all__ = [
    "assign",
    "call_undefined",
    "call_with_keywords",
    "client_options",
    "module_attribute",
    "takes",
    "takes_options",
    "undefined_attribute",
]


def call_undefined(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call an old method of `owner`. Returns its result, or `NOT_BRIDGED`."""
    entry = find("method", kind_of(owner), name)
    if entry is None:
        return NOT_BRIDGED
    return call_method(entry, owner, args, kwargs)


def undefined_attribute(owner: Any, name: str) -> Any:
    """An old attribute or method of `owner`, or `NOT_BRIDGED`."""
    kind = kind_of(owner)
    entry = find("attribute", kind, name)
    if entry is not None:
        check(entry)
        assert entry.function is not None
        return entry.function(owner)
    entry = find("method", kind, name)
    return NOT_BRIDGED if entry is None else _method(entry, owner)


def _method(entry: Entry, owner: Any) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        return call_method(entry, owner, args, kwargs)

    if entry.function is not None:
        functools.update_wrapper(method, entry.function, assigned=("__doc__",), updated=())
        del method.__wrapped__  # type: ignore[attr-defined]
    method.__name__ = entry.name
    method.__qualname__ = f"{type(owner).__name__}.{entry.name}"
    return method


def assign(owner: Any, name: str, value: Any) -> bool:
    """Assign `value` to an old setting of `owner`. Returns whether it was one."""
    entry = find("setting", kind_of(owner), name)
    if entry is None:
        return False
    check(entry)
    assert entry.function is not None
    entry.function(owner, value)
    return True


def takes_options(kwargs: Mapping[str, Any]) -> bool:
    """Whether any of the keywords of a client to be made is of old."""
    return bool(options_of_old.old_among(kwargs))


def client_options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a client to be made, as PyMongo takes them."""
    return options_of_old.translate(kwargs)


def module_attribute(module: str, name: str) -> Any:
    """What became of a name of `motor`, `motor.motor_asyncio` or `motor.motor_tornado`."""
    entry = find("module", "motor", _without_prefix(module, name))
    if entry is None:
        return NOT_BRIDGED
    check(entry)
    assert entry.function is not None
    return entry.function(module)


def _without_prefix(module: str, name: str) -> str:
    """The registry's name for a module's: without the prefix, which asyncio's must have."""
    if module != "motor.motor_asyncio":
        return name
    return name.removeprefix("AsyncIO") if name.startswith("AsyncIOMotor") else ""
