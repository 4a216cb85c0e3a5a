"""Every method that is written by hand and starts something can be called where no loop runs."""

from __future__ import annotations

import asyncio
import gc
import inspect
import io
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId

from support import Framework, class_names

#: Calls that return what is there at once, or, like `close`, wait where no loop runs.
AT_ONCE = {"AgnosticClient.start_session", "AgnosticClient.aclose"}

#: Shown in the tests of encryption.
ENCRYPTION = {"AgnosticClientEncryption.create_encrypted_collection"}


class Objects:
    """One of each kind, on a database with a file."""

    def __init__(self, framework: Framework, collection: Any) -> None:
        self.collection: Any = collection
        self.client: Any = collection.database.client
        self.bucket: Any = framework.GridFSBucket(collection.database)
        self._grid_out = framework.GridOut

    @property
    def written(self) -> Any:
        return self.bucket.open_upload_stream("written")

    @property
    def stored(self) -> Any:
        return self._grid_out(self.collection.database.fs, "id")


STARTERS: dict[str, Callable[[Objects], Any]] = {
    "AgnosticClient.aconnect": lambda o: o.client.aconnect(),
    "AgnosticClientSession.end_session": lambda o: o.client.start_session().end_session(),
    "AgnosticBaseCursor.close": lambda o: o.collection.find().close(),
    "AgnosticBaseCursor.to_list": lambda o: o.collection.find().to_list(),
    "AgnosticChangeStream.close": lambda o: o.collection.watch().close(),
    "AgnosticGridFSBucket.download_to_stream": lambda o: o.bucket.download_to_stream(
        "id", io.BytesIO()
    ),
    "AgnosticGridFSBucket.download_to_stream_by_name": lambda o: (
        o.bucket.download_to_stream_by_name("stored", io.BytesIO())
    ),
    "AgnosticGridFSBucket.open_download_stream": lambda o: o.bucket.open_download_stream("id"),
    "AgnosticGridFSBucket.open_download_stream_by_name": lambda o: (
        o.bucket.open_download_stream_by_name("stored")
    ),
    "AgnosticGridFSBucket.upload_from_stream": lambda o: o.bucket.upload_from_stream("f", b"data"),
    "AgnosticGridFSBucket.upload_from_stream_with_id": lambda o: (
        o.bucket.upload_from_stream_with_id(ObjectId(), "f", b"data")
    ),
    "AgnosticGridIn.abort": lambda o: o.written.abort(),
    "AgnosticGridIn.close": lambda o: o.written.close(),
    "AgnosticGridIn.set": lambda o: o.written.set("owner", "Momo"),
    "AgnosticGridIn.write": lambda o: o.written.write(b"data"),
    "AgnosticGridIn.writelines": lambda o: o.written.writelines([b"one\n", b"two\n"]),
    "AgnosticGridOut.close": lambda o: o.stored.close(),
    "AgnosticGridOut.open": lambda o: o.stored.open(),
    "AgnosticGridOut.read": lambda o: o.stored.read(),
    "AgnosticGridOut.readchunk": lambda o: o.stored.readchunk(),
    "AgnosticGridOut.readline": lambda o: o.stored.readline(),
    "AgnosticGridOut.readlines": lambda o: o.stored.readlines(),
    "AgnosticGridOut.to_list": lambda o: o.stored.to_list(),
}


def in_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        return executor.submit(function).result()


@pytest.fixture
def objects(framework: Framework, sync_db: Any, collection: Any) -> Objects:
    sync_db.test.insert_one({"_id": 1})
    sync_db.fs.files.insert_one({"_id": "id", "filename": "stored", "length": 4, "chunkSize": 4})
    sync_db.fs.chunks.insert_one({"files_id": "id", "n": 0, "data": b"data"})
    return Objects(framework, collection)


def test_all_of_them_are_here(framework: Framework) -> None:
    found = set()
    for name in class_names():
        for base in getattr(framework, name).__mro__:
            if base.__module__.startswith("motor.core."):
                found |= {
                    f"{base.__name__}.{method}"
                    for method, member in vars(base).items()
                    if inspect.isfunction(member)
                    and method[0] != "_"
                    and getattr(member, "coroutine_annotation", False)
                }
    expected = STARTERS.keys() - {"AgnosticGridOut.close"} | AT_ONCE | ENCRYPTION
    assert found - {"AgnosticClientEncryption.get_keys"} == expected


@pytest.mark.parametrize("name", STARTERS)
def test_loop_that_takes_it_runs_it(framework: Framework, objects: Objects, name: str) -> None:
    start = STARTERS[name]

    async def in_a_thread_of_the_loop() -> Any:
        return await (await asyncio.to_thread(lambda: start(objects)))

    async def given_to_the_loop() -> Any:
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(
            lambda: asyncio.run_coroutine_threadsafe(start(objects), loop).result()
        )

    expected = framework.run(lambda: start(objects))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [
            in_thread(lambda: asyncio.run(start(objects))),
            framework.run(in_a_thread_of_the_loop),
            framework.run(given_to_the_loop),
        ]
        gc.collect()
    assert [type(each) for each in found] == [type(expected)] * 3
    if isinstance(expected, (bytes, list)):
        assert found == [expected] * 3


def test_rewind_where_no_loop_runs(framework: Framework, objects: Objects, sync_db: Any) -> None:
    sync_db.test.insert_many([{} for _ in range(9)])

    def run() -> int:
        cursor = objects.collection.find(batch_size=2)
        asyncio.run(cursor.next())
        cursor.rewind()
        return len(asyncio.run(cursor.to_list()))

    assert in_thread(run) == 10
