"""`MotorGridFS`: GridFS as it was before there were buckets."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gridfs
import pytest
from gridfs.errors import FileExists, NoFile
from pymongo import WriteConcern
from pymongo.errors import ConfigurationError

from support import Framework

pytest.importorskip("tornado")

# What is larger than this is summed on a worker; and it takes several batches of chunks.
LARGE = bytes(range(256)) * 20_000


@contextmanager
def deprecated(what: str, replacement: str) -> Iterator[None]:
    """Expect one warning, for a line of this file, with a link to the guide."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    messages = [str(w.message) for w in caught if what in str(w.message)]
    assert len(messages) == len(caught) == 1, [str(w.message) for w in caught]
    assert caught[0].category is DeprecationWarning
    assert caught[0].filename == __file__
    assert replacement in messages[0]
    assert "doc/migrate-from-motor-0/" in messages[0]


def grid_fs_class(framework: Framework) -> Any:
    module = importlib.import_module(framework.Client.__module__)
    name = framework.Client.__name__.replace("Client", "GridFS")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(module, name)


@pytest.fixture
def fs(framework: Framework, db: Any) -> Any:
    return grid_fs_class(framework)(db)


@pytest.fixture(autouse=True)
def _tolerate_warnings() -> Iterator[None]:
    # One test asserts each; the others are about results.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*migrate-from-motor-0.*", DeprecationWarning)
        # PyMongo 4.13 advises a session with cursors that must not time out; later ones do not.
        warnings.filterwarnings("ignore", "use an explicit session with no_cursor_timeout")
        yield


# The warnings ---------------------------------------------------------------------------------


def test_the_name_warns_and_is_one_class(framework: Framework) -> None:
    module = importlib.import_module(framework.Client.__module__)
    name = framework.Client.__name__.replace("Client", "GridFS")
    with deprecated("MotorGridFS", "MotorGridFSBucket"):
        cls = getattr(module, name)
    assert cls.__name__ == name
    assert cls is grid_fs_class(framework)


CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "put": (lambda fs: fs.put(b"data"), "upload_from_stream()"),
    "new_file": (lambda fs: fs.new_file(filename="n"), "open_upload_stream()"),
    "get": (lambda fs: fs.get(1), "open_download_stream()"),
    "get_version": (lambda fs: fs.get_version("a"), "open_download_stream_by_name()"),
    "get_last_version": (lambda fs: fs.get_last_version("a"), "open_download_stream_by_name()"),
    "list": (lambda fs: fs.list(), "distinct('filename')"),
    "exists": (lambda fs: fs.exists(1), "find_one()"),
    "find": (lambda fs: fs.find(), "MotorGridFSBucket.find()"),
    "find_one": (lambda fs: fs.find_one(1), "MotorGridFSBucket.find()"),
    "delete": (lambda fs: fs.delete(1), "MotorGridFSBucket.delete()"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_each_method_warns_its_caller(framework: Framework, fs: Any, name: str) -> None:
    call, replacement = CALLS[name]
    await fs.put(b"data", _id=1, filename="a")
    with deprecated(f"gridfs.{name}()", replacement):
        result = call(fs)
    if asyncio.isfuture(result):
        await result


# Writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"some data", LARGE], ids=["empty", "small", "large"])
async def test_put_stores_the_data_and_its_md5(
    framework: Framework, fs: Any, sync_db: Any, data: bytes
) -> None:
    file_id = await fs.put(data, filename="file", author="Ada")
    stored = gridfs.GridFS(sync_db).get(file_id)
    assert (stored.read(), stored.filename, stored.author) == (data, "file", "Ada")
    document = sync_db.fs.files.find_one({"_id": file_id})
    assert document["md5"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert document["length"] == len(data)


async def test_put_takes_files_and_text_with_an_encoding(
    framework: Framework, fs: Any, sync_db: Any
) -> None:
    assert (await (await fs.get(await fs.put(io.BytesIO(LARGE)))).read()) == LARGE
    file_id = await fs.put("na\u00efve", encoding="utf-16")
    assert gridfs.GridFS(sync_db).get(file_id).read() == "na\u00efve".encode("utf-16")
    with pytest.raises(TypeError, match="encoding"):
        await fs.put("text")


async def test_put_refuses_an_id_that_is_taken(framework: Framework, fs: Any) -> None:
    await fs.put(b"first", _id=1)
    with pytest.raises(FileExists):
        await fs.put(b"second", _id=1)
    assert await (await fs.get(1)).read() == b"first"


async def test_new_file_is_a_future_and_sums_what_is_written(
    framework: Framework, fs: Any, sync_db: Any
) -> None:
    grid_in = await fs.new_file(_id=5, filename="parts")
    assert isinstance(grid_in, framework.GridIn)
    # Small, large, small: the sum has to keep the order though they are summed on two threads.
    for part in (b"a", LARGE, b"b", LARGE, b"c"):
        await grid_in.write(part)
    await grid_in.close()
    expected = b"a" + LARGE + b"b" + LARGE + b"c"
    with deprecated("grid_in.md5", "checksum"):
        assert grid_in.md5 == hashlib.md5(expected, usedforsecurity=False).hexdigest()
    grid_out = await fs.get(5)
    with deprecated("grid_out.md5", "checksum"):
        md5 = grid_out.md5
    assert md5 == grid_in.md5
    assert await grid_out.read() == expected


async def test_database_without_acknowledgement_can_be_read_only(
    framework: Framework, fs: Any, db: Any
) -> None:
    await fs.put(b"data", _id=1)
    careless = grid_fs_class(framework)(db.with_options(write_concern=WriteConcern(w=0)))
    assert await (await careless.get(1)).read() == b"data"
    with pytest.raises(ConfigurationError, match=r"unacknowledged put\(\)"):
        careless.put(b"data")
    with pytest.raises(ConfigurationError, match=r"unacknowledged new_file\(\)"):
        careless.new_file()


async def test_delete_deletes_and_does_not_mind_a_missing_file(
    framework: Framework, fs: Any, sync_db: Any
) -> None:
    await fs.put(b"data", _id=1)
    assert await fs.delete(1) is None
    assert await fs.delete(1) is None
    assert sync_db.fs.chunks.count_documents({}) == 0


# Reading --------------------------------------------------------------------------------------


@pytest.fixture
def versions(sync_db: Any) -> None:
    """Three versions of "a", and one of "b"."""
    fs = gridfs.GridFS(sync_db)
    for n, name in enumerate("aaba"):
        fs.put(str(n).encode(), _id=n, filename=name, even=n % 2 == 0)


async def test_get_opens_the_file_or_says_that_there_is_none(
    framework: Framework, fs: Any, versions: None
) -> None:
    grid_out = await fs.get(2)
    assert isinstance(grid_out, framework.GridOut)
    assert (grid_out.filename, grid_out.length, await grid_out.read()) == ("b", 1, b"2")
    with pytest.raises(NoFile):
        await fs.get(9)


async def test_get_version_counts_from_either_end(
    framework: Framework, fs: Any, versions: None
) -> None:
    found = [(await fs.get_version("a", n))._id for n in (0, 1, 2, -1, -2, -3)]
    assert found == [0, 1, 3, 3, 1, 0]
    assert (await fs.get_version("a", even=False))._id == 3
    assert (await fs.get_version(filename="a"))._id == 3
    assert (await fs.get_last_version("a", even=True))._id == 0
    assert (await fs.get_last_version(even=True))._id == 2
    with pytest.raises(NoFile):
        await fs.get_version("a", 3)
    with pytest.raises(NoFile):
        await fs.get_last_version("z")


async def test_list_names_each_once(framework: Framework, fs: Any, versions: None) -> None:
    assert sorted(await fs.list()) == ["a", "b"]


async def test_exists_takes_an_id_a_filter_and_keywords(
    framework: Framework, fs: Any, versions: None
) -> None:
    there = [fs.exists(2), fs.exists({"filename": "b"}), fs.exists(filename="b"), fs.exists()]
    assert await asyncio.gather(*there) == [True] * 4
    missing = [fs.exists(9), fs.exists({"filename": "z"}), fs.exists(filename="z")]
    assert await asyncio.gather(*missing) == [False] * 3


async def test_find_takes_the_old_arguments(framework: Framework, fs: Any, versions: None) -> None:
    async def ids(cursor: Any) -> list[Any]:
        return [grid_out._id async for grid_out in cursor]

    newest_first = [("_id", -1)]
    assert await ids(fs.find({"filename": "a"}).sort("_id", 1)) == [0, 1, 3]
    assert await ids(fs.find({"filename": "a"}, 1, 1, False, newest_first)) == [1]
    keywords: dict[str, Any] = {"max_scan": 1, "tag_sets": [{}], "compile_re": False}
    assert await ids(fs.find(spec={"filename": "b"}, timeout=True, **keywords)) == [2]
    assert await ids(fs.find(filter={"filename": "b"}, read_preference=3)) == [2]
    with pytest.raises(TypeError, match="nonsense"):
        fs.find(nonsense=1)
    with pytest.raises(TypeError, match="'spec'"):
        fs.find({}, spec={})
    with pytest.raises(TypeError, match="positional"):
        fs.find(*range(11))


async def test_find_turns_the_timeout_around_and_applies_the_read_preference(
    framework: Framework, client_factory: Any, db_name: str, commands: Any
) -> None:
    fs = grid_fs_class(framework)(client_factory(event_listeners=[commands])[db_name])
    await fs.find({}, timeout=False, read_preference=3).to_list(None)
    await fs.find({}, timeout=True).to_list(None)
    first, second = (event.command for event in commands.named("find"))
    assert first["noCursorTimeout"] is True
    assert first["$readPreference"]["mode"] == "secondaryPreferred"
    assert "noCursorTimeout" not in second


async def test_cursor_gives_files_and_to_list_gives_documents(
    framework: Framework, fs: Any, versions: None
) -> None:
    cursor = fs.find({"filename": "b"})
    assert isinstance(cursor, framework.GridOutCursor)
    documents = await cursor.to_list(10)
    assert [type(each) for each in documents] == [dict]
    assert documents[0]["filename"] == "b"
    cursor = fs.find({"filename": "b"})
    with pytest.deprecated_call():
        assert await cursor.fetch_next
        grid_out = cursor.next_object()
    assert await grid_out.read() == b"2"


async def test_find_one_takes_an_id_or_a_filter(
    framework: Framework, fs: Any, versions: None
) -> None:
    assert (await fs.find_one(2)).filename == "b"
    assert await (await fs.find_one({"filename": "b"})).read() == b"2"
    assert (await fs.find_one({"filename": "a"}, sort=[("_id", -1)]))._id == 3
    assert await fs.find_one(9) is None


async def test_other_bucket(framework: Framework, db: Any, sync_db: Any) -> None:
    fs = grid_fs_class(framework)(db, "pictures")
    file_id = await fs.put(b"data")
    assert sync_db.pictures.files.find_one()["_id"] == file_id
    assert (await fs.find().to_list(1))[0]["_id"] == file_id


# Bad input ------------------------------------------------------------------------------------


def test_takes_a_motor_database_of_its_framework(framework: Framework, sync_db: Any) -> None:
    with pytest.raises(TypeError, match=r"First argument to \w*MotorGridFS must be \w*MotorDatab"):
        grid_fs_class(framework)(sync_db)


# Callbacks ------------------------------------------------------------------------------------


async def test_callbacks_bring_results_and_errors_on_tornado(framework: Framework, fs: Any) -> None:
    if framework.name == "asyncio":
        with pytest.raises(NotImplementedError, match="prohibits callbacks"):
            fs.put(b"data", callback=print)
        return
    outcomes: asyncio.Queue[Any] = asyncio.Queue()

    def callback(result: Any, error: Any) -> None:
        outcomes.put_nowait((result, error))

    assert fs.put(b"data", _id=1, filename="a", callback=callback) is None
    assert await outcomes.get() == (1, None)
    fs.get(9, callback=callback)
    result, error = await outcomes.get()
    assert result is None
    assert isinstance(error, NoFile)
    fs.get(1, callback=callback)
    grid_out, _ = await outcomes.get()
    with deprecated("'callback'", "await or yield the future"):
        grid_out.read(callback=callback)
    assert await outcomes.get() == (b"data", None)
    fs.new_file(_id=2, callback=callback)
    grid_in, _ = await outcomes.get()
    with deprecated("'callback'", "await or yield the future"):
        grid_in.write(b"more", callback=callback)
    assert await outcomes.get() == (None, None)
    grid_in.close(callback=callback)
    assert await outcomes.get() == (None, None)
    fs.find({"_id": 2}).to_list(1, callback=callback)
    documents, _ = await outcomes.get()
    assert documents[0]["length"] == 4
    with pytest.raises(TypeError, match="callback must be a callable"):
        fs.list(callback=1)


async def test_handler_is_streamed_to_with_a_callback(framework: Framework, fs: Any) -> None:
    if framework.name == "asyncio":
        pytest.skip("asyncio's classes take no callbacks")
    written = []

    class Handler:
        def write(self, data: bytes) -> None:
            written.append(bytes(data))

        async def flush(self) -> None:
            pass

    done: asyncio.Queue[Any] = asyncio.Queue()
    grid_out = await fs.get(await fs.put(LARGE))
    grid_out.stream_to_handler(Handler(), callback=lambda *outcome: done.put_nowait(outcome))
    assert await done.get() == (None, None)
    assert b"".join(written) == LARGE
