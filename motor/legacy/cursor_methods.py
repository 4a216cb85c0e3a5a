"""Old methods of cursors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.cursor import Cursor
from pymongo.errors import InvalidOperation

from motor.legacy.registry import bridges, refuses
from motor.signatures import signature_of

__all__: list[str] = []


@bridges("method", "cursor", "count", "use the collection's count_documents()")
def count_results(cursor: Any, with_limit_and_skip: bool = False) -> int:
    if not isinstance(with_limit_and_skip, bool):
        raise TypeError(f"with_limit_and_skip must be a bool, not {with_limit_and_skip!r}")
    delegate = cursor.delegate
    collection, options = delegate.collection, _Query(cursor).options(with_limit_and_skip)
    if not isinstance(collection, Collection):
        # mongomock does not have the command.
        limits = {name: options[name] for name in ("skip", "limit") if name in options}
        return int(collection.count_documents(options["query"], **limits))
    reply = collection.database.command(
        "count",
        collection.name,
        read_preference=collection.read_preference,
        session=delegate.session,
        **options,
    )
    return int(reply["n"])


class _Query:
    """The query of a cursor: the arguments of ``find``, and the calls chained to it."""

    def __init__(self, cursor: Any) -> None:
        if not cursor._asked:
            raise InvalidOperation(
                "cursor.count() works with cursors that find() of a Motor object has returned: use "
                "the collection's count_documents()"
            )
        self.asked: dict[str, Any] = {}
        for name, args, kwargs in cursor._asked:
            self._add(name, args, kwargs)

    def _add(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if name == "find":
            # It passes its arguments on to the cursor's class.
            self.asked = {"filter": {}, **_named(Cursor, args, kwargs)}
            return
        given = list(_named(getattr(Cursor, name), args, kwargs).values())
        if name == "where":
            self.asked["filter"] = {**(self.asked["filter"] or {}), "$where": given[0]}
        elif name == "__getitem__":
            part: slice = given[0]
            start = part.start or 0
            # A limit of 0 means no limit.
            self.asked.update(skip=start, limit=0 if part.stop is None else part.stop - start)
        elif given:
            self.asked[name] = given[0]

    def options(self, with_limit_and_skip: bool) -> dict[str, Any]:
        """The options of the ``count`` command."""
        query = self.asked["filter"] or {}
        options = {
            "query": query.get("$query", query),
            "hint": _hint(self.asked.get("hint")),
            "maxTimeMS": self.asked.get("max_time_ms"),
            "comment": self.asked.get("comment"),
            "collation": _document(self.asked.get("collation")),
        }
        if with_limit_and_skip:
            options["skip"] = self.asked.get("skip") or None
            options["limit"] = abs(self.asked.get("limit") or 0) or None
        return {name: value for name, value in options.items() if value is not None}


def _named(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by their names, without the first one, which is the object."""
    signature = signature_of(function)
    given = signature.bind(None, *args, **kwargs).arguments
    del given[next(iter(signature.parameters))]
    return given


def _hint(hint: Any) -> Any:
    """The name or the keys of an index, as the server takes them."""
    return hint if hint is None or isinstance(hint, str) else IndexModel(hint).document["key"]


def _document(collation: Any) -> Any:
    return getattr(collation, "document", collation)


@bridges("attribute", "cursor", "conn_id", "use address")
def conn_id(cursor: Any) -> Any:
    return cursor.address


refuses(
    "method",
    "cursor",
    "tail",
    "Motor 0.2 removed it",
    "use find(cursor_type=CursorType.TAILABLE_AWAIT), and 'async for'",
)
