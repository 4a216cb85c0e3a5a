"""Mistakes that people make, and what they are told: what was forgotten, and where."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import operator
import re
import warnings
from collections.abc import AsyncIterable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from motor.motor_asyncio import AsyncIOMotorClient
from motor.operation import OperationFuture
from support import Framework, async_wait_until

FORGOTTEN = re.escape("it is an operation, not its result. Did you forget 'await'?")

# A future in the place of its result --------------------------------------------------------------

#: Uses of a result, and the error that a future raises for each.
USES: dict[str, tuple[Callable[[Any], Any], type[Exception]]] = {
    "result['x']": (lambda result: result["x"], TypeError),
    "result['x'] = 1": (lambda result: operator.setitem(result, "x", 1), TypeError),
    "del result['x']": (lambda result: operator.delitem(result, "x"), TypeError),
    "result.get": (lambda result: result.get("x"), AttributeError),
    "result.inserted_id": (lambda result: result.inserted_id, AttributeError),
    "result + 1": (lambda result: result + 1, TypeError),
    "1 + result": (lambda result: 1 + result, TypeError),
    "result % 2": (lambda result: result % 2, TypeError),
    "result > 0": (lambda result: result > 0, TypeError),
    "0 < result": (lambda result: result > 0, TypeError),
    "len": (len, TypeError),
    "int": (int, TypeError),
    "float": (float, TypeError),
    "range": (range, TypeError),
    "in": (lambda result: "x" in result, TypeError),
}


@pytest.mark.parametrize("use", USES)
async def test_a_future_says_that_it_is_no_result(
    framework: Framework, collection: Any, use: str
) -> None:
    function, error = USES[use]
    future = collection.find_one({})
    with pytest.raises(error, match=FORGOTTEN):
        function(future)
    assert await future is None


@pytest.mark.parametrize("use", USES)
def test_an_operation_that_no_loop_has_taken_says_it_too(use: str) -> None:
    function, error = USES[use]
    client: Any = AsyncIOMotorClient("mongodb://127.0.0.1:1/")
    operation = client.db.test.find_one({})
    with pytest.raises(error, match=FORGOTTEN):
        function(operation)
    operation.close()
    client.close()


async def test_a_future_in_a_set_says_it_too(framework: Framework, collection: Any) -> None:
    future = collection.find_one({})
    assert {future} == {future}
    with pytest.raises(TypeError, match=FORGOTTEN):
        future["x"]
    await future


async def test_if_without_await_warns(framework: Framework, collection: Any) -> None:
    future = collection.find_one({})
    with pytest.warns(RuntimeWarning, match=FORGOTTEN) as caught:
        assert future
    assert caught[0].filename == __file__
    await future


async def test_what_loops_do_with_futures_does_not_warn(
    framework: Framework, collection: Any
) -> None:
    """Warnings are errors here: whatever asks for a future's truth fails."""
    found = await asyncio.gather(collection.find_one({}), collection.count_documents({}))
    assert found == [None, 0]
    done, pending = await asyncio.wait([collection.find_one({})])
    assert len(done) == 1
    assert not pending
    assert await asyncio.wait_for(collection.find_one({}), 60) is None
    assert await asyncio.shield(collection.find_one({})) is None
    for future in asyncio.as_completed([collection.find_one({})]):
        assert await future is None
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(collection.find_one({}))
        assert repr(task).startswith("<")
    # What is asked whether it is a coroutine, or anything else.
    assert not hasattr(collection.find_one({}), "cr_frame")
    assert not hasattr(collection.find_one({}), "__html__")


def test_a_task_of_an_operation_that_no_loop_had_taken_may_be_described_and_cancelled() -> None:
    client: Any = AsyncIOMotorClient("mongodb://127.0.0.1:1/")

    async def main(operation: Any) -> None:
        task = asyncio.create_task(operation)
        assert repr(task).startswith("<")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main(client.db.test.find_one({})))
    client.close()


async def test_what_tornado_does_with_futures_does_not_warn(collection: Any) -> None:
    from tornado import gen

    assert await gen.multi([collection.find_one({}), collection.find_one({})]) == [None, None]
    assert await gen.multi({"one": collection.find_one({})}) == {"one": None}
    assert (
        await gen.with_timeout(timedelta(seconds=60), gen.convert_yielded(collection.find_one({})))
        is None
    )

    @gen.coroutine
    def old_style() -> Iterator[Any]:
        found = yield collection.find_one({})
        return found

    assert await old_style() is None


