"""Buckets: whole files up and down, by id and by name."""

from __future__ import annotations

import datetime
import io
import time
from contextlib import nullcontext
from typing import Any

import gridfs
import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from gridfs.errors import FileExists, NoFile
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError

from support import CommandRecorder, Framework, wait_until
from support.errors import raises_as
from support.gridfs import CHUNK, content, leftovers


@pytest.fixture
def bucket(framework: Framework, db: Any) -> Any:
    return framework.GridFSBucket(db)


@pytest.fixture
def sync_bucket(sync_db: Any) -> gridfs.GridFSBucket:
    """PyMongo's view of the same bucket."""
    return gridfs.GridFSBucket(sync_db)


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 10 * CHUNK + 3])
async def test_uploaded_file_is_what_pymongo_would_have_stored(
    bucket: Any, sync_bucket: Any, sync_db: Any, length: int
) -> None:
    data = content(length)
    file_id = await bucket.upload_from_stream("name", data, CHUNK, metadata={"a": 1})
    theirs = sync_bucket.upload_from_stream("name", data, CHUNK, metadata={"a": 1})
    mine, other = (sync_db.fs.files.find_one({"_id": each}) for each in (file_id, theirs))
    assert {**mine, "_id": 0, "uploadDate": 0} == {**other, "_id": 0, "uploadDate": 0}
    assert type(mine["length"]) is type(other["length"])
    assert list(mine) == list(other)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert abs(now - mine["uploadDate"]) < datetime.timedelta(minutes=10)
    chunks = [
        list(sync_db.fs.chunks.find({"files_id": each}, {"_id": 0, "files_id": 0}, sort=[("n", 1)]))
        for each in (file_id, theirs)
    ]
    assert chunks[0] == chunks[1]
    assert sync_bucket.open_download_stream(file_id).read() == data


@pytest.mark.parametrize("length", [0, 1, CHUNK, 3 * CHUNK, 10 * CHUNK + 3])
async def test_downloaded_file_is_what_pymongo_has_stored(
    bucket: Any, sync_bucket: Any, length: int
) -> None:
    data = content(length)
    file_id = sync_bucket.upload_from_stream("name", data, CHUNK)
    for download in (
        lambda to: bucket.download_to_stream(file_id, to),
        lambda to: bucket.download_to_stream_by_name("name", to),
    ):
        destination = io.BytesIO()
        assert await download(destination) is None
        assert destination.getvalue() == data


async def test_file_of_many_batches_comes_back(bucket: Any, sync_bucket: Any) -> None:
    data = content(11_000_003)
    file_id = await bucket.upload_from_stream("large", io.BytesIO(data), 100_000)
    assert sync_bucket.open_download_stream(file_id).read() == data
    destination = io.BytesIO()
    await bucket.download_to_stream(file_id, destination)
    assert destination.getvalue() == data


async def test_first_upload_makes_the_indexes(bucket: Any, sync_db: Any) -> None:
    await bucket.upload_from_stream("name", b"data")
    assert sync_db.fs.chunks.index_information()["files_id_1_n_1"]["unique"]
    assert "filename_1_uploadDate_1" in sync_db.fs.files.index_information()


async def test_id_of_a_file_may_be_anything(bucket: Any) -> None:
    for file_id in ("text", 5, {"a": 1}):
        assert await bucket.upload_from_stream_with_id(file_id, "name", b"data") is None
        grid_out = await bucket.open_download_stream(file_id)
        assert (grid_out._id, await grid_out.read()) == (file_id, b"data")


@pytest.mark.parametrize("existing", [b"", b"old", content(3 * CHUNK)])
@pytest.mark.parametrize("added", [b"", b"new", content(5 * CHUNK), content(7_000_000)])
async def test_file_that_is_there_already_stays_as_it_was(
    bucket: Any, sync_bucket: Any, sync_db: Any, existing: bytes, added: bytes
) -> None:
    sync_bucket.upload_from_stream_with_id("same", "old", existing, CHUNK)
    before = leftovers(sync_db)
    chunk_size = CHUNK if len(added) < 100 else 100_000
    with pytest.raises(FileExists):
        await bucket.upload_from_stream_with_id("same", "new", added, chunk_size)
    assert leftovers(sync_db) == before
    grid_out = sync_bucket.open_download_stream("same")
    assert (grid_out.filename, grid_out.read()) == ("old", existing)


async def test_chunk_size_is_the_bucket_s_or_the_file_s(framework: Framework, db: Any) -> None:
    bucket = framework.GridFSBucket(db, chunk_size_bytes=3)
    for given, expected in ((None, 3), (5, 5)):
        grid_in = bucket.open_upload_stream("name", chunk_size_bytes=given)
        assert grid_in.chunk_size == expected


