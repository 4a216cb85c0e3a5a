"""Errors that no program expects, at every place where Motor's coroutines wait."""

from __future__ import annotations

import asyncio
import gc
import io
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest

from support import Framework, async_wait_until
from support.cursors import open_cursors

ERRORS = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, MemoryError)


class NotReached(Exception):
    """The coroutine has ended before it waited so often."""


@types.coroutine
def throwing(
    coroutine: Coroutine[Any, Any, Any], place: int, error: BaseException
) -> Generator[Any, Any, Any]:
    """Run a coroutine, and throw `error` into it where it waits for the time number `place`.

    What it waits for goes on. Raises NotReached if it ends before.
    """
    step: Callable[[], Any] = partial(coroutine.send, None)
    waits = 0
    while True:
        try:
            awaited = step()
        except StopIteration as end:
            if waits <= place:
                raise NotReached from None
            return end.value
        if waits == place:
            # As a task does that takes what comes in place of a result.
            awaited._asyncio_future_blocking = False
            step = partial(coroutine.throw, error)
        else:
            try:
                value = yield awaited
            except BaseException as other:
                step = partial(coroutine.throw, other)
            else:
                step = partial(coroutine.send, value)
        waits += 1


class World:
    """What a scenario works with."""

    def __init__(self, framework: Framework, uri: str, client: Any, db_name: str) -> None:
        self.framework = framework
        self.uri = uri
        self.client = client
        self.db = client[db_name]
        self.things = self.db.things
        self.bucket = framework.GridFSBucket(self.db, chunk_size_bytes=1024)

    async def works_on(self) -> None:
        assert (await self.client.admin.command("ping"))["ok"] == 1
        found = await asyncio.gather(*(self.things.find_one({"_id": n}) for n in range(6)))
        assert [document["_id"] for document in found] == list(range(6))


async def operations(w: World) -> None:
    await w.things.find_one({})
    await w.things.update_one({"_id": 1}, {"$set": {"a": 1}})
    await w.things.count_documents({})
    await w.db.list_collection_names()


async def iterate(w: World) -> None:
    async with w.things.find().batch_size(2) as cursor:
        async for _ in cursor:
            pass


async def next_and_lists(w: World) -> None:
    async with w.things.find().batch_size(2) as cursor:
        await cursor.next()
        await cursor.to_list(2)
        await cursor.to_list()


async def aggregate(w: World) -> None:
    async with w.things.aggregate([{"$match": {}}], batchSize=2) as cursor:
        async for _ in cursor:
            pass
    await w.things.list_indexes().to_list()


async def change_stream(w: World) -> None:
    async with w.things.watch(max_await_time_ms=100) as stream:
        await w.things.insert_one({})
        await stream.next()
        await stream.try_next()


async def session(w: World) -> None:
    async with w.client.start_session() as session:
        await w.things.find_one({}, session=session)
        async with session.start_transaction():
            await w.things.update_one({"_id": 2}, {"$inc": {"b": 1}}, session=session)


async def transaction(w: World) -> None:
    async def change(session: Any) -> None:
        await w.things.update_one({"_id": 3}, {"$inc": {"b": 1}}, session=session)
        await w.things.find({}, session=session).to_list()

    async with w.client.start_session() as session:
        await session.with_transaction(change)


async def upload(w: World) -> None:
    await w.bucket.upload_from_stream("a", io.BytesIO(bytes(5000)))
    async with w.bucket.open_upload_stream("b") as grid_in:
        await grid_in.write(bytes(3000))
        await grid_in.write(b"x")


async def download(w: World) -> None:
    file = await w.bucket.open_download_stream_by_name("there")
    await file.read(10)
    async for _ in file:
        pass
    async for _ in file.iter_range(10, 4000):
        pass
    await w.bucket.download_to_stream_by_name("there", io.BytesIO())
    async for _ in w.bucket.find({}):
        pass


async def another_client(w: World) -> None:
    client = w.framework.Client(w.uri, serverMonitoringMode="poll")
    try:
        async with client:
            await client.admin.command("ping")
    finally:
        client.delegate.close()


