"""What cursors do not tell in public."""

from __future__ import annotations

from typing import Any

from pymongo.cursor import CursorType

__all__ = [
    "await_time",
    "awaits_data",
    "count_options",
    "is_tailable",
    "query_of",
    "rewound",
    "set_await_time",
]

_TAILABLE = CursorType.TAILABLE


def rewound(cursor: Any) -> Any:
    """A copy of `cursor` that has not been sent, with all that it was made with.

    Uses ``Cursor._let``: ``rewind`` keeps it, but ``clone`` forgets it.
    """
    copied = cursor.clone()
    if hasattr(cursor, "_let"):
        copied._let = cursor._let
    return copied


def is_tailable(cursor: Any) -> bool:
    """Whether `cursor` stays open at the end of its data.

    Uses ``Cursor._query_flags``: the type that a cursor was given, by ``find`` or by
    ``add_option``, cannot be asked for in public.
    """
    return bool(getattr(cursor, "_query_flags", 0) & _TAILABLE)


def query_of(cursor: Any, client: Any) -> tuple[Any, ...] | None:
    """What `cursor` asks of a server, apart from numbers, names and settings.

    - `client`: None is returned for a cursor of any other

    Also returns None for one that keeps its connection, or waits for data.

    Uses ``Cursor._spec``, ``_projection``, ``_let`` and ``_query_flags``, ``_collection``: in
    public a cursor does not say what it was asked.
    """
    if cursor._query_flags & (_TAILABLE | CursorType.EXHAUST):
        return None
    if cursor._collection.database.client is not client:
        return None
    return cursor._spec, cursor._projection, cursor._let


def awaits_data(cursor: Any) -> bool:
    """Whether the server lets `cursor` wait for data at the end of them.

    Uses ``Cursor._query_flags``, like `is_tailable`. A tailable cursor that does not await data is
    answered at once, and the server refuses to be told how long it should wait.
    """
    return (getattr(cursor, "_query_flags", 0) & CursorType.TAILABLE_AWAIT) == (
        CursorType.TAILABLE_AWAIT
    )


def await_time(cursor: Any) -> int | None:
    """How long (in ms) the server waits for data before it answers, or None for its own default.

    Uses ``_max_await_time_ms`` of a cursor or of a change stream's cursor; see `set_await_time`.
    """
    waiting = getattr(cursor, "_cursor", cursor)
    found: int | None = getattr(waiting, "_max_await_time_ms", None)
    return found


def set_await_time(cursor: Any, milliseconds: int | None) -> None:
    """Let the server wait for `milliseconds` from the next round trip on.

    Uses ``_max_await_time_ms`` and ``ChangeStream._cursor``: in public the time is fixed when the
    command is first sent, but more streams than may hold a connection at once have to take turns,
    and the more there are, the shorter the turns must be.
    """
    waiting = getattr(cursor, "_cursor", cursor)
    if hasattr(waiting, "_max_await_time_ms"):
        waiting._max_await_time_ms = milliseconds


def count_options(cursor: Any, with_limit_and_skip: bool) -> dict[str, Any]:
    """What the ``count`` command must know to count the documents that `cursor` would give.

    - `with_limit_and_skip`: whether its limit and skip count

    Uses ``Cursor._spec``, ``_hint``, ``_max_time_ms``, ``_comment``, ``_collation``, ``_limit`` and
    ``_skip``: in public a cursor does not say what it was asked, and its own ``count`` is gone.
    """
    spec = cursor._spec
    options = {
        "query": spec.get("$query", spec),
        "hint": cursor._hint,
        "maxTimeMS": cursor._max_time_ms,
        "comment": cursor._comment,
        "collation": cursor._collation,
    }
    if with_limit_and_skip:
        options.update(limit=abs(cursor._limit) or None, skip=cursor._skip or None)
    return {name: value for name, value in options.items() if value is not None}