def test_a_future_has_no_methods_of_a_mapping_or_stream() -> None:
    assert not any(hasattr(OperationFuture, name) for name in ("keys", "items", "__aiter__"))


# Cursors read with a plain "for" ------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda collection: collection.find(),
        lambda collection: collection.find_raw_batches(),
        lambda collection: collection.aggregate([]),
        lambda collection: collection.list_indexes(),
    ],
)
async def test_a_cursor_says_how_it_is_read(
    framework: Framework, collection: Any, make: Callable[[Any], Any]
) -> None:
    cursor = make(collection)
    instead = re.escape("use 'async for', or 'await cursor.to_list()'")
    for use in (iter, list, len, sorted, lambda cursor: [*cursor]):
        with pytest.raises(TypeError, match=f"'{type(cursor).__name__}'.*{instead}"):
            use(cursor)
    for name in ("append", "get", "items", "pop"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*{instead}"):
            getattr(cursor, name)
    assert bool(cursor) is True
    assert isinstance(cursor, AsyncIterable)
    await cursor.close()


async def test_a_change_stream_and_a_file_say_how_they_are_read(
    framework: Framework, collection: Any, db: Any
) -> None:
    with pytest.raises(TypeError, match=r"use 'async for', or 'await stream.next\(\)'"):
        list(collection.watch())
    bucket = framework.GridFSBucket(db)
    file_id = await bucket.upload_from_stream("name", b"content")
    with pytest.raises(TypeError, match=r"use 'async for', or 'await grid_out.read\(\)'"):
        list(await bucket.open_download_stream(file_id))


# Operations that are never awaited ----------------------------------------------------------


def logged(context: dict[str, Any]) -> str:
    return f"{context['message']}: {context['future']!r}"


async def fail_twice(framework: Framework, start: Callable[[], Any]) -> list[dict[str, Any]]:
    """What the loop is told of an operation that has failed, and that was not awaited."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))

    def is_told() -> bool:
        gc.collect()
        return bool(told)

    start()
    await async_wait_until(is_told)
    return told


async def test_a_failure_that_is_never_awaited_says_which(
    framework: Framework, collection: Any
) -> None:
    await collection.insert_one({"_id": 1})
    (context,) = await fail_twice(framework, lambda: collection.insert_one({"_id": 1}))
    assert isinstance(context["exception"], DuplicateKeyError)
    name = type(collection).__name__
    assert f"<OperationFuture of {name}.insert_one() finished" in logged(context)
    # Only the debug mode knows, and it costs.
    assert __file__ not in logged(context)


async def test_in_debug_mode_it_also_says_where(framework: Framework, collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        (context,) = await fail_twice(framework, lambda: collection.insert_one({"_id": 1}))
    finally:
        loop.set_debug(False)
    line = test_in_debug_mode_it_also_says_where.__code__.co_firstlineno + 5
    assert f" called at {__file__}:{line} finished" in logged(context)


async def test_a_file_that_is_never_awaited_says_which(framework: Framework, db: Any) -> None:
    bucket = framework.GridFSBucket(db)
    await bucket.upload_from_stream_with_id(1, "name", b"content")
    (context,) = await fail_twice(
        framework, lambda: bucket.upload_from_stream_with_id(1, "name", b"content")
    )
    assert f"of {type(bucket).__name__}.upload_from_stream_with_id()" in logged(context)


def test_an_operation_that_no_loop_has_taken_says_which() -> None:
    client: Any = AsyncIOMotorClient("mongodb://127.0.0.1:1/")
    operations = {
        "AsyncIOMotorCollection.insert_one": client.db.test.insert_one({}),
        "AsyncIOMotorCursor.to_list": client.db.test.find().to_list(),
    }
    for name in list(operations):
        with pytest.warns(RuntimeWarning, match=rf"^{name}\(\) was called where no event loop"):
            del operations[name]
    client.close()


def test_the_warnings_of_mistakes_can_be_turned_off() -> None:
    client: Any = AsyncIOMotorClient("mongodb://127.0.0.1:1/")
    operation = client.db.test.find_one({})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert operation
    operation.close()
    client.close()
