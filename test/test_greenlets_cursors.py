"""The accelerator `greenlets`: the first read of a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeRegistry
from pymongo.errors import OperationFailure, PyMongoError

from support import Framework, async_wait_until

pytest.importorskip("greenlet")

from support.greenlets import SLOW, Where, chosen, client, in_threads, where

__all__ = ["chosen", "client", "in_threads", "where"]

pytestmark = pytest.mark.every_loop

TEN = [{"_id": n} for n in range(10)]


@pytest.fixture
def ten(sync_db: Any, collection: Any) -> Any:
    sync_db.test.insert_many(TEN)
    return collection


async def by_async_for(cursor: Any) -> list[Any]:
    return [document async for document in cursor]


async def by_next(cursor: Any) -> list[Any]:
    found = []
    while (document := await anext(cursor, None)) is not None:
        found.append(document)
    return found


async def by_to_list(cursor: Any) -> list[Any]:
    found: list[Any] = await cursor.to_list(20)
    return found


async def by_limit(cursor: Any) -> list[Any]:
    found: list[Any] = await cursor.limit(10).to_list(None)
    return found


@pytest.mark.parametrize("read", [by_async_for, by_next, by_to_list, by_limit])
async def test_first_batch_is_read_in_a_greenlet(
    ten: Any, where: Where, read: Callable[[Any], Any]
) -> None:
    await ten.find_one()
    where.take()
    assert await read(ten.find({"_id": {"$gte": 0}})) == TEN
    assert where.take() == (["find"], [])
    found = await asyncio.gather(*(read(ten.find().sort("_id", -1)) for _ in range(20)))
    assert found == [TEN[::-1]] * 20


async def test_more_than_the_first_batch_is_for_workers(ten: Any, where: Where) -> None:
    await ten.find_one()
    where.take()
    assert await by_async_for(ten.find(batch_size=4)) == TEN
    assert where.take() == (["find"], ["getMore", "getMore"])


async def test_others_are_read_by_workers(ten: Any, where: Where, client: Any) -> None:
    await ten.find_one()
    where.take()
    typed = CodecOptions(type_registry=TypeRegistry([], fallback_encoder=str))
    assert await ten.find().to_list(None) == TEN
    assert await ten.find().to_list(1000) == TEN
    assert await ten.find({"_id": {"$in": [*range(1000)]}}).to_list(10) == TEN
    assert await ten.with_options(codec_options=typed).find().to_list(10) == TEN
    assert len(await ten.find_raw_batches().to_list(10)) == 1
    assert await ten.aggregate([]).to_list(10) == TEN
    assert await ten.find(cursor_type=pymongo.CursorType.EXHAUST).to_list(10) == TEN
    async with await client.start_session() as session:
        assert await ten.find(session=session).to_list(10) == TEN
    assert where.take()[0] == []


async def test_length_may_be_less_than_a_batch(ten: Any, where: Where) -> None:
    await ten.find_one()
    cursor = ten.find()
    assert await cursor.to_list(3) == TEN[:3]
    assert await cursor.to_list(3) == TEN[3:6]
    assert await cursor.to_list(None) == TEN[6:]
    assert await cursor.rewind().to_list(20) == TEN


async def test_large_batch_is_decoded_on_another_thread(
    ten: Any, where: Where, in_threads: list[Any]
) -> None:
    await ten.insert_many({"_id": n, "text": "x" * 10_000} for n in range(10, 60))
    where.take()
    assert len(await ten.find().to_list(100)) == 60
    assert where.take() == (["find"], [])
    assert len(in_threads) == 1


async def test_reads_of_one_cursor_follow_one_another(ten: Any) -> None:
    await ten.find_one()
    cursor = ten.find()
    lists = await asyncio.gather(cursor.to_list(4), cursor.to_list(4), cursor.to_list(4))
    assert lists == [TEN[:4], TEN[4:8], TEN[8:]]


async def test_cancelled_read_leaves_its_documents(ten: Any) -> None:
    await ten.find_one()
    cursor = ten.find(SLOW).limit(1)
    reading = asyncio.ensure_future(cursor.to_list(1))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await cursor.to_list(1) == TEN[:1]


async def test_closing_while_the_first_batch_is_read(ten: Any, sync_client: Any) -> None:
    await ten.find_one()
    cursor = ten.find(SLOW, batch_size=2)
    reading = cursor.to_list(1)
    await cursor.close()
    assert await reading in ([], TEN[:1])

    def opened() -> list[Any]:
        operations = [
            {"$currentOp": {"idleCursors": True}},
            {"$match": {"type": "idleCursor", "ns": f"{ten.database.name}.test"}},
        ]
        found: list[Any] = sync_client.admin.aggregate(operations).to_list()
        return found

    await async_wait_until(lambda: not opened())


async def test_errors_are_raised(ten: Any) -> None:
    await ten.find_one()
    cursor = ten.find({"$no": 1})
    with pytest.raises(OperationFailure):
        await cursor.to_list(10)
    assert not cursor.alive
    with pymongo.timeout(0.05), pytest.raises(PyMongoError) as caught:
        await ten.find(SLOW).to_list(10)
    assert caught.value.timeout


def test_cursor_goes_on_with_another_loop(
    framework: Framework, client_factory: Any, sync_db: Any, db_name: str
) -> None:
    sync_db.test.insert_many(TEN)
    collection = client_factory()[db_name].test

    async def begin() -> Any:
        await collection.find_one()
        cursor = collection.find(SLOW, batch_size=2)
        cursor.to_list(2)
        return cursor

    async def go_on(cursor: Any) -> Any:
        return await cursor.to_list(None)

    assert framework.run(go_on(framework.run(begin()))) == TEN
