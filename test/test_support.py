"""The fixtures find what they are for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pymongo
import pytest
from pymongo import CursorType
from pymongo.errors import OperationFailure

from support import CommandRecorder, Framework, async_wait_until, wait_until
from support.framework import no_pending_tasks
from support.leaks import LeakCheck, PooledConnections, count_connections


@pytest.fixture
def ports(sync_client: pymongo.MongoClient[dict[str, Any]]) -> set[int]:
    return {port for _, port in sync_client.nodes}


def test_leak_check_sees_a_thread() -> None:
    check = LeakCheck(set(), PooledConnections())
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    thread.start()
    assert check.leaks(timeout=0) == ["thread forgotten still runs"]
    end.set()
    assert check.leaks() == []


@pytest.mark.skipif(sys.platform != "linux", reason="the check reads /proc")
def test_leak_check_sees_a_child_process() -> None:
    check = LeakCheck(set(), PooledConnections())
    with subprocess.Popen(["sleep", "60"]) as process:
        assert [str(process.pid) in leak for leak in check.leaks(timeout=0)] == [True]
        process.kill()
    assert check.leaks() == []


def test_leak_check_sees_a_client_left_open(
    mongo_uri: str, ports: set[int], pooled_connections: PooledConnections
) -> None:
    check = LeakCheck(ports, pooled_connections)
    with pymongo.MongoClient(mongo_uri) as client:
        client.admin.command("ping")
        assert any("connections" in leak for leak in check.leaks(timeout=0))
    assert check.leaks() == []


def test_leak_check_allows_for_the_sessions_own_client(
    sync_db: Any, ports: set[int], pooled_connections: PooledConnections
) -> None:
    sync_db.test.insert_many([{} for _ in range(10)])
    before = count_connections(ports)
    check = LeakCheck(ports, pooled_connections)
    # Each exhaust cursor keeps a connection to itself until it is closed. One more of them than
    # there are connections: some may lie idle in the client's pool.
    cursors = [
        sync_db.test.find(cursor_type=CursorType.EXHAUST, batch_size=2) for _ in range(before + 1)
    ]
    for cursor in cursors:
        cursor.next()
    assert count_connections(ports) > before
    assert check.leaks(timeout=0) == []
    for cursor in cursors:
        cursor.close()


def test_run_takes_a_function_or_a_coroutine(framework: Framework) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    assert framework.run(double, 2) == 4
    assert framework.run(double(3)) == 6
    assert framework.run(lambda: asyncio.sleep(0, "done")) == "done"


def test_run_raises_what_was_raised(framework: Framework) -> None:
    async def fail() -> None:
        raise LookupError("from inside")

    with pytest.raises(LookupError, match="from inside"):
        framework.run(fail)


def test_run_uses_a_fresh_loop_and_closes_it(framework: Framework) -> None:
    async def current() -> Any:
        return asyncio.get_running_loop()

    first, second = framework.run(current), framework.run(current)
    assert first is not second
    assert first.is_closed()
    assert second.is_closed()


def test_run_ends_what_takes_too_long(framework: Framework) -> None:
    with pytest.raises(TimeoutError):
        framework.run(lambda: asyncio.sleep(60), timeout=0.01)


async def test_async_tests_run_on_their_framework(framework: Framework) -> None:
    loop = framework.current_loop()
    assert getattr(loop, "asyncio_loop", loop) is asyncio.get_running_loop()
    assert hasattr(loop, "asyncio_loop") == (framework.name == "tornado")


async def test_async_tests_run_without_a_framework() -> None:
    assert asyncio.get_running_loop().is_running()


async def test_pending_tasks_are_an_error() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(AssertionError, match="tasks pending"):
        await no_pending_tasks(timeout=0.01)
    task.cancel()


async def test_loop_errors_are_noticed(
    framework: Framework, loop_errors: list[dict[str, Any]]
) -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_exception(LookupError("never retrieved"))
    del future
    assert [str(error["exception"]) for error in loop_errors] == ["never retrieved"]


async def test_waiting_gives_up_with_a_reason() -> None:
    assert wait_until(lambda: 5) == 5
    with pytest.raises(AssertionError, match=r"0\.01 s without success until pigs fly"):
        wait_until(lambda: False, timeout=0.01, what="pigs fly")
    assert await async_wait_until(lambda: asyncio.sleep(0, 6)) == 6
    with pytest.raises(AssertionError, match="without success until pigs fly"):
        await async_wait_until(lambda: False, timeout=0.01, what="pigs fly")


def test_commands_are_recorded(mongo_uri: str, db_name: str, commands: CommandRecorder) -> None:
    with pymongo.MongoClient(mongo_uri, event_listeners=[commands]) as client:
        client[db_name].test.insert_one({"_id": 1})
        client[db_name].test.find_one()
    assert commands.names[:2] == ["insert", "find"]
    assert [event.database_name for event in commands.named("find")] == [db_name]
    commands.clear()
    assert list(commands) == []


def test_fail_point_ends_with_its_block(sync_db: Any, fail_point: Any) -> None:
    with (
        fail_point(failCommands=["count"], errorCode=11601),
        pytest.raises(OperationFailure) as caught,
    ):
        sync_db.command("count", "test")
    assert caught.value.code == 11601
    assert sync_db.command("count", "test")["n"] == 0
