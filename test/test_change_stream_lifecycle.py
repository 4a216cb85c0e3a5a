"""Change streams: their end, lost connections, cancelled reads, several readers."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, InvalidOperation, OperationFailure

from support import async_wait_until, run_python, wait_until

pytestmark = pytest.mark.every_loop

#: What the fail points concern: the client of `watched`.
APP_NAME = "change-streams"

#: A short wait (in ms), for streams that must ask the server often.
SHORT = 50


@pytest.fixture
def watched(client_factory: Any, commands: Any, db_name: str) -> Any:
    """A collection whose client's commands are recorded, and can be made to fail."""
    client = client_factory(event_listeners=[commands], appName=APP_NAME)
    return client[db_name]["watched"]


def cursors_on_server(sync_client: Any, db_name: str) -> list[dict[str, Any]]:
    """The cursors of the test's database, those that wait for data among them."""
    operations = {"$currentOp": {"idleCursors": True, "allUsers": True}}
    own = {"$match": {"cursor": {"$exists": True}, "ns": {"$regex": f"^{db_name}\\."}}}
    return list(sync_client.admin.aggregate([operations, own]))


async def start_waiting(stream: Any, commands: Any) -> asyncio.Task[Any]:
    """A task in `next()`, once its getMore is on the way."""
    before = len(commands.named("getMore"))
    task = asyncio.create_task(stream.next())
    await async_wait_until(lambda: len(commands.named("getMore")) > before)
    return task


def waiting_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("motor-awaiting")]


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


# The end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["created", "started", "opened", "waiting"])
async def test_closing_ends_a_next_that_waits(watched, commands, sync_client, db_name, stage):
    for _ in range(10):
        commands.clear()
        stream = watched.watch(max_await_time_ms=SHORT)
        task = asyncio.create_task(stream.next())
        if stage == "started":
            await asyncio.sleep(0)
        elif stage != "created":
            name = "aggregate" if stage == "opened" else "getMore"
            await async_wait_until(lambda name=name: commands.named(name))
        await stream.close()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(task, 10)
        assert not stream.alive
    await async_wait_until(lambda: not cursors_on_server(sync_client, db_name))


async def test_closing_does_not_wait_for_the_server(watched, commands):
    stream = watched.watch(max_await_time_ms=30_000)
    tasks = [await start_waiting(stream, commands), asyncio.create_task(stream.next())]
    await asyncio.wait_for(stream.close(), 10)
    for task in tasks:
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(task, 10)
    # This server looks after a killed cursor only when it has something to say.
    await watched.insert_one({})


async def test_closing_ends_an_async_for_that_waits(watched, commands):
    stream = await watched.watch(max_await_time_ms=SHORT)
    events: list[Any] = []

    async def read() -> None:
        async for event in stream:
            events.append(event)  # noqa: PERF401 -- as they come

    task = asyncio.create_task(read())
    await watched.insert_one({"_id": 1})
    await async_wait_until(lambda: events)
    asked = len(commands.named("getMore"))
    await async_wait_until(lambda: len(commands.named("getMore")) > asked)
    await stream.close()
    await asyncio.wait_for(task, 10)
    assert [event["documentKey"] for event in events] == [{"_id": 1}]


async def test_closing_ends_a_try_next_that_waits(watched, commands):
    stream = await watched.watch(max_await_time_ms=SHORT)
    task = asyncio.create_task(stream.try_next())
    await async_wait_until(lambda: commands.named("getMore"))
    await stream.close()
    assert await asyncio.wait_for(task, 10) is None


async def test_a_stream_closed_before_it_was_opened_stays_closed(watched, commands):
    stream = watched.watch()
    await stream.close()
    assert not stream.alive
    with pytest.raises(StopAsyncIteration):
        await stream.next()
    assert await stream.try_next() is None
    assert [event async for event in stream] == []
    await stream
    assert commands.names == []


async def test_a_closed_stream_forgets_the_events_it_had(watched):
    stream = await watched.watch()
    await watched.insert_many([{}, {}])
    await stream.next()
    await stream.close()
    await stream.close()
    with pytest.raises(StopAsyncIteration):
        await stream.next()
    assert await stream.try_next() is None


