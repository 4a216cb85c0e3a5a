"""The style before `async for`: `fetch_next` and `next_object`, and `each` with a callback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from support import async_wait_until
from support.cursors import ids, open_cursors
from support.errors import raises_code

pytestmark = pytest.mark.filterwarnings("ignore:The (fetch_next|next_object) :DeprecationWarning")


@pytest.fixture(autouse=True)
def ten_documents(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(10)])


def _find(collection: Any, **query: Any) -> Any:
    return collection.find(query, sort=[("_id", 1)], batch_size=4)


def _aggregate(collection: Any, **query: Any) -> Any:
    return collection.aggregate([{"$match": query}, {"$sort": {"_id": 1}}], batchSize=4)


@pytest.fixture(params=[_find, _aggregate], ids=["find", "aggregate"])
def cursor_on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


# fetch_next ---------------------------------------------------------------------------------


async def test_fetch_next_and_next_object_read_all(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    cursor, seen = cursor_on(collection), []
    while await cursor.fetch_next:
        seen.append(cursor.next_object()["_id"])
    assert seen == list(range(10))
    assert cursor.next_object() is None
    assert not await cursor.fetch_next


async def test_fetch_next_says_how_many_were_fetched(framework: Any, collection: Any) -> None:
    cursor = _find(collection)
    assert await cursor.fetch_next == 4
    cursor.next_object()
    assert await cursor.fetch_next is True
    await cursor.close()
    # What has come stays.
    assert await cursor.fetch_next is True
    assert [cursor.next_object()["_id"] for _ in range(3)] == [1, 2, 3]
    assert await cursor.fetch_next is False


async def test_fetch_next_is_false_for_an_empty_result(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    cursor = cursor_on(collection, _id=-1)
    assert not await cursor.fetch_next
    assert cursor.next_object() is None


async def test_fetch_next_starts_by_itself(framework: Any, collection: Any, cursor_on: Any) -> None:
    cursor = cursor_on(collection)
    future = cursor.fetch_next
    assert isinstance(future, asyncio.Future)
    assert cursor.started
    await async_wait_until(future.done)
    assert cursor.next_object()["_id"] == 0
    await cursor.close()


async def test_next_object_gives_all_of_a_large_batch(
    framework: Any, collection: Any, sync_db: Any
) -> None:
    # Large enough to be decoded in parts.
    sync_db.test.insert_many([{"_id": i, "text": "x" * 100} for i in range(10, 2000)])
    cursor = collection.find(sort=[("_id", 1)], batch_size=2000)
    assert await cursor.fetch_next
    assert [cursor.next_object()["_id"] for _ in range(2000)] == [*range(2000)]
    assert cursor.next_object() is None
    await cursor.close()


async def test_next_object_before_fetch_next_is_none(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    assert cursor_on(collection).next_object() is None


async def test_fetch_next_raises_the_servers_error(framework: Any, collection: Any) -> None:
    with raises_code(2):
        await collection.find({"$no_such": 1}).fetch_next
    with raises_code(40324):
        await collection.aggregate([{"$no_such": 1}]).fetch_next


async def test_styles_can_be_mixed(framework: Any, collection: Any, cursor_on: Any) -> None:
    cursor = cursor_on(collection)
    await cursor.fetch_next
    assert cursor.next_object()["_id"] == 0
    assert (await cursor.next())["_id"] == 1
    assert ids(await cursor.to_list(3)) == [2, 3, 4]
    assert await cursor.fetch_next
    assert cursor.next_object()["_id"] == 5
    assert [document["_id"] async for document in cursor] == [6, 7, 8, 9]


@pytest.mark.filterwarnings("default")
async def test_fetch_next_and_next_object_warn_at_the_caller(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    cursor = cursor_on(collection)
    with pytest.warns(DeprecationWarning, match="fetch_next") as caught:
        await cursor.fetch_next
    with pytest.warns(DeprecationWarning, match="next_object") as caught_too:
        cursor.next_object()
    assert caught[0].filename == caught_too[0].filename == __file__
    await cursor.close()


# each ---------------------------------------------------------------------------------------


class Recorder:
    """A callback for `each`, and a future that is resolved at the end."""

    def __init__(self, answer: Callable[[Any], Any] = lambda document: None) -> None:
        self.calls: list[tuple[Any, Any]] = []
        self.end = asyncio.get_running_loop().create_future()
        self._answer = answer

    def __call__(self, document: Any, error: Any) -> Any:
        self.calls.append((document, error))
        if document is None:
            self.end.set_result(None)
            return None
        return self._answer(document)


async def test_each_calls_back_for_each_document_and_at_the_end(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    callback = Recorder()
    assert cursor_on(collection).each(callback) is None
    assert callback.calls == []
    await callback.end
    assert callback.calls == [*(({"_id": i}, None) for i in range(10)), (None, None)]


async def test_each_in_a_thread_calls_back_on_the_clients_loop(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    # So that the loop complains of calls from other threads that do not wake it.
    asyncio.get_running_loop().set_debug(True)
    await collection.find_one()
    callback = Recorder()
    await asyncio.to_thread(lambda: cursor_on(collection).each(callback))
    await callback.end
    assert len(callback.calls) == 11


async def test_each_of_an_empty_result_calls_back_once(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    callback = Recorder()
    cursor_on(collection, _id=-1).each(callback)
    await callback.end
    assert callback.calls == [(None, None)]


async def test_each_hands_over_the_error(framework: Any, collection: Any) -> None:
    callback = Recorder()
    collection.find({"$no_such": 1}).each(callback)
    await callback.end
    ((document, error),) = callback.calls
    assert document is None
    assert isinstance(error, OperationFailure)


async def test_each_hands_over_an_error_in_a_later_batch(
    framework: Any, collection: Any, sync_db: Any
) -> None:
    cursor = _find(collection)

    def kill(document: Any) -> None:
        if document["_id"] == 0:
            sync_db.command("killCursors", "test", cursors=[cursor.cursor_id])

    callback = Recorder(kill)
    cursor.each(callback)
    await callback.end
    assert [document and document["_id"] for document, _ in callback.calls] == [0, 1, 2, 3, None]
    assert isinstance(callback.calls[-1][1], OperationFailure)


async def test_each_stops_at_false_and_keeps_the_rest(
    framework: Any, collection: Any, cursor_on: Any, sync_client: Any
) -> None:
    loop = asyncio.get_running_loop()
    stopped = loop.create_future()
    seen = []

    def callback(document: Any, error: Any) -> Any:
        seen.append(document["_id"])
        if len(seen) == 3:
            # After this callback has returned, and with it what called it.
            loop.call_soon(stopped.set_result, None)
            return False
        # Only False itself stops it.
        return 0

    cursor = cursor_on(collection)
    cursor.each(callback)
    await stopped
    assert seen == [0, 1, 2]
    assert cursor.alive
    assert not cursor.closed
    assert len(open_cursors(sync_client, collection.full_name)) == 1
    assert ids(await cursor.to_list()) == [3, 4, 5, 6, 7, 8, 9]
    assert seen == [0, 1, 2]


async def test_each_ends_when_the_callback_closes_the_cursor(
    framework: Any, collection: Any, cursor_on: Any, sync_client: Any
) -> None:
    cursor = cursor_on(collection)
    callback = Recorder(lambda document: cursor.close() if document["_id"] == 2 else None)
    cursor.each(callback)
    await callback.end
    assert [document and document["_id"] for document, _ in callback.calls] == [0, 1, 2, None]
    await async_wait_until(lambda: not open_cursors(sync_client, collection.full_name))


async def test_each_reports_what_the_callback_raises_to_the_loop(
    framework: Any, collection: Any, cursor_on: Any, loop_errors: list[dict[str, Any]]
) -> None:
    seen = []

    def callback(document: Any, error: Any) -> None:
        seen.append(document["_id"])
        raise ZeroDivisionError("on purpose")

    cursor = cursor_on(collection)
    cursor.each(callback)
    await async_wait_until(lambda: loop_errors)
    assert seen == [0]
    assert [str(context["exception"]) for context in loop_errors] == ["on purpose"]
    await cursor.close()


async def test_each_refuses_what_cannot_be_called(
    framework: Any, collection: Any, cursor_on: Any
) -> None:
    for wrong in (None, 1, "name"):
        with pytest.raises(TypeError, match="callback must be a callable"):
            cursor_on(collection).each(wrong)
    with pytest.raises(TypeError):
        cursor_on(collection).each()
