"""What another thread does between two steps: it is done here by the first step itself."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest

import motor.core.base
import motor.core.client
import motor.execution.default
from motor.core.base import register_delegate
from motor.core.cursors.reader import Reader
from motor.core.fetching import Decoded, fetch_publicly
from motor.execution.awaiting import AwaitingPool
from motor.execution.pool import WorkerPool
from motor.execution.serial_queue import SerialQueue
from support import Framework
from support.jobs import FunctionJob
from support.no_server import NoServer
from support.wait import PATIENCE


@pytest.fixture
def server(framework: Framework) -> NoServer:
    return NoServer(framework)


# Cursors ------------------------------------------------------------------------------------------


def test_documents_that_come_while_a_list_is_taken_are_not_lost() -> None:
    reader = Reader(fetch_publicly)
    # For a second list.
    collect = threading.Thread(target=reader.collect, args=(None, lambda: False), name="motor-test")

    class Buffer(deque[Any]):
        def clear(self) -> None:
            if collect.ident is None:
                # It decodes the next batch now, or when it may.
                collect.start()
                collect.join(0.1)
            super().clear()

    reader.buffer = Buffer()
    reader.wanted.append(math.inf)
    reader.batches.append(Decoded([1, 2]))
    assert reader.at_hand()
    reader.batches.append(Decoded([3]))
    assert reader.take(None) == [1, 2]
    collect.join()
    assert reader.take(None) == [3]


async def test_stream_that_is_closed_as_an_event_comes_forgets_it(server: NoServer) -> None:
    loop = asyncio.get_running_loop()
    stream = server.collection.watch()

    async def close() -> None:
        await stream.close()

    class Delegate:
        alive = True

        def try_next(self) -> Any:
            return {"_id": 1}

        def close(self) -> None:
            self.alive = False

        @property
        def resume_token(self) -> Any:
            asyncio.run_coroutine_threadsafe(close(), loop).result(PATIENCE)
            return {"token": 1}

    stream.delegate = Delegate()
    await asyncio.to_thread(stream._turn, False)
    assert not stream.alive
    with pytest.raises(StopAsyncIteration):
        await stream.next()


async def test_stream_that_is_closed_as_it_fails_forgets_the_error(server: NoServer) -> None:
    loop = asyncio.get_running_loop()
    stream = server.collection.watch()

    async def close() -> None:
        await stream.close()

    class Failure(Exception):
        """What the server has answered."""

    class Stream(type(stream)):  # type: ignore[misc]
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "_error" and isinstance(value, Failure):
                asyncio.run_coroutine_threadsafe(close(), loop).result(PATIENCE)
            super().__setattr__(name, value)

    def fail() -> Any:
        raise Failure

    stream.__class__ = Stream
    stream.delegate = SimpleNamespace(alive=True, try_next=fail, close=lambda: None)
    await asyncio.to_thread(stream._turn, False)
    assert not stream.alive
    with pytest.raises(StopAsyncIteration):
        await stream.next()


# Clients ------------------------------------------------------------------------------------------


def test_motor_sessions_for_the_same_session_share_a_queue(server: NoServer) -> None:
    client = server.client
    found: list[Any] = []
    delegate = pymongo.MongoClient(connect=False).start_session()

    def make(delegate: Any, owner: Any) -> Any:
        if not found:
            # Another thread finds none either, and is quicker.
            found.append(client._session_for(delegate, server.framework.ClientSession))
        return server.framework.ClientSession(delegate, owner)

    later = client._session_for(delegate, make)
    assert later._queue is found[0]._queue
    # It may be at work when its Motor session is gone.
    queue = later._queue
    del later
    found.clear()
    assert client._session_for(delegate, server.framework.ClientSession)._queue is queue
    delegate.client.close()


def test_client_has_one_pool_for_awaiting_data(
    server: NoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client
    found: list[Any] = []

    def make(most: int | None) -> AwaitingPool:
        monkeypatch.setattr(motor.core.client, "AwaitingPool", AwaitingPool)
        found.append(client._awaiting_pool)
        return AwaitingPool(most)

    monkeypatch.setattr(motor.core.client, "AwaitingPool", make)
    assert client._awaiting_pool is found[0]
    assert client._awaiting_pool is found[0]


def test_results_are_wrapped_while_a_class_is_registered(
    server: NoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known(dict[Any, Any]):
        def __contains__(self, kind: object) -> bool:
            found = super().__contains__(kind)
            register_delegate(Other, motor.core.base.AgnosticBase)
            return found

    class Other:
        """A delegate's class of another package."""

    monkeypatch.setattr(motor.core.base, "_registry", dict(motor.core.base._registry))
    monkeypatch.setattr(motor.core.base, "_known", Known({int: None}))
    assert server.client._wrap(7) == 7
    assert not motor.core.base._known


# Workers ------------------------------------------------------------------------------------------


def test_finalizer_may_ask_for_the_executor_while_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[WorkerPool] = []

    def make(*args: Any, **kwargs: Any) -> WorkerPool:
        monkeypatch.setattr(motor.execution.default, "WorkerPool", WorkerPool)
        # The garbage collector comes now, and what it ends makes a call.
        found.append(motor.execution.default.default_executor())
        return WorkerPool(*args, **kwargs)

    monkeypatch.setattr(motor.execution.default, "_default", None)
    monkeypatch.setattr(motor.execution.default, "WorkerPool", make)

    def ask() -> None:
        found.append(motor.execution.default.default_executor())

    thread = threading.Thread(target=ask, name="motor-test", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert len(found) == 2, "it waits for itself"
    assert found[0] is found[1]


def test_queue_that_is_busy_knows_where() -> None:
    queue, pool = SerialQueue(), WorkerPool(1, name="motor-test")
    seen: list[Any] = []

    class Lock:
        def __init__(self) -> None:
            self._lock = threading.RLock()

        def __enter__(self) -> None:
            self._lock.acquire()

        def __exit__(self, *error: object) -> None:
            self._lock.release()
            # What the end of the process sees in another thread.
            if queue.busy:
                seen.append(queue._pool)

    queue._lock = Lock()  # type: ignore[assignment]
    done = threading.Event()
    queue.add(pool, FunctionJob(done.set))
    assert done.wait(PATIENCE)
    queue.drain()
    pool.shutdown()
    assert seen[0] is pool
