"""Old collections: the arguments of `find` and `aggregate`, and SON manipulators."""

from __future__ import annotations

from typing import Any

from pymongo.cursor import Cursor

from motor.core.base import unwrap_arguments
from motor.core.collection import AgnosticCollection
from motor.execution.future import OperationFuture
from motor.legacy import guide
from motor.legacy.calls import call_with_old_arguments, takes
from motor.legacy.collection_keywords import as_list
from motor.legacy.deprecation import check, warn
from motor.legacy.followers import Follower
from motor.legacy.indexes import create_and_remember
from motor.legacy.manipulators import manipulates, outgoing
from motor.legacy.old_names import Called
from motor.legacy.projections import projection_of
from motor.legacy.registry import find
from motor.legacy.truth import Truthful
from motor.signatures import signature_of

__all__ = ["OldCollection"]

#: The arguments of `find`, by position.
_FIND = (
    "spec",
    "fields",
    "skip",
    "limit",
    "timeout",
    "snapshot",
    "tailable",
    "sort",
    "max_scan",
    "as_class",
    "slave_okay",
    "await_data",
    "partial",
    "manipulate",
    "read_preference",
    "tag_sets",
    "secondary_acceptable_latency_ms",
    "exhaust",
)

#: The new names of some of them.
_RENAMED = {"spec": "filter", "fields": "projection"}

_TODAYS = frozenset(signature_of(Cursor).parameters)


class OldCollection(Truthful, Follower, Called, AgnosticCollection):
    """A collection of a client of `motor.legacy`; see :class:`pymongo.collection.Collection`."""

    __motor_class_name__ = "MotorCollection"

    def find(self, *args: Any, **kwargs: Any) -> Any:
        """The cursor of a query, whose arguments may be PyMongo 2's.

        By position they are spec, fields, skip, limit, timeout, snapshot, tailable, sort, max_scan,
        as_class, slave_okay, await_data, partial, manipulate, read_preference, tag_sets,
        secondary_acceptable_latency_ms and exhaust. Unknown keywords are ignored, with a warning.
        Raises TypeError for more arguments than these.
        """
        return self._find("find", args, kwargs)

    def find_one(self, *args: Any, **kwargs: Any) -> Any:
        """The first document of a query, or None.

        Takes the arguments of `find`, of which the first may also be the document's ``_id``, then
        called spec_or_id. Returns a future.
        """
        return self._find("find_one", args, kwargs)

    def aggregate(self, pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.collection.Collection.aggregate`; returns a cursor at once.

        - `pipeline`: a list of stages; deprecated: a single stage, or a tuple of stages
        - further arguments are those of PyMongo's method, and ``cursor=False``
        """
        if isinstance(pipeline, (dict, tuple)):
            entry = find("use", "collection.aggregate", "pipeline")
            assert entry is not None
            check(entry)
            pipeline = as_list(pipeline)
        return super().aggregate(pipeline, *args, **kwargs)  # type: ignore[misc]

    def create_index(self, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.collection.Collection.create_index`; returns a future of the name.

        For five minutes, or the seconds `cache_for`, ``ensure_index`` takes the index for made.
        """
        if takes(self, "create_index", args, kwargs):
            return call_with_old_arguments(self, "create_index", args, kwargs)
        plain_args, plain_kwargs, queue = unwrap_arguments(args, kwargs)
        call = (self.delegate, *plain_args)
        return self._submit_function(create_and_remember, call, plain_kwargs, queue=queue)

    def rename(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """Like :meth:`~pymongo.collection.Collection.rename`; returns a future of None."""
        future: OperationFuture[None] = self._submit_without_result("rename", args, kwargs)
        return future

    def _find(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if len(args) > len(_FIND):
            raise TypeError(f"{method}() takes {len(_FIND)} arguments at most, not {len(args)}")
        given = dict(zip(_FIND, args, strict=False))
        names = {*given, *(_RENAMED[name] for name in given if name in _RENAMED)}
        twice = sorted(names & kwargs.keys())
        if twice:
            raise TypeError(f"{method}() got several values for {', '.join(twice)}")
        today: dict[str, Any] = {}
        if "spec" in given:
            today["filter"] = given.pop("spec")
        if "fields" in given:
            today["projection"] = projection_of(given.pop("fields"))
        today |= given | {k: v for k, v in kwargs.items() if self._is_known(method, k)}
        if takes(self, method, (), today):
            return call_with_old_arguments(self, method, (), today)
        if method == "find_one" and manipulates(self):
            _, today_unwrapped, queue = unwrap_arguments((), today)
            return self._submit_function(
                self._find_one_manipulated, (), today_unwrapped, queue=queue
            )
        return getattr(super(), method)(**today)

    def _find_one_manipulated(self, **today: Any) -> Any:
        document = self.delegate.find_one(**today)
        return None if document is None else outgoing(self, document)

    def _is_known(self, method: str, keyword: str) -> bool:
        known = keyword in _TODAYS or any(
            find("keyword", owner, keyword) for owner in (f"collection.{method}", "collection")
        )
        if not known:
            page = guide.link("collection-find-spec")
            warn(f"collection.{method}() ignores the unknown keyword {keyword!r}. See {page}.")
        return known
