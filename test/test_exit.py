"""The end of a process that has used Motor."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from support import PATIENCE, run_python, start_python

_APP = "motor-test-exit"

_PRELUDE = f"""
    PATIENCE = {PATIENCE}
    import asyncio, atexit, sys, threading, warnings
    # The clients of these programs are left open, of which PyMongo warns.
    warnings.filterwarnings("ignore", "Unclosed", ResourceWarning)
    from motor.motor_asyncio import AsyncIOMotorClient

    uri, name, linger = sys.argv[1:]
    if linger:
        # How long the pool's threads wait for more to do.
        modules = [m for n, m in sys.modules.items() if n.startswith("motor.")]
        lingering = [module for module in modules if hasattr(module, "LINGER")]
        assert lingering
        for module in lingering:
            module.LINGER = float(linger)
    client = AsyncIOMotorClient(uri, appname="motor-test-exit")
    collection = client[name].test
"""


def run(
    code: str, mongo_uri: str, db_name: str, *, check: bool = True, linger: str = "", **env: str
) -> Any:
    done = run_python(_PRELUDE + code, mongo_uri, db_name, linger, check=check, **env)
    if check:
        assert done.stderr == ""
    return done


def test_operation_that_nobody_awaits_is_done_before_the_end(
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


@pytest.mark.skipif(sys.version_info < (3, 12), reason="threads start while Python 3.11 ends")
def test_client_has_begun_to_connect_when_its_first_operation_has_been_called(
    mongo_uri: str, db_name: str
) -> None:
    """From Python 3.12 on, PyMongo could not start its threads once the program ends."""
    code = """
    async def main():
        operation = collection.find_one()
        print([t.name for t in threading.enumerate() if "monitor" in t.name] != [])
        await operation

    asyncio.run(main())
    """
    assert run(code, mongo_uri, db_name).stdout == "True\n"


def test_operations_of_a_session_are_done_one_after_the_other_before_the_end(
    mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = """
    async def main():
        session = await client.start_session()
        for number in range(50):
            collection.insert_one({"_id": number}, session=session)

    asyncio.run(main())
    """
    run(code, mongo_uri, db_name)
    assert sync_db.test.distinct("_id") == [*range(50)]


def ends(code: str, mongo_uri: str, db_name: str, linger: str = "") -> None:
    """Run a program that ends, once it has printed "end", before what it waits for is over."""
    with start_python(_PRELUDE + code, mongo_uri, db_name, linger) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "end\n"
        assert process.wait(PATIENCE) == 0


def test_idle_threads_do_not_delay_the_end(mongo_uri: str, db_name: str) -> None:
    code = """
    async def main():
        await asyncio.gather(*(collection.find_one() for _ in range(200)))

    asyncio.run(main())
    print("end", flush=True)
    """
    ends(code, mongo_uri, db_name, linger="600")


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
            cursor = await collection.watch(max_await_time_ms=600_000)
        else:
            cursor = capped.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(600_000)
            await cursor.next()
        task = asyncio.create_task(cursor.next())
        while not any(t.name.startswith("motor-waiting") for t in threading.enumerate()):
            await asyncio.sleep(0.01)
        print("end", flush=True)

    asyncio.run(main())
    """
    )
    ends(code, mongo_uri, db_name)


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
            asyncio.run(asyncio.wait_for(last_words(), PATIENCE))
            print("done")
        except RuntimeError as error:
            print("refused")

    atexit.register(at_exit)

    async def main():
        await collection.insert_one({"_id": 1})

    asyncio.run(main())
    """
    # From 3.12 on, Python starts no thread when the others have ended.
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
    assert running.wait(PATIENCE)
    print("end", flush=True)
    """
    ends(code, mongo_uri, db_name)


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
    assert under_way.wait(PATIENCE)
    """
    run(code, mongo_uri, db_name)
    assert sync_db.test.count_documents({}) == 50


@pytest.mark.parametrize("idle", [0, 0.2], ids=["at-once", "after-a-while"])
@pytest.mark.parametrize("greenlets", ["1", "0"], ids=["strands", "workers"])
def test_other_threads_go_on_when_the_main_thread_has_ended(
    mongo_uri: str, db_name: str, sync_db: Any, idle: float, greenlets: str
) -> None:
    code = """
    async def main():
        await collection.insert_one({"_id": -1})
        await asyncio.sleep(IDLE)
        main_thread_ends.set()
        while threading.main_thread().is_alive():
            # On the loop, and on a worker: from then on no more of them can be started.
            await asyncio.gather(collection.find_one(), collection.distinct("_id"))
        # More than a worker lingers for.
        await asyncio.sleep(0.2)
        await asyncio.gather(*(collection.insert_one({"_id": n}) for n in range(50)))
        async with await client.start_session() as session:
            await asyncio.gather(*(collection.find_one(session=session) for n in range(20)))
        assert await collection.count_documents({}) == 51
        print("done")

    main_thread_ends = threading.Event()
    threading.Thread(target=asyncio.run, args=(main(),)).start()
    assert main_thread_ends.wait(PATIENCE)
    """.replace("IDLE", str(idle))
    done = run(code, mongo_uri, db_name, linger="0.05", MOTOR_GREENLETS=greenlets)
    assert done.stdout == "done\n"
