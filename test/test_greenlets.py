"""The accelerator `greenlets`: which calls run on the loop's thread, and how they wait."""

from __future__ import annotations

import asyncio
import contextvars
import os
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeRegistry
from pymongo.errors import (
    AutoReconnect,
    NetworkTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from motor.executor import statistics
from support import Framework, async_wait_until, run_python

pytest.importorskip("greenlet")

from motor.accelerators import greenlets
from motor.accelerators.greenlets import connections, scheduler
from support.greenlets import SLOW, Where, chosen, client, heartbeat, in_threads, where

__all__ = ["chosen", "client", "in_threads", "where"]

pytestmark = [
    pytest.mark.skipif(greenlets.impossible() is not None, reason=str(greenlets.impossible())),
    pytest.mark.every_loop,
]

number = contextvars.ContextVar("number", default=0)


# Which --------------------------------------------------------------------------------------


async def test_brief_operations_run_on_the_loops_thread(collection: Any, where: Where) -> None:
    await collection.insert_one({"_id": 1})
    assert where.take() == ([], ["insert"])
    assert await collection.find_one({"_id": 1}) == {"_id": 1}
    await collection.insert_one({"_id": 2})
    await collection.update_one({"_id": 2}, {"$set": {"a": [1, {"b": "c"}]}})
    await collection.replace_one({"_id": 2}, {"a": 1})
    await collection.find_one_and_update({"_id": 2}, {"$set": {"a": 2}})
    assert await collection.count_documents({}) == 2
    await collection.delete_one({"_id": 2})
    await collection.database.command("ping")
    commands = ["find", "insert", "update", "update", "findAndModify", "aggregate", "delete"]
    assert where.take() == ([*commands, "ping"], [])


async def test_others_run_on_workers(
    collection: Any, where: Where, client: Any, client_factory: Any, db_name: str
) -> None:
    await collection.insert_one({"_id": 1})
    where.take()
    compressing = client_factory(compressors="zlib", event_listeners=[where])[db_name].test
    await compressing.find_one({})
    await compressing.find_one({})
    async with await client.start_session() as session:
        await collection.find_one({}, session=session)
        if hasattr(session.delegate, "bind"):
            async with session.bind():
                await collection.find_one({})
    await collection.find_one({}, {str(n): 1 for n in range(1000)})
    await collection.find_one({"a": "x" * 20_000})
    typed = CodecOptions(type_registry=TypeRegistry([], fallback_encoder=str))
    await collection.with_options(codec_options=typed).find_one({})

    class Document(dict[str, Any]):
        pass

    await collection.with_options(codec_options=CodecOptions(Document)).find_one({})
    await collection.insert_many([{}, {}])
    await collection.database.list_collection_names()
    assert where.take()[0] == []
    await collection.find_one({})
    assert where.take() == (["find"], [])


async def test_connections_are_made_by_workers(collection: Any, where: Where) -> None:
    await collection.insert_one({"_id": 1})
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(4)))
    inline, on_workers = where.take()
    assert inline.count("find") >= 1
    assert on_workers.count("find") >= 1
    # Now there are as many connections as are of use.
    await asyncio.gather(*(collection.find_one({}) for _ in range(len(on_workers))))
    assert where.take()[1] == []


def test_operation_made_while_no_loop_runs_is_for_workers(
    framework: Framework, client_factory: Any, db_name: str, where: Where
) -> None:
    loop = framework.new_loop()
    collection = client_factory(io_loop=loop, event_listeners=[where])[db_name].test
    run = getattr(loop, "run_until_complete", None) or (lambda f: loop.run_sync(lambda: f))
    try:
        run(collection.insert_one({"_id": 1}))
        run(collection.find_one({"_id": 1}))
        assert where.take() == ([], ["insert", "find"])
    finally:
        loop.close()


async def test_socket_of_another_kind_is_for_workers(
    client_factory: Any, db_name: str, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with pyOpenSSL, gevent and eventlet.
    monkeypatch.setattr(connections, "_RECEIVERS", {})
    collection = client_factory(event_listeners=[where])[db_name].test
    await collection.insert_one({"_id": 1})
    with heartbeat() as beats:
        assert await collection.find_one(SLOW) == {"_id": 1}
    assert beats[0] > 10
    assert where.take()[0] == []


async def test_client_with_an_executor_is_refused(client_factory: Any) -> None:
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(ValueError, match=r"executor= .* cannot use the accelerator greenlets"),
    ):
        client_factory(executor=executor)


