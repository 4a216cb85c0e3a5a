"""Calls of old methods, and calls of today's methods in the old way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.errors import InvalidOperation

from motor.core import AgnosticBaseCursor, AgnosticClient, AgnosticCollection, AgnosticDatabase
from motor.core.base import unwrap_arguments
from motor.core.bridge import NOT_BRIDGED
from motor.legacy import callbacks
from motor.legacy.deprecation import check
from motor.legacy.registry import Entry, find

__all__ = ["OldCall", "call_method", "call_with_keywords", "kind_of"]

_KINDS: dict[type, str] = {
    AgnosticClient: "client",
    AgnosticDatabase: "database",
    AgnosticCollection: "collection",
    AgnosticBaseCursor: "cursor",
}


def kind_of(owner: object) -> str:
    """What the registry calls a Motor object: "client", "database", "collection", "cursor"; ""."""
    return next((kind for cls, kind in _KINDS.items() if isinstance(owner, cls)), "")


def call_method(entry: Entry, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call an old method of `owner`.

    Returns a future that has started, or for a method that is called in place its result. None
    where a callback was given. Raises InvalidOperation for a method that is refused.
    """
    check(entry)
    assert entry.function is not None
    if entry.in_place:
        return entry.function(owner, *args, **kwargs)
    callback = kwargs.get("callback")
    callbacks.check_callback(owner, callback)
    kwargs = {name: value for name, value in kwargs.items() if name != "callback"}
    args, kwargs, _ = unwrap_arguments(args, kwargs)
    future = owner._submit_function(entry.function, (owner, *args), kwargs, wrap=owner._wrap)
    return future if callback is None else callbacks.deliver(future, callback)


class OldCall:
    """A call of one of today's methods with keywords of old, on its way to become one of today.

    - `owner`: the Motor object whose method it is, with its options
    - `args`, `kwargs`: the arguments as they are today
    - `callback`: what is called with the result and the error, or None
    """

    def __init__(self, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.owner = owner
        self.args = args
        self.kwargs = dict(kwargs)
        self.callback: callbacks.Callback | None = None

    def codec_options(self, **changes: Any) -> None:
        """Call the method of an owner with other codec options."""
        options: CodecOptions[Any] = self.owner.codec_options.with_options(**changes)
        self.owner = self.owner.with_options(codec_options=options)


def call_with_keywords(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Call today's method `name` of `owner` with keywords of old among its arguments.

    Returns what the method returns, None where a callback was given, and `NOT_BRIDGED` when none of
    the keywords was ever known.
    """
    kind = kind_of(owner)
    args, kwargs = callbacks.by_name(kind, name, args, kwargs)
    call = OldCall(owner, args, kwargs)
    found = [
        (keyword, entry)
        for keyword in kwargs
        if (entry := _find_keyword(kind, name, keyword)) is not None
    ]
    if not found:
        return NOT_BRIDGED
    for keyword, entry in found:
        check(entry)
        assert entry.function is not None
        entry.function(call, call.kwargs.pop(keyword))
    result = getattr(call.owner, name)(*call.args, **call.kwargs)
    if call.callback is None:
        return result
    if not asyncio.isfuture(result):
        raise InvalidOperation(f"Pass a callback to each, to_list, or count, not to {name}.")
    return callbacks.deliver(result, call.callback)


def _find_keyword(kind: str, method: str, keyword: str) -> Entry | None:
    return find("keyword", f"{kind}.{method}", keyword) or find("keyword", kind, keyword)
