"""``bool(db)`` and ``bool(collection)``: true before Motor 3, an error since."""

from __future__ import annotations

from typing import Any

from motor.legacy.calls import kind_of
from motor.legacy.deprecation import check
from motor.legacy.registry import bridges, find

__all__ = ["Truthful"]


@bridges(
    "use",
    ("database", "collection"),
    "bool",
    "compare with None, as in 'if db is not None'",
    said="Testing whether a {owner} is true",
)
def is_true(owner: Any) -> bool:
    return True


class Truthful:
    """A database or a collection that is true, as before Motor 3."""

    def __bool__(self) -> bool:
        """Return True. Deprecated: compare with None instead."""
        entry = find("use", kind_of(self), "bool")
        assert entry is not None
        check(entry)
        return is_true(self)
