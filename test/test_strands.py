"""Brief operations on their loop's own thread: which do, how they wait, and how they end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeRegistry
from pymongo.errors import (
    AutoReconnect,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from motor import loop_runner, readiness
from motor.core import AgnosticCollection, AgnosticDatabase
from motor.executor import statistics
from motor.pymongo_internals import connections
from motor.strands import current_strand, strands_available
from support import CommandRecorder, Framework, async_wait_until, wait_until
from support.process import run_python

pytestmark = pytest.mark.skipif(not strands_available(), reason="there are no strands here")

#: With a type of the user's.
REGISTRY = TypeRegistry([], fallback_encoder=str)

SLOW = {"$where": "sleep(200) || true"}

number = contextvars.ContextVar("number", default=0)


def spying(collection: Any, function: Callable[[], Any]) -> Any:
    """The collection, where `function` is called when `find_one` has begun."""
    spied = collection.with_options()
    find_one = spied.delegate.find_one

    def spy(*args: Any, **kwargs: Any) -> Any:
        function()
        return find_one(*args, **kwargs)

    spied.delegate.find_one = spy
    return spied


async def runs_on_loop(collection: Any, **options: Any) -> bool:
    """Whether an operation runs in a strand."""
    seen: list[Any] = []

    def see() -> None:
        seen.append((current_strand() is not None, threading.get_ident()))

    await spying(collection, see).find_one({"_id": 1}, **options)
    ((in_strand, thread),) = seen
    assert in_strand == (thread == threading.get_ident())
    return in_strand


@pytest.fixture(params=["epoll", "loop"])
def either_readiness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to wait for sockets."""
    if request.param == "epoll":
        if not hasattr(readiness.select, "epoll"):
            pytest.skip("this system has no epoll")
    else:
        monkeypatch.setattr(readiness, "_Epoll", readiness.LoopReaders)
    return str(request.param)


@contextmanager
def heartbeat() -> Iterator[list[int]]:
    """Count how often the loop comes round while the block runs."""
    beats = [0]

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.001)
            beats[0] += 1

    task = asyncio.create_task(beat())
    try:
        yield beats
    finally:
        task.cancel()


# Who runs where ---------------------------------------------------------------------------------


async def test_brief_operations_run_on_the_loop(framework: Framework, collection: Any) -> None:
    # The first one starts PyMongo's monitors, and is none of the loop's business.
    await collection.insert_one({"_id": 1})
    assert await runs_on_loop(collection)
    before = statistics().workers
    for _ in range(10):
        await collection.find_one({"_id": 1})
    assert statistics().workers <= before


@pytest.mark.parametrize("cls", [AgnosticCollection, AgnosticDatabase])
def test_brief_operations_are_pymongo_s(cls: Any) -> None:
    assert cls._brief
    for name in cls._brief:
        assert inspect.isfunction(getattr(cls.__delegate_class__, name))


async def test_others_run_on_workers(
    framework: Framework, client: Any, client_factory: Any, sync_client: Any, db_name: str
) -> None:
    collection = client[db_name].test
    await collection.insert_one({"_id": 1})
    async with await client.start_session() as session:
        assert not await runs_on_loop(collection, session=session)
    assert not await runs_on_loop(collection, projection={str(n): 1 for n in range(1000)})
    with ThreadPoolExecutor(1) as executor:
        own = client_factory(executor=executor)[db_name].test
        await own.insert_one({})
        assert not await runs_on_loop(own)
    watched = client_factory(event_listeners=[CommandRecorder()])[db_name].test
    await watched.insert_one({})
    assert not await runs_on_loop(watched)
    typed = collection.with_options(codec_options=CodecOptions(type_registry=REGISTRY))
    assert not await runs_on_loop(typed)
    foreign = framework.Client.from_delegate(sync_client)[db_name].test
    assert not await runs_on_loop(foreign)


async def test_bound_session_s_operations_run_on_workers(
    framework: Framework, client: Any, db_name: str
) -> None:
    collection = client[db_name].test
    await collection.insert_one({"_id": 1})
    async with await client.start_session() as session:
        if not hasattr(session.delegate, "bind"):
            pytest.skip("this PyMongo binds no sessions")
        async with session.bind():
            assert not await runs_on_loop(collection)
        assert await runs_on_loop(collection)


