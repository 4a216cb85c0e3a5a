"""A cursor's next batch is read while its documents are consumed; and the event loop runs on."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from motor.core.cursors import base, reader, reading_ahead
from support.accelerators import needs, takes_executors
from support.commands import CommandRecorder
from support.cursors import open_cursors
from support.wait import PATIENCE, async_wait_until

pytestmark = pytest.mark.every_loop

BATCH = 10


@pytest.fixture
def commands() -> CommandRecorder:
    return CommandRecorder()


@pytest.fixture
def client(client_factory: Any, commands: CommandRecorder) -> Any:
    return client_factory(event_listeners=[commands], appName="reading ahead")


@pytest.fixture
def hundred(collection: Any, sync_db: Any) -> Any:
    sync_db["test"].insert_many([{"_id": i} for i in range(100)])
    return collection


def get_mores(commands: CommandRecorder) -> int:
    return len(commands.named("getMore"))


async def quiet(cursor: Any) -> None:
    """Wait until no batch is being read ahead."""
    await async_wait_until(lambda: not cursor._reader.queue.busy)


async def test_first_batch_may_be_all_that_is_wanted(
    hundred: Any, commands: CommandRecorder
) -> None:
    cursor = hundred.find(batch_size=BATCH)
    for _ in range(BATCH):
        await cursor.next()
    await quiet(cursor)
    assert get_mores(commands) == 0
    await cursor.close()


@needs("batches")
async def test_one_batch_is_read_ahead_from_the_second_on(
    hundred: Any, commands: CommandRecorder
) -> None:
    cursor = hundred.find(batch_size=BATCH)
    for _ in range(BATCH + 1):
        await cursor.next()
    await quiet(cursor)
    assert get_mores(commands) == 2
    for _ in range(BATCH - 1):
        await cursor.next()
    await quiet(cursor)
    assert get_mores(commands) == 2
    await cursor.close()


@needs("batches")
async def test_next_batch_is_asked_for_before_the_consumer_works(
    hundred: Any, commands: CommandRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_ahead, "SENDING", PATIENCE)
    cursor = hundred.find(batch_size=BATCH)
    for _ in range(2 * BATCH):
        await cursor.next()
    for asked in range(2, 9):
        await quiet(cursor)
        assert get_mores(commands) == asked
        await cursor.next()
        # This task has gone on at once: nothing but the cursor gave the interpreter lock away.
        assert get_mores(commands) == asked + 1
        for _ in range(BATCH - 1):
            await cursor.next()
    await cursor.close()


@needs("batches")
@takes_executors
async def test_documents_at_hand_wait_for_no_worker(client_factory: Any, hundred: Any) -> None:
    free = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        client = client_factory(executor=executor)
        cursor = client[hundred.database.name][hundred.name].find(batch_size=BATCH)
        for _ in range(BATCH + 1):
            await cursor.next()
        await quiet(cursor)
        executor.submit(free.wait)
        try:
            # The rest of the second batch, and the third, which was read ahead.
            for _ in range(2 * BATCH - 1):
                await cursor.next()
        finally:
            free.set()
        await cursor.close()
        await quiet(cursor)


@needs("batches")
async def test_to_list_in_pieces_reads_ahead(hundred: Any, commands: CommandRecorder) -> None:
    cursor = hundred.find(batch_size=BATCH, sort={"_id": 1})
    found = await cursor.to_list(BATCH) + await cursor.to_list(BATCH)
    await quiet(cursor)
    assert get_mores(commands) == 2
    while piece := await cursor.to_list(BATCH):
        found += piece
    assert found == [{"_id": i} for i in range(100)]
    assert get_mores(commands) == 10


@pytest.mark.parametrize("way", ["session", "timeout", "large"])
async def test_nothing_is_read_ahead_where_it_would_be_seen(
    way: str,
    client: Any,
    hundred: Any,
    commands: CommandRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if way == "large":
        monkeypatch.setattr(reader, "READ_AHEAD_LIMIT", 10)
    async with await client.start_session() as session:
        chosen = session if way == "session" else None
        with pymongo.timeout(60 if way == "timeout" else None):
            cursor = hundred.find(batch_size=BATCH, session=chosen)
            for _ in range(2 * BATCH):
                await cursor.next()
            await quiet(cursor)
            assert get_mores(commands) == 1
            await cursor.close()


@needs("batches")
async def test_error_of_a_batch_read_ahead_comes_after_the_documents_before_it(
    hundred: Any, fail_point: Any
) -> None:
    cursor = hundred.find(batch_size=BATCH, sort={"_id": 1})
    found = [await cursor.next() for _ in range(BATCH)]
    found.append(await cursor.next())
    await quiet(cursor)
    found += [await cursor.next() for _ in range(BATCH - 1)]

    async def read_on() -> None:
        async for document in cursor:
            found.append(document)

    failing = fail_point(failCommands=["getMore"], errorCode=11601, appName="reading ahead")
    with failing, pytest.raises(OperationFailure) as error:
        await read_on()
    assert error.value.code == 11601
    assert found == [{"_id": i} for i in range(3 * BATCH)]
    assert not cursor.alive


async def test_closing_while_a_batch_is_read_ahead_closes_the_cursor(
    hundred: Any, sync_client: Any
) -> None:
    cursor = hundred.find(batch_size=BATCH, sort={"_id": 1})
    found = [(await cursor.next())["_id"] for _ in range(BATCH + 1)]
    await cursor.close()
    await quiet(cursor)
    found += [document["_id"] for document in await cursor.to_list()]
    # What has come is kept, and perhaps the batch that was on its way.
    assert found in ([*range(2 * BATCH)], [*range(3 * BATCH)])
    assert not cursor.alive
    await async_wait_until(lambda: not open_cursors(sync_client, hundred.full_name))


async def test_batches_read_ahead_come_in_order(hundred: Any) -> None:
    for _ in range(5):
        found = [d["_id"] async for d in hundred.find(batch_size=7, sort={"_id": 1})]
        assert found == [*range(100)]


async def test_loop_runs_beside_a_consumer_that_never_awaits(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await collection.insert_many([{"_id": i} for i in range(5000)])
    monkeypatch.setattr(base, "YIELD_SECONDS", 0.0)
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    cursor = collection.find(batch_size=5000)
    await cursor.next()
    task = asyncio.ensure_future(beside())
    await asyncio.sleep(0)
    begun = turns
    rest = [d async for d in cursor]
    task.cancel()
    assert len(rest) == 4999
    # All documents were at hand: nothing but the cursor itself has given way.
    assert turns - begun >= 5000 // base.YIELD_EVERY - 1


async def test_short_times_without_a_turn_for_the_loop_add_up(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await collection.insert_many([{"_id": i} for i in range(5000)])
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += base.YIELD_SECONDS / 4
        return now

    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    cursor = collection.find(batch_size=5000)
    await cursor.next()
    task = asyncio.ensure_future(beside())
    await asyncio.sleep(0)
    begun = turns
    with monkeypatch.context() as patch:
        patch.setattr(base, "time", SimpleNamespace(monotonic=monotonic))
        # Not to the end, where the server is asked whether there are more.
        for _ in range(4900):
            await anext(cursor)
    task.cancel()
    looks = 4900 // base.YIELD_EVERY
    assert looks // 8 <= turns - begun <= looks // 2
