"""``callback(result, error)``, on Tornado; asyncio never had it."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure
from tornado import gen

import motor
from support import run_python
from support.old_style import old

on_tornado = pytest.mark.parametrize("framework", ["tornado"], indirect=True)
on_asyncio = pytest.mark.parametrize("framework", ["asyncio"], indirect=True)

CALLBACK = "The argument 'callback' of {} methods"


class Called:
    """A callback: `outcome` is a future of what it was called with."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __call__(self, result: Any, error: Any) -> None:
        self.outcome.set_result((result, error))


@on_tornado
async def test_method_of_today_calls_it_with_the_result(collection: Any, db: Any) -> None:
    called = [Called() for _ in range(4)]
    with old(*[CALLBACK.format("collection")] * 3, CALLBACK.format("database"), at="callback="):
        assert collection.insert_one({"_id": 1}, callback=called[0]) is None
        result, error = await called[0].outcome
        assert (result.inserted_id, error) == (1, None)
        assert collection.find_one({"_id": 1}, callback=called[1]) is None
        assert await called[1].outcome == ({"_id": 1}, None)
        collection.create_index("x", callback=called[2])
        assert await called[2].outcome == ("x_1", None)
        db.command("ping", callback=called[3])
        assert (await called[3].outcome)[0]["ok"] == 1


@on_tornado
async def test_methods_of_clients_call_it(client: Any, db: Any) -> None:
    called = [Called() for _ in range(2)]
    with old(*[CALLBACK.format("client")] * 2, at="callback="):
        client.server_info(callback=called[0])
        assert (await called[0].outcome)[0]["ok"] == 1
        client.drop_database(db.name, callback=called[1])
        assert (await called[1].outcome)[1] is None


@on_tornado
async def test_old_method_calls_it_with_the_result(collection: Any, client: Any) -> None:
    called = [Called() for _ in range(4)]
    with old("collection.insert()"):
        assert collection.insert({"_id": 1}, callback=called[0]) is None
    assert await called[0].outcome == (1, None)
    with old("cursor.count()"):
        collection.find().count(callback=called[1])
    assert await called[1].outcome == (1, None)
    with old("client.open()"):
        client.open(callback=called[2])
    assert await called[2].outcome == (client, None)
    with old("collection.initialize_ordered_bulk_op()"):
        bulk = collection.initialize_ordered_bulk_op()
    bulk.insert({"_id": 2})
    bulk.execute(callback=called[3])
    assert (await called[3].outcome)[0]["nInserted"] == 1