def test_operation_made_while_no_loop_runs_is_a_worker_s(
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    loop = framework.new_loop()
    collection = client_factory(io_loop=loop)[db_name].test
    run = getattr(loop, "run_until_complete", None) or (lambda f: loop.run_sync(lambda: f))
    try:
        run(collection.insert_one({"_id": 1}))
        seen: list[bool] = []

        def see() -> None:
            seen.append(current_strand() is None)

        run(spying(collection, see).find_one({"_id": 1}))
        assert seen == [True]
    finally:
        loop.close()


@pytest.mark.parametrize("setting", ["0", " 0 "])
def test_environment_says_no(mongo_uri: str, setting: str) -> None:
    done = run_python(
        """
        import asyncio, sys
        from motor.motor_asyncio import AsyncIOMotorClient

        async def main():
            async with AsyncIOMotorClient(sys.argv[1], serverMonitoringMode="poll") as client:
                await client.admin.command("ping")
                await client.admin.command("ping")
                print(client._loop_runner(client.codec_options))

        asyncio.run(main())
        """,
        mongo_uri,
        MOTOR_GREENLETS=setting,
    )
    assert done.stdout == "None\n"


def test_without_greenlet_workers_do_it_all(mongo_uri: str) -> None:
    done = run_python(
        """
        import asyncio, sys
        sys.modules["greenlet"] = None
        from motor.motor_asyncio import AsyncIOMotorClient

        async def main():
            async with AsyncIOMotorClient(sys.argv[1], serverMonitoringMode="poll") as client:
                for _ in range(3):
                    print((await client.admin.command("ping"))["ok"])

        asyncio.run(main())
        """,
        mongo_uri,
    )
    assert done.stdout == "1.0\n" * 3


async def test_context_is_the_caller_s(framework: Framework, collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    seen: list[int] = []

    def see() -> None:
        seen.append(number.get())
        number.set(-1)

    async def find(n: int) -> None:
        number.set(n)
        await spying(collection, see).find_one({"_id": 1})
        assert number.get() == n

    await asyncio.gather(*(asyncio.create_task(find(n)) for n in range(1, 50)))
    assert sorted(seen) == [*range(1, 50)]


def test_interrupt_reaches_whoever_runs_the_loop(framework: Framework, collection: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    operations: list[Any] = []

    async def main() -> None:
        await collection.insert_one({"_id": 1})
        operations.append(spying(collection, interrupt).find_one({"_id": 1}))

    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(main())
    finally:
        loop.close()
    assert operations == []


# Waiting ----------------------------------------------------------------------------------------


async def test_loop_goes_on_while_the_server_works(
    framework: Framework, collection: Any, either_readiness: str
) -> None:
    await collection.insert_one({"_id": 1})
    with heartbeat() as beats:
        assert await collection.find_one(SLOW) == {"_id": 1}
    # On a busy machine there are fewer, but a loop that is blocked has none.
    assert beats[0] > 10


async def test_many_at_once(framework: Framework, collection: Any, either_readiness: str) -> None:
    await collection.insert_one({"_id": -1})
    await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(500)))
    found = await asyncio.gather(*(collection.find_one({"_id": n}) for n in range(500)))
    assert [document["_id"] for document in found] == [*range(500)]


async def test_large_reply(framework: Framework, collection: Any, either_readiness: str) -> None:
    document = {"_id": 1, "data": os.urandom(3_000_000), "list": [*range(10_000)]}
    await collection.insert_one(document)
    for _ in range(3):
        assert await collection.find_one({"_id": 1}) == document


async def test_slow_operations_do_not_hold_up_quick_ones(
    framework: Framework, collection: Any
) -> None:
    await collection.insert_one({"_id": 1})
    slow = [collection.find_one({"$where": "sleep(1000) || true"}) for _ in range(40)]
    await async_wait_until(lambda: statistics().in_flight > loop_runner.FEW)
    assert await collection.find_one({"_id": 1}) == {"_id": 1}
    await asyncio.gather(*slow)


async def test_operations_wait_for_the_only_connection(
    framework: Framework, client_factory: Any, db_name: str, either_readiness: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    await collection.insert_one({"_id": 1})
    with heartbeat() as beats:
        found = await asyncio.gather(
            collection.find_one(SLOW), *(collection.find_one() for _ in range(50))
        )
    assert found == [{"_id": 1}] * 51
    assert beats[0] > 10


async def test_strands_and_workers_wait_for_each_other(
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    collection = client_factory(maxPoolSize=2)[db_name].test
    await collection.insert_many([{"_id": n} for n in range(10)])
    results = await asyncio.gather(
        *(
            collection.find(batch_size=2).to_list() if n % 2 else collection.find_one()
            for n in range(100)
        )
    )
    assert results == [{"_id": 0}, [{"_id": n} for n in range(10)]] * 50


async def test_waiting_too_long_for_a_connection(
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    collection = client_factory(maxPoolSize=1, waitQueueTimeoutMS=50)[db_name].test
    await collection.insert_one({"_id": 1})
    slow = collection.find_one(SLOW)
    with pytest.raises(WaitQueueTimeoutError):
        await collection.find_one()
    assert await slow == {"_id": 1}
    assert await collection.find_one() == {"_id": 1}


async def test_waiting_too_long_for_the_server(
    framework: Framework, client_factory: Any, db_name: str, either_readiness: str
) -> None:
    # Long enough for the others on a machine that is busy.
    collection = client_factory(socketTimeoutMS=1000, retryReads=False)[db_name].test
    await collection.insert_one({"_id": 1})
    with pytest.raises(NetworkTimeout, match="timed out"):
        await collection.find_one({"$where": "sleep(3000) || true"})
    assert await collection.find_one() == {"_id": 1}


async def test_cancelled_operation_leaves_its_connection_clean(
    framework: Framework, client_factory: Any, db_name: str, either_readiness: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    await collection.insert_one({"_id": 1})
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(collection.find_one(SLOW), 0.01)
    found = await asyncio.gather(*(collection.find_one({"_id": 1}) for _ in range(10)))
    assert found == [{"_id": 1}] * 10


async def test_looking_for_a_server_does_not_block(
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    client = client_factory("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=300)
    collection = client[db_name].test
    with pytest.raises(ServerSelectionTimeoutError):
        await collection.find_one()
    client._connected = True
    assert client._loop_runner(client.codec_options) is not None
    with heartbeat() as beats, pytest.raises(ServerSelectionTimeoutError):
        await collection.find_one()
    assert beats[0] > 10


async def test_connections_are_made_elsewhere(
    framework: Framework, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await collection.insert_one({"_id": 1})
    made_by: list[str] = []
    original = connections.buffered

    def buffered(sock: object) -> Any:
        made_by.append(threading.current_thread().name)
        return original(sock)

    monkeypatch.setattr(connections, "buffered", buffered)
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(4)))
    assert len(made_by) >= 3
    assert {name.rpartition("-")[0] for name in made_by} == {"motor"}
    assert threading.main_thread().name not in made_by


async def test_socket_that_does_not_give_way_is_for_workers(
    framework: Framework, client_factory: Any, db_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is with pyOpenSSL.
    monkeypatch.setattr(connections, "buffered", lambda sock: None)
    collection = client_factory()[db_name].test
    await collection.insert_one({"_id": 1})
    assert not await runs_on_loop(collection)
    with heartbeat() as beats:
        assert await collection.find_one(SLOW) == {"_id": 1}
    assert beats[0] > 10


async def test_errors_are_those_of_pymongo(
    framework: Framework, collection: Any, sync_db: Any, fail_point: Any
) -> None:
    await collection.insert_one({"_id": 1})

    async def error_of(operation: Any) -> Any:
        with pytest.raises((PyMongoError, TypeError)) as caught:
            await operation
        error = caught.value
        return type(error), getattr(error, "code", None), getattr(error, "_error_labels", None)

    async def synchronous(function: Any, *args: Any) -> Any:
        return function(*args)

    for name, args in [
        ("insert_one", ({"_id": 1},)),
        ("find_one", ({"$no": 1},)),
        ("update_one", ({"_id": 1}, {"$no": 1})),
        ("delete_one", (1,)),
    ]:
        assert await error_of(getattr(collection, name)(*args)) == await error_of(
            synchronous(getattr(sync_db.test, name), *args)
        )
    with fail_point(failCommands=["find"], closeConnection=True, mode={"times": 2}):
        assert (await error_of(collection.find_one()))[0] is AutoReconnect
    with fail_point(failCommands=["find"], closeConnection=True, mode={"times": 1}):
        assert await collection.find_one() == {"_id": 1}


async def test_pause_before_a_retry_does_not_block(
    framework: Framework, collection: Any, fail_point: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = getattr(collection.database.client.delegate, "_retry_policy", None)
    if policy is None:
        pytest.skip("this PyMongo does not back off")
    await collection.insert_one({"_id": 1})
    policy.backoff_initial = policy.backoff_max = 0.3
    monkeypatch.setattr("random.random", lambda: 1.0)
    labels = ["SystemOverloadedError", "RetryableError"]
    with (
        fail_point(failCommands=["find"], errorCode=462, errorLabels=labels, mode={"times": 1}),
        heartbeat() as beats,
    ):
        assert await collection.find_one() == {"_id": 1}
    assert beats[0] > 10


async def test_no_lock_is_held_while_a_strand_waits(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    fail_point: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or whoever wants it on the loop's thread would wait for ever."""
    held: set[Any] = set()

    class Lock:
        """A lock that knows the strand it is held by."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self.locked = self._lock.locked
            self._holder: Any = None

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            acquired = self._lock.acquire(blocking, timeout)
            if acquired:
                self._holder = current_strand()
                held.add((self._holder, self))
            return acquired

        def release(self) -> None:
            held.discard((self._holder, self))
            self._lock.release()

        def __enter__(self) -> bool:
            return self.acquire()

        def __exit__(self, *_: object) -> None:
            self.release()

    for module in ("mongo_client", "pool", "topology"):
        path = f"pymongo.synchronous.{module}._create_lock"
        monkeypatch.setattr(path, Lock, raising=False)
    pauses: list[bool] = []
    original = connections.Strand.pause

    def pause(strand: Any, timeout: float | None = None) -> bool:
        pauses.append(any(holder is strand for holder, _ in held))
        return original(strand, timeout)

    monkeypatch.setattr(connections.Strand, "pause", pause)
    client = client_factory(maxPoolSize=3)
    collection = client[db_name].test
    await collection.insert_one({"_id": -1})
    await asyncio.gather(
        *(collection.insert_one({"_id": n}) for n in range(30)),
        *(collection.find_one({"_id": n}) for n in range(30)),
        *(collection.update_one({"_id": n}, {"$set": {"a": 1}}) for n in range(30)),
        *(collection.count_documents({}) for _ in range(3)),
        *(client.admin.command("ping") for _ in range(3)),
        *(collection.find(batch_size=5).to_list() for _ in range(5)),
        *(collection.aggregate([{"$set": {"text": "x" * 10_000}}]).to_list() for _ in range(5)),
    )
    with fail_point(failCommands=["find"], closeConnection=True, mode={"times": 1}):
        await collection.find_one()
    with fail_point(failCommands=["insert"], errorCode=91, closeConnection=True, mode={"times": 1}):
        await collection.insert_one({})
    assert len(pauses) > 90
    assert not any(pauses)


# The end ----------------------------------------------------------------------------------------


def test_closing_loop_brings_to_an_end_what_is_under_way(
    framework: Framework, client_factory: Any, sync_db: Any, db_name: str, either_readiness: str
) -> None:
    collection = client_factory(maxPoolSize=2)[db_name].test

    async def main(first: int) -> None:
        await collection.find_one()
        for n in range(first, first + 60):
            collection.insert_one({"_id": n})
        collection.find_one({"_id": first, **SLOW})

    for first in (0, 100, 200):
        framework.run(main(first))
    wait_until(lambda: sync_db.test.count_documents({}) == 180)


def test_closing_loop_does_not_wait_for_ever(
    framework: Framework, client_factory: Any, db_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_runner, "AT_CLOSE", 0.05)
    collection = client_factory(maxPoolSize=1)[db_name].test

    async def main() -> Any:
        await collection.insert_one({"_id": 1})
        return collection.find_one({"$where": "sleep(1000) || true"})

    async def find() -> Any:
        return await collection.find_one()

    slow = framework.run(main())
    assert not slow.done()
    # Its connection was closed and given back, or this one would have to wait for it.
    assert framework.run(find()) == {"_id": 1}


def test_loop_that_another_thread_closes(
    framework: Framework, client_factory: Any, db_name: str, either_readiness: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    loop = asyncio.new_event_loop()

    async def main() -> None:
        await collection.insert_one({"_id": 1})
        collection.find_one(SLOW)

    with ThreadPoolExecutor(1) as executor:
        executor.submit(loop.run_until_complete, main()).result()
    loop.close()

    async def find() -> Any:
        return await collection.find_one()

    assert framework.run(find()) == {"_id": 1}


def test_loop_that_goes_on_in_another_thread(
    framework: Framework, client_factory: Any, db_name: str, either_readiness: str
) -> None:
    collection = client_factory(maxPoolSize=1)[db_name].test
    loop = asyncio.new_event_loop()

    async def main() -> None:
        await collection.insert_one({"_id": 1})
        collection.find_one(SLOW)

    async def find() -> Any:
        return await collection.find_one(), await runs_on_loop(collection)

    try:
        with ThreadPoolExecutor(1) as executor:
            executor.submit(loop.run_until_complete, main()).result()
        # The strand cannot follow, but its connection is not lost.
        assert loop.run_until_complete(find()) == ({"_id": 1}, False)
    finally:
        loop.close()


async def test_calls_are_counted_once(framework: Framework, collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    before = statistics()
    await asyncio.gather(*(collection.find_one() for _ in range(100)))
    after = statistics()
    assert after.calls - before.calls == 100
    assert 0 < after.waits - before.waits < 100
    assert after.wait_seconds > before.wait_seconds
    assert after.queued == 0


def test_figures_of_closed_loops_are_kept(framework: Framework, collection: Any) -> None:
    async def main() -> None:
        await collection.insert_one({"_id": 1})
        await asyncio.gather(*(collection.find_one() for _ in range(50)))

    framework.run(main())
    first = statistics()
    for _ in range(3):
        framework.run(_find_once(collection))
        gc.collect()
    assert statistics().calls >= first.calls + 3
    assert statistics().in_flight == 0


async def _find_once(collection: Any) -> None:
    await collection.find_one()


def test_process_that_ends_completes_what_is_under_way(mongo_uri: str, sync_db: Any) -> None:
    run_python(
        """
        import asyncio, sys
        from motor.motor_asyncio import AsyncIOMotorClient

        client = AsyncIOMotorClient(sys.argv[1], serverMonitoringMode="poll")
        collection = client[sys.argv[2]].test

        async def main():
            await collection.find_one()
            for number in range(60):
                collection.insert_one({"_id": number})

        # The loop is neither closed nor awaited to the end.
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        import warnings
        warnings.simplefilter("ignore", ResourceWarning)
        """,
        mongo_uri,
        sync_db.name,
    )
    assert sync_db.test.count_documents({}) == 60


async def test_pymongo_s_timeout_in_strands(framework: Framework, collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    assert await runs_on_loop(collection)
    with pymongo.timeout(0.05), pytest.raises(PyMongoError) as caught:
        await collection.find_one(SLOW)
    assert caught.value.timeout
    with pymongo.timeout(10):
        assert await collection.find_one(SLOW) == {"_id": 1}
    assert not isinstance(caught.value, OperationFailure) or caught.value.code == 50
    await async_wait_until(lambda: statistics().in_flight == 0)