async def test_bucket_has_a_name(framework: Framework, db: Any, sync_db: Any) -> None:
    bucket = framework.GridFSBucket(db, "pictures")
    await bucket.upload_from_stream("name", b"data")
    assert leftovers(sync_db, "pictures") == (1, 1)
    assert leftovers(sync_db) == (0, 0)
    assert bucket.collection == db.pictures
    assert isinstance(bucket.collection, framework.Collection)


async def test_delete_removes_the_file_and_its_chunks(bucket: Any, sync_db: Any) -> None:
    file_id = await bucket.upload_from_stream("name", content(20), CHUNK)
    assert await bucket.delete(file_id) is None
    assert leftovers(sync_db) == (0, 0)
    with pytest.raises(NoFile):
        await bucket.delete(file_id)


async def test_delete_by_name_removes_all_revisions(bucket: Any, sync_db: Any) -> None:
    for name in ("name", "name", "other"):
        await bucket.upload_from_stream(name, b"data")
    await bucket.delete_by_name("name")
    assert leftovers(sync_db) == (1, 1)
    with raises_as(bucket.delegate.delete_by_name, "name"):
        await bucket.delete_by_name("name")


async def test_rename_changes_one_file(bucket: Any, sync_db: Any) -> None:
    first = await bucket.upload_from_stream("name", b"data")
    await bucket.upload_from_stream("name", b"data")
    assert await bucket.rename(first, "new") is None
    assert sorted(file["filename"] for file in sync_db.fs.files.find()) == ["name", "new"]
    with pytest.raises(NoFile):
        await bucket.rename(5, "new")


async def test_rename_by_name_changes_all_revisions(bucket: Any, sync_db: Any) -> None:
    for name in ("name", "name", "other"):
        await bucket.upload_from_stream(name, b"data")
    await bucket.rename_by_name("name", "new")
    assert sorted(file["filename"] for file in sync_db.fs.files.find()) == ["new", "new", "other"]
    with raises_as(bucket.delegate.rename_by_name, "name", "new"):
        await bucket.rename_by_name("name", "new")


async def test_revisions_of_a_name_are_counted_from_both_ends(bucket: Any, sync_db: Any) -> None:
    for number in range(3):
        file_id = await bucket.upload_from_stream("name", str(number).encode())
        moment = datetime.datetime(2020, 1, 1 + number)
        sync_db.fs.files.update_one({"_id": file_id}, {"$set": {"uploadDate": moment}})
    for revision, expected in ((0, b"0"), (1, b"1"), (2, b"2"), (-1, b"2"), (-2, b"1"), (-3, b"0")):
        grid_out = await bucket.open_download_stream_by_name("name", revision)
        assert await grid_out.read() == expected
        destination = io.BytesIO()
        await bucket.download_to_stream_by_name("name", destination, revision)
        assert destination.getvalue() == expected
    assert await (await bucket.open_download_stream_by_name("name")).read() == b"2"
    for revision in (3, -4):
        with raises_as(bucket.delegate.open_download_stream_by_name, "name", revision):
            await bucket.open_download_stream_by_name("name", revision)


async def test_missing_file_is_an_error_by_any_way(bucket: Any) -> None:
    for attempt in (
        bucket.open_download_stream("nope"),
        bucket.open_download_stream_by_name("nope"),
        bucket.download_to_stream("nope", io.BytesIO()),
        bucket.download_to_stream_by_name("nope", io.BytesIO()),
    ):
        with pytest.raises(NoFile, match="nope"):
            await attempt


async def test_operation_starts_without_being_awaited(bucket: Any, sync_db: Any) -> None:
    future = bucket.upload_from_stream("name", b"data")
    file_id = await future
    deletion = bucket.delete(file_id)
    # What is awaited next comes after it only if it has started.
    while not deletion.done():
        await bucket.collection.files.find_one()
    assert leftovers(sync_db) == (0, 0)


