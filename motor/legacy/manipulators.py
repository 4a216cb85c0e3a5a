"""SON manipulators: what a database does to documents on their way in and out.

The classes went with PyMongo 4, so applications have their own: an object with
``transform_incoming(son, collection)`` and ``transform_outgoing(son, collection)``, and
``will_copy()``, which says whether the former gives a new document instead of changing the one it
got.
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
                "a SON manipulator has a method transform_incoming or transform_outgoing, "
                f"which {manipulator!r} has not"
            )
        copies = getattr(manipulator, "will_copy", lambda: False)()
        if "transform_incoming" in known:
            (self.incoming_copying if copies else self.incoming).insert(0, manipulator)
        if "transform_outgoing" in known:
            (self.outgoing_copying if copies else self.outgoing).insert(0, manipulator)


def manipulates(collection: Any) -> bool:
    """Whether what comes from a Motor collection goes through manipulators of its database."""
    database = getattr(collection, "database", None)
    if database is None or collection.__dict__.get("_plain"):
        return False
    return "_manipulators" in database.__dict__


def incoming(collection: Any, document: Any) -> Any:
    """What is sent in place of `document`, on its way into a Motor collection."""
    manipulators = collection.database.__dict__.get("_manipulators")
    if manipulators is not None:
        for each in (*manipulators.incoming, *manipulators.incoming_copying):
            document = each.transform_incoming(document, collection)
    return document


def outgoing(collection: Any, document: Any) -> Any:
    """What an application gets in place of `document`, which came from a Motor collection."""
    manipulators = collection.database.__dict__.get("_manipulators")
    if manipulators is not None:
        for each in (*manipulators.outgoing, *manipulators.outgoing_copying):
            document = each.transform_outgoing(document, collection)
    return document
