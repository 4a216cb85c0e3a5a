"""Old cursors: SON manipulators, options without effect, results of commands."""

from __future__ import annotations

from functools import partial
from typing import Any

from motor.core.cursors.cursor import AgnosticCursor
from motor.core.cursors.latent import AgnosticLatentCommandCursor
from motor.legacy import guide
from motor.legacy.deprecation import check, warn
from motor.legacy.manipulators import manipulates, outgoing
from motor.legacy.registry import find

__all__ = ["OldCursor", "OldLatentCommandCursor"]


class OldCursor(AgnosticCursor):
    """A cursor of a collection of `motor.legacy`; see :class:`pymongo.cursor.Cursor`."""

    __motor_class_name__ = "MotorCursor"

    def __init__(self, cursor: Any, collection: Any, **kwargs: Any) -> None:
        if manipulates(collection):
            kwargs["_convert"] = partial(outgoing, collection)
        super().__init__(cursor, collection, **kwargs)

    def max_scan(self, max_scan: int | None) -> Any:
        """Return the cursor: the server has no such option any more. Deprecated."""
        page = guide.link("collection-find-max-scan")
        warn(f"cursor.max_scan() is deprecated: leave it out, it has no effect. See {page}.")
        return self


class OldLatentCommandCursor(AgnosticLatentCommandCursor):
    """The cursor of an aggregation; see :class:`pymongo.command_cursor.CommandCursor`."""

    __motor_class_name__ = "MotorLatentCommandCursor"

    def __getitem__(self, index: Any) -> Any:
        """Raise InvalidOperation: the results of commands cannot be indexed."""
        entry = find("use", "collection.aggregate", "result")
        assert entry is not None
        if index == entry.name:
            check(entry)
        return super().__getitem__(index)
