"""mongomock's client as a delegate: Motor without a server, for the tests of applications."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from typing import Any

import mongomock
import pytest
from pymongo.errors import DuplicateKeyError, InvalidOperation

from motor.motor_asyncio import AsyncIOMotorClient
from motor.testing import mock_client
from support import Framework


@pytest.fixture
def mocked(framework: Framework) -> Iterator[Any]:
    client = framework.Client.from_delegate(mongomock.MongoClient())
    yield client
    client.close()


@pytest.fixture
def collection(mocked: Any) -> Any:
    return mocked["shop"]["orders"]


async def test_objects_are_motors(mocked: Any, collection: Any, framework: Framework) -> None:
    assert type(mocked) is framework.Client
    assert type(mocked.shop) is framework.Database
    assert type(collection) is framework.Collection
    assert type(collection.find()) is framework.Cursor
    assert collection.database.client is mocked
    assert collection == mocked.shop.orders
    assert isinstance(collection.delegate, mongomock.Collection)


async def test_insert_and_find(collection: Any) -> None:
    result = await collection.insert_one({"_id": 1, "n": 1})
    assert result.inserted_id == 1
    assert (await collection.insert_many([{"_id": 2}, {"_id": 3}])).inserted_ids == [2, 3]
    assert await collection.find_one({"n": 1}) == {"_id": 1, "n": 1}
    assert await collection.find_one({"n": 2}) is None
    with pytest.raises(DuplicateKeyError):
        await collection.insert_one({"_id": 1})


async def test_update_replace_and_delete(collection: Any) -> None:
    await collection.insert_many([{"_id": n} for n in range(3)])
    assert (await collection.update_one({"_id": 0}, {"$set": {"a": 1}})).modified_count == 1
    assert (await collection.update_many({}, {"$set": {"b": 1}})).modified_count == 3
    await collection.replace_one({"_id": 1}, {"c": 1})
    assert (await collection.find_one_and_delete({"_id": 2}))["b"] == 1
    assert await collection.find().to_list() == [{"_id": 0, "a": 1, "b": 1}, {"_id": 1, "c": 1}]
    assert (await collection.delete_many({})).deleted_count == 2
    assert await collection.count_documents({}) == 0


async def test_cursors(collection: Any) -> None:
    await collection.insert_many([{"_id": n} for n in range(5)])
    cursor = collection.find({"_id": {"$gt": 0}}).sort("_id", -1).limit(3)
    assert [document["_id"] async for document in cursor] == [4, 3, 2]
    cursor = collection.find(sort=[("_id", 1)])
    assert await cursor.to_list(2) == [{"_id": 0}, {"_id": 1}]
    assert await cursor.next() == {"_id": 2}
    assert await cursor.to_list(None) == [{"_id": 3}, {"_id": 4}]
    assert await cursor.to_list() == []
    async with collection.find({"_id": 1}) as entered:
        assert await entered.next() == {"_id": 1}
        with pytest.raises(StopAsyncIteration):
            await entered.next()


async def test_aggregate(collection: Any, framework: Framework) -> None:
    await collection.insert_many([{"kind": kind} for kind in "aab"])
    pipeline = [{"$group": {"_id": "$kind", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    cursor = collection.aggregate(pipeline)
    assert isinstance(cursor, framework.CommandCursor)
    expected = [{"_id": "a", "n": 2}, {"_id": "b", "n": 1}]
    assert await cursor.to_list() == expected
    assert [document async for document in collection.aggregate(pipeline)] == expected
    assert await (await collection.aggregate(pipeline)).to_list() == expected


async def test_change_streams_are_said_to_be_missing(mocked: Any, collection: Any) -> None:
    for watched in (mocked, mocked.shop, collection):
        with pytest.raises(NotImplementedError, match=r"^mongomock has no change streams$"):
            watched.watch()


async def test_names_and_indexes(mocked: Any, collection: Any) -> None:
    await collection.insert_one({"email": "a"})
    assert await collection.create_index("email", unique=True) == "email_1"
    assert "email_1" in await collection.index_information()
    assert await mocked.list_database_names() == ["shop"]
    assert await mocked.shop.list_collection_names() == ["orders"]
    assert await collection.distinct("email") == ["a"]
    await mocked.drop_database("shop")
    assert await mocked.list_database_names() == []


async def test_each_motor_client_sees_the_mock_it_was_given(framework: Framework) -> None:
    shared = mongomock.MongoClient()
    first, second = (framework.Client.from_delegate(shared) for _ in range(2))
    await first.shop.orders.insert_one({"_id": 1})
    assert await second.shop.orders.find_one() == {"_id": 1}
    assert shared.shop.orders.find_one() == {"_id": 1}
    other = framework.Client.from_delegate(mongomock.MongoClient())
    assert await other.shop.orders.find_one() is None


async def test_a_mocked_client_can_be_entered_and_closed(framework: Framework) -> None:
    async with framework.Client.from_delegate(mongomock.MongoClient()) as client:
        await client.shop.orders.insert_one({})
    with pytest.raises(InvalidOperation, match="after close"):
        await client.shop.orders.insert_one({})


async def test_properties_of_a_mocked_client(mocked: Any) -> None:
    assert mocked.address == ("localhost", 27017)
    assert mocked.is_primary is True
    assert mocked.is_mongos in (True, False)


async def test_what_mongomock_does_not_have_is_no_database(mocked: Any) -> None:
    """It gives a database, or a collection, for whatever attribute it does not have."""
    orders = mocked.shop.orders
    gone = [
        lambda: mocked.nodes,
        lambda: mocked.options,
        lambda: mocked.primary,
        lambda: mocked.secondaries,
        lambda: mocked.topology_description,
        lambda: mocked.shop.write_concern,
        lambda: mocked.eq_props(),
        lambda: mocked.bulk_write([]),
        lambda: mocked.list_databases(),
        lambda: mocked.shop.aggregate([]),
        lambda: mocked.shop.cursor_command("find"),
        lambda: orders.list_search_indexes(),
    ]
    for get in gone:
        with pytest.raises(NotImplementedError, match=r"mongomock's .* has no '"):
            get()
    assert mocked.read_preference == orders.read_preference


async def test_mock_client_is_a_client_of_the_class_asked_for(framework: Framework) -> None:
    client = mock_client(framework.Client, tz_aware=True)
    assert type(client) is framework.Client
    assert isinstance(client.delegate, mongomock.MongoClient)
    now = datetime.datetime.now(tz=datetime.UTC)
    await client.db.test.insert_one({"at": now})
    found = await client.db.test.find_one()
    assert found["at"].tzinfo is not None
    client.close()


async def test_mock_clients_share_nothing() -> None:
    one, other = mock_client(), mock_client()
    assert type(one) is AsyncIOMotorClient
    await one.db.test.insert_one({})
    assert await other.db.test.count_documents({}) == 0


def test_mock_client_says_how_to_get_mongomock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mongomock", None)
    with pytest.raises(ImportError, match="pip install mongomock"):
        mock_client()
