"""The answers of `motor.legacy` to the core's questions; they come from the registry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pymongo.errors import InvalidOperation

from motor.core.legacy_hooks import NOT_BRIDGED
from motor.core.namespace import Namespace
from motor.legacy import client_options
from motor.legacy.calls import call_method, call_with_old_arguments, kind_of, takes
from motor.legacy.deprecation import check
from motor.legacy.registry import Entry, find, find_in_module

__all__ = ["assign", "refused", "undefined"]


def undefined(owner: Any, name: str) -> Any:
    """An old attribute or method of a Motor object, or an old name of a module; or `NOT_BRIDGED`.

    - `owner`: the object, or the module's name
    """
    if isinstance(owner, str):
        return _module_attribute(owner, name)
    kind = kind_of(owner)
    # Today, an old attribute of a client, database or collection is a name below it, and called.
    entry = None if isinstance(owner, Namespace) else find("attribute", kind, name)
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
    if entry is None or (entry.applies is not None and not entry.applies(value)):
        return False
    check(entry)
    assert entry.function is not None
    entry.function(owner, value)
    return True


def refused(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Callable[[], Any] | None:
    """What makes a call with old arguments; None if none of them is an old one.

    - `owner`: a Motor object, or a client's PyMongo class that is to be made with these options
    """
    if name == "get_gridfs_file":
        # Not at the top, as most programs serve no files.
        from motor.legacy.serving import choose_file

        chosen = choose_file(owner, *args)
        return None if chosen is NOT_BRIDGED else lambda: chosen
    if isinstance(owner, type):
        if not client_options.old_among(kwargs):
            return None
        return lambda: owner(*args, **client_options.translate(kwargs))
    if not takes(owner, name, args, kwargs):
        return None
    return functools.partial(call_with_old_arguments, owner, name, args, kwargs)


def _module_attribute(module: str, name: str) -> Any:
    """The replacement for an old name of `motor` or one of its fronts."""
    if name.startswith("AsyncIO") != (module == "motor.motor_asyncio"):
        return NOT_BRIDGED
    entry = find_in_module(name)
    if entry is None:
        return NOT_BRIDGED
    if entry.reason is not None:
        # An error here would lose its message in "from motor import WaitOp".
        return functools.partial(_refuse, entry)
    check(entry)
    assert entry.function is not None
    return entry.function(module)


def _refuse(entry: Entry, *args: Any, **kwargs: Any) -> NoReturn:
    raise InvalidOperation(entry.message)
