"""Calls of old methods, and calls of today's methods with old arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.cursor import CursorType
from pymongo.errors import ConfigurationError
from pymongo.read_preferences import make_read_preference

from motor.core import (
    AgnosticBaseCursor,
    AgnosticClient,
    AgnosticCollection,
    AgnosticCursor,
    AgnosticDatabase,
)
from motor.core.base import unwrap_arguments
from motor.core.errors import CallRefused
from motor.legacy import callbacks
from motor.legacy.deprecation import check
from motor.legacy.registry import Entry, find

__all__ = [
    "OldCall",
    "call_method",
    "call_with_old_arguments",
    "kind_of",
    "read_preference_of",
    "takes",
]

_KINDS: dict[type, str] = {
    AgnosticClient: "client",
    AgnosticDatabase: "database",
    AgnosticCollection: "collection",
    AgnosticCursor: "cursor",
    AgnosticBaseCursor: "command_cursor",
}


def kind_of(owner: object) -> str:
    """What the registry calls a Motor object, such as "collection"; "" for one without a bridge."""
    return next((kind for cls, kind in _KINDS.items() if isinstance(owner, cls)), "")


def call_method(entry: Entry, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call an old method of `owner`.

    Returns a future that has started, or the result of a method that is called in place; None if a
    callback was given. Raises InvalidOperation for a method that is refused.
    """
    check(entry)
    assert entry.function is not None
    if entry.in_place:
        return entry.function(owner, *args, **kwargs)
    callback = kwargs.get("callback")
    callbacks.check_callback(owner, callback)
    kwargs = {name: value for name, value in kwargs.items() if name != "callback"}
    args, kwargs, queue = unwrap_arguments(args, kwargs)
    future = owner._submit_function(
        entry.function, (owner, *args), kwargs, queue=owner._queue or queue, caller=owner
    )
    return future if callback is None else callbacks.deliver(future, callback)


class OldCall:
    """A call of one of today's methods with old arguments, until it is made.

    - `owner`: the Motor object whose method it is
    - `name`: the method's name
    - `args`, `kwargs`: the arguments, with translated ones replaced by today's
    - `callback`: what is called with the result and the error, or None
    - `read_preference`, `tag_sets`: those of this call, or None; the former may be a number
    - `flags`: those that choose a type of cursor, and "manipulate"
    - `run`: what makes the call
    """

    def __init__(
        self, owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.owner: Any = owner
        self.name = name
        self.args = args
        self.kwargs: dict[str, Any] = dict(kwargs)
        self.callback: callbacks.Callback | None = None
        self.read_preference: Any = None
        self.tag_sets: Any = None
        self.flags: dict[str, bool] = {}
        self.run: Callable[[OldCall], Any] = OldCall.call_today

    def codec_options(self, **changes: Any) -> None:
        """Let results be decoded with other codec options."""
        if kind_of(self.owner) == "database":
            options = self.kwargs.get("codec_options") or CodecOptions()
            self.kwargs["codec_options"] = options.with_options(**changes)
            return
        options = self.owner.codec_options.with_options(**changes)
        self.owner = self.owner.with_options(codec_options=options)

    def _apply_read_preference(self) -> None:
        if self.read_preference is None and self.tag_sets is None:
            return
        mode = (
            self.read_preference if self.read_preference is not None else self.owner.read_preference
        )
        preference = read_preference_of(mode, self.tag_sets)
        if kind_of(self.owner) == "database":
            self.kwargs["read_preference"] = preference
        else:
            self.owner = self.owner.with_options(read_preference=preference)

    def _apply_flags(self) -> None:
        if self.flags.get("exhaust"):
            self.kwargs["cursor_type"] = CursorType.EXHAUST
        elif self.flags.get("tailable"):
            awaits = self.flags.get("await_data")
            self.kwargs["cursor_type"] = (
                CursorType.TAILABLE_AWAIT if awaits else CursorType.TAILABLE
            )
        if self.flags.get("manipulate") is False:
            self.owner = self.owner.with_options()
            self.owner.__dict__["_plain"] = True

    def call_today(self) -> Any:
        """Call the method as it is today."""
        return getattr(self.owner, self.name)(*self.args, **self.kwargs)

    def make(self) -> Any:
        """Make the call. Returns its result, None where a callback was given."""
        self._apply_read_preference()
        self._apply_flags()
        result = self.run(self)
        if self.callback is None:
            return result
        if not asyncio.isfuture(result):
            raise CallRefused(f"Pass a callback to each, to_list, or count, not to {self.name}.")
        return callbacks.deliver(result, self.callback)


def read_preference_of(mode: Any, tag_sets: Any = None) -> Any:
    """The read preference for a number or a read preference, with tag sets if any are given.

    Raises ConfigurationError for tag sets with PRIMARY, and for a number that has no meaning.
    """
    if isinstance(mode, int):
        if mode not in range(5):
            raise ConfigurationError(f"{mode} is no read preference: use one of ReadPreference")
        return make_read_preference(mode, tag_sets)
    return mode if tag_sets is None else make_read_preference(mode.mode, tag_sets)


def takes(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether any of the arguments of today's method `name` of `owner` is an old one."""
    kind = kind_of(owner)
    return bool(_old_among(kind, name, _by_name(kind, name, args, kwargs)[1]))


def call_with_old_arguments(
    owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Call today's method `name` of `owner` with arguments of which some are old ones.

    Returns what the method returns, or None where a callback was given.
    """
    kind = kind_of(owner)
    args, kwargs = _by_name(kind, name, args, kwargs)
    call = OldCall(owner, name, args, kwargs)
    for keyword, entry in _old_among(kind, name, kwargs):
        check(entry)
        assert entry.function is not None
        entry.function(call, call.kwargs.pop(keyword))
    return call.make()


def _old_among(kind: str, method: str, kwargs: Mapping[str, Any]) -> list[tuple[str, Entry]]:
    """The old ones among the keywords, with their declarations."""
    return [
        (keyword, entry)
        for keyword, value in kwargs.items()
        if (entry := _find_keyword(kind, method, keyword)) is not None
        and (entry.applies is None or entry.applies(value))
    ]


def _find_keyword(kind: str, method: str, keyword: str) -> Entry | None:
    return find("keyword", f"{kind}.{method}", keyword) or find("keyword", kind, keyword)


#: Old arguments that may come by position: where, and what the registry calls them.
_POSITIONS: dict[tuple[str, str], tuple[int, str]] = {
    ("cursor", "to_list"): (1, "callback"),
    ("cursor", "close"): (0, "callback"),
    ("command_cursor", "to_list"): (1, "callback"),
    ("command_cursor", "close"): (0, "callback"),
}


def _by_name(
    kind: str, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments, with the last one by its name if it may be an old one."""
    position, name = _POSITIONS.get((kind, method), (len(args), ""))
    if len(args) != position + 1:
        return args, kwargs
    return args[:position], {**kwargs, name: args[position]}
