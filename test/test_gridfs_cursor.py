"""The cursors of a bucket's find, files in sessions, and what Motor 3.7.1 did wrong there."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import gridfs
import pytest

from support import CommandRecorder, Framework
from support.errors import raises_as
from support.gridfs import CHUNK, collected, content, leftovers


@pytest.fixture
def bucket(framework: Framework, db: Any, sync_db: Any) -> Any:
    """A bucket with the files 0 to 4."""
    stored = gridfs.GridFSBucket(sync_db, chunk_size_bytes=CHUNK)
    for number in range(5):
        stored.upload_from_stream_with_id(number, str(number), content(number * 3))
    return framework.GridFSBucket(db)


async def test_files_that_are_found_are_motor_s_and_can_be_read(
    framework: Framework, bucket: Any
) -> None:
    # Motor 3.7.1: gridfs.GridOut, whose reads block the loop.
    found = [grid_out async for grid_out in bucket.find({"_id": {"$gt": 2}}).sort("_id", -1)]
    assert [type(each) for each in found] == [framework.GridOut] * 2
    assert [each._id for each in found] == [4, 3]
    assert [await each.read() for each in found] == [content(12), content(9)]


async def test_every_way_of_reading_gives_motor_s_files(framework: Framework, bucket: Any) -> None:
    # Motor 3.7.1: next and each gave gridfs.GridOut, to_list gave dictionaries.
    cursor = bucket.find(sort=[("_id", 1)], batch_size=2)
    found = [await cursor.next(), *await cursor.to_list(2)]
    with pytest.warns(DeprecationWarning, match="fetch_next"):
        assert await cursor.fetch_next
    with pytest.warns(DeprecationWarning, match="next_object"):
        found.append(cursor.next_object())
    done = asyncio.get_running_loop().create_future()

    def callback(grid_out: Any, error: BaseException | None) -> None:
        assert error is None
        if grid_out is None:
            done.set_result(None)
        else:
            found.append(grid_out)

    cursor.each(callback)
    await done
    assert {type(each) for each in found} == {framework.GridOut}
    assert [each.filename for each in found] == ["0", "1", "2", "3", "4"]
    assert await found[4].read() == content(12)


async def test_to_list_of_more_than_there_are_ends(bucket: Any) -> None:
    assert len(await bucket.find().to_list(100)) == 5
    assert len(await bucket.find().to_list(None)) == 5
    assert await bucket.find({"_id": "nope"}).to_list() == []


async def test_copies_and_rewound_cursors_give_files_too(framework: Framework, bucket: Any) -> None:
    cursor = bucket.find(sort=[("_id", 1)]).skip(1).limit(2)
    assert [each._id for each in await cursor.to_list()] == [1, 2]
    for again in (cursor.clone(), cursor.rewind(), cursor[3:4]):
        assert {type(each) for each in await again.rewind().to_list()} == {framework.GridOut}
    assert isinstance(cursor, framework.GridOutCursor)
    assert isinstance(cursor, framework.Cursor)
    assert cursor.collection is bucket.collection


async def test_options_are_refused_as_ever(bucket: Any) -> None:
    for name in ("add_option", "remove_option"):
        with pytest.raises(NotImplementedError):
            getattr(bucket.find(), name)(2)


async def test_cursor_has_its_other_members(bucket: Any) -> None:
    assert sorted(await bucket.find().distinct("filename")) == ["0", "1", "2", "3", "4"]
    assert "queryPlanner" in await bucket.find().explain()
    async with bucket.find(batch_size=1) as cursor:
        await cursor.next()
        assert cursor.alive
    assert not cursor.alive


async def test_wrap_knows_the_classes_of_gridfs(framework: Framework, bucket: Any) -> None:
    root = bucket.collection
    grid_out = gridfs.GridOut(root.delegate, 1)
    grid_in = gridfs.GridIn(root.delegate)
    for owner in (bucket, root):
        assert isinstance(owner.wrap(grid_out), framework.GridOut)
        assert isinstance(owner.wrap(grid_in), framework.GridIn)
        cursor = owner.wrap(gridfs.GridOutCursor(root.delegate))
        assert isinstance(cursor, framework.GridOutCursor)
    assert await bucket.wrap(grid_out).read() == content(3)


# Sessions -----------------------------------------------------------------------------------


async def test_sessions_are_taken_everywhere(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    # Motor 3.7.1: AttributeError for open_upload_stream, find, GridIn and GridOut.
    client = client_factory(event_listeners=[commands])
    db = client[db_name]
    bucket = framework.GridFSBucket(db)
    async with client.start_session() as session:
        commands.clear()
        async with bucket.open_upload_stream("name", session=session) as grid_in:
            await grid_in.write(bytes(5_000_000))
        async with bucket.open_upload_stream_with_id(1, "name", session=session) as grid_in:
            await grid_in.write(io.BytesIO(b"data"))
        async with framework.GridIn(db.fs, session=session, _id=2) as grid_in:
            await grid_in.write(b"data")
        aborted = bucket.open_upload_stream("name", session=session)
        await aborted.write(bytes(3_000_000))
        await aborted.abort()
        await bucket.upload_from_stream("name", b"data", session=session)
        await bucket.upload_from_stream_with_id(3, "name", b"data", session=session)
        for grid_out in (
            await bucket.open_download_stream(1, session=session),
            await bucket.open_download_stream_by_name("name", session=session),
            framework.GridOut(db.fs, 1, session=session),
            await bucket.find({"_id": 1}, session=session).next(),
        ):
            assert await grid_out.read() == b"data"
            assert await collected(grid_out.iter_range()) == [b"data"]
        await bucket.download_to_stream(1, io.BytesIO(), session=session)
        await bucket.download_to_stream_by_name("name", io.BytesIO(), session=session)
        await bucket.rename(1, "new", session=session)
        await bucket.rename_by_name("new", "newer", session=session)
        await bucket.delete(2, session=session)
        await bucket.delete_by_name("newer", session=session)
        used = {bytes(each.command["lsid"]["id"]) for each in commands}
        assert used == {bytes(session.session_id["id"])}


async def test_session_must_be_one(bucket: Any) -> None:
    for attempt in (
        lambda: bucket.open_download_stream(1, session="x"),
        lambda: bucket.open_download_stream_by_name("1", session="x"),
        lambda: bucket.download_to_stream(1, io.BytesIO(), session="x"),
        lambda: bucket.find(session="x"),
        lambda: bucket.delete(1, session="x"),
    ):
        with pytest.raises(ValueError, match="'session' argument must be a ClientSession or None"):
            await attempt()


async def test_session_is_used_by_one_operation_at_a_time(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])
    bucket = framework.GridFSBucket(client[db_name])
    under_way = most = 0
    started = commands.started

    def begin(event: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        started(event)

    def end(event: Any) -> None:
        nonlocal under_way
        under_way -= 1

    commands.started = begin  # type: ignore[method-assign]
    commands.succeeded = commands.failed = end  # type: ignore[method-assign,assignment]
    async with client.start_session() as session:
        file_ids = await asyncio.gather(
            *(bucket.upload_from_stream("name", bytes(5_000_000), session=session) for _ in "ab")
        )
        destinations = [io.BytesIO(), io.BytesIO()]
        await asyncio.gather(
            *(
                bucket.download_to_stream(file_id, destination, session=session)
                for file_id, destination in zip(file_ids, destinations, strict=True)
            ),
            *(bucket.rename(file_id, "new", session=session) for file_id in file_ids),
        )
    assert most == 1
    assert {len(each.getvalue()) for each in destinations} == {5_000_000}


async def test_nothing_is_read_ahead_in_a_session(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])
    bucket = framework.GridFSBucket(client[db_name])
    file_id = await bucket.upload_from_stream("name", bytes(5_000_000))
    async with client.start_session() as session:
        pieces = (await bucket.open_download_stream(file_id, session=session)).iter_range()
        commands.clear()
        await anext(pieces)
        # Comes after everything that has been started in the session.
        await client.admin.command("ping", session=session)
        assert commands.names == ["find", "ping"]


async def test_bound_session_is_used_by_one_operation_at_a_time(
    framework: Framework, client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    client = client_factory(event_listeners=[commands])
    session = client.start_session()
    if not hasattr(session.delegate, "bind"):
        pytest.skip("this PyMongo has no ClientSession.bind")
    bucket = framework.GridFSBucket(client[db_name])
    async with session.bind():
        commands.clear()
        file_id = await bucket.upload_from_stream("name", bytes(9_000_000))
        await bucket.download_to_stream(file_id, io.BytesIO())
        assert {bytes(each.command["lsid"]["id"]) for each in commands} == {
            bytes(session.session_id["id"])
        }


async def test_transactions_are_refused_by_every_operation(
    framework: Framework, client: Any, bucket: Any, sync_db: Any
) -> None:
    before = leftovers(sync_db)
    async with client.start_session() as session:
        opened_in = bucket.open_upload_stream("name", session=session)
        opened_out = await bucket.open_download_stream(4, session=session)
        async with session.start_transaction():
            await opened_in.write(b"data")
            attempts = [
                lambda: bucket.open_upload_stream("name", session=session),
                lambda: bucket.find(session=session),
                lambda: framework.GridIn(bucket.collection, session=session),
                lambda: framework.GridOut(bucket.collection, 1, session=session),
                opened_in.close,
                opened_out.read,
                lambda: collected(opened_out.iter_range()),
                lambda: bucket.upload_from_stream("name", b"data", session=session),
                lambda: bucket.open_download_stream(1, session=session),
                lambda: bucket.open_download_stream_by_name("1", session=session),
                lambda: bucket.download_to_stream(1, io.BytesIO(), session=session),
                lambda: bucket.delete(1, session=session),
                lambda: bucket.delete_by_name("1", session=session),
                lambda: bucket.rename(1, "new", session=session),
                lambda: bucket.rename_by_name("1", "new", session=session),
            ]
            for attempt in attempts:
                with raises_as(bucket.delegate.delete, 1, session=session.delegate):
                    await attempt()
    assert leftovers(sync_db) == before
