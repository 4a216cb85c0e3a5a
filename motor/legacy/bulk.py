"""Bulk operations that are built call by call: ``bulk.find({...}).upsert().update({...})``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson.objectid import ObjectId
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import InvalidOperation

from motor.core.base import bound_queue
from motor.core.bulk_writes import keep_whole
from motor.legacy import callbacks
from motor.legacy.collection_writes import check_mapping, is_update
from motor.legacy.registry import bridges
from motor.legacy.write_concerns import make_write_concern

__all__ = ["MotorBulkOperationBuilder"]


class MotorBulkOperationBuilder:
    """Collects writes until `execute` sends them. Deprecated: pass a list to ``bulk_write``.

    - `collection`: the Motor collection
    - `ordered`: whether to send them in order and to stop at the first that fails
    """

    def __init__(self, collection: Any, ordered: bool = True) -> None:
        self._collection = collection
        self._ordered = ordered
        self._operations: list[Any] = []
        self._executed = False

    def find(self, selector: Mapping[str, Any]) -> BulkWriteOperation:
        """The documents to write to: returns an object with a method for each kind of write."""
        check_mapping("selector", selector)
        return BulkWriteOperation(selector, self._operations)

    def insert(self, document: Any) -> None:
        """Insert `document`, which is given an ``_id`` at once if it has none."""
        check_mapping("document", document)
        if "_id" not in document:
            document["_id"] = ObjectId()
        self._operations.append(InsertOne(document))

    def execute(self, write_concern: Mapping[str, Any] | None = None, callback: Any = None) -> Any:
        """Start sending the operations.

        - `write_concern`: as in ``{"w": 2, "wtimeout": 100}``; None: the collection's

        Returns a future of the counts: ``nInserted``, ``nMatched``, ``nModified``, ``nRemoved``,
        ``nUpserted``, with the lists ``upserted``, ``writeErrors`` and ``writeConcernErrors``; of
        None for a write concern of 0. Raises InvalidOperation when there is nothing to send, or it
        was sent before; the future may raise BulkWriteError.
        """
        callbacks.check_callback(self._collection, callback)
        if self._executed:
            raise InvalidOperation("Bulk operations can only be executed once.")
        if not self._operations:
            raise InvalidOperation("No operations to execute")
        concern = None if write_concern is None else make_write_concern(write_concern)
        self._executed = True
        future = self._collection._submit_function(self._send, (concern,), queue=bound_queue.get())
        return future if callback is None else callbacks.deliver(future, callback)

    def _send(self, concern: Any) -> dict[str, Any] | None:
        target = self._collection.delegate
        if concern is not None:
            target = target.with_options(write_concern=concern)
        result = target.bulk_write(keep_whole(self._operations), ordered=self._ordered)
        counts: dict[str, Any] | None = result.bulk_api_result if result.acknowledged else None
        return counts


class BulkUpsertOperation:
    """Writes to what a selector finds. If it finds nothing, they insert."""

    _upsert = True

    def __init__(self, selector: Mapping[str, Any], operations: list[Any]) -> None:
        self._selector = selector
        self._operations = operations

    def update_one(self, update: Mapping[str, Any]) -> None:
        """Change one document."""
        _check_update(update)
        self._operations.append(UpdateOne(self._selector, update, upsert=self._upsert))

    def update(self, update: Mapping[str, Any]) -> None:
        """Change all documents."""
        _check_update(update)
        self._operations.append(UpdateMany(self._selector, update, upsert=self._upsert))

    def replace_one(self, replacement: Mapping[str, Any]) -> None:
        """Replace one document."""
        check_mapping("replacement", replacement)
        if is_update(replacement):
            raise ValueError("replacement can not include $ operators: use update_one()")
        self._operations.append(ReplaceOne(self._selector, replacement, upsert=self._upsert))


class BulkWriteOperation(BulkUpsertOperation):
    """The writes to what a selector finds."""

    _upsert = False

    def upsert(self) -> BulkUpsertOperation:
        """The same writes, which insert if the selector finds nothing."""
        return BulkUpsertOperation(self._selector, self._operations)

    def remove_one(self) -> None:
        """Remove one document."""
        self._operations.append(DeleteOne(self._selector))

    def remove(self) -> None:
        """Remove all documents."""
        self._operations.append(DeleteMany(self._selector))


def _check_update(update: object) -> None:
    check_mapping("update", update)
    assert isinstance(update, Mapping)
    if not is_update(update):
        raise ValueError("update only works with $ operators: use replace_one()")


@bridges(
    "method",
    "collection",
    "initialize_ordered_bulk_op",
    "pass a list to bulk_write()",
    in_place=True,
)
def initialize_ordered_bulk_op(collection: Any) -> MotorBulkOperationBuilder:
    return MotorBulkOperationBuilder(collection, ordered=True)


@bridges(
    "method",
    "collection",
    "initialize_unordered_bulk_op",
    "pass a list to bulk_write(..., ordered=False)",
    in_place=True,
)
def initialize_unordered_bulk_op(collection: Any) -> MotorBulkOperationBuilder:
    return MotorBulkOperationBuilder(collection, ordered=False)
