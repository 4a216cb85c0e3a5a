"""`inspect`, mocks and frameworks take awaited methods for coroutine functions.

These methods still start when they are called, and return a future.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any
from unittest import mock

import pytest

from motor.metaprogramming import coroutine_annotation
from motor.operation import OperationFuture
from support import Framework, class_names
from support.motor371 import MEMBERS

PREFIX = "AsyncIOMotor"
CLASSES = class_names()


def public(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


def marked(cls: type) -> set[str]:
    return {n for n in public(cls) if inspect.iscoroutinefunction(getattr(cls, n))}


def coroutine_functions(twin: type) -> set[str]:
    members = {name: inspect.unwrap(getattr(twin, name)) for name in public(twin)}
    return {n for n, member in members.items() if inspect.iscoroutinefunction(member)}


@pytest.mark.parametrize("name", CLASSES)
def test_marked_is_what_motor_3_or_pymongo_async_awaits(framework: Framework, name: str) -> None:
    cls, motor3 = getattr(framework, name), MEMBERS[name]
    awaited = motor3.coroutines | motor3.futures | coroutine_functions(cls.__async_class__)
    # A mock of what Motor 3 did not await would leave coroutines behind that nothing awaits.
    expected = {n for n in awaited - motor3.plain if not n.startswith("_")}
    assert marked(cls) == {n for n in expected if n in public(cls)}


@pytest.mark.filterwarnings("ignore:.*iscoroutinefunction:DeprecationWarning")
def test_mark_is_seen_by_all_that_ask(framework: Framework, collection: Any) -> None:
    asked = [inspect.iscoroutinefunction]
    if hasattr(asyncio, "iscoroutinefunction"):
        asked.append(asyncio.iscoroutinefunction)
    for ask in asked:
        assert ask(framework.Collection.insert_one)
        assert ask(collection.insert_one)
        assert ask(functools.partial(collection.insert_one, {}))
        assert ask(collection.find().to_list)
        assert not ask(framework.Collection.find)
        assert not ask(collection.aggregate)
        assert not ask(framework.Client.close)


async def test_marked_method_has_started_when_it_returns(collection: Any) -> None:
    future = collection.insert_one({"_id": 1})
    assert isinstance(future, OperationFuture)
    # Not awaited: something else is.
    while not future.done():
        await asyncio.sleep(0)
    assert await collection.count_documents({}) == 1


def test_functions_that_return_futures_can_be_marked() -> None:
    def start(value: int) -> int:
        """Start."""
        return value + 1

    code = start.__code__
    assert coroutine_annotation(start) is start
    assert inspect.iscoroutinefunction(start)
    assert start(1) == 2
    assert (start.__name__, start.__doc__) == ("start", "Start.")
    assert start.__code__.co_firstlineno == code.co_firstlineno

    class Startable:
        __name__ = "startable"

        def __call__(self) -> int:
            return 1

    startable = coroutine_annotation(Startable())
    assert startable() == 1


# Mocks ------------------------------------------------------------------------------------------


def mocks(cls: type) -> list[Any]:
    return [
        mock.AsyncMock(spec=cls),
        mock.MagicMock(spec=cls),
        mock.create_autospec(cls, instance=True),
    ]


async def test_mock_of_a_client_is_awaited_as_the_client_is(framework: Framework) -> None:
    for client in mocks(framework.Client):
        for method in ("start_session", "list_databases", "server_info", "list_database_names"):
            getattr(client, method).return_value = method
            assert await getattr(client, method)() == method
        client.close()
        client.close.assert_called_once_with()


async def test_mock_of_a_database_is_awaited_as_the_database_is(framework: Framework) -> None:
    for database in mocks(framework.Database):
        for method in ("create_collection", "cursor_command", "list_collections", "command"):
            getattr(database, method).return_value = method
            assert await getattr(database, method)("name") == method
        assert not inspect.isawaitable(database.aggregate([]))
        assert not inspect.isawaitable(database.watch())
        # What objects have, their classes have.
        assert database.client is not None


async def test_mock_of_a_collection_is_awaited_as_the_collection_is(framework: Framework) -> None:
    for collection in mocks(framework.Collection):
        collection.find_one.return_value = {"_id": 1}
        assert await collection.find_one({"_id": 1}) == {"_id": 1}
        collection.find_one.assert_awaited_once_with({"_id": 1})
        collection.find.return_value.to_list = mock.AsyncMock(return_value=[{"_id": 1}])
        assert await collection.find({}).to_list(length=1) == [{"_id": 1}]
        assert collection.database is not None
        assert collection.delegate is not None


async def test_mock_of_a_cursor_is_awaited_as_the_cursor_is(framework: Framework) -> None:
    classes = (framework.Cursor, framework.LatentCommandCursor, framework.ChangeStream)
    for cls in classes:
        for cursor in mocks(cls):
            assert await cursor.close() is not None
            assert await cursor.next() is not None
            if cls is not framework.ChangeStream:
                cursor.to_list.return_value = [1]
                assert await cursor.to_list(None) == [1]
                assert cursor.collection is not None


async def test_mock_of_a_bucket_is_awaited_as_the_bucket_is(framework: Framework) -> None:
    for bucket in mocks(framework.GridFSBucket):
        for method in ("open_download_stream", "open_download_stream_by_name", "delete"):
            getattr(bucket, method).return_value = method
            assert await getattr(bucket, method)("id") == method
        assert not inspect.isawaitable(bucket.open_upload_stream("name"))


async def test_mock_of_encryption_is_awaited_as_that_is(framework: Framework) -> None:
    for encryption in mocks(framework.ClientEncryption):
        encryption.get_keys.return_value = "keys"
        assert await encryption.get_keys() == "keys"
        encryption.create_encrypted_collection.return_value = "made"
        assert await encryption.create_encrypted_collection(None, "name", {}) == "made"


@pytest.mark.parametrize("name", CLASSES)
def test_wrong_arguments_are_told_by_a_mock(framework: Framework, name: str) -> None:
    spec = mock.create_autospec(getattr(framework, name), instance=True)
    with pytest.raises(TypeError):
        spec.get_io_loop("one too many")
    with pytest.raises(AttributeError):
        spec.not_a_member  # noqa: B018


# Frameworks -------------------------------------------------------------------------------------


async def test_fastapi_awaits_them_as_dependencies_and_in_the_background(
    client: Any, collection: Any
) -> None:
    fastapi = pytest.importorskip("fastapi")
    httpx = pytest.importorskip("httpx")
    app = fastapi.FastAPI()

    connect = fastapi.Depends(client.aconnect)

    async def answer(tasks: Any, connected: Any = connect) -> Any:
        tasks.add_task(collection.insert_one, {"_id": "later"})
        return {"awaited": not inspect.isawaitable(connected)}

    # Not text, as the annotations of a test's own functions are not found by FastAPI.
    answer.__annotations__["tasks"] = fastapi.BackgroundTasks
    app.add_api_route("/", answer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get("/")).json() == {"awaited": True}
    # FastAPI has awaited it: the answer is complete only then.
    assert await collection.count_documents({"_id": "later"}) == 1


async def test_tornado_handlers_await_them(collection: Any) -> None:
    from tornado import gen

    inserted = await gen.convert_yielded(collection.insert_one({"_id": 1}))
    assert inserted.inserted_id == 1

    @gen.coroutine
    def handler() -> Any:
        document = yield collection.find_one({})
        raise gen.Return(document)

    assert await handler() == {"_id": 1}
