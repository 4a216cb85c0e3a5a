"""Calls where no event loop runs: in threads, in a program's main part, in IPython's cells."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from motor.execution.deferred import DeferredOperation
from motor.operation import OperationFuture
from support import Framework
from support.process import run_python

pytestmark = pytest.mark.every_loop

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def in_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        return executor.submit(function).result()


#: One operation of each kind that starts something.
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "find_one": lambda c: c.find_one({"_id": 1}),
    "insert_one": lambda c: c.insert_one({"x": 1}),
    "command": lambda c: c.database.command("ping"),
    "to_list": lambda c: c.find().to_list(),
    "to_list of a length": lambda c: c.find().to_list(1),
    "next": lambda c: c.find().next(),
    "aggregate": lambda c: c.aggregate([]).to_list(),
    "distinct of a cursor": lambda c: c.find().distinct("_id"),
    "list_indexes": lambda c: c.list_indexes().to_list(),
    "close of a cursor": lambda c: c.find().close(),
    "close of a stream": lambda c: c.watch().close(),
    "end_session": lambda c: c.database.client.start_session().end_session(),
    "aconnect": lambda c: c.database.client.aconnect(),
}


@pytest.fixture
def one(sync_db: Any, collection: Any) -> Any:
    sync_db.test.insert_one({"_id": 1})
    return collection


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_run_by_the_loop_that_takes_it(
    framework: Framework, one: Any, name: str
) -> None:
    operation = OPERATIONS[name]

    def on_asyncios_runner() -> Any:
        return asyncio.run(operation(one))

    def on_a_new_loop() -> Any:
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(operation(one))
        finally:
            loop.close()

    expected = framework.run(lambda: operation(one))
    for run in (on_asyncios_runner, on_a_new_loop, on_asyncios_runner):
        assert type(in_thread(run)) is type(expected)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_made_in_a_thread_is_run_on_the_loop_it_is_given_to(
    framework: Framework, client_factory: Any, one: Any, name: str
) -> None:
    """With a client that was used on the loop before, and with one that was not."""

    async def main(collection: Any) -> Any:
        loop = asyncio.get_running_loop()

        def in_the_thread() -> Any:
            operation = OPERATIONS[name](collection)
            return asyncio.run_coroutine_threadsafe(operation, loop).result()

        return await asyncio.to_thread(in_the_thread)

    fresh = client_factory()[one.database.name].test
    expected = framework.run(lambda: OPERATIONS[name](one))
    for collection in (one, fresh):
        assert type(framework.run(lambda c=collection: main(c))) is type(expected)


def test_call_in_a_thread_belongs_to_the_loop_that_the_client_was_used_on(
    framework: Framework, one: Any, sync_db: Any
) -> None:
    async def main() -> None:
        await one.find_one()
        future = await asyncio.to_thread(lambda: one.insert_one({"_id": "from a thread"}))
        assert isinstance(future, OperationFuture)
        assert future.get_loop() is asyncio.get_running_loop()
        assert (await future).inserted_id == "from a thread"
        found = await asyncio.to_thread(one.database.client.get_io_loop)
        assert found is framework.current_loop()
        # Not awaited in the thread, and done all the same.
        await asyncio.to_thread(lambda: one.insert_one({"_id": "not awaited"}))
        while not await one.find_one({"_id": "not awaited"}):
            pass

    framework.run(main)


def test_what_the_operation_raises_reaches_the_caller(framework: Framework, one: Any) -> None:
    def run() -> None:
        with pytest.raises(DuplicateKeyError):
            asyncio.run(one.insert_one({"_id": 1}))
        with pytest.raises(TypeError):
            asyncio.run(one.insert_one(5))

    in_thread(run)


def test_nothing_is_sent_before_a_loop_takes_it(
    framework: Framework, one: Any, sync_db: Any
) -> None:
    def run() -> None:
        operation = one.insert_one({"_id": 2})
        assert isinstance(operation, DeferredOperation)
        assert sync_db.test.count_documents({}) == 1
        assert asyncio.run(operation).inserted_id == 2

    in_thread(run)
    assert sync_db.test.count_documents({}) == 2


def test_operation_that_is_never_awaited_says_so(framework: Framework, one: Any) -> None:
    def run() -> None:
        one.insert_one({"_id": 2})
        gc.collect()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        in_thread(run)


def test_operation_that_was_closed_cannot_be_awaited(framework: Framework, one: Any) -> None:
    def run() -> None:
        operation = one.insert_one({"_id": 2})
        operation.close()

        async def main() -> None:
            await operation

        with pytest.raises(RuntimeError, match=r"insert_one\(\) was closed before it started"):
            asyncio.run(main())

    in_thread(run)


def test_operation_starts_once_however_often_it_is_awaited(framework: Framework, one: Any) -> None:
    def run() -> None:
        operation = one.insert_one({"x": 1})

        async def main() -> None:
            first, second = await operation, await operation
            assert first is second

        asyncio.run(main())

    in_thread(run)


def test_context_is_that_of_the_call() -> None:
    seen: list[str] = []

    def run() -> None:
        variable.set("at the call")
        operation = DeferredOperation(lambda: _note(seen), "note")
        variable.set("later")
        asyncio.run(operation)

    in_thread(run)
    assert seen == ["at the call"]


async def _note(seen: list[str]) -> None:
    seen.append(variable.get())


def test_cancelling_the_task_cancels_the_operation(framework: Framework) -> None:
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def main() -> None:
        task = asyncio.create_task(operation)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    operation = DeferredOperation(forever, "forever")
    asyncio.run(main())
    assert cancelled.is_set()


def test_cells_of_ipython(mongo_uri: str, db_name: str) -> None:
    """A loop that is kept, and not set: `f = insert_one(…)` in one cell, `await f` in the next."""
    code = """
        import asyncio, sys
        from motor.motor_asyncio import AsyncIOMotorClient
        uri, name = sys.argv[1:]
        loop = asyncio.new_event_loop()

        async def cell(awaitable):
            return await awaitable

        client = AsyncIOMotorClient(uri)
        loop.run_until_complete(cell(client[name].test.find_one()))
        f = client[name].test.insert_one({"_id": 1})
        print(loop.run_until_complete(cell(f)).inserted_id)
        loop.run_until_complete(cell(client.close()))
        loop.close()
    """
    assert run_python(code, mongo_uri, db_name).stdout == "1\n"


def test_main_part_of_a_program(mongo_uri: str, db_name: str) -> None:
    """No loop was ever there, and none is made by asking."""
    code = """
        import asyncio, sys
        from motor.motor_asyncio import AsyncIOMotorClient
        uri, name = sys.argv[1:]
        collection = AsyncIOMotorClient(uri)[name].test
        print(asyncio.run(collection.insert_one({"_id": 1})).inserted_id)
        print(asyncio.run(collection.find().to_list()))
        collection.database.client.close()
    """
    assert run_python(code, mongo_uri, db_name).stdout == "1\n[{'_id': 1}]\n"


def test_tornados_run_sync(mongo_uri: str, db_name: str) -> None:
    code = """
        import sys
        from motor.motor_tornado import MotorClient
        from tornado.ioloop import IOLoop
        uri, name = sys.argv[1:]
        collection = MotorClient(uri)[name].test
        loop = IOLoop(make_current=False)
        print(loop.run_sync(lambda: collection.insert_one({"_id": 1})).inserted_id)
        loop.close()
        collection.database.client.close()
    """
    assert run_python(code, mongo_uri, db_name).stdout == "1\n"


def test_under_trio_the_error_names_what_is_supported(mongo_uri: str, db_name: str) -> None:
    code = """
        import sys
        from motor.motor_asyncio import AsyncIOMotorClient
        uri, name = sys.argv[1:]
        collection = AsyncIOMotorClient(uri)[name].test

        async def main():
            await collection.find_one()

        coroutine = main()
        try:
            # What trio does: no loop of asyncio's runs.
            coroutine.send(None)
        except RuntimeError as error:
            print(error)
        collection.database.client.close()
    """
    ended = run_python(code, mongo_uri, db_name)
    assert "asyncio and Tornado" in ended.stdout
    assert "anyio on asyncio" in ended.stdout
    # It was awaited, so no warning says that it was not.
    assert ended.stderr == ""
