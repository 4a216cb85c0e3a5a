"""The accelerator `greenlets`: how calls end when their loop, thread or process does."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from motor.executor import statistics
from support import Framework, async_wait_until, run_python, wait_until

pytest.importorskip("greenlet")

from motor.accelerators.greenlets import scheduler
from motor.accelerators.greenlets.calls import GreenletCall, current_call
from support.greenlets import SLOW, Where, chosen, client, where

__all__ = ["chosen", "client", "where"]

pytestmark = pytest.mark.every_loop


def test_closing_loop_brings_to_an_end_what_is_under_way(
    framework: Framework, client_factory: Any, sync_db: Any, db_name: str
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
    monkeypatch.setattr(scheduler, "AT_CLOSE", 0.05)
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
    framework: Framework, client_factory: Any, db_name: str
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
    framework: Framework, client_factory: Any, db_name: str
) -> None:
    where = Where()
    collection = client_factory(maxPoolSize=1, event_listeners=[where])[db_name].test
    loop = asyncio.new_event_loop()

    async def main() -> Any:
        await collection.insert_one({"_id": 1})
        return collection.find_one(SLOW)

    async def find(lost: Any) -> Any:
        with pytest.raises(RuntimeError, match="another thread"):
            await lost
        return await collection.find_one()

    try:
        with ThreadPoolExecutor(1) as executor:
            lost = executor.submit(loop.run_until_complete, main()).result()
        assert where.take() == (["find"], ["insert"])
        assert loop.run_until_complete(find(lost)) == {"_id": 1}
        assert where.take() == ([], ["find"])
    finally:
        loop.close()


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


def test_forked_child_begins_anew(mongo_uri: str, sync_db: Any) -> None:
    done = run_python(
        """
        import asyncio, os, sys, warnings
        warnings.simplefilter("ignore")
        from motor.motor_asyncio import AsyncIOMotorClient

        client = AsyncIOMotorClient(sys.argv[1], serverMonitoringMode="poll", maxPoolSize=3)
        collection = client[sys.argv[2]].test

        async def child():
            await collection.insert_one({"_id": 2})
            await collection.find_one({"_id": 2})
            await client.close()

        async def main():
            await collection.insert_one({"_id": 1})
            under_way = collection.find_one({"$where": "sleep(200) || true"})
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    asyncio.events._set_running_loop(None)
                    asyncio.new_event_loop().run_until_complete(child())
                    status = 0
                finally:
                    os._exit(status)
            print(await under_way, os.waitpid(pid, 0)[1])
            await client.close()

        asyncio.run(main())
        """,
        mongo_uri,
        sync_db.name,
    )
    assert done.stdout == "{'_id': 1} 0\n"
    assert sorted(sync_db.test.distinct("_id")) == [1, 2]


async def test_calls_are_counted_once(collection: Any, client: Any) -> None:
    await collection.insert_one({"_id": 1})
    before = statistics(client)
    await asyncio.gather(*(collection.find_one() for _ in range(100)))
    after = statistics(client)
    assert after.calls - before.calls == 100
    assert 0 < after.waits - before.waits < 100
    assert after.wait_seconds > before.wait_seconds
    assert after.queued == 0
    await async_wait_until(lambda: statistics(client).in_flight == 0)


async def test_no_lock_is_held_while_a_greenlet_waits(
    client_factory: Any, db_name: str, fail_point: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or those who want it on the loop's thread would wait for ever."""
    held: set[Any] = set()

    class Lock:
        """A lock that knows the greenlet it is held by."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self.locked = self._lock.locked
            self._holder: Any = None

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            acquired = self._lock.acquire(blocking, timeout)
            if acquired:
                self._holder = current_call()
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
    pause = GreenletCall.pause

    def spy(call: GreenletCall) -> None:
        # With `run_in_thread` it is that thread's to release.
        pauses.append(call.receiving is not None and any(each is call for each, _ in held))
        pause(call)

    monkeypatch.setattr(GreenletCall, "pause", spy)
    client = client_factory()
    collection = client[db_name].test
    await collection.insert_one({"_id": -1})
    # For the connections.
    await asyncio.gather(*(collection.find_one(SLOW) for _ in range(20)))
    for _ in range(3):
        await asyncio.gather(
            *(collection.replace_one({"_id": n}, {}, upsert=True) for n in range(30)),
            *(collection.find_one({"_id": n}) for n in range(30)),
            *(collection.update_one({"_id": n}, {"$set": {"a": 1}}) for n in range(30)),
            *(collection.count_documents({}) for _ in range(3)),
            *(client.admin.command("ping") for _ in range(3)),
            *(collection.find(batch_size=5).to_list() for _ in range(5)),
        )
    with fail_point(failCommands=["find"], closeConnection=True, mode={"times": 1}):
        await collection.find_one()
    assert len(pauses) > 60
    assert not any(pauses)