async def test_leaving_the_block_closes_the_cursor_on_the_server(watched, sync_client, db_name):
    async with watched.watch() as stream:
        assert len(cursors_on_server(sync_client, db_name)) == 1
    assert cursors_on_server(sync_client, db_name) == []
    with pytest.raises(ZeroDivisionError):
        async with watched.watch() as stream:
            _ = 1 / 0
    assert cursors_on_server(sync_client, db_name) == []
    assert not stream.alive


async def test_a_stream_can_be_closed_after_its_client(watched, sync_client, db_name):
    stream = await watched.watch()
    await watched.database.client.close()
    with pytest.raises(InvalidOperation, match="after close"):
        await stream.next()
    await stream.close()
    with pytest.raises(StopAsyncIteration):
        await stream.next()


async def test_an_invalidate_event_ends_the_stream(watched):
    await watched.insert_one({})
    stream = await watched.watch()
    await watched.drop()
    events = [event async for event in stream]
    assert [event["operationType"] for event in events] == ["drop", "invalidate"]
    assert not stream.alive
    assert await stream.try_next() is None
    async with watched.watch(start_after=stream.resume_token) as following:
        await watched.insert_one({"_id": "new"})
        assert (await following.next())["documentKey"] == {"_id": "new"}


# Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        {"closeConnection": True},
        {"errorCode": 91, "errorLabels": ["ResumableChangeStreamError"]},
        {"errorCode": 43},
    ],
    ids=["connection lost", "shutdown in progress", "cursor not found"],
)
async def test_a_stream_survives_what_it_can_resume_from(
    watched, commands, fail_point, sync_db, trouble
):
    async with watched.watch() as stream:
        await watched.insert_one({"_id": 1})
        assert (await stream.next())["documentKey"] == {"_id": 1}
        token = stream.resume_token
        sync_db["watched"].insert_one({"_id": 2})
        failing = {"failCommands": ["getMore"], "appName": APP_NAME, **trouble}
        with fail_point(mode={"times": 1}, **failing):
            assert (await stream.next())["documentKey"] == {"_id": 2}
        assert len(commands.failed_events) >= 1
        resumed = commands.named("aggregate")[-1].command["pipeline"][0]["$changeStream"]
        assert resumed == {"resumeAfter": token}


async def test_a_stream_survives_that_its_cursor_is_killed(watched, commands, sync_db):
    async with watched.watch() as stream:
        cursor_id = commands.succeeded_events[0].reply["cursor"]["id"]
        sync_db.command("killCursors", "watched", cursors=[cursor_id])
        await watched.insert_one({"_id": 1})
        assert (await stream.next())["documentKey"] == {"_id": 1}
        assert len(commands.named("aggregate")) == 2


async def test_resuming_may_fail_and_succeed_later(watched, fail_point, client_factory, db_name):
    client = client_factory(appName=APP_NAME, retryReads=False)
    async with client[db_name]["watched"].watch() as stream:
        await watched.insert_one({"_id": 1})
        failing = {"failCommands": ["getMore", "aggregate"], "appName": APP_NAME}
        with (
            fail_point(mode={"times": 2}, closeConnection=True, **failing),
            pytest.raises(AutoReconnect),
        ):
            await stream.next()
        assert stream.alive
        assert (await stream.next())["documentKey"] == {"_id": 1}


async def test_an_error_it_cannot_resume_from_closes_the_stream(
    watched, fail_point, sync_client, db_name
):
    stream = await watched.watch()
    failing = {"failCommands": ["getMore"], "appName": APP_NAME, "errorCode": 2}
    with fail_point(mode={"times": 1}, **failing), pytest.raises(OperationFailure) as caught:
        await stream.next()
    assert caught.value.code == 2
    assert not stream.alive
    with pytest.raises(StopAsyncIteration):
        await stream.next()
    assert await stream.try_next() is None
    assert cursors_on_server(sync_client, db_name) == []


async def test_an_event_without_a_token_is_an_error(watched):
    async with watched.watch([{"$project": {"_id": 0}}]) as stream:
        await watched.insert_one({})
        with pytest.raises((InvalidOperation, OperationFailure), match="resume token"):
            await stream.next()
        assert not stream.alive


# Cancelled reads ----------------------------------------------------------------------------


