"""One client on any event loop, in any thread."""

from __future__ import annotations

import asyncio
import threading
import unittest
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from support import CommandRecorder, Framework, wait_until

pytestmark = pytest.mark.every_loop

try:
    import uvloop
except ImportError:
    uvloop = None

_APP = "motor-test-loops"


async def use(collection: Any, key: Any) -> None:
    """A bit of everything."""
    await collection.insert_many([{"key": key, "n": n} for n in range(5)])
    assert [doc["n"] async for doc in collection.find({"key": key}, batch_size=2)] == [*range(5)]
    counts = await asyncio.gather(*(collection.count_documents({"key": key}) for _ in range(5)))
    assert counts == [5] * 5
    assert len(await collection.aggregate([{"$match": {"key": key}}]).to_list(None)) == 5


def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run `function` in a thread of its own, which never had an event loop."""
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        return executor.submit(function, *args).result()


# One loop after the other -----------------------------------------------------------------------


def test_one_client_serves_one_loop_after_the_other(framework: Framework, collection: Any) -> None:
    for number in range(10):
        framework.run(use(collection, number))


def test_asyncio_run_needs_nothing_of_the_client(collection: Any) -> None:
    for number in range(5):
        asyncio.run(use(collection, number))


@pytest.mark.skipif(uvloop is None, reason="uvloop is not installed")
def test_one_client_serves_asyncios_loops_and_uvloops(collection: Any) -> None:
    for number in range(3):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(use(collection, f"uvloop {number}"))
        asyncio.run(use(collection, f"asyncio {number}"))


@pytest.mark.skipif(uvloop is None, reason="uvloop is not installed")
def test_closed_uvloop_drops_what_is_under_way(collection: Any, sync_db: Any) -> None:
    async def main() -> None:
        for number in range(50):
            collection.insert_one({"_id": number})

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    wait_until(lambda: sync_db.test.count_documents({}) == 50, 60)


def test_objects_made_on_one_loop_work_on_the_next(
    framework: Framework, client: Any, db_name: str
) -> None:
    collection = client[db_name]["test"]

    async def begin() -> tuple[Any, Any, Any]:
        await collection.insert_many([{"_id": n} for n in range(10)])
        session = await client.start_session()
        cursor = collection.find(batch_size=2, session=session)
        assert (await cursor.next())["_id"] == 0
        stream = collection.watch()
        await stream
        return session, cursor, stream

    async def go_on(session: Any, cursor: Any, stream: Any) -> None:
        assert [doc["_id"] async for doc in cursor] == [*range(1, 10)]
        await collection.insert_one({"_id": 10}, session=session)
        assert (await stream.next())["documentKey"] == {"_id": 10}
        await stream.close()
        await session.end_session()

    objects = framework.run(begin())
    framework.run(go_on(*objects))


# Several at once --------------------------------------------------------------------------------


def test_one_client_serves_loops_in_many_threads_at_once(
    framework: Framework, collection: Any
) -> None:
    together = threading.Barrier(6)

    async def main(thread: int) -> None:
        together.wait(60)
        for turn in range(5):
            await use(collection, (thread, turn))

    with ThreadPoolExecutor(6, thread_name_prefix="motor-test") as executor:
        runs = [executor.submit(framework.run, main, thread) for thread in range(6)]
        for run in runs:
            run.result()


def test_future_belongs_to_the_loop_that_runs_at_the_call(
    framework: Framework, collection: Any
) -> None:
    seen: list[tuple[Any, Any]] = []

    async def main() -> None:
        future = collection.find_one()
        seen.append((future.get_loop(), asyncio.get_running_loop()))
        await future

    framework.run(main)
    in_thread(framework.run, main)
    for belongs, running in seen:
        assert belongs is running
    assert seen[0][1] is not seen[1][1]


# With no loop running ---------------------------------------------------------------------------


def test_operation_outside_any_coroutine_belongs_to_the_loop_set(
    framework: Framework, collection: Any
) -> None:
    def main() -> Any:
        loop = framework.new_loop()
        if framework.name == "tornado":
            with warnings.catch_warnings():
                # Tornado discourages what its users may still do.
                warnings.simplefilter("ignore", DeprecationWarning)
                loop.make_current()
            asyncio_loop = loop.asyncio_loop
        else:
            asyncio.set_event_loop(loop)
            asyncio_loop = loop
        try:
            future = collection.insert_one({"_id": 1})
            assert future.get_loop() is asyncio_loop
            assert collection.get_io_loop() is loop
            return asyncio_loop.run_until_complete(future)
        finally:
            loop.close()
            asyncio.set_event_loop(None)

    # In a thread, because another test may care for the main thread's loop.
    assert in_thread(main).inserted_id == 1


def test_io_loop_is_where_calls_from_outside_belong(
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    loop = framework.new_loop()
    client = client_factory(io_loop=loop)
    collection = client[db_name]["test"]
    asyncio_loop = getattr(loop, "asyncio_loop", loop)
    try:
        assert client.io_loop is client.get_io_loop() is collection.get_io_loop() is loop
        future = collection.insert_one({"_id": 1})
        assert future.get_loop() is asyncio_loop
        assert asyncio_loop.run_until_complete(future).inserted_id == 1
        # Also when the call comes from a thread without a loop.
        future = in_thread(collection.insert_one, {"_id": 2})
        assert asyncio_loop.run_until_complete(future).inserted_id == 2
        # A loop that runs comes first.
        in_thread(framework.run, use, collection, 1)
    finally:
        loop.close()


def test_get_io_loop_may_be_assigned(framework: Framework, client: Any, db_name: str) -> None:
    loop = framework.new_loop()
    asyncio_loop = getattr(loop, "asyncio_loop", loop)
    try:
        client.get_io_loop = lambda: loop
        future = client[db_name]["test"].insert_one({"_id": 1})
        assert future.get_loop() is asyncio_loop
        assert asyncio_loop.run_until_complete(future).inserted_id == 1
        assert client.io_loop is loop
    finally:
        loop.close()
    if framework.name == "asyncio":
        client.get_io_loop = asyncio.get_running_loop
        framework.run(use(client[db_name]["test"], 1))


def test_get_io_loop_in_a_coroutine_is_the_running_one(framework: Framework, client: Any) -> None:
    async def main() -> None:
        assert client.get_io_loop() is framework.current_loop()

    framework.run(main)
    # Without the framework's help: Tornado's classes run on a loop of asyncio's, too.
    asyncio.run(main())


def test_without_any_loop_an_operation_starts_when_one_takes_it(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name]["test"]

    def call() -> Any:
        with pytest.raises(RuntimeError, match="no event loop here"):
            collection.get_io_loop()
        return collection.insert_one({"_id": 1})

    operation = in_thread(call)

    async def main() -> Any:
        assert not commands.named("insert")
        return await operation

    assert framework.run(main).inserted_id == 1


def test_asking_for_the_loop_leaves_the_warning_filters_alone(
    framework: Framework, client: Any
) -> None:
    before = warnings.filters[:]
    together = threading.Barrier(4)

    def ask() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        together.wait(60)
        for _ in range(300):
            # Tornado warns, outside coroutines, of the loop that it makes; only the filters count.
            with suppress(DeprecationWarning):
                client.get_io_loop()
        asyncio.set_event_loop(None)
        loop.close()

    with ThreadPoolExecutor(4, thread_name_prefix="motor-test") as executor:
        for run in [executor.submit(ask) for _ in range(4)]:
            run.result()
    assert warnings.filters == before


# Loops that end ---------------------------------------------------------------------------------


def test_loop_closed_under_an_operation_loses_only_the_answer(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    sync_db: Any,
    commands: CommandRecorder,
    fail_point: Any,
) -> None:
    collection = client_factory(appname=_APP, event_listeners=[commands])[db_name]["test"]

    async def main() -> Any:
        return collection.insert_one({"_id": 1})

    with fail_point(
        failCommands=["insert"],
        blockConnection=True,
        blockTimeMS=200,
        appName=_APP,
        mode={"times": 1},
    ):
        future = framework.run(main)
        assert future.get_loop().is_closed()
        assert not commands.succeeded_events
        wait_until(lambda: commands.succeeded_events, 60)
    assert not future.done()
    assert sync_db.test.distinct("_id") == [1]
    framework.run(use(collection, 1))


def test_operations_that_are_not_awaited_are_done(
    framework: Framework, collection: Any, sync_db: Any
) -> None:
    async def main() -> None:
        for number in range(50):
            collection.insert_one({"_id": number})

    framework.run(main)
    wait_until(lambda: sync_db.test.count_documents({}) == 50, 60)


# The test frameworks of others ------------------------------------------------------------------


def run_case(case: type[unittest.TestCase]) -> None:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun == 3
    assert result.wasSuccessful(), result.errors + result.failures


def test_isolated_asyncio_test_case_has_a_loop_for_each_test(collection: Any) -> None:
    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self) -> None:
            await collection.delete_many({})

        async def test_one(self) -> None:
            await use(collection, 1)

        async def test_two(self) -> None:
            await use(collection, 2)

        async def test_three(self) -> None:
            await use(collection, 3)

        async def asyncTearDown(self) -> None:
            assert await collection.count_documents({}) == 5

    run_case(Case)
