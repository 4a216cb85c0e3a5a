"""Motor 3 as Tornado's users wrote it: generators under `gen.coroutine` that yield futures.

asyncio's classes give the same futures, so they run here as well.
"""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, InvalidOperation

pytest.importorskip("tornado")

from tornado import gen

from support import Framework
from support.cursors import ids

in_order: list[Any] = [{"$sort": {"_id": 1}}]


@pytest.fixture
def three(sync_db: Any, collection: Any) -> Any:
    """A collection of three documents."""
    sync_db.test.insert_many([{"_id": n} for n in range(3)])
    return collection


async def test_find_one_and_writes_are_yielded(framework: Framework, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        assert (yield three.insert_one({"_id": 3})).inserted_id == 3
        assert (yield three.find_one({"_id": 3})) == {"_id": 3}
        with pytest.raises(DuplicateKeyError):
            yield three.insert_one({"_id": 3})
        result = yield three.delete_many({})
        raise gen.Return(result.deleted_count)

    assert await body() == 4


async def test_to_list_is_yielded(framework: Framework, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        cursor = three.find().sort("_id")
        first = yield cursor.to_list(2)
        rest = yield cursor.to_list(length=100)
        return ids(first), ids(rest)

    assert await body() == ([0, 1], [2])


@pytest.mark.filterwarnings("ignore:The (fetch_next|next_object) :DeprecationWarning")
@pytest.mark.parametrize("latent", [False, True], ids=["find", "aggregate"])
async def test_fetch_next_is_yielded(framework: Framework, three: Any, latent: bool) -> None:
    @gen.coroutine
    def body() -> Any:
        cursor = three.aggregate(in_order) if latent else three.find().sort("_id").batch_size(2)
        seen = []
        while (yield cursor.fetch_next):
            seen.append(cursor.next_object())
        return ids(seen)

    assert await body() == [0, 1, 2]


async def test_next_and_close_of_a_cursor_are_yielded(framework: Framework, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        cursor = three.find().sort("_id").batch_size(2)
        assert (yield cursor.next()) == {"_id": 0}
        yield cursor.close()
        return cursor

    assert (await body()).closed


async def test_latent_cursors_are_yielded(framework: Framework, db: Any, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        cursor = yield three.aggregate(in_order)
        assert ids((yield cursor.to_list(None))) == [0, 1, 2]
        collections = yield db.list_collections()
        assert (yield collections.next())["name"] == "test"
        # Without yield as well, as Motor 3 has it.
        return ids((yield three.aggregate(in_order).to_list(None)))

    assert await body() == [0, 1, 2]


async def test_sessions_and_transactions_are_yielded(
    framework: Framework, client: Any, three: Any
) -> None:
    @gen.coroutine
    def body() -> Any:
        session = yield client.start_session()
        try:
            session.start_transaction()
            yield three.insert_one({"_id": "kept"}, session=session)
            yield session.commit_transaction()
            yield session.start_transaction()
            yield three.insert_one({"_id": "dropped"}, session=session)
            yield session.abort_transaction()
        finally:
            yield session.end_session()
        assert session.has_ended
        return (yield three.distinct("_id"))

    assert await body() == [0, 1, 2, "kept"]


async def test_with_transaction_is_yielded_and_takes_a_generator(
    framework: Framework, client: Any, three: Any
) -> None:
    @gen.coroutine
    def add(session: Any) -> Any:
        yield three.insert_one({"_id": "added"}, session=session)
        return "result"

    @gen.coroutine
    def body() -> Any:
        session = yield client.start_session()
        result = yield session.with_transaction(add)
        yield session.end_session()
        return result

    assert await body() == "result"
    assert await three.count_documents({"_id": "added"}) == 1


async def test_change_streams_are_yielded(framework: Framework, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        stream = yield three.watch()
        yield three.insert_one({"_id": "seen"})
        event = yield stream.next()
        yield stream.close()
        return event["documentKey"]

    assert await body() == {"_id": "seen"}


async def test_closing_a_client_is_yielded(framework: Framework, client: Any, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        yield three.find_one()
        yield client.close()
        with pytest.raises(InvalidOperation):
            yield three.find_one()

    await body()


async def test_lists_dictionaries_and_multi_are_yielded(framework: Framework, three: Any) -> None:
    @gen.coroutine
    def body() -> Any:
        first, second = yield [three.find_one({"_id": 1}), three.aggregate(in_order)]
        both = yield {"count": three.count_documents({}), "all": second.to_list(None)}
        third = yield gen.multi([three.find_one({"_id": 2})])
        timely = yield gen.with_timeout(30 + _now(), three.find_one({"_id": 0}))
        return first, both["count"], ids(both["all"]), third, timely

    def _now() -> float:
        from tornado.ioloop import IOLoop

        return IOLoop.current().time()

    assert await body() == ({"_id": 1}, 3, [0, 1, 2], [{"_id": 2}], {"_id": 0})
