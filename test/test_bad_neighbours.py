"""Motor beside packages that change Python: other loops, green threads, debuggers, detectors.

Each in a process of its own, because most of them cannot be undone.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import textwrap

import pytest

from support import run_python

#: What each of them has to leave intact.
PROGRAM = """
import asyncio, sys

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket


def make_client():
    return AsyncIOMotorClient(sys.argv[1], serverMonitoringMode="poll")


async def main(client=None, name=sys.argv[2]):
    async with client or make_client() as client:
        collection = client[name].test
        await collection.insert_many({"_id": n, "text": "x" * 1000} for n in range(200))
        found = await asyncio.gather(*(collection.find_one({"_id": n}) for n in range(50)))
        assert [document["_id"] for document in found] == list(range(50))
        assert [d["_id"] async for d in collection.find().sort("_id").batch_size(30)] == [
            *range(200)
        ]
        async with client.start_session() as session, session.start_transaction():
            await collection.insert_one({"_id": -1}, session=session)
        async with collection.watch() as stream:
            waiting = asyncio.ensure_future(stream.next())
            await collection.insert_one({"_id": -2})
            assert (await waiting)["documentKey"] == {"_id": -2}
        bucket = AsyncIOMotorGridFSBucket(client[name])
        file_id = await bucket.upload_from_stream("a", bytes(600_000))
        assert await (await bucket.open_download_stream(file_id)).read() == bytes(600_000)
        cancelled = asyncio.ensure_future(collection.find_one({"$where": "sleep(100) || true"}))
        await asyncio.sleep(0)
        cancelled.cancel()
        try:
            await cancelled
        except asyncio.CancelledError:
            pass
        assert await collection.count_documents({}) == 202
    print("done, in greenlets:", getattr(client._pool, "calls", 0))

"""

#: What comes after that for packages that run synchronous code in greenlets of their own.
PROGRAM += """
async def in_greenlets(await_, spawned):
    def find(client):
        return [await_(client[sys.argv[2]].test.find_one({"_id": n})) for n in range(5)]

    await main()
    async with make_client() as client:
        await client[sys.argv[2]].test.find_one({})
        for found in await asyncio.gather(*(spawned(find)(client) for _ in range(20))):
            assert [document["_id"] for document in found] == [*range(5)]

"""

NEIGHBOURS = {
    "none": "asyncio.run(main())",
    "uvloop": """
        import uvloop
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    """,
    "anyio": """
        import anyio
        async def grouped():
            async with anyio.create_task_group() as group:
                group.start_soon(main)
                with anyio.move_on_after(0.01):
                    await AsyncIOMotorClient(sys.argv[1]).db.test.find_one(
                        {"$where": "sleep(1000)"}
                    )
        anyio.run(grouped, backend="asyncio")
    """,
    "nest_asyncio": """
        import nest_asyncio
        nest_asyncio.apply()
        async def outer():
            loop = asyncio.get_running_loop()
            loop.run_until_complete(main())
            client = AsyncIOMotorClient(sys.argv[1])
            assert loop.run_until_complete(client.admin.command("ping"))["ok"] == 1
            client.close()
        asyncio.run(outer())
    """,
    "gevent": """
        asyncio.run(main())
    """,
    "faulthandler": """
        import faulthandler
        faulthandler.enable()

        async def beside():
            # Not dump_traceback_later(): it reads the frames of threads that run on, and Python
            # may crash. Here, this thread has the interpreter lock.
            with open("/dev/null", "w") as file:
                work = asyncio.ensure_future(main())
                while not work.done():
                    faulthandler.dump_traceback(file, all_threads=True)
                    await asyncio.sleep(0.01)
            await work

        asyncio.run(beside())
    """,
    "coverage": """
        import coverage
        measured = coverage.Coverage(data_file=None, concurrency=["thread"])
        measured.start()
        asyncio.run(main())
        measured.stop()
        import motor
        files = measured.get_data().measured_files()
        assert any(file.startswith(motor.__path__[0]) for file in files)
    """,
    "settrace": """
        import threading
        lines = []
        def trace(frame, event, argument):
            lines.append(frame.f_lineno)
            return trace
        threading.settrace(trace)
        sys.settrace(trace)
        asyncio.run(main())
        sys.settrace(None)
        assert len(lines) > 10_000
    """,
    "setprofile": """
        import threading
        threading.setprofile(lambda frame, event, argument: None)
        sys.setprofile(lambda frame, event, argument: None)
        asyncio.run(main())
        sys.setprofile(None)
    """,
    "eager tasks": """
        if hasattr(asyncio, "eager_task_factory"):
            async def eager():
                asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
                await asyncio.ensure_future(main())
            asyncio.run(eager())
        else:
            asyncio.run(main())
    """,
    "blockbuster": """
        import os
        from blockbuster import BlockBuster
        # Modules that are imported at the first use are read from the disk.
        asyncio.run(main())
        # PyMongo looks for a file when a client is made.
        client = make_client()
        BlockBuster().activate()
        asyncio.run(main(client, sys.argv[2] + "_too"))
        sys.stdout.flush()
        # It changes methods of C, and changing them back while threads use them crashes Python.
        os._exit(0)
    """,
    "eventlet": """
        asyncio.run(main())
    """,
    "greenletio": """
        from greenletio import async_, await_

        asyncio.run(in_greenlets(await_, async_))
    """,
    "sqlalchemy": """
        from sqlalchemy.util import await_only, greenlet_spawn

        def spawned(find):
            return lambda client: greenlet_spawn(find, client)

        asyncio.run(in_greenlets(await_only, spawned))
    """,
}

#: What has to come before every import.
FIRST = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    # It says that it is deprecated.
    "eventlet": textwrap.dedent(
        """
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import eventlet
        eventlet.monkey_patch()
        """
    ),
}


def run_beside(name: str, uri: str, db_name: str, **env: str) -> int:
    """Run the program. Returns how many of its operations ran in greenlets of Motor's."""
    if importlib.util.find_spec(name.partition(" ")[0]) is None and name not in (
        *("none", "settrace", "setprofile", "eager tasks"),
    ):
        pytest.skip(f"{name} is not installed")
    if name == "nest_asyncio" and sys.version_info >= (3, 14):
        pytest.skip("nest_asyncio asks for the event loop policy, which is deprecated")
    code = FIRST.get(name, "") + PROGRAM + textwrap.dedent(NEIGHBOURS[name])
    done = run_python(code, uri, db_name, timeout=120, **env)
    counted = re.search(r"done, in greenlets: (\d+)", done.stdout)
    assert counted is not None
    return int(counted[1])


@pytest.fixture
def two_databases(sync_client: object, db_name: str) -> object:
    yield db_name
    sync_client.drop_database(f"{db_name}_too")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_motor_works_beside(name: str, mongo_uri: str, two_databases: str) -> None:
    run_beside(name, mongo_uri, two_databases)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_greenlets_work_beside(name: str, mongo_uri: str, two_databases: str) -> None:
    """The accelerator has greenlets of its own on the loop's thread."""
    pytest.importorskip("greenlet")
    count = run_beside(name, mongo_uri, two_databases, MOTOR_ACCELERATORS="all,greenlets")
    # Those two replace Python's sockets.
    assert (count == 0) == (name in ("gevent", "eventlet"))


@pytest.mark.parametrize("variable", ["PYTHONDEVMODE", "PYTHONASYNCIODEBUG"])
def test_motor_works_in_pythons_modes(variable: str, mongo_uri: str, two_databases: str) -> None:
    run_beside("none", mongo_uri, two_databases, **{variable: "1"})
