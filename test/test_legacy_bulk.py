"""Bulk operations that are built call by call."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidOperation

import motor
from motor.legacy.bulk import MotorBulkOperationBuilder
from support import async_wait_until
from support.cursors import ids
from support.old_style import old

ORDERED = "collection.initialize_ordered_bulk_op()"
UNORDERED = "collection.initialize_unordered_bulk_op()"


def ordered(collection: Any) -> Any:
    with old(ORDERED):
        return collection.initialize_ordered_bulk_op()


async def test_all_kinds_of_writes(collection: Any) -> None:
    await collection.insert_many([{"_id": i} for i in range(8)])
    bulk = ordered(collection)
    document: dict[str, Any] = {"new": 1}
    assert bulk.insert(document) is None
    assert isinstance(document["_id"], ObjectId)
    bulk.find({"_id": 0}).update_one({"$set": {"x": 0}})
    bulk.find({"_id": {"$in": [1, 2]}}).update({"$set": {"x": 1}})
    bulk.find({"_id": 3}).replace_one({"x": 3})
    bulk.find({"_id": 4}).remove_one()
    bulk.find({"_id": {"$gt": 5}}).remove()
    bulk.find({"_id": 10}).upsert().update_one({"$set": {"x": 10}})
    bulk.find({"_id": 11}).upsert().update({"$set": {"x": 11}})
    bulk.find({"_id": 12}).upsert().replace_one({"x": 12})
    assert await bulk.execute() == {
        "nInserted": 1,
        "nMatched": 4,
        "nModified": 4,
        "nRemoved": 3,
        "nUpserted": 3,
        "upserted": [{"index": i, "_id": i + 4} for i in (6, 7, 8)],
        "writeErrors": [],
        "writeConcernErrors": [],
    }
    found = {d["_id"]: d.get("x") for d in await collection.find().to_list()}
    expected = {0: 0, 1: 1, 2: 1, 3: 3, 5: None, 10: 10, 11: 11, 12: 12, document["_id"]: None}
    assert found == expected


async def test_order_decides_what_follows_an_error(collection: Any) -> None:
    with old(UNORDERED):
        unordered = collection.initialize_unordered_bulk_op()
    for bulk in (ordered(collection), unordered):
        await collection.delete_many({})
        for i in (1, 1, 2):
            bulk.insert({"_id": i})
        with pytest.raises(BulkWriteError):
            await bulk.execute()
        assert ids(await collection.find().to_list()) == ([1] if bulk is not unordered else [1, 2])


async def test_write_concern_of_the_execution(collection: Any) -> None:
    bulk = ordered(collection)
    bulk.insert({"_id": 1})
    assert await bulk.execute({"w": 0}) is None
    await async_wait_until(lambda: collection.find_one())
    bulk = ordered(collection)
    bulk.insert({"_id": 2})
    with pytest.raises(ConfigurationError, match="foo is not a valid write concern option"):
        bulk.execute({"foo": 1})
    assert (await bulk.execute({"w": 1, "wtimeout": 1000}))["nInserted"] == 1


async def test_is_executed_once_and_not_for_nothing(collection: Any) -> None:
    bulk = ordered(collection)
    with pytest.raises(InvalidOperation, match="No operations to execute"):
        bulk.execute()
    bulk.insert({})
    await bulk.execute()
    with pytest.raises(InvalidOperation, match=r"Bulk operations can only be executed once\."):
        bulk.execute()


async def test_refuses_what_is_no_write(collection: Any) -> None:
    bulk = ordered(collection)
    with pytest.raises(TypeError, match="selector must be an instance of dict"):
        bulk.find(1)
    with pytest.raises(TypeError, match="document must be an instance of dict"):
        bulk.insert([])
    with pytest.raises(ValueError, match=r"update only works with \$ operators"):
        bulk.find({}).update({"x": 1})
    with pytest.raises(ValueError, match=r"update only works with \$ operators"):
        bulk.find({}).upsert().update_one({})
    with pytest.raises(ValueError, match=r"replacement can not include \$ operators"):
        bulk.find({}).replace_one({"$set": {}})


async def test_builder_is_a_name_of_the_module(framework: Any, collection: Any) -> None:
    prefix = "AsyncIO" if framework.name == "asyncio" else ""
    with old("motor.MotorBulkOperationBuilder", at="getattr"):
        cls = getattr(framework.module, f"{prefix}MotorBulkOperationBuilder")
    assert cls is MotorBulkOperationBuilder
    bulk = cls(collection, ordered=False)
    bulk.insert({"_id": 1})
    assert (await bulk.execute())["nInserted"] == 1
    with old("motor.MotorBulkOperationBuilder"):
        assert motor.MotorBulkOperationBuilder is cls
