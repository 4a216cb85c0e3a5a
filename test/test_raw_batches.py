"""Raw batches: `find_raw_batches` and `aggregate_raw_batches` give the server's BSON as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bson
import pytest
from pymongo.errors import InvalidOperation

from support.cursors import ids, open_cursors
from support.errors import raises_code


@pytest.fixture(autouse=True)
def ten_documents(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(10)])


def _find(collection: Any, batch_size: int, **options: Any) -> Any:
    return collection.find_raw_batches(sort=[("_id", 1)], batch_size=batch_size, **options)


def _aggregate(collection: Any, batch_size: int, **options: Any) -> Any:
    pipeline = [{"$sort": {"_id": 1}}]
    return collection.aggregate_raw_batches(pipeline, batchSize=batch_size, **options)


@pytest.fixture(params=[_find, _aggregate], ids=["find", "aggregate"])
def batches(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def decoded(batch: bytes) -> list[Any]:
    return ids(bson.decode_all(batch))


async def test_each_item_is_a_batch(framework: Any, collection: Any, batches: Any) -> None:
    found = [batch async for batch in batches(collection, 4)]
    assert {type(batch) for batch in found} == {bytes}
    assert [decoded(batch) for batch in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_next_and_to_list_give_batches(framework: Any, collection: Any, batches: Any) -> None:
    cursor = batches(collection, 2)
    assert decoded(await cursor.next()) == [0, 1]
    assert [decoded(batch) for batch in await cursor.to_list(2)] == [[2, 3], [4, 5]]
    assert [decoded(batch) for batch in await cursor.to_list()] == [[6, 7], [8, 9]]
    with pytest.raises(StopAsyncIteration):
        await cursor.next()


async def test_async_with_closes(
    framework: Any, collection: Any, batches: Any, sync_client: Any
) -> None:
    async with batches(collection, 2) as cursor:
        await cursor.next()
        assert len(open_cursors(sync_client, collection.full_name)) == 1
    assert open_cursors(sync_client, collection.full_name) == []


async def test_session_is_taken(framework: Any, collection: Any, batches: Any) -> None:
    async with collection.database.client.start_session() as session:
        cursor = batches(collection, 4, session=session)
        assert cursor.session is session
        assert len(await cursor.to_list()) == 3


async def test_cannot_be_indexed(framework: Any, collection: Any, batches: Any) -> None:
    with pytest.raises(InvalidOperation, match="__getitem__"):
        batches(collection, 2)[0]
    with pytest.raises(InvalidOperation, match="__getitem__"):
        batches(collection, 2)[1:2]


async def test_server_errors_arrive(framework: Any, collection: Any) -> None:
    with raises_code(2):
        await collection.find_raw_batches({"$no_such": 1}).next()
    with raises_code(40324):
        await collection.aggregate_raw_batches([{"$no_such": 1}]).to_list()


async def test_empty_result(framework: Any, collection: Any) -> None:
    assert await collection.find_raw_batches({"_id": -1}).to_list() == []
    assert await collection.aggregate_raw_batches([{"$match": {"_id": -1}}]).to_list() == []


async def test_find_raw_batches_is_a_cursor_with_all_options(
    framework: Any, collection: Any
) -> None:
    cursor = collection.find_raw_batches({"_id": {"$gt": 1}}).sort("_id", -1).skip(1).limit(3)
    assert isinstance(cursor, framework.RawBatchCursor)
    assert decoded(await cursor.batch_size(5).next()) == [8, 7, 6]
    assert decoded(await cursor.clone().next()) == [8, 7, 6]
    assert decoded(await cursor.rewind().next()) == [8, 7, 6]
    assert type(cursor.clone()) is type(cursor)


async def test_find_raw_batches_can_be_explained(framework: Any, collection: Any) -> None:
    plan = await collection.find_raw_batches({"_id": 1}).explain()
    assert "queryPlanner" in plan


async def test_aggregate_raw_batches_is_latent_and_can_be_awaited(
    framework: Any, collection: Any
) -> None:
    cursor = collection.aggregate_raw_batches([])
    assert not cursor.started
    assert await cursor is cursor
    assert len(bson.decode_all(await cursor.next())) == 10
