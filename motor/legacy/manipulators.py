"""SON manipulators: how a database changes documents on their way in and out.

PyMongo 4 removed the classes, so applications have their own: objects with
``transform_incoming(son, collection)``, ``transform_outgoing(son, collection)`` and
``will_copy()``, which says whether the first returns a new document instead of changing its
argument.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Manipulators", "incoming", "manipulates", "outgoing"]


class Manipulators:
    """The manipulators of one database, in the order they are applied."""

    def __init__(self) -> None:
        self.incoming: list[Any] = []
        self.incoming_copying: list[Any] = []
        self.outgoing: list[Any] = []
        self.outgoing_copying: list[Any] = []

    def add(self, manipulator: Any) -> None:
        """Add `manipulator`. Raises TypeError when it is none."""
        known = [
            name
            for name in ("transform_incoming", "transform_outgoing")
            if callable(getattr(manipulator, name, None))
        ]
        if not known:
            raise TypeError(
                "a SON manipulator needs a method transform_incoming or transform_outgoing: "
                f"{manipulator!r} has neither"
            )
        copies = getattr(manipulator, "will_copy", lambda: False)()
        if "transform_incoming" in known:
            (self.incoming_copying if copies else self.incoming).insert(0, manipulator)
        if "transform_outgoing" in known:
            (self.outgoing_copying if copies else self.outgoing).insert(0, manipulator)


def manipulates(collection: Any) -> bool:
    """Whether the database of a Motor collection has manipulators for outgoing documents."""
    database = getattr(collection, "database", None)
    if database is None or collection.__dict__.get("_plain"):
        return False
    return "_manipulators" in database.__dict__


def incoming(collection: Any, document: Any) -> Any:
    """The document that is sent in place of `document` to a Motor collection."""
    manipulators = collection.database.__dict__.get("_manipulators")
    if manipulators is not None:
        for each in (*manipulators.incoming, *manipulators.incoming_copying):
            document = each.transform_incoming(document, collection)
    return document


def outgoing(collection: Any, document: Any) -> Any:
    """The document that an application gets in place of `document` from a Motor collection."""
    manipulators = collection.database.__dict__.get("_manipulators")
    if manipulators is not None:
        for each in (*manipulators.outgoing, *manipulators.outgoing_copying):
            document = each.transform_outgoing(document, collection)
    return document