async def test_cancelled_reads_lose_no_event(watched):
    ids, seen, timeouts = list(range(60)), [], 0

    async def write() -> None:
        for i in ids:
            await watched.insert_one({"_id": i})

    async with watched.watch() as stream:
        writing = asyncio.create_task(write())
        while len(seen) < len(ids):
            try:
                event = await asyncio.wait_for(stream.next(), 0.001)
                seen.append(event["documentKey"]["_id"])
            except TimeoutError:
                timeouts += 1
        await writing
    assert seen == ids
    assert timeouts > 0


async def test_reads_cancelled_before_they_were_sent_cost_nothing(watched, commands):
    async with watched.watch() as stream:
        task = await start_waiting(stream, commands)
        await cancel(task)
        for _ in range(50):
            task = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            await cancel(task)
        assert len(commands.named("getMore")) == 1
        await watched.insert_one({"_id": 1})
        assert (await stream.next())["documentKey"] == {"_id": 1}


async def test_an_error_that_came_for_a_cancelled_read_is_raised_by_the_next(
    watched, commands, fail_point
):
    stream = await watched.watch()
    slow = {"blockConnection": True, "blockTimeMS": 100, "errorCode": 2}
    failing = {"failCommands": ["getMore"], "appName": APP_NAME, **slow}
    with fail_point(mode={"times": 1}, **failing):
        task = await start_waiting(stream, commands)
        await cancel(task)
        with pytest.raises(OperationFailure) as caught:
            await stream.next()
    assert caught.value.code == 2
    assert not stream.alive


async def test_an_error_is_not_lost_when_the_read_is_cancelled_as_it_arrives(
    watched, commands, fail_point
):
    stream = await watched.watch()
    slow = {"blockConnection": True, "blockTimeMS": 50, "errorCode": 2}
    failing = {"failCommands": ["getMore"], "appName": APP_NAME, **slow}
    with fail_point(mode={"times": 1}, **failing):
        task = await start_waiting(stream, commands)
        # The loop stands still until the error has come.
        wait_until(lambda: not waiting_threads(), what="the lane's worker has left the error")
        assert len(commands.failed_events) == 1
        # In its next round it delivers the error, and comes back here before the task goes on.
        await asyncio.sleep(0)
        await cancel(task)
    with pytest.raises(OperationFailure) as caught:
        await stream.next()
    assert caught.value.code == 2


# Several readers ----------------------------------------------------------------------------


async def test_two_tasks_on_one_stream_get_each_event_once(watched):
    ids = list(range(40))
    seen: list[int] = []

    async def read() -> None:
        async for event in stream:
            seen.append(event["documentKey"]["_id"])
            if len(seen) == len(ids):
                await stream.close()

    stream = await watched.watch()
    readers = [asyncio.create_task(read()) for _ in range(2)]
    for i in ids:
        await watched.insert_one({"_id": i})
    await asyncio.wait_for(asyncio.gather(*readers), 10)
    assert seen == ids


async def test_two_tasks_open_a_stream_once(watched, commands):
    stream = watched.watch(max_await_time_ms=SHORT)
    await asyncio.gather(stream.try_next(), stream.try_next(), stream)
    assert len(commands.named("aggregate")) == 1
    await stream.close()


# The end of the process ---------------------------------------------------------------------


def test_a_waiting_stream_does_not_delay_the_end_of_the_process(mongo_uri, db_name, framework):
    code = """
    import asyncio, importlib, sys
    uri, name, module, client_class = sys.argv[1:]
    from pymongo.monitoring import CommandListener

    class Waiting(CommandListener):
        waits = False
        def started(self, event):
            self.waits = self.waits or event.command_name == "getMore"
        def succeeded(self, event):
            pass
        failed = succeeded

    listener = Waiting()
    client = getattr(importlib.import_module(module), client_class)(uri, event_listeners=[listener])

    async def main():
        stream = await client[name].test.watch(max_await_time_ms=600_000)
        task = asyncio.create_task(stream.next())
        while not listener.waits:
            await asyncio.sleep(0.001)
        print("waits")

    asyncio.run(main())
    """
    client = framework.Client
    done = run_python(code, mongo_uri, db_name, client.__module__, client.__name__)
    assert done.stdout.split() == ["waits"]
