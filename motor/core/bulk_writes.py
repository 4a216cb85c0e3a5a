"""Bulk writes of which PyMongo may forget a part."""

from __future__ import annotations

from functools import cache
from typing import Any

from pymongo import InsertOne

__all__ = ["keep_whole"]


def keep_whole(requests: Any) -> Any:
    """The requests of a bulk write, with one more that sends nothing and keeps them together.

    PyMongo sends a command for each kind of request in turn. If it finds no connection for the
    first, it tries again, and believes that the first attempt has begun. So it sends only the first
    kind, and reports success.

    Uses a request's ``_add_to_bulk``, which is given the writes, and there ``current_run``,
    ``retrying`` and ``_execute_command``: there is no public way, and what PyMongo reports as done
    is not. Where the names are missing, the request does nothing.
    """
    if _IS_GIVEN_WRITES and isinstance(requests, list) and len(requests) > 1:
        return [*requests, _KEEPER]
    return requests


#: Whether requests are as expected: others would be refused.
_IS_GIVEN_WRITES = hasattr(InsertOne, "_add_to_bulk")


class _Keeper:
    def _add_to_bulk(self, bulk: Any) -> None:
        kind: Any = type(bulk)
        if hasattr(kind, "_execute_command") and {"current_run", "retrying"} <= vars(bulk).keys():
            bulk.__class__ = _whole(kind)

    def __repr__(self) -> str:
        return "<sends nothing>"


_KEEPER = _Keeper()


@cache
def _whole(kind: Any) -> Any:
    class Whole(kind):  # type: ignore[misc]
        def _execute_command(self, *args: Any, **kwargs: Any) -> Any:
            if self.current_run is None:
                # Nothing was sent in any attempt.
                self.retrying = False
            return super()._execute_command(*args, **kwargs)

    return Whole
