"""The end of a process that has used Motor."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from support import run_python, start_python
from support.accelerators import takes_executors

_APP = "motor-test-exit"

_PRELUDE = """
    import asyncio, atexit, sys, threading, time, warnings
    # The clients of these programs are left open, of which PyMongo warns.
    warnings.filterwarnings("ignore", "Unclosed", ResourceWarning)
    from motor.motor_asyncio import AsyncIOMotorClient

    uri, name = sys.argv[1:]
    client = AsyncIOMotorClient(uri, appname="motor-test-exit")
    collection = client[name].test
"""


def run(code: str, mongo_uri: str, db_name: str, *, check: bool = True, **env: str) -> Any:
    done = run_python(_PRELUDE + code, mongo_uri, db_name, check=check, **env)
    if check:
        assert done.stderr == ""
    return done


def test_operation_that_is_not_awaited_is_done_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any, fail_point: Any
) -> None:
    code = """
    async def main():
        await collection.find_one()
        collection.insert_one({"_id": 1})

    asyncio.run(main())
    """
    with fail_point(
        failCommands=["insert"],
        blockConnection=True,
        blockTimeMS=300,
        appName=_APP,
        mode={"times": 1},
    ):
        run(code, mongo_uri, db_name)
    assert sync_db.test.distinct("_id") == [1]


def test_first_operation_of_a_client_is_done_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        # Nothing is connected yet.
        collection.insert_one({"_id": 1})

    asyncio.run(main())
    """
    run(code, mongo_uri, db_name)
    assert sync_db.test.distinct("_id") == [1]


def test_operations_that_wait_for_a_worker_are_done_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        await collection.find_one()
        for number in range(300):
            collection.insert_one({"_id": number})

    asyncio.run(main())
    """
    run(code, mongo_uri, db_name, MOTOR_MAX_WORKERS="2")
    assert sync_db.test.count_documents({}) == 300


@pytest.mark.skipif(sys.version_info[:2] != (3, 12), reason="threads start while Python ends")
def test_client_has_begun_to_connect_when_its_first_operation_has_been_called(
    mongo_uri: str, db_name: str
) -> None:
    """On Python 3.12, PyMongo could not start its threads once the program ends."""
    code = """
    async def main():
        operation = collection.find_one()
        print([t.name for t in threading.enumerate() if "monitor" in t.name] != [])
        await operation

    asyncio.run(main())
    """
    assert run(code, mongo_uri, db_name).stdout == "True\n"


def test_operations_of_a_session_are_done_one_after_the_other_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any, fail_point: Any
) -> None:
    code = """
    async def main():
        session = await client.start_session()
        for number in range(20):
            collection.insert_one({"_id": number}, session=session)

    asyncio.run(main())
    """
    # Together they take longer than PyMongo's part of the end.
    with fail_point(
        failCommands=["insert"],
        blockConnection=True,
        blockTimeMS=100,
        appName=_APP,
        mode={"times": 20},
    ):
        run(code, mongo_uri, db_name)
    assert sync_db.test.distinct("_id") == [*range(20)]


@takes_executors
def test_operations_on_a_users_executor_are_done_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor

    client = AsyncIOMotorClient(uri, executor=ThreadPoolExecutor(2))
    collection = client[name].test

    async def main():
        await collection.find_one()
        for number in range(100):
            collection.insert_one({"_id": number})

    asyncio.run(main())
    """
    run(code, mongo_uri, db_name)
    assert sync_db.test.count_documents({}) == 100


def ends(code: str, mongo_uri: str, db_name: str) -> bool:
    """Whether the program ends, and well, after it has printed "end"."""
    with start_python(_PRELUDE + code, mongo_uri, db_name) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "end\n"
        return process.wait(60) == 0


def test_idle_threads_do_not_delay_the_end(mongo_uri: str, db_name: str) -> None:
    code = """
    import motor.execution.pool

    async def main():
        await asyncio.gather(*(collection.find_one() for _ in range(200)))

    motor.execution.pool.LINGER = 600
    asyncio.run(main())
    print("end", flush=True)
    """
    assert ends(code, mongo_uri, db_name)


@pytest.mark.parametrize("waiting", ["stream", "tailable"])
def test_waiting_for_data_does_not_delay_the_end(
    mongo_uri: str, db_name: str, waiting: str
) -> None:
    code = (
        f"waiting = {waiting!r}".join(["    ", "\n"])
        + """
    from pymongo import CursorType

    async def main():
        capped = await client[name].create_collection("capped", capped=True, size=10_000)
        await capped.insert_one({})
        if waiting == "stream":
            cursor = await collection.watch(max_await_time_ms=300_000)
        else:
            cursor = capped.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(300_000)
            await cursor.next()
        task = asyncio.create_task(cursor.next())
        while not any(t.name.startswith("motor-awaiting") for t in threading.enumerate()):
            await asyncio.sleep(0.01)
        print("end", flush=True)

    asyncio.run(main())
    """
    )
    assert ends(code, mongo_uri, db_name)


