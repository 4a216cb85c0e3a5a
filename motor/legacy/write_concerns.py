"""Write concerns of single calls: ``w=1``, ``j=True``, ``safe=True``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import ConfigurationError
from pymongo.write_concern import WriteConcern

__all__ = [
    "OPTIONS",
    "WriteConcernDict",
    "make_write_concern",
    "with_write_concern",
    "write_concern_of",
]

OPTIONS = ("w", "wtimeout", "j", "fsync")


def make_write_concern(options: Mapping[str, Any]) -> WriteConcern:
    """The write concern of these options. Raises ConfigurationError for an invalid one."""
    for name in options:
        if name not in OPTIONS:
            raise ConfigurationError(
                f"{name} is not a valid write concern option: there are {', '.join(OPTIONS)}."
            )
    return WriteConcern(**options)


def with_write_concern(
    collection: Any, safe: bool | None, options: Mapping[str, Any]
) -> Collection[Any]:
    """The PyMongo collection for one call, with the write concern that the call asks for.

    - `collection`: the Motor collection
    - `safe`: True for an answer from the server at least, False for none, None for the collection's
      own write concern. What `options` say comes first
    - `options`: `w`, `wtimeout` (ms), `j`, `fsync`: missing ones have their defaults, not those of
      the collection's own write concern

    Raises ConfigurationError for other options.
    """
    delegate: Collection[Any] = collection.delegate
    if options:
        return delegate.with_options(write_concern=make_write_concern(options))
    if safe is None or bool(safe) == delegate.write_concern.acknowledged:
        return delegate
    return delegate.with_options(write_concern=WriteConcern(w=1 if safe else 0))


def write_concern_of(owner: Any) -> WriteConcern:
    """The write concern of a Motor object; of a client the one that was assigned to it, if any."""
    assigned: Mapping[str, Any] = owner.__dict__.get("_assigned", {})
    concern = assigned.get("write_concern") or owner.delegate.write_concern
    # Of another library's client, that is a database of this name.
    return concern if isinstance(concern, WriteConcern) else WriteConcern()


class WriteConcernDict(dict[str, Any]):
    """The write concern of a Motor object, as a dict of its options. Setting one changes it."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        super().__init__(write_concern_of(owner).document)

    def __setitem__(self, name: str, value: Any) -> None:
        self._owner.write_concern = {**self, name: value}
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        changed = dict(self)
        del changed[name]
        self._owner.write_concern = changed
        super().__delitem__(name)

    def __getattr__(self, name: str) -> Any:
        # New code reads `acknowledged` and `document`.
        return getattr(write_concern_of(self._owner), name)