@pytest.mark.parametrize("missing", ["greenlet", "platform", "lock"])
def test_asking_in_vain_is_an_error(
    framework: Framework, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    from motor import accelerators

    if missing == "greenlet":
        monkeypatch.setitem(sys.modules, "greenlet", None)
        expected = r"motor\[greenlets\]; or leave 'greenlets' out"
    elif missing == "platform":
        monkeypatch.setattr(sys, "platform", "win32")
        expected = "Windows.*leave 'greenlets' out"
    else:
        monkeypatch.setattr("sysconfig.get_config_var", lambda name: 1)
        expected = "free threads.*leave 'greenlets' out"
    # What has been found out before, and here, does not count.
    accelerators._combined.cache_clear()
    try:
        with pytest.raises(ValueError, match=f"MOTOR_ACCELERATORS names 'greenlets'.*{expected}"):
            framework.Client(connect=False)
    finally:
        accelerators._combined.cache_clear()


def test_greenlet_is_imported_only_where_it_is_asked_for() -> None:
    code = """
        import sys
        from motor.motor_asyncio import AsyncIOMotorClient
        AsyncIOMotorClient(connect=False).close()
        print("greenlet" in sys.modules)
    """
    assert run_python(code, MOTOR_ACCELERATORS="all").stdout == "False\n"
    assert run_python(code, MOTOR_ACCELERATORS="all,greenlets").stdout == "True\n"


async def test_context_is_the_callers(client_factory: Any, db_name: str) -> None:
    seen: list[int] = []

    def see() -> None:
        seen.append(number.get())
        number.set(-1)

    collection = client_factory(event_listeners=[Where(see)])[db_name].test
    await collection.insert_one({"_id": 1})

    async def find(n: int) -> None:
        number.set(n)
        await collection.find_one({"_id": 1})
        assert number.get() == n

    await asyncio.gather(*(asyncio.ensure_future(find(n)) for n in range(1, 50)))
    assert seen
    assert -1 not in seen


def test_interrupt_reaches_those_who_run_the_loop(
    client_factory: Any, db_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = client_factory()[db_name].test
    operations: list[Any] = []

    def interrupt(self: Any, *args: Any) -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        await collection.insert_one({"_id": 1})
        monkeypatch.setattr(pymongo.collection.Collection, "find_one", interrupt)
        interrupt.__name__ = "find_one"
        operations.append(collection.find_one({"_id": 1}))

    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(main())
    finally:
        loop.close()
    assert operations == []


# Waiting ------------------------------------------------------------------------------------


async def test_loop_goes_on_while_the_server_works(collection: Any, where: Where) -> None:
    await collection.insert_one({"_id": 1})
    with heartbeat() as beats:
        assert await collection.find_one(SLOW) == {"_id": 1}
    # On a busy machine there are fewer, but a loop that is blocked has none.
    assert beats[0] > 10
    assert where.inline == ["find"]


async def test_many_at_once(collection: Any) -> None:
    await collection.insert_one({"_id": -1})
    await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(500)))
    found = await asyncio.gather(*(collection.find_one({"_id": n}) for n in range(500)))
    assert [document["_id"] for document in found] == [*range(500)]


async def test_large_reply_is_decoded_on_another_thread(
    collection: Any, where: Where, in_threads: list[Any]
) -> None:
    document = {"_id": 1, "data": os.urandom(3_000_000), "list": [*range(10_000)]}
    await collection.insert_one(document)
    for _ in range(3):
        assert await collection.find_one({"_id": 1}) == document
    assert where.inline == ["find"] * 3
    assert len(in_threads) == 3


async def test_slow_operations_do_not_hold_up_quick_ones(collection: Any, client: Any) -> None:
    await collection.insert_one({"_id": 1})
    slow = [collection.find_one({"$where": "sleep(500) || true"}) for _ in range(40)]
    await async_wait_until(lambda: statistics(client).in_flight > scheduler.LIMIT)
    assert await collection.find_one({"_id": 1}) == {"_id": 1}
    await asyncio.gather(*slow)


async def test_more_run_at_once_if_they_are_slow(collection: Any, where: Where) -> None:
    await collection.insert_one({"_id": 1})
    # For the connections.
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(30)))
    where.take()
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(30)))
    assert where.take()[0].count("find") > 2 * scheduler.LIMIT


async def test_operations_wait_for_the_only_connection(client_factory: Any, db_name: str) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    await collection.insert_one({"_id": 1})
    with heartbeat() as beats:
        found = await asyncio.gather(
            collection.find_one(SLOW), *(collection.find_one() for _ in range(50))
        )
    assert found == [{"_id": 1}] * 51
    assert beats[0] > 10


async def test_greenlets_and_workers_wait_for_each_other(client_factory: Any, db_name: str) -> None:
    collection = client_factory(maxPoolSize=2)[db_name].test
    await collection.insert_many([{"_id": n} for n in range(10)])
    results = await asyncio.gather(
        *(
            collection.find(batch_size=2).to_list() if n % 2 else collection.find_one()
            for n in range(100)
        )
    )
    assert results == [{"_id": 0}, [{"_id": n} for n in range(10)]] * 50