def test_client_left_open_ends_quietly(mongo_uri: str, db_name: str) -> None:
    code = """
    async def main():
        await collection.insert_one({})
        cursor = collection.find(batch_size=2)
        cursor.to_list(1)
        stream = await collection.watch()
        session = await client.start_session()
        print("done")

    asyncio.run(main())
    """
    assert run(code, mongo_uri, db_name).stdout == "done\n"


def test_functions_of_atexit_use_the_client_if_python_lets_them(
    mongo_uri: str, db_name: str
) -> None:
    code = """
    async def last_words():
        await collection.insert_one({"_id": 2})
        assert [doc["_id"] async for doc in collection.find().sort("_id")] == [1, 2]
        await client.close()

    def at_exit():
        try:
            asyncio.run(asyncio.wait_for(last_words(), 60))
            print("done")
        except RuntimeError as error:
            print("refused")

    atexit.register(at_exit)

    async def main():
        await collection.insert_one({"_id": 1})

    asyncio.run(main())
    """
    # Later Pythons may start no thread when the others have ended; 3.12 starts none.
    allowed = ["done\n"] if sys.version_info < (3, 12) else ["done\n", "refused\n"]
    assert run(code, mongo_uri, db_name).stdout in allowed


def test_functions_of_atexit_may_close_the_client(mongo_uri: str, db_name: str) -> None:
    code = """
    atexit.register(client.close)

    async def main():
        await collection.insert_one({"_id": 1})

    asyncio.run(main())
    """
    run(code, mongo_uri, db_name)


def test_sys_exit_in_a_coroutine_ends_the_process(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        await collection.insert_one({"_id": 1})
        collection.insert_one({"_id": 2})
        sys.exit(7)

    asyncio.run(main())
    """
    assert run(code, mongo_uri, db_name, check=False).returncode == 7
    assert sync_db.test.distinct("_id") == [1, 2]


def test_an_error_in_a_coroutine_ends_the_process(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        await collection.insert_one({"_id": 1})
        collection.insert_one({"_id": 2})
        raise LookupError("on purpose")

    asyncio.run(main())
    """
    done = run(code, mongo_uri, db_name, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("LookupError: on purpose\n")
    assert sync_db.test.distinct("_id") == [1, 2]


def test_loops_in_daemon_threads_do_not_hold_up_the_end(mongo_uri: str, db_name: str) -> None:
    code = """
    async def find():
        while True:
            await collection.find_one()
            running.set()

    async def main():
        await asyncio.gather(*(find() for _ in range(tasks)))

    running = threading.Event()
    for tasks in [1, 10]:
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    assert running.wait(60)
    print("end", flush=True)
    """
    assert ends(code, mongo_uri, db_name)


def test_operations_on_a_loop_in_a_daemon_thread_are_done_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        await collection.find_one()
        for n in range(50):
            collection.insert_one({"_id": n})
        under_way.set()
        await asyncio.sleep(60)

    under_way = threading.Event()
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    assert under_way.wait(60)
    """
    run(code, mongo_uri, db_name)
    assert sync_db.test.count_documents({}) == 50


@pytest.mark.parametrize("idle", [0, 2.5], ids=["at-once", "after-a-while"])
def test_other_threads_go_on_when_the_main_thread_has_ended(
    mongo_uri: str, db_name: str, sync_db: Any, idle: float
) -> None:
    code = """
    async def main():
        await collection.insert_one({"_id": -1})
        await asyncio.sleep(IDLE)
        main_thread_ends.set()
        while threading.main_thread().is_alive():
            # From then on no more workers can be started.
            await asyncio.gather(collection.find_one(), collection.distinct("_id"))
        # More than a worker lingers for.
        await asyncio.sleep(2.5)
        await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(50)))
        async with await client.start_session() as session:
            await asyncio.gather(*(collection.find_one(session=session) for n in range(20)))
        assert await collection.count_documents({}) == 51
        print("done")

    main_thread_ends = threading.Event()
    threading.Thread(target=asyncio.run, args=(main(),)).start()
    assert main_thread_ends.wait(60)
    """.replace("IDLE", str(idle))
    assert run(code, mongo_uri, db_name).stdout == "done\n"
