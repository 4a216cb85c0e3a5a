"""Which arguments are small enough to be encoded on an event loop's thread."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.objectid import ObjectId
from bson.son import SON

__all__ = ["is_small"]

#: How much a call's arguments may weigh: so many values, or 64 times so many bytes of text.
LIGHT = 256

_SCALARS = frozenset({int, float, bool, type(None), ObjectId, datetime})
_TEXTS = frozenset({str, bytes})
_SEQUENCES = frozenset({list, tuple})
_MAPPINGS = frozenset({dict, SON})


def is_small(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether encoding these takes a fraction of a millisecond. Looks at a few hundred values.

    Of mappings that are neither dicts nor SONs, and other containers, it does not know: they are
    not small.
    """
    left = LIGHT
    for value in args:
        left = _without(left, value)
        if left < 0:
            return False
    for value in kwargs.values():
        left = _without(left, value)
        if left < 0:
            return False
    return True


def _without(left: int, value: Any) -> int:
    """What is left of a weight when `value` has been taken off; negative when it is too heavy."""
    kind = type(value)
    if kind in _SCALARS:
        return left - 1
    if kind in _TEXTS:
        return left - 1 - len(value) // 64
    if kind in _MAPPINGS:
        contents = value.values()
    elif kind in _SEQUENCES:
        contents = value
    else:
        return -1 if isinstance(value, Mapping | list | tuple | set | bytearray) else left - 1
    left -= 1
    if len(value) > left:
        return -1
    for content in contents:
        if left < 0:
            break
        left = _without(left, content)
    return left