@pytest.mark.parametrize(
    ("around", "at_least", "at_most"),
    [(None, 0, 60_000), (600, 60_000, 600_000), (20, 0, 20_000)],
)
async def test_timeout_of_the_client_is_that_of_the_whole_transfer(
    framework: Framework,
    client_factory: Any,
    db_name: str,
    commands: CommandRecorder,
    around: float | None,
    at_least: int,
    at_most: int,
) -> None:
    """It is, unless there is another around it: then that counts, as in PyMongo."""
    client = client_factory(timeoutMS=60_000, event_listeners=[commands])
    bucket = framework.GridFSBucket(client[db_name])
    # Connecting takes a part of it.
    await client.admin.command("ping")

    class Source(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            # The server's part of the time is told in whole milliseconds.
            wait_until(lambda: time.monotonic() > begun + 0.01)
            return super().read(size)

    begun = time.monotonic()
    commands.clear()
    with nullcontext() if around is None else pymongo.timeout(around):
        file_id = await bucket.upload_from_stream("name", Source(content(5_000_000)))
        limits = [command.command["maxTimeMS"] for command in commands.named("insert")]
        await bucket.download_to_stream(file_id, io.BytesIO())
        limits += [command.command["maxTimeMS"] for command in commands.named("find")]
    assert all(at_least < limit < at_most for limit in limits)
    inserts = [command.command["maxTimeMS"] for command in commands.named("insert")]
    # What remains gets less.
    assert inserts == sorted(inserts, reverse=True)
    assert inserts[0] > inserts[-1]


async def test_concerns_and_preferences_are_the_bucket_s(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    db = client_factory(event_listeners=[commands])[db_name]
    bucket = framework.GridFSBucket(
        db,
        write_concern=WriteConcern(w=1, wtimeout=1234),
        read_preference=ReadPreference.PRIMARY_PREFERRED,
    )
    file_id = await bucket.upload_from_stream("name", b"data")
    await (await bucket.open_download_stream_by_name("name")).read()
    await bucket.delete(file_id)
    for command in commands.named("delete"):
        assert command.command["writeConcern"]["wtimeout"] == 1234
    assert bucket.collection.write_concern == WriteConcern(w=1, wtimeout=1234)
    assert bucket.collection.read_preference == ReadPreference.PRIMARY_PREFERRED
    assert bucket.collection.files.write_concern == bucket.collection.write_concern


async def test_types_of_the_user_s_are_not_asked_for(framework: Framework, db: Any) -> None:
    class Refusing(TypeDecoder):
        bson_type = int

        def transform_bson(self, value: int) -> Any:
            raise AssertionError("GridFS counts its chunks by itself")

    options = CodecOptions(type_registry=TypeRegistry([Refusing()]))
    bucket = framework.GridFSBucket(db.with_options(codec_options=options))
    file_id = await bucket.upload_from_stream("name", b"data" * 10, 7)
    for grid_out in (
        await bucket.open_download_stream(file_id),
        await bucket.open_download_stream_by_name("name"),
        await bucket.find().next(),
    ):
        assert await grid_out.read() == b"data" * 10


# What a bucket is made from -----------------------------------------------------------------


def test_database_must_be_motor_s(framework: Framework, sync_db: Any, collection: Any) -> None:
    name = framework.GridFSBucket.__name__
    for wrong in (None, "db", sync_db, collection):
        with pytest.raises(TypeError, match=f"First argument to {name} must be .*Database, not"):
            framework.GridFSBucket(wrong)


def test_database_may_be_given_by_pymongo_s_name(framework: Framework, db: Any) -> None:
    assert framework.GridFSBucket(db=db).collection == db.fs


def test_collection_is_a_deprecated_name(framework: Framework, db: Any) -> None:
    with pytest.warns(DeprecationWarning, match="bucket_name") as caught:
        bucket = framework.GridFSBucket(db, collection="pictures")
    assert bucket.collection.name == "pictures"
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)])
async def test_chunk_size_must_be_a_number_of_bytes(
    framework: Framework, db: Any, size: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="size of chunks"):
        framework.GridFSBucket(db, chunk_size_bytes=size)
    bucket = framework.GridFSBucket(db)
    with pytest.raises(error, match="size of chunks"):
        bucket.open_upload_stream("name", chunk_size_bytes=size)
    with pytest.raises(error, match="size of chunks"):
        await bucket.upload_from_stream("name", b"data", chunk_size_bytes=size)


def test_writes_must_be_acknowledged(framework: Framework, db: Any) -> None:
    with pytest.raises(ConfigurationError):
        framework.GridFSBucket(db, write_concern=WriteConcern(w=0))


def test_filename_must_be_text(bucket: Any) -> None:
    with pytest.raises(TypeError, match="filename"):
        bucket.open_upload_stream(5)


def test_bucket_is_equal_to_itself_only(framework: Framework, db: Any, bucket: Any) -> None:
    assert bucket == bucket
    assert bucket != framework.GridFSBucket(db)
    assert {bucket: 1}[bucket] == 1


def test_bucket_knows_its_loop(framework: Framework, client_factory: Any, db_name: str) -> None:
    async def main() -> Any:
        bucket = framework.GridFSBucket(client_factory()[db_name])
        assert bucket.io_loop is bucket.get_io_loop()
        return bucket.io_loop

    assert framework.run(main) is not None
