"""Batches that workers leave undecoded, and whose documents are decoded when they are wanted."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from typing import Any

import pytest
from bson import SON, CodecOptions, decode, encode
from bson.codec_options import TypeDecoder, TypeRegistry
from bson.datetime_ms import DatetimeMS
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from motor.accelerators.batches import undecoded as accelerator
from motor.accelerators.batches.undecoded import Undecoded
from support.accelerators import needs
from support.commands import CommandRecorder
from support.cursors import open_cursors
from support.wait import async_wait_until

COUNT = 3000
TEXT = "x" * 100


@pytest.fixture
def many(collection: Any, sync_db: Any) -> Any:
    sync_db["test"].insert_many([{"_id": i, "text": TEXT} for i in range(COUNT)])
    return collection


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that have decoded a part of a batch which was left undecoded."""
    found: list[threading.Thread] = []
    original = Undecoded.next

    def record(undecoded: Undecoded) -> list[Any]:
        found.append(threading.current_thread())
        return original(undecoded)

    monkeypatch.setattr(Undecoded, "next", record)
    return found


@needs("batches")
@pytest.mark.parametrize("batch_size", [0, 500])
async def test_iteration_decodes_on_the_thread_that_consumes(
    many: Any, threads: list[threading.Thread], batch_size: int
) -> None:
    found = [d["_id"] async for d in many.find(batch_size=batch_size, sort={"_id": 1})]
    assert found == [*range(COUNT)]
    assert set(threads) == {threading.current_thread()}
    # Of the large batch, only as much at a time as takes a fraction of a millisecond.
    assert len(threads) > (15 if batch_size == 0 else 4)


@needs("batches")
async def test_list_is_decoded_on_a_worker(many: Any, threads: list[threading.Thread]) -> None:
    found = await many.find(batch_size=500, sort={"_id": 1}).to_list()
    assert [d["_id"] for d in found] == [*range(COUNT)]
    assert threads
    assert threading.current_thread() not in threads


async def test_ways_of_reading_follow_one_another(many: Any) -> None:
    for batch_size in (0, 400):
        cursor = many.find(batch_size=batch_size, sort={"_id": 1})
        found = [await cursor.next() for _ in range(700)]
        found += await cursor.to_list(600)
        async for document in cursor:
            found.append(document)
            if len(found) == 1500:
                break
        found += await cursor.to_list()
        assert [d["_id"] for d in found] == [*range(COUNT)]
        assert not cursor.alive


async def test_documents_are_counted_as_they_come(many: Any) -> None:
    cursor = many.find(batch_size=500)
    for _ in range(501):
        await cursor.next()
    await cursor.to_list(100)
    assert cursor.retrieved in (1000, 1500), "the second batch, and one ahead perhaps"
    await cursor.to_list()
    assert cursor.retrieved == COUNT


class Shout(TypeDecoder):
    bson_type = str

    def transform_bson(self, value: str) -> str:
        return value.upper()


@pytest.mark.parametrize("why", ["listener", "log", "class", "type", "raw"])
async def test_batches_that_others_see_or_decode_are_decoded_at_once(
    why: str,
    many: Any,
    client_factory: Any,
    threads: list[threading.Thread],
    caplog: pytest.LogCaptureFixture,
) -> None:
    commands = CommandRecorder()
    collection = many
    if why == "listener":
        client = client_factory(event_listeners=[commands])
        collection = client[many.database.name].test
    elif why == "log":
        caplog.set_level(logging.DEBUG, "pymongo.command")
    elif why == "class":
        collection = many.with_options(CodecOptions(document_class=SON))
    elif why == "type":
        registry = TypeRegistry([Shout()])
        collection = many.with_options(CodecOptions(type_registry=registry))
    elif why == "raw":
        collection = many.with_options(CodecOptions(document_class=RawBSONDocument))
    cursor = collection.find(batch_size=500, sort={"_id": 1})
    found = [d["_id"] async for d in cursor]
    assert found == [*range(COUNT)]
    assert threads == []
    if why == "listener":
        replies = [
            event.reply for event in commands.succeeded_events if event.command_name == "getMore"
        ]
        assert len(replies[0]["cursor"]["nextBatch"]) == 500
    elif why == "log":
        assert TEXT in caplog.text


@pytest.fixture
def spoilt(many: Any, sync_db: Any) -> Any:
    """The same, with a document that cannot be decoded."""
    sync_db["test"].update_one({"_id": 2500}, {"$set": {"text": DatetimeMS(2**62)}})
    return many


@needs("batches")
async def test_what_comes_before_a_document_that_cannot_be_decoded_is_not_lost(
    spoilt: Any,
) -> None:
    cursor = spoilt.find(sort={"_id": 1})
    found: list[int] = []

    async def consume() -> None:
        async for document in cursor:
            found.append(document["_id"])  # noqa: PERF401

    with pytest.raises(InvalidBSON):
        await consume()
    assert found == [*range(len(found))]
    # Up to the slice that it is in.
    assert 2000 < len(found) <= 2500
    assert (cursor.alive, cursor.closed) == (False, True)
    assert await cursor.to_list() == []


async def read(cursor: Any, way: str) -> None:
    if way == "to_list":
        await cursor.to_list()
    elif way == "for":
        async for _ in cursor:
            pass
    elif way == "next":
        while True:
            await cursor.next()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            while await cursor.fetch_next:
                cursor.next_object()


@pytest.mark.parametrize("way", ["next", "for", "to_list", "fetch_next"])
async def test_cursor_that_gave_what_cannot_be_decoded_is_closed_on_the_server(
    spoilt: Any, sync_client: Any, way: str
) -> None:
    cursor = spoilt.find(batch_size=900, sort={"_id": 1})
    with pytest.raises(InvalidBSON):
        await read(cursor, way)
    await async_wait_until(lambda: not open_cursors(sync_client, spoilt.full_name))
    await cursor.close()