@on_tornado
async def test_errors_go_to_it_and_nowhere_else(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    called = [Called() for _ in range(2)]
    with old(CALLBACK.format("collection"), "collection.insert()", at="insert"):
        collection.insert_one({"_id": 1}, callback=called[0])
        collection.insert({"_id": 1}, callback=called[1])
    for each in called:
        result, error = await each.outcome
        assert result is None
        assert isinstance(error, DuplicateKeyError)


@on_tornado
async def test_cursor_calls_it(collection: Any) -> None:
    await collection.insert_many([{"_id": 1}, {"_id": 2}])
    called = [Called() for _ in range(5)]
    with old(*[CALLBACK.format("cursor")] * 4, at="called"):
        cursor = collection.find()
        assert cursor.to_list(1, called[0]) is None
        assert await called[0].outcome == ([{"_id": 1}], None)
        cursor.to_list(length=5, callback=called[1])
        assert await called[1].outcome == ([{"_id": 2}], None)
        cursor.close(called[2])
        assert await called[2].outcome == (None, None)
        collection.find().distinct("_id", callback=called[3])
        assert await called[3].outcome == ([1, 2], None)
    with old(CALLBACK.format("command_cursor"), at="called"):
        collection.aggregate([]).to_list(None, called[4])
        assert len((await called[4].outcome)[0]) == 2


@on_tornado
async def test_aggregate_without_cursor_calls_it(collection: Any) -> None:
    called = Called()
    cursor = "This value of the argument 'cursor' of collection.aggregate()"
    with old(cursor, CALLBACK.format("collection"), at="aggregate"):
        collection.aggregate([], cursor=False, callback=called)
        assert await called.outcome == ({"result": [], "ok": 1.0}, None)


@on_tornado
async def test_exception_in_it_goes_to_the_loop(
    collection: Any, loop_errors: list[dict[str, Any]]
) -> None:
    done = asyncio.Event()

    def callback(result: Any, error: Any) -> None:
        done.set()
        raise ZeroDivisionError

    with old(CALLBACK.format("collection"), at="callback="):
        collection.find_one(callback=callback)
        await done.wait()
        await asyncio.sleep(0)
    (context,) = loop_errors
    assert isinstance(context["exception"], ZeroDivisionError)


@on_tornado
async def test_it_runs_in_the_context_of_the_call(collection: Any) -> None:
    variable = contextvars.ContextVar("variable", default="")
    variable.set("mine")
    called = Called()
    with old(CALLBACK.format("collection"), at="callback="):
        collection.find_one(callback=lambda result, error: called(variable.get(), error))
    assert (await called.outcome)[0] == "mine"


@on_tornado
async def test_none_is_no_callback(collection: Any) -> None:
    with old(CALLBACK.format("collection"), at="callback="):
        assert await collection.find_one(callback=None) is None
    with old("collection.count()"):
        assert await collection.count(callback=None) == 0


@on_tornado
async def test_it_has_to_be_callable(collection: Any) -> None:
    with (
        old(CALLBACK.format("collection"), "collection.insert()", at=""),
    ):
        with pytest.raises(TypeError, match="callback must be a callable"):
            collection.find_one(callback=5)
        with pytest.raises(TypeError, match="callback must be a callable"):
            collection.insert({}, callback="x")
    assert await collection.count_documents({}) == 0


@on_asyncio
async def test_asyncio_prohibits_them(collection: Any) -> None:
    with old(CALLBACK.format("collection"), "collection.insert()", at=""):
        with pytest.raises(NotImplementedError, match="Motor with asyncio prohibits callbacks"):
            collection.find_one(callback=print)
        with pytest.raises(NotImplementedError, match="Motor with asyncio prohibits callbacks"):
            collection.insert({}, callback=print)
    assert await collection.count_documents({}) == 0


@on_asyncio
@pytest.mark.parametrize("owner", ["client", "database", "cursor", "command_cursor"])
async def test_asyncio_prohibits_them_everywhere(
    client: Any, db: Any, collection: Any, owner: str
) -> None:
    calls = {
        "client": lambda: client.server_info(callback=print),
        "database": lambda: db.command("ping", callback=print),
        "cursor": lambda: collection.find().to_list(1, callback=print),
        "command_cursor": lambda: collection.aggregate([]).to_list(1, callback=print),
    }
    with (
        old(CALLBACK.format(owner), at=f'"{owner}": lambda'),
        pytest.raises(NotImplementedError, match="Motor with asyncio prohibits callbacks"),
    ):
        calls[owner]()


# Tornado's coroutines -------------------------------------------------------------------------


@on_tornado
async def test_op_calls_the_method(collection: Any) -> None:
    with old("motor.Op"):
        op = motor.Op
    assert await op(collection.find_one, {"_id": 1}) is None
    with pytest.raises(TypeError, match="Op takes a method"):
        op(5)


@on_tornado
async def test_warning_points_at_the_line_that_yields(collection: Any) -> None:
    @gen.coroutine
    def insert() -> Any:
        result = yield collection.insert({"_id": 1})
        with pytest.raises(DuplicateKeyError):
            yield collection.insert({"_id": 1})
        return result

    with old("collection.insert()", "collection.insert()"):
        assert await insert() == 1


async def test_warning_points_at_the_line_that_calls_a_bound_method(collection: Any) -> None:
    insert = collection.insert
    with old("collection.insert()"):
        await insert({"_id": 1})


async def test_deprecations_can_be_made_errors(collection: Any) -> None:
    with pytest.raises(DeprecationWarning, match=r"collection\.insert\(\) is deprecated"):
        collection.insert({"_id": 1})
    with pytest.raises(DeprecationWarning, match="callback"):
        collection.insert_one({"_id": 1}, callback=print)
    assert await collection.count_documents({}) == 0


def test_importing_a_name_that_is_gone_warns_once_and_there() -> None:
    run_python(
        """
        import warnings

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            from motor import Op
            from motor.motor_tornado import MotorReplicaSetClient
            from motor.motor_asyncio import AsyncIOMotorReplicaSetClient
        assert [warning.filename for warning in caught] == ["<string>"] * 3, caught
        for module in ("motor.motor_asyncio", "motor"):
            try:
                getattr(__import__(module, fromlist=["x"]), "ReplicaSetClient")
            except AttributeError as error:
                assert "has no attribute 'ReplicaSetClient'" in str(error)
            else:
                raise AssertionError(module)
        """
    )


async def test_old_errors_are_those_of_the_server(collection: Any) -> None:
    with old("collection.update()"), pytest.raises(OperationFailure):
        await collection.update({"$nope": 1}, {"$set": {"x": 1}})