async def test_waiting_too_long_for_a_connection(client_factory: Any, db_name: str) -> None:
    collection = client_factory(maxPoolSize=1, waitQueueTimeoutMS=50)[db_name].test
    await collection.insert_one({"_id": 1})
    slow = collection.find_one(SLOW)
    with pytest.raises(WaitQueueTimeoutError):
        await collection.find_one()
    assert await slow == {"_id": 1}
    assert await collection.find_one() == {"_id": 1}


async def test_greenlet_waits_for_a_connection(
    client_factory: Any, db_name: str, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another call takes the one that was free."""
    from motor.accelerators.greenlets.pool import InlinePool

    collection = client_factory(maxPoolSize=1, event_listeners=[where])[db_name].test
    await collection.insert_one({"_id": 1})
    monkeypatch.setattr(InlinePool, "is_connected", lambda self, target: True)
    where.take()
    with heartbeat() as beats:
        found = await asyncio.gather(*(collection.find_one(SLOW) for _ in range(3)))
    assert found == [{"_id": 1}] * 3
    assert beats[0] > 10
    assert where.take() == (["find"] * 3, [])


async def test_greenlet_waits_for_a_new_connection(
    client_factory: Any, db_name: str, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motor.accelerators.greenlets.pool import InlinePool

    collection = client_factory(event_listeners=[where])[db_name].test
    await collection.insert_one({"_id": 1})
    monkeypatch.setattr(InlinePool, "is_connected", lambda self, target: True)
    made_by: list[str] = []
    adapt = connections.adapt

    def spy(connection: Any) -> None:
        made_by.append(threading.current_thread().name)
        adapt(connection)

    monkeypatch.setattr(connections, "adapt", spy)
    where.take()
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(4)))
    assert where.take() == (["find"] * 4, [])
    assert made_by
    assert threading.current_thread().name not in made_by


async def test_looking_for_a_server_does_not_block(
    client_factory: Any, db_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motor.accelerators.greenlets.pool import InlinePool

    monkeypatch.setattr(InlinePool, "is_connected", lambda self, target: True)
    client = client_factory("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=300)
    with heartbeat() as beats, pytest.raises(ServerSelectionTimeoutError):
        await client[db_name].test.find_one()
    assert beats[0] > 10
    assert client._pool.calls == 1


async def test_waiting_too_long_for_the_server(
    client_factory: Any, db_name: str, where: Where
) -> None:
    # Long enough for the others on a machine that is busy.
    collection = client_factory(socketTimeoutMS=1000, retryReads=False, event_listeners=[where])[
        db_name
    ].test
    await collection.insert_one({"_id": 1})
    with pytest.raises(NetworkTimeout, match="timed out"):
        await collection.find_one({"$where": "sleep(3000) || true"})
    assert where.inline == ["find"]
    assert await collection.find_one() == {"_id": 1}


async def test_timeout_of_pymongo(collection: Any, where: Where, client: Any) -> None:
    await collection.insert_one({"_id": 1})
    with pymongo.timeout(0.05), pytest.raises(PyMongoError) as caught:
        await collection.find_one(SLOW)
    assert caught.value.timeout
    with pymongo.timeout(60):
        assert await collection.find_one(SLOW) == {"_id": 1}
    assert "find" in where.inline
    await async_wait_until(lambda: statistics(client).in_flight == 0)


async def test_cancelled_operation_leaves_its_connection_clean(
    client_factory: Any, db_name: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    await collection.insert_one({"_id": 1})
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(collection.find_one(SLOW), 0.01)
    found = await asyncio.gather(*(collection.find_one({"_id": 1}) for _ in range(10)))
    assert found == [{"_id": 1}] * 10


async def test_lost_connections_are_replaced(
    collection: Any, fail_point: Any, where: Where
) -> None:
    await collection.insert_one({"_id": 1})
    with (
        fail_point(failCommands=["find"], closeConnection=True, mode={"times": 2}),
        pytest.raises(AutoReconnect),
    ):
        await collection.find_one()
    with fail_point(failCommands=["find"], closeConnection=True, mode={"times": 1}):
        assert await collection.find_one() == {"_id": 1}
    with fail_point(failCommands=["insert"], errorCode=91, closeConnection=True, mode={"times": 1}):
        await collection.insert_one({"_id": 2})


async def test_pause_before_a_retry_does_not_block(
    collection: Any, fail_point: Any, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = getattr(collection.database.client.delegate, "_retry_policy", None)
    if policy is None:
        pytest.skip("this PyMongo does not pause")
    await collection.insert_one({"_id": 1})
    policy.backoff_initial = policy.backoff_max = 0.3
    monkeypatch.setattr(random, "random", lambda: 1.0)
    labels = ["SystemOverloadedError", "RetryableError"]
    with (
        fail_point(failCommands=["find"], errorCode=462, errorLabels=labels, mode={"times": 1}),
        heartbeat() as beats,
    ):
        assert await collection.find_one() == {"_id": 1}
    assert beats[0] > 10
    assert where.inline == ["find"] * 2
