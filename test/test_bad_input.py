"""Bad input is refused at the call, with a message that says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pymongo
import pytest
from pymongo.errors import InvalidOperation

from support import Framework, run_python
from support.errors import raises_as

# Never connected to: what is tested here is refused before.
URI = "mongodb://127.0.0.1:1/"


@pytest.fixture
def idle(framework: Framework) -> Iterator[Any]:
    """A client that has no server, and does not ask for one."""
    client = framework.Client(URI)
    yield client
    client.close()


def other(framework: Framework) -> Framework:
    (name,) = set(Framework.names) - {framework.name}
    return Framework(name)


def class_name(framework: Framework, name: str) -> str:
    return ("AsyncIOMotor" if framework.name == "asyncio" else "Motor") + name


# Clients --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("h", "x"), {}),
        (("http://x",), {}),
        ((URI,), {"maxpoolsiz": 1}),
        ((URI,), {"maxPoolSize": "many"}),
    ],
)
def test_client_refuses_bad_arguments_as_pymongo_does(
    framework: Framework, args: Any, kwargs: Any
) -> None:
    with raises_as(pymongo.MongoClient, *args, **kwargs):
        framework.Client(*args, **kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1,), {}, "^host must be a host name, a connection string, .*, not 1$"),
        (([1],), {}, r"^host must be .*, not \[1\]$"),
        (([["h", 1]],), {}, "^host must be a host name"),
        ((), {"host": 5}, "^host must be .*, not 5$"),
        ((["mongodb://me:sesame@h", 5],), {}, r"not \['mongodb://\*\*\*@h', 5\]$"),
    ],
)
def test_client_refuses_what_is_no_host(
    framework: Framework, args: Any, kwargs: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        framework.Client(*args, **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"driver": "me"}, "expected value of type pymongo.driver_info.Driver"),
        ({"executor": 4}, "must be a concurrent.futures.ThreadPoolExecutor"),
    ],
)
def test_client_refuses_bad_arguments(framework: Framework, kwargs: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        framework.Client(URI, **kwargs)


def test_client_warns_of_unknown_uri_options_as_pymongo_does(framework: Framework) -> None:
    uri = f"{URI}?nope=1"
    with pytest.warns() as expected:
        pymongo.MongoClient(uri).close()
    with pytest.warns() as caught:
        framework.Client(uri).close()
    assert [(w.category, str(w.message)) for w in caught] == [
        (w.category, str(w.message)) for w in expected
    ]


def test_client_refuses_processes_for_threads(framework: Framework) -> None:
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(TypeError, match="PyMongo's connections cannot leave the process"),
    ):
        framework.Client(URI, executor=executor)


def test_client_refuses_the_loop_of_the_other_framework(framework: Framework) -> None:
    loop = other(framework).new_loop()
    kind = "asyncio-compatible event loop" if framework.name == "asyncio" else "IOLoop"
    try:
        with pytest.raises(TypeError, match=f"io_loop must be instance of {kind}, not <"):
            framework.Client(URI, io_loop=loop)
    finally:
        loop.close()
    with pytest.raises(TypeError, match="io_loop must be instance of"):
        framework.Client(URI, io_loop="loop")


def test_from_delegate_refuses_what_is_no_synchronous_client(
    framework: Framework, idle: Any
) -> None:
    name = class_name(framework, "Client")
    database = idle.delegate.db
    for delegate in (None, "x", pymongo.MongoClient, idle, database, database.test):
        with pytest.raises(TypeError) as caught:
            framework.Client.from_delegate(delegate)
        message = str(caught.value)
        assert message.startswith(f"{name}.from_delegate() takes a synchronous client, a pymongo.")
        assert message.endswith(f"not {delegate!r}")


async def test_from_delegate_refuses_an_asynchronous_client(framework: Framework) -> None:
    async with pymongo.AsyncMongoClient(URI) as client:
        with pytest.raises(TypeError, match="takes a synchronous client"):
            framework.Client.from_delegate(client)


def test_from_delegate_refuses_the_loop_of_the_other_framework(
    framework: Framework, idle: Any
) -> None:
    loop = other(framework).new_loop()
    try:
        with pytest.raises(TypeError, match="io_loop must be instance of"):
            framework.Client.from_delegate(idle.delegate, io_loop=loop)
    finally:
        loop.close()


def test_bad_number_of_workers_is_told_of_when_a_client_is_made() -> None:
    run_python("""
        import os
        from motor.motor_asyncio import AsyncIOMotorClient

        for value in ("abc", "0", "-1", "1.5"):
            os.environ["MOTOR_MAX_WORKERS"] = value
            try:
                AsyncIOMotorClient()
            except ValueError as error:
                assert str(error) == (
                    "The environment variable MOTOR_MAX_WORKERS must be a whole number greater "
                    f"than 0 (the most threads that Motor may use), not {value!r}: "
                    "correct it or unset it."
                ), error
            else:
                raise AssertionError("not noticed")
    """)


# Databases, collections, encryption -----------------------------------------------------------


def test_database_refuses_what_is_no_client_of_its_framework(
    framework: Framework, idle: Any
) -> None:
    start = f"First argument to {class_name(framework, 'Database')} must be "
    stranger = other(framework).Client.from_delegate(idle.delegate)
    for client in (idle.delegate, stranger, idle.db, None, "x"):
        with pytest.raises(TypeError, match=f"^{start}{class_name(framework, 'Client')}, not "):
            framework.Database(client, "db")


def test_collection_refuses_what_is_no_database_of_its_framework(
    framework: Framework, idle: Any
) -> None:
    start = f"First argument to {class_name(framework, 'Collection')} must be "
    stranger = other(framework).Client.from_delegate(idle.delegate).db
    for database in (idle.delegate.db, stranger, idle, None, "x"):
        with pytest.raises(TypeError, match=f"^{start}{class_name(framework, 'Database')}, not "):
            framework.Collection(database, "test")


def test_names_that_are_none_are_refused(framework: Framework, idle: Any) -> None:
    for wrong in (
        lambda: idle[1],
        lambda: idle.db[1],
        lambda: framework.Database(idle, 1),
        lambda: framework.Collection(idle.db, 1),
    ):
        with pytest.raises(TypeError, match="int"):
            wrong()
    with raises_as(idle.delegate.get_database, "a b"):
        idle["a b"]
    with raises_as(idle.delegate.db.get_collection, ""):
        idle.db[""]


def test_client_encryption_refuses_what_is_no_client_of_its_framework(
    framework: Framework, idle: Any
) -> None:
    kms = {"local": {"key": bytes(96)}}
    stranger = other(framework).Client.from_delegate(idle.delegate)
    for client in (idle.delegate, stranger, None):
        with pytest.raises(TypeError) as caught:
            framework.ClientEncryption(kms, "kv.keys", client, None)
        wanted = class_name(framework, "Client")
        assert str(caught.value).startswith(f"key_vault_client must be {wanted}, not ")


# Arguments of operations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.find(nope=1), TypeError, "'nope'"),
        (lambda c: c.find().to_list(-1), ValueError, "length must be non-negative"),
        (lambda c: c.find().to_list("a"), TypeError, "length must be an int, not 'a'"),
        (lambda c: c.find().to_list(True), TypeError, "length must be an int, not True"),
        (lambda c: c.find().each(1), TypeError, "callback must be a callable"),
        (lambda c: c.find()[1], TypeError, r"skip\(n\)\.limit\(-1\)\.next\(\)"),
        (lambda c: c.find_one(session=1), ValueError, "session.* must be a ClientSession.* not 1"),
        (lambda c: c.aggregate(1), TypeError, "pipeline must be a list, not <class 'int'>"),
        (lambda c: c.watch({}), TypeError, "pipeline must be a list, not <class 'dict'>"),
        (lambda c: c.aggregate(), TypeError, "'pipeline'"),
        (lambda c: c.aggregate([]).batch_size("x"), TypeError, "batch_size"),
        (lambda c: c.aggregate([]).batch_size(-1), ValueError, "batch_size"),
        (lambda c: c.watch(nope=1), TypeError, "'nope'"),
        (lambda c: c.database.client.start_session(nope=1), TypeError, "'nope'"),
        (lambda c: c.database.command(5), TypeError, "command must be the name of a .*, not 5$"),
        (lambda c: c.database.command({}), TypeError, "whose first key is its name, not {}$"),
        (lambda c: c.database.command(command=["ping"]), TypeError, "^command must be the name"),
        (lambda c: c.database.command(b"ping"), TypeError, "^command must be the name"),
    ],
)
async def test_plain_call_refuses_bad_arguments_at_once(
    framework: Framework,
    idle: Any,
    call: Callable[[Any], Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        call(idle.db.test)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.find(1),
        lambda c: c.find().sort(1),
        lambda c: c.find().limit("x"),
        lambda c: c.find().batch_size(-1),
    ],
)
async def test_plain_call_refuses_bad_arguments_at_once_as_pymongo_does(
    framework: Framework, idle: Any, call: Callable[[Any], Any]
) -> None:
    with raises_as(call, idle.delegate.db.test):
        call(idle.db.test)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.insert_one(1),
        lambda c: c.insert_many({}),
        lambda c: c.update_one({}, {"a": 1}),
        lambda c: c.create_index([]),
        lambda c: c.bulk_write([1]),
    ],
)
async def test_awaited_call_refuses_bad_arguments_as_pymongo_does(
    framework: Framework, idle: Any, call: Callable[[Any], Any]
) -> None:
    with raises_as(call, idle.delegate.db.test):
        await call(idle.db.test)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.insert_one(), "'document'"),
        (lambda c: c.insert_one({}, nope=1), "'nope'"),
        (lambda c: c.aggregate(1), "pipeline must be a list"),
        (lambda c: c.watch(1), "pipeline must be a list"),
    ],
)
async def test_awaited_call_refuses_bad_arguments(
    framework: Framework, idle: Any, call: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        await call(idle.db.test)


async def test_with_transaction_refuses_what_it_cannot_call(
    framework: Framework, idle: Any
) -> None:
    for callback in (None, "x"):
        message = f"takes one coroutine function, called with the session, .*not {callback!r}"
        with pytest.raises(TypeError, match=message):
            await idle.start_session().with_transaction(callback)


async def test_with_transaction_refuses_a_plain_function(framework: Framework, client: Any) -> None:
    async with client.start_session() as session:
        with pytest.raises(TypeError) as caught:
            await session.with_transaction(lambda session: 1)
        assert "must be a coroutine function" in str(caught.value)
        assert not session.in_transaction


# After close() --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.list_database_names(),
        lambda client: client.aconnect(),
        lambda client: client.start_session(),
        lambda client: client.db.command("ping"),
        lambda client: client.db.test.insert_one({}),
        lambda client: client.db.test.find_one(),
        lambda client: client.db.test.find().to_list(),
        lambda client: client.db.test.aggregate([]).to_list(),
        lambda client: client.db.test.find().distinct("x"),
    ],
)
async def test_closed_client_refuses_operations_at_the_call(
    framework: Framework, idle: Any, call: Callable[[Any], Any]
) -> None:
    await idle.close()
    name = class_name(framework, "Client")
    message = f"Cannot use {name} after close(): make a new client"
    with pytest.raises(InvalidOperation, match=re.escape(message)):
        call(idle)


async def test_closed_client_refuses_what_waits(framework: Framework, idle: Any) -> None:
    session = idle.start_session()
    idle.close()

    async def run(session: Any) -> None:
        await idle.db.test.insert_one({}, session=session)

    async def iterate(items: Any) -> None:
        async for _ in items:
            pass

    async def enter() -> None:
        async with idle:
            pass

    for coroutine in (
        iterate(idle.db.test.find()),
        iterate(idle.db.test.aggregate([])),
        iterate(idle.db.test.watch()),
        idle.db.test.find().next(),
        idle.db.test.watch().try_next(),
        session.with_transaction(run),
        enter(),
    ):
        with pytest.raises(InvalidOperation, match="after close"):
            await coroutine


async def test_closed_client_can_be_closed_again(framework: Framework, idle: Any) -> None:
    session, cursor = idle.start_session(), idle.db.test.find()
    for _ in range(2):
        await idle.close()
        await session.end_session()
        await cursor.close()


# No event loop --------------------------------------------------------------------------------


def in_a_thread(function: Callable[[], Any]) -> BaseException | None:
    """Call `function` in a thread that has no event loop. Returns what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.db.test.find().each(lambda document, error: None),
        lambda client: client.io_loop,
        lambda client: client.db.test.get_io_loop(),
    ],
)
def test_what_needs_a_loop_says_where_to_get_one(
    framework: Framework, idle: Any, call: Callable[[Any], Any]
) -> None:
    error = in_a_thread(lambda: call(idle))
    assert isinstance(error, RuntimeError)
    assert "There is no event loop here" in str(error)
    assert "asyncio and Tornado" in str(error)


def test_what_needs_no_loop_works_without_one(framework: Framework) -> None:
    def use() -> None:
        client = framework.Client(URI)
        client.db.test.find({"x": 1}).sort("x").limit(1)
        client.db.test.aggregate([])
        client.db.test.watch()
        client.start_session()
        assert client.address is None
        client.close()

    assert in_a_thread(use) is None


def test_loop_of_the_client_is_used_without_another(framework: Framework, mongo_uri: str) -> None:
    async def main() -> None:
        loop = framework.current_loop()
        client = framework.Client(mongo_uri, io_loop=loop, serverMonitoringMode="poll")
        futures: list[Any] = []
        error = await asyncio.to_thread(
            in_a_thread, lambda: futures.append(client.admin.command("ping"))
        )
        assert error is None
        assert (await futures[0])["ok"] == 1
        await client.close()

    framework.run(main)
