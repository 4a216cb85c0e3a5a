"""GridFS with a future PyMongo: other private names, and more arguments."""

from __future__ import annotations

import inspect
import io
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import gridfs
import gridfs.synchronous.grid_file as grid_file
import pytest

from motor.core.gridfs import bucket as bucket_module
from motor.core.gridfs import cursor, grid_in, grid_out, stored
from support import Framework
from support.gridfs import CHUNK, collected, content

DATA = content(10 * CHUNK + 3)

#: All private attributes of PyMongo's buckets and files.
PRIVATE = {"bucket_name", "buffer", "buffered_docs", "buffered_docs_size", "buffer_pos", "chunks"}
PRIVATE |= {"chunk_iter", "chunk_number", "chunk_size_bytes", "closed", "coll", "collection"}
PRIVATE |= {"create_index", "ensured_index", "ensure_indexes", "file", "file_id", "files", "flush"}
PRIVATE |= {"flush_buffer", "flush_data", "position", "raise_file_exists", "read_size_or_line"}
PRIVATE |= {"root_collection", "session"}


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """PyMongo's module of GridFS, in which each private attribute has another name."""
    names = "|".join(sorted(PRIVATE, key=len, reverse=True))
    source = re.sub(rf"(?<=[.\"])_({names})\b", r"_another_\1", inspect.getsource(grid_file))
    # Its properties ask for two of them elsewhere.
    shared = sys.modules["gridfs.grid_file_shared"]
    shared_source = re.sub(rf"(?<=[.\"])_({names})\b", r"_another_\1", inspect.getsource(shared))
    modules = []
    for name, text in (("grid_file_shared", shared_source), ("grid_file", source)):
        module = types.ModuleType(f"renamed_{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        text = text.replace("from gridfs.grid_file_shared", "from renamed_grid_file_shared")
        exec(compile(text, module.__name__, "exec"), vars(module))
        modules.append(module)
    replace(monkeypatch, modules[1])
    return modules[1]


def replace(monkeypatch: pytest.MonkeyPatch, module: types.ModuleType) -> None:
    """Let Motor have the classes of `module` for PyMongo's."""
    for user in (bucket_module, cursor, grid_in, grid_out, stored):
        for name in ("GridFSBucket", "GridIn", "GridOut", "GridOutCursor"):
            if hasattr(user, name) and hasattr(module, name):
                monkeypatch.setattr(user, name, getattr(module, name))


async def test_private_names_may_all_change(
    framework: Framework, db: Any, sync_db: Any, renamed: types.ModuleType
) -> None:
    bucket = framework.GridFSBucket(db, chunk_size_bytes=CHUNK)
    assert type(bucket.delegate).__module__ == renamed.__name__
    assert hasattr(bucket.delegate, "_another_files")
    async with bucket.open_upload_stream("name", metadata={"a": 1}) as new:
        assert type(new.delegate) is renamed.GridIn
        new.author = "Ende"
        await new.write(DATA)
        await new.write(DATA)
    await new.set("year", 1973)
    document = sync_db.fs.files.find_one()
    assert (document["length"], document["author"]) == (2 * len(DATA), "Ende")
    assert (document["year"], document["metadata"]) == (1973, {"a": 1})
    assert gridfs.GridFSBucket(sync_db).open_download_stream(new._id).read() == 2 * DATA
    for old in (
        await bucket.open_download_stream(new._id),
        await bucket.open_download_stream_by_name("name"),
        await bucket.find({"author": "Ende"}).next(),
        framework.GridOut(db.fs, new._id),
    ):
        assert await old.read(3) == DATA[:3]
        assert old.length == 2 * len(DATA)
        assert type(old.delegate) is renamed.GridOut
        assert old.delegate.author == old.author == "Ende"
        assert b"".join(await old.readlines()) == (2 * DATA)[3:]
        old.seek(1)
        assert b"".join(await collected(old)) == (2 * DATA)[1:]
    destination = io.BytesIO()
    await bucket.download_to_stream(new._id, destination)
    assert destination.getvalue() == 2 * DATA
    aborted = bucket.open_upload_stream("aborted")
    await aborted.write(DATA)
    await aborted.abort()
    await bucket.rename(new._id, "renamed")
    await bucket.delete_by_name("renamed")
    assert sync_db.fs.chunks.count_documents({}) == 0


# More arguments -----------------------------------------------------------------------------


class NextBucket(gridfs.GridFSBucket):
    """With an argument more everywhere; it notes with what it was called."""

    def __init__(self, *args: Any, priority: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[tuple[str, Any]] = [("__init__", priority)]


def with_priority(name: str) -> Callable[..., Any]:
    original = getattr(gridfs.GridFSBucket, name)

    def method(self: Any, *args: Any, priority: int = 0, **kwargs: Any) -> Any:
        self.calls.append((name, priority))
        return original(self, *args, **kwargs)

    signature = inspect.signature(original)
    added = inspect.Parameter("priority", inspect.Parameter.KEYWORD_ONLY, default=0)
    *parameters, last = signature.parameters.values()
    if last.kind is not last.VAR_KEYWORD:
        parameters.append(last)
        last = added
    method.__signature__ = signature.replace(parameters=[*parameters, last])  # type: ignore[attr-defined]
    return method


METHODS = [name for name in dir(gridfs.GridFSBucket) if not name.startswith("_")]
for each in METHODS:
    setattr(NextBucket, each, with_priority(each))


class NextGridIn(gridfs.GridIn):
    """With an argument that is no field of the document."""

    priority: int

    def __init__(
        self, root_collection: Any, session: Any = None, *, priority: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(root_collection, session, **kwargs)
        object.__setattr__(self, "noted", priority)


class NextGridOut(gridfs.GridOut):
    def __init__(self, *args: Any, priority: int = 0) -> None:
        super().__init__(*args)
        self.noted = priority


class NextCursor(gridfs.GridOutCursor):
    def __init__(self, collection: Any, *args: Any, priority: int = 0, **kwargs: Any) -> None:
        super().__init__(collection, *args, **kwargs)
        self.noted = priority


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("next_release")
    vars(module).update(GridFSBucket=NextBucket, GridIn=NextGridIn, GridOut=NextGridOut)
    vars(module).update(GridOutCursor=NextCursor)
    replace(monkeypatch, module)
    # What the bucket's find makes.
    monkeypatch.setattr(grid_file, "GridOutCursor", NextCursor)


@pytest.mark.usefixtures("next_release")
async def test_arguments_that_are_new_reach_pymongo(
    framework: Framework, db: Any, sync_db: Any
) -> None:
    bucket = framework.GridFSBucket(db, chunk_size_bytes=CHUNK, priority=1)
    file_id = await bucket.upload_from_stream("name", DATA, priority=2)
    await bucket.upload_from_stream_with_id(5, "other", io.BytesIO(DATA), priority=3)
    new = bucket.open_upload_stream("third", metadata={"a": 1}, priority=4)
    await new.write(DATA)
    await new.close()
    async with bucket.open_upload_stream_with_id(6, "fourth", priority=5) as new:
        await new.write(bytearray(DATA))
    first, second = io.BytesIO(), io.BytesIO()
    await bucket.download_to_stream(file_id, first, priority=6)
    await bucket.download_to_stream_by_name("third", second, priority=7)
    assert first.getvalue() == second.getvalue() == DATA
    for old in (
        await bucket.open_download_stream(6, priority=8),
        await bucket.open_download_stream_by_name("other", priority=9),
    ):
        assert old.length == len(DATA)
        assert await old.read() == DATA
        assert await collected(old.iter_range(1, 3)) == [DATA[1:3]]
    found = bucket.find({"_id": 6}, priority=10)
    assert [each.filename async for each in found] == ["fourth"]
    await bucket.rename(5, "fifth", priority=11)
    await bucket.delete(6, priority=12)
    asked = dict(bucket.delegate.calls)
    assert asked.pop("__init__") == 1
    numbered = ["upload_from_stream", "upload_from_stream_with_id", "open_upload_stream"]
    numbered += ["open_upload_stream_with_id", "download_to_stream", "download_to_stream_by_name"]
    numbered += ["open_download_stream", "open_download_stream_by_name", "find", "rename", "delete"]
    calls = [call for call in bucket.delegate.calls if call[1]]
    assert calls == [("__init__", 1), *((name, n) for n, name in enumerate(numbered, 2))]
    assert sync_db.fs.files.find_one({"_id": 5})["filename"] == "fifth"


@pytest.mark.usefixtures("next_release")
async def test_files_take_new_arguments(framework: Framework, db: Any, sync_db: Any) -> None:
    async with framework.GridIn(db.fs, _id=1, filename="name", priority=3) as new:
        await new.write(DATA)
    assert new.delegate.noted == 3
    document = sync_db.fs.files.find_one()
    assert "priority" not in document
    assert (document["filename"], document["length"]) == ("name", len(DATA))
    async with framework.GridOut(db.fs, 1, priority=4) as old:
        assert old.delegate.noted == 4
        assert await old.read() == DATA


async def test_arguments_that_nothing_takes_are_refused(framework: Framework, db: Any) -> None:
    bucket = framework.GridFSBucket(db)
    required = {"file_id": 1, "filename": "name", "new_filename": "new"}
    required |= {"source": b"data", "destination": io.BytesIO()}
    for name in METHODS:
        method = getattr(bucket, name)
        takes = inspect.signature(method).parameters
        kwargs = {key: value for key, value in required.items() if key in takes}
        with pytest.raises(TypeError, match="nonsense"):
            # Derived methods have a future that fails.
            await method(**kwargs, nonsense=1)
    for file_class in (framework.GridOut, framework.GridFSBucket):
        with pytest.raises(TypeError, match="nonsense"):
            file_class(db if file_class is framework.GridFSBucket else db.fs, nonsense=1)


async def test_pymongo_s_own_transfers_take_no_asynchronous_ends(
    framework: Framework, db: Any, next_release: None
) -> None:
    bucket = framework.GridFSBucket(db)

    class File:
        async def read(self, size: int) -> bytes:
            return b""

        async def write(self, data: bytes) -> None:
            pass

    with pytest.raises(TypeError, match="asynchronous object"):
        bucket.upload_from_stream("name", File(), priority=1)
    with pytest.raises(TypeError, match="asynchronous object"):
        bucket.download_to_stream(1, File(), priority=1)
