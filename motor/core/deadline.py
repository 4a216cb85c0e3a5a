"""The time that ``pymongo.timeout()`` leaves, around the caller.

Uses ``pymongo._csot.remaining``, because there is no public way to ask. If it is missing,
transactions are retried as if there were no timeout, although each step still obeys it, and nothing
is read ahead.
"""

from __future__ import annotations

from collections.abc import Callable

import pymongo

__all__ = ["may_have_deadline", "remaining"]

_remaining: Callable[[], float | None] | None
_remaining = getattr(getattr(pymongo, "_csot", None), "remaining", None)


def remaining() -> float | None:
    """How much (in seconds) is left of the ``pymongo.timeout()`` around the caller; None: no such,
    or unknown.
    """
    return None if _remaining is None else _remaining()


def may_have_deadline() -> bool:
    """Whether there is, or may be, a ``pymongo.timeout()`` around the caller."""
    return _remaining is None or _remaining() is not None
