"""Old databases: commands obey their read preference, and SON manipulators work."""

from __future__ import annotations

from typing import Any

from motor.core.database import AgnosticDatabase
from motor.execution.future import OperationFuture
from motor.legacy.calls import call_with_old_arguments, takes
from motor.legacy.followers import Follower
from motor.legacy.old_names import Called
from motor.legacy.truth import Truthful

__all__ = ["OldDatabase"]

#: The commands that a secondary may be asked, by their names in lower case.
_READS = {"aggregate", "collstats", "count", "dbstats", "distinct", "geonear", "geosearch"}


class OldDatabase(Truthful, Follower, Called, AgnosticDatabase):
    """A database of a client of `motor.legacy`; see :class:`pymongo.database.Database`."""

    __motor_class_name__ = "MotorDatabase"

    _has_manipulators = True

    def command(self, command: Any, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.database.Database.command`, with PyMongo 2's keywords as well.

        Commands that read obey the database's read preference.
        """
        name = command if isinstance(command, str) else next(iter(command), "")
        if name.lower() in _READS:
            kwargs.setdefault("read_preference", self.delegate.read_preference)
        if takes(self, "command", (command, *args), kwargs):
            return call_with_old_arguments(self, "command", (command, *args), kwargs)
        return self._submit("command", (command, *args), kwargs)

    def drop_collection(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """Like :meth:`~pymongo.database.Database.drop_collection`; returns a future of None."""
        future: OperationFuture[None] = self._submit_without_result("drop_collection", args, kwargs)
        return future
