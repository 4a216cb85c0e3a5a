"""Clients made before a fork, used after it."""

from __future__ import annotations

import os

import pytest

from support import run_python
from support.accelerators import takes_executors

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

_PRELUDE = """
    import asyncio, os, sys, threading, time, traceback, warnings
    from concurrent.futures import ThreadPoolExecutor

    # Python, from 3.12 on, and PyMongo warn of what is done here on purpose.
    warnings.filterwarnings("ignore", ".*fork.*")

    from motor.executor import default_executor
    from motor.motor_asyncio import AsyncIOMotorClient

    uri, name = sys.argv[1:]

    def in_child(function):
        '''Fork, call `function` in the child, and return whether it succeeded there.'''
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    async def use(collection, key):
        await collection.insert_many([{"key": key, "n": n} for n in range(10)])
        numbers = [doc["n"] async for doc in collection.find({"key": key}, batch_size=3)]
        assert numbers == [*range(10)], numbers
        calls = [collection.find_one({"key": key, "n": n}) for n in range(10)]
        assert [doc["n"] for doc in await asyncio.gather(*calls)] == [*range(10)]

    async def main(collection, key):
        await asyncio.wait_for(use(collection, key), 60)
"""


def run(code: str, mongo_uri: str, db_name: str) -> None:
    run_python(_PRELUDE + code, mongo_uri, db_name, timeout=180)


def test_client_works_in_parent_and_child(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test
    asyncio.run(main(collection, "before"))
    assert in_child(lambda: asyncio.run(main(collection, "child")))
    asyncio.run(main(collection, "after"))
    # A child of a child, and one more.
    assert in_child(lambda: in_child(lambda: asyncio.run(main(collection, "grandchild"))))
    assert in_child(lambda: asyncio.run(main(collection, "second child")))
    asyncio.run(main(collection, "end"))
    client.close()
    """
    run(code, mongo_uri, db_name)


def test_client_that_was_not_used_before_the_fork_works(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test
    assert in_child(lambda: asyncio.run(main(collection, "child")))
    asyncio.run(main(collection, "parent"))
    client.close()
    """
    run(code, mongo_uri, db_name)


def test_child_gets_a_new_pool(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test
    asyncio.run(main(collection, "before"))

    def child():
        def workers():
            return [t for t in threading.enumerate() if t.name.startswith("motor-")]

        now = default_executor().statistics()
        assert (now.workers, now.in_flight, now.queued, now.calls) == (0, 0, 0, 0)
        assert workers() == []
        asyncio.run(main(collection, "child"))
        assert workers()

    assert in_child(child)
    client.close()
    """
    run(code, mongo_uri, db_name)


@takes_executors
def test_client_with_an_executor_of_the_users_works(mongo_uri: str, db_name: str) -> None:
    code = """
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        client = AsyncIOMotorClient(uri, executor=executor)
        collection = client[name].test
        asyncio.run(main(collection, "before"))
        assert in_child(lambda: asyncio.run(main(collection, "child")))
        asyncio.run(main(collection, "after"))
        client.close()
    """
    run(code, mongo_uri, db_name)


def test_change_streams_work_in_the_child(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test

    async def watch():
        async with collection.watch() as stream:
            await collection.insert_one({})
            assert (await asyncio.wait_for(stream.next(), 60))["operationType"] == "insert"

    asyncio.run(watch())
    assert in_child(lambda: asyncio.run(watch()))
    asyncio.run(watch())
    client.close()
    """
    run(code, mongo_uri, db_name)


def test_fork_with_work_in_flight(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test
    end = threading.Event()

    def busy():
        while not end.is_set():
            asyncio.run(main(collection, time.monotonic()))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5):
        time.sleep(0.01)
        # The client that another thread was using when its process was copied is another matter:
        # PyMongo makes no promise for it. What must be whole is Motor's own: pool and loops.
        def child():
            other = AsyncIOMotorClient(uri)
            asyncio.run(main(other[name].test, f"child {number}"))
            other.close()

        assert in_child(child)
    end.set()
    for thread in threads:
        thread.join()
    client.close()
    """
    run(code, mongo_uri, db_name)


def test_fork_inside_a_coroutine(mongo_uri: str, db_name: str) -> None:
    code = """
    client = AsyncIOMotorClient(uri)
    collection = client[name].test

    def child():
        # asyncio itself says that this loop is the parent's.
        asyncio._set_running_loop(None)
        asyncio.run(main(collection, "child"))

    async def parent():
        await main(collection, "before")
        assert in_child(child)
        await main(collection, "after")

    asyncio.run(parent())
    client.close()
    """
    run(code, mongo_uri, db_name)