SCENARIOS = (
    *(operations, iterate, next_and_lists, aggregate, change_stream, session, transaction),
    *(upload, download, another_client),
)


@pytest.fixture
def world(
    framework: Framework,
    mongo_uri: str,
    client: Any,
    db_name: str,
    sync_db: Any,
    sync_bucket: Any,
) -> World:
    sync_db.things.insert_many({"_id": n} for n in range(6))
    sync_bucket.upload_from_stream("there", bytes(9000), chunk_size_bytes=1024)
    return World(framework, mongo_uri, client, db_name)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("start", range(2))
@pytest.mark.usefixtures("loop_errors")
async def test_an_error_where_a_coroutine_waits_is_its_error(
    world: World,
    sync_client: Any,
    db_name: str,
    scenario: Callable[[World], Coroutine[Any, Any, None]],
    start: int,
) -> None:
    place, thrown = 0, 0
    while True:
        kind = ERRORS[(place + start) % len(ERRORS)]
        error = kind("thrown")
        try:
            await throwing(scenario(world), place, error)
        except NotReached:
            break
        except kind:
            thrown += 1
        place += 1
        await world.works_on()
    assert thrown >= 1
    await scenario(world)
    # Its traceback has the frames of the scenario, and a cursor is there until it is forgotten.
    del error
    gc.collect()
    await async_wait_until(
        lambda: not open_cursors(sync_client, f"{db_name}.things"), what="the cursors are closed"
    )


@pytest.mark.parametrize("error", [*ERRORS, ValueError, StopAsyncIteration])
async def test_a_transaction_whose_function_raises_is_aborted(
    world: World, error: type[BaseException]
) -> None:
    async def change(session: Any) -> None:
        await world.things.update_one({"_id": 1}, {"$set": {"changed": 1}}, session=session)
        raise error

    async with world.client.start_session() as session:
        with pytest.raises(error):
            await session.with_transaction(change)
        assert not session.in_transaction
    assert "changed" not in await world.things.find_one({"_id": 1})
    await world.works_on()


async def test_a_transactions_function_that_calls_motor_again(world: World) -> None:
    async def change(session: Any) -> list[Any]:
        await world.things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

        async def inner(other: Any) -> Any:
            return await world.things.find_one({"_id": 1}, session=other)

        async with world.client.start_session() as other:
            seen = await other.with_transaction(inner)
        return [seen, *await asyncio.gather(*(world.things.find_one({"_id": 2}) for _ in range(5)))]

    async with world.client.start_session() as session:
        seen, *others = await session.with_transaction(change)
    assert "n" not in seen, "what another session has not committed is not seen"
    assert [document["_id"] for document in others] == [2] * 5
    assert (await world.things.find_one({"_id": 1}))["n"] == 1


@pytest.mark.parametrize(
    "source",
    [
        lambda error: _Source(error),
        lambda error: _pieces(error),
    ],
    ids=["file", "iterable"],
)
@pytest.mark.parametrize("error", [ValueError, MemoryError, asyncio.CancelledError])
async def test_a_source_that_raises_leaves_nothing_of_its_file(
    world: World, sync_db: Any, source: Callable[[Any], Any], error: type[BaseException]
) -> None:
    with pytest.raises(error):
        await world.bucket.upload_from_stream("broken", source(error))
    await async_wait_until(lambda: sync_db["fs.files"].count_documents({}) == 1)
    await async_wait_until(lambda: sync_db["fs.chunks"].count_documents({}) == 9)
    await world.works_on()


class _Source:
    def __init__(self, error: type[BaseException]) -> None:
        self._error = error
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._reads > 2:
            raise self._error
        return bytes(3000)


async def _pieces(error: type[BaseException]) -> Any:
    yield bytes(3000)
    yield bytes(3000)
    raise error


@pytest.mark.parametrize("error", [ValueError, MemoryError, asyncio.CancelledError])
async def test_a_destination_that_raises(world: World, error: type[BaseException]) -> None:
    class Destination:
        def write(self, data: bytes) -> None:
            raise error

    with pytest.raises(error):
        await world.bucket.download_to_stream_by_name("there", Destination())
    await world.works_on()
