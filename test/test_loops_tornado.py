"""Tornado's ways to run things: IOLoop, `gen.coroutine`, request handlers, its test cases."""

from __future__ import annotations

import json
import unittest
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("tornado")

from tornado import gen, httpclient, httpserver, ioloop, testing, web

from motor.motor_tornado import MotorClient


@pytest.fixture
def collection(mongo_uri: str, db_name: str) -> Iterator[Any]:
    client = MotorClient(mongo_uri, serverMonitoringMode="poll")
    yield client[db_name]["test"]
    client.close()


@pytest.fixture
def loop() -> Iterator[ioloop.IOLoop]:
    loop = ioloop.IOLoop(make_current=False)
    yield loop
    loop.close(all_fds=True)


def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Not in the main thread, for which Tornado would make a loop and never close it."""
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        return executor.submit(function, *args).result()


@gen.coroutine
def use_by_yield(collection: Any) -> Any:
    """Everything that can be yielded."""
    yield collection.insert_many([{"_id": n} for n in range(5)])
    document = yield collection.find_one({"_id": 3})
    both = yield [collection.count_documents({}), collection.distinct("_id")]
    by_name = yield {"four": collection.find_one({"_id": 4})}
    documents = yield collection.find().sort("_id").to_list(2)
    cursor, one_by_one = collection.find().sort("_id"), []
    while True:
        try:
            one_by_one.append((yield cursor.next()))
        except StopAsyncIteration:
            break
    assert one_by_one == [{"_id": n} for n in range(5)]
    raise gen.Return((document, both, by_name, documents))


def test_gen_coroutine_yields_operations(loop: ioloop.IOLoop, collection: Any) -> None:
    document, both, by_name, documents = loop.run_sync(lambda: use_by_yield(collection))
    assert document == {"_id": 3}
    assert both == [5, [0, 1, 2, 3, 4]]
    assert by_name == {"four": {"_id": 4}}
    assert documents == [{"_id": 0}, {"_id": 1}]


def test_run_sync_takes_the_operation_itself(loop: ioloop.IOLoop, collection: Any) -> None:
    assert loop.run_sync(lambda: collection.insert_one({"_id": 1})).inserted_id == 1


def test_current_loop_is_the_one_that_operations_belong_to(collection: Any) -> None:
    def main() -> Any:
        loop = ioloop.IOLoop(make_current=False)
        loop.make_current()
        try:
            assert collection.get_io_loop() is loop is ioloop.IOLoop.current()
            future = collection.insert_one({"_id": 1})
            assert future.get_loop() is loop.asyncio_loop  # type: ignore[attr-defined]
            loop.add_future(future, lambda _: loop.stop())
            loop.start()
            return future.result().inserted_id
        finally:
            loop.clear_current()
            loop.close(all_fds=True)

    with warnings.catch_warnings():
        # Tornado discourages what its users may still do.
        warnings.simplefilter("ignore", DeprecationWarning)
        assert in_thread(main) == 1


def test_callback_of_the_loop_may_start_operations(loop: ioloop.IOLoop, collection: Any) -> None:
    results: list[Any] = []

    async def insert() -> None:
        results.append((await collection.insert_one({"_id": 1})).inserted_id)
        loop.stop()

    loop.add_callback(insert)
    loop.start()
    assert results == [1]


def test_request_handlers_use_one_client(loop: ioloop.IOLoop, collection: Any) -> None:
    class ByAwait(web.RequestHandler):
        async def get(self) -> None:
            await self.settings["collection"].insert_one({"by": "await"})
            self.write({"count": await self.settings["collection"].count_documents({})})

    class ByYield(web.RequestHandler):
        @gen.coroutine
        def get(self) -> Any:
            yield self.settings["collection"].insert_one({"by": "yield"})
            self.write({"count": (yield self.settings["collection"].count_documents({}))})

    async def main() -> list[int]:
        application = web.Application(
            [("/await", ByAwait), ("/yield", ByYield)], collection=collection
        )
        server = httpserver.HTTPServer(application)
        socket, port = testing.bind_unused_port()
        server.add_socket(socket)
        client = httpclient.AsyncHTTPClient(force_instance=True)
        try:
            url = f"http://127.0.0.1:{port}"
            answers = [await client.fetch(url + path) for path in ["/await", "/yield"]]
            return [json.loads(answer.body)["count"] for answer in answers]
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    assert loop.run_sync(main) == [1, 2]


def test_tornado_test_case_has_a_loop_for_each_test(collection: Any, sync_db: Any) -> None:
    class Case(testing.AsyncTestCase):
        @testing.gen_test
        def test_one(self) -> Any:
            yield collection.insert_one({"_id": 1})

        @testing.gen_test
        async def test_two(self) -> None:
            await collection.insert_one({"_id": 2})

    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Case)
    in_thread(suite.run, result)
    assert result.testsRun == 2
    assert result.wasSuccessful(), result.errors + result.failures
    assert sync_db.test.distinct("_id") == [1, 2]
