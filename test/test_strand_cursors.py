"""Cursors whose first batch is read on the event loop's thread, in a strand."""

from __future__ import annotations

import asyncio
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeRegistry
from pymongo.cursor import CursorType
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from motor.pymongo_internals import replies
from motor.sockets import PlainSocket
from motor.strands import current_strand, strands_available
from support import Framework, async_wait_until, wait_until

pytestmark = pytest.mark.skipif(not strands_available(), reason="there are no strands here")

SLOW = {"$where": "sleep(300) || true"}
DOCUMENTS = [{"_id": n} for n in range(10)]


@pytest.fixture
def ten(sync_db: Any, collection: Any) -> Any:
    """A collection of ten documents, whose client has a connection."""
    sync_db.test.insert_many([dict(document) for document in DOCUMENTS])
    collection.delegate.find_one()
    return collection


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who has sent each command, from now on."""
    seen: list[str] = []
    original = PlainSocket.sendall

    def sendall(sock: PlainSocket, data: bytes) -> None:
        seen.append("worker" if current_strand() is None else "strand")
        original(sock, data)

    monkeypatch.setattr(PlainSocket, "sendall", sendall)
    return seen


async def by_async_for(cursor: Any) -> list[Any]:
    return [document async for document in cursor]


async def by_next(cursor: Any) -> list[Any]:
    return [await cursor.next() for _ in range(10)]


READS = {
    "to_list": lambda collection: collection.find().to_list(),
    "to_list-length": lambda collection: collection.find().to_list(10),
    "to_list-limit": lambda collection: collection.find().limit(10).to_list(),
    "async-for": lambda collection: by_async_for(collection.find()),
    "next": lambda collection: by_next(collection.find()),
    "aggregate": lambda collection: collection.aggregate([{"$sort": {"_id": 1}}]).to_list(),
    "aggregate-async-for": lambda collection: by_async_for(collection.aggregate([])),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_first_batch_is_read_in_a_strand(ten: Any, senders: list[str], read: Any) -> None:
    assert await read(ten) == DOCUMENTS
    assert senders == ["strand"]


@pytest.mark.parametrize("read", [READS["to_list"], READS["aggregate"]], ids=["find", "aggregate"])
async def test_many_at_once(ten: Any, read: Any) -> None:
    assert await asyncio.gather(*(read(ten) for _ in range(100))) == [DOCUMENTS] * 100


async def test_awaiting_a_command_s_cursor(ten: Any, senders: list[str]) -> None:
    cursor = await ten.aggregate([])
    assert senders == ["strand"]
    assert await cursor.to_list() == DOCUMENTS


async def test_more_than_the_first_batch_is_for_workers(ten: Any, senders: list[str]) -> None:
    assert await ten.find(batch_size=4).to_list() == DOCUMENTS
    assert senders == ["strand", "worker", "worker"]
    senders.clear()
    assert await by_async_for(ten.find(batch_size=4)) == DOCUMENTS
    assert senders == ["strand", "worker", "worker"]
    senders.clear()
    assert await ten.aggregate([], batchSize=4).to_list() == DOCUMENTS
    assert senders == ["strand", "worker", "worker"]


async def test_a_length_may_be_less_than_a_batch(ten: Any, senders: list[str]) -> None:
    cursor = ten.find(batch_size=4)
    assert await cursor.to_list(3) == DOCUMENTS[:3]
    assert senders == ["strand"]
    assert await cursor.to_list(5) == DOCUMENTS[3:8]
    assert await cursor.to_list(None) == DOCUMENTS[8:]
    cursor = ten.find(batch_size=4)
    assert await cursor.to_list(0) == []
    assert await cursor.to_list(None) == DOCUMENTS


async def test_after_rewind_it_begins_again(ten: Any, senders: list[str]) -> None:
    cursor = ten.find()
    assert await cursor.to_list() == DOCUMENTS
    assert await cursor.rewind().to_list() == DOCUMENTS
    assert senders == ["strand"] * 2


async def test_others_are_read_by_workers(
    ten: Any, client: Any, db: Any, senders: list[str]
) -> None:
    large = {"_id": {"$in": [*range(1000)]}}
    for cursor in [
        ten.find(large),
        ten.aggregate([{"$match": large}]),
        ten.find({}, dict.fromkeys(map(str, range(1000)), 1)),
        ten.find(cursor_type=CursorType.EXHAUST),
        ten.with_options(
            codec_options=CodecOptions(type_registry=TypeRegistry([], fallback_encoder=str))
        ).find(),
    ]:
        assert len(await cursor.to_list()) == 10
    async with await client.start_session() as session:
        assert await ten.find(session=session).to_list() == DOCUMENTS
    await db.create_collection("capped", capped=True, size=10_000)
    await db.capped.insert_one({"_id": 0})
    senders.clear()
    async with db.capped.find(cursor_type=CursorType.TAILABLE) as tailable:
        assert await tailable.next() == {"_id": 0}
    assert "strand" not in senders


async def test_large_batch_is_decoded_elsewhere(
    ten: Any, senders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoders: list[bool] = []
    original = replies.decode_reply

    def decode_reply(*args: Any) -> Any:
        decoders.append(current_strand() is not None)
        return original(*args)

    monkeypatch.setattr(replies, "decode_reply", decode_reply)
    await ten.update_many({}, {"$set": {"text": "x" * 10_000}})
    expected = [{**document, "text": "x" * 10_000} for document in DOCUMENTS]
    senders.clear()
    assert await ten.find().to_list() == expected
    assert await ten.find().limit(2).to_list() == expected[:2]
    assert senders == ["strand"] * 2
    assert decoders == [False, True]


async def test_large_reply_to_a_command_is_decoded_elsewhere(
    ten: Any, db: Any, senders: list[str]
) -> None:
    await ten.update_many({}, {"$set": {"text": "x" * 10_000}})
    senders.clear()
    reply = await db.command("find", ten.name)
    assert len(reply["cursor"]["firstBatch"]) == 10
    assert senders == ["strand"]


async def test_reads_of_one_cursor_follow_one_another(ten: Any) -> None:
    cursor = ten.find(batch_size=4)
    found = await asyncio.gather(*(cursor.to_list(3) for _ in range(4)))
    assert [document for documents in found for document in documents] == DOCUMENTS
    cursor = ten.find()
    assert await asyncio.gather(*(cursor.next() for _ in range(10))) == DOCUMENTS


async def test_a_read_that_was_cancelled_leaves_its_documents(ten: Any) -> None:
    cursor = ten.find(SLOW, limit=2)
    read = cursor.to_list()
    await asyncio.sleep(0.01)
    read.cancel()
    assert await cursor.to_list() == DOCUMENTS[:2]


async def test_a_read_that_is_cancelled_at_once(ten: Any) -> None:
    cursor = ten.find()
    cursor.to_list().cancel()
    assert await cursor.to_list() == DOCUMENTS


async def test_closing_while_the_first_batch_is_read(ten: Any, sync_client: Any) -> None:
    def open_cursors() -> int:
        status = sync_client.admin.command("serverStatus")
        return int(status["metrics"]["cursor"]["open"]["total"])

    before = open_cursors()
    cursor = ten.find(SLOW, batch_size=2)
    read = cursor.to_list()
    await asyncio.sleep(0.01)
    await cursor.close()
    assert await read == []
    assert not cursor.alive
    await async_wait_until(lambda: open_cursors() <= before)


async def test_errors_are_raised_and_close_the_cursor(ten: Any) -> None:
    for cursor in [ten.find({"$nonsense": 1}), ten.aggregate([{"$nonsense": 1}])]:
        with pytest.raises(OperationFailure, match="nonsense"):
            await cursor.to_list()
        assert not cursor.alive
        assert await cursor.to_list() == []


async def test_pymongo_s_timeout(ten: Any) -> None:
    with pymongo.timeout(0.1), pytest.raises(PyMongoError) as caught:
        await ten.find({"$where": "sleep(2000) || true"}).to_list()
    assert caught.value.timeout
    with pytest.raises(ExecutionTimeout):
        await ten.find({"$where": "sleep(2000) || true"}).max_time_ms(50).to_list()


async def test_only_connection_is_waited_for(
    framework: Framework, client_factory: Any, db_name: str, ten: Any
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    await collection.find_one()
    found = await asyncio.gather(
        *(collection.find().to_list() for _ in range(20)),
        *(collection.find(batch_size=4).to_list() for _ in range(20)),
    )
    assert found == [DOCUMENTS] * 40


# The end ----------------------------------------------------------------------------------------


def test_closing_loop_leaves_to_workers_what_was_not_sent(
    framework: Framework, client_factory: Any, sync_db: Any, db_name: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test

    async def main() -> None:
        await collection.insert_one({})
        collection.find_one(SLOW)
        for n in range(20):
            collection.aggregate([{"$set": {"_id": n}}, {"$merge": "merged"}]).to_list()

    framework.run(main())
    wait_until(lambda: sync_db.merged.count_documents({}) == 20)


def test_cursor_goes_on_with_another_loop(
    framework: Framework, client_factory: Any, sync_db: Any, db_name: str
) -> None:
    sync_db.test.insert_many([dict(document) for document in DOCUMENTS])
    collection = client_factory(maxPoolSize=1)[db_name].test

    async def begin() -> Any:
        await collection.find_one()
        collection.find_one(SLOW)
        cursors = [collection.find(), collection.find(batch_size=4), collection.aggregate([])]
        for cursor in cursors:
            cursor.to_list()
        return cursors

    async def go_on() -> Any:
        return [await cursor.to_list() for cursor in cursors]

    cursors = framework.run(begin())
    assert framework.run(go_on()) == [DOCUMENTS] * 3