async def test_closing_keeps_what_has_come(many: Any, sync_client: Any) -> None:
    cursor = many.find(batch_size=500, sort={"_id": 1})
    found = [(await cursor.next())["_id"] for _ in range(600)]
    await cursor.close()
    assert not open_cursors(sync_client, many.full_name)
    found += [document["_id"] for document in await cursor.to_list()]
    assert found == [*range(len(found))]
    assert len(found) in (1000, 1500), "the second batch, and one ahead perhaps"
    with pytest.raises(StopAsyncIteration):
        await cursor.next()


async def test_closing_while_a_list_is_read_ends_it(many: Any, hold: Any) -> None:
    cursor = many.find(batch_size=500, sort={"_id": 1})
    for _ in range(110):
        await cursor.next()
    with hold("getMore"):
        reading = cursor.to_list()
        await async_wait_until(lambda: cursor._reader._reading)
        closing = cursor.close()
    await closing
    found = await reading
    assert [document["_id"] for document in found] == [*range(110, 500)]
    assert not cursor.alive
    assert await cursor.to_list() == []


async def test_document_that_cannot_be_decoded_comes_before_a_later_error(
    spoilt: Any, fail_point: Any
) -> None:
    cursor = spoilt.find(batch_size=1500, sort={"_id": 1})
    await cursor.next()
    failing = fail_point(failCommands=["getMore"], errorCode=11601, mode={"skip": 1})
    with failing, pytest.raises(InvalidBSON):
        await cursor.to_list()
    assert not cursor.delegate.alive
    # What came before it is still to be had.
    assert len(await cursor.to_list()) >= 100
    assert not cursor.alive


async def test_cancelled_list_loses_nothing(many: Any, hold: Any) -> None:
    cursor = many.find(batch_size=500, sort={"_id": 1})
    found = [await cursor.next() for _ in range(10)]
    with hold("getMore"):
        reading = asyncio.ensure_future(cursor.to_list())
        await async_wait_until(lambda: cursor._reader._reading)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    found += [document async for document in cursor]
    assert [d["_id"] for d in found] == [*range(COUNT)]


async def test_two_tasks_may_share_a_cursor(many: Any) -> None:
    cursor = many.find(batch_size=500)
    found: list[int] = []

    async def consume() -> None:
        async for document in cursor:
            found.append(document["_id"])
            if document["_id"] % 7 == 0:
                await asyncio.sleep(0)

    await asyncio.gather(consume(), consume(), consume())
    assert sorted(found) == [*range(COUNT)]


def reply_of(documents: Any) -> bytes:
    return encode({"cursor": {"nextBatch": documents, "id": 7, "ns": "a.b"}, "ok": 1.0})


def decode_whole(reply: Any) -> list[Any]:
    return [decode(bytes(reply))]


def undecoded(reply: bytes, options: CodecOptions[Any] | None = None) -> Undecoded | None:
    replies = accelerator.leave_undecoded(reply, options or CodecOptions(), decode_whole)
    if replies is None:
        return None
    batch = replies[0]["cursor"].pop("nextBatch")
    assert replies == [{"cursor": {"id": 7, "ns": "a.b"}, "ok": 1.0}]
    (found,) = batch
    assert isinstance(found, Undecoded)
    return found


def rest_of(batch: Undecoded) -> list[Any]:
    documents: list[Any] = []
    while not batch.over:
        documents += batch.next()
    return documents


@pytest.mark.parametrize("count", [100, 5000])
def test_undecoded_batch_gives_each_document_once(count: int) -> None:
    documents = [{"_id": i, "text": TEXT} for i in range(count)]
    batch = undecoded(reply_of(documents))
    assert batch is not None
    assert batch.size == len(reply_of(documents))
    assert not batch.over
    assert rest_of(batch) == documents
    assert batch.over


@pytest.mark.parametrize("count", [100, 5000])
def test_undecoded_batch_gives_its_error_each_time(count: int) -> None:
    documents: list[Any] = [{"_id": i, "text": TEXT} for i in range(count)]
    documents[-1]["text"] = DatetimeMS(2**62)
    batch = undecoded(reply_of(documents))
    assert batch is not None
    for _ in range(2):
        with pytest.raises(InvalidBSON):
            rest_of(batch)
    assert not batch.over


def test_array_with_other_indexes_gives_its_documents_too() -> None:
    odd = reply_of({f"{i:04}": {"_id": i, "text": TEXT} for i in range(5000)})
    # A document with those keys, turned into an array.
    odd = odd.replace(b"\x03nextBatch\0", b"\x04nextBatch\0", 1)
    batch = undecoded(odd)
    assert batch is not None
    assert [d["_id"] for d in rest_of(batch)] == [*range(5000)]


@pytest.mark.parametrize(
    ("reply", "options"),
    [
        (reply_of([{"_id": 1}]), CodecOptions()),
        (encode({"cursor": {"id": 7, "ns": "x" * 5000, "nextBatch": []}}), CodecOptions()),
        (encode({"n": 1, "text": "x" * 5000, "ok": 1.0}), CodecOptions()),
        (reply_of([{"text": TEXT}] * 100), CodecOptions(document_class=SON)),
        (reply_of([{"text": TEXT}] * 100), CodecOptions(type_registry=TypeRegistry([Shout()]))),
    ],
    ids=["small", "empty", "no batch", "class", "type"],
)
def test_other_batches_are_not_left_undecoded(reply: bytes, options: Any) -> None:
    assert undecoded(reply, options) is None
