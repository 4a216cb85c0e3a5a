"""Motor's objects stand for PyMongo's: Motor takes them where PyMongo takes its own."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest
from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.command_cursor import CommandCursor
from pymongo.cursor import Cursor, RawBatchCursor
from pymongo.database import Database

from support import CommandRecorder, Framework


@pytest.fixture
def recorded(client_factory: Any, db_name: str, commands: CommandRecorder) -> Any:
    """A collection; `commands` has what is sent to it."""
    return client_factory(event_listeners=[commands])[db_name].test


# delegate -----------------------------------------------------------------------------------


async def test_every_object_shows_its_delegate(client: Any, db: Any, collection: Any) -> None:
    async with client.start_session() as session, collection.watch() as stream:
        pairs = [
            (client, MongoClient),
            (db, Database),
            (collection, Collection),
            (collection.find(), Cursor),
            (collection.find_raw_batches(), RawBatchCursor),
            (await collection.aggregate([]), CommandCursor),
            (await db.list_collections(), CommandCursor),
            (session, ClientSession),
            (stream, ChangeStream),
        ]
        for motor_object, delegate_class in pairs:
            assert isinstance(motor_object.delegate, delegate_class)
            assert repr(motor_object) == f"{type(motor_object).__name__}({motor_object.delegate!r})"


async def test_delegates_of_a_family_belong_together(client: Any, collection: Any) -> None:
    assert collection.delegate.database is collection.database.delegate
    assert collection.database.delegate.client is client.delegate
    assert client.start_session().delegate.client is client.delegate


# wrap ---------------------------------------------------------------------------------------


async def test_wrap_gives_the_motor_object_of_a_delegate(
    client: Any, db: Any, collection: Any, framework: Framework, sync_client: Any
) -> None:
    wrapped = client.wrap(db.delegate)
    assert type(wrapped) is framework.Database
    assert wrapped == db
    assert wrapped.client is client
    assert db.wrap(collection.delegate) == collection
    assert type(db.wrap(collection.delegate)) is framework.Collection
    assert collection.wrap(collection.delegate) is collection


async def test_wrapped_cursors_and_streams_can_be_read(
    client: Any, collection: Any, framework: Framework
) -> None:
    await collection.insert_many([{"_id": 1}, {"_id": 2}])
    inner = collection.delegate
    found = collection.wrap(inner.find())
    assert type(found) is framework.Cursor
    assert await found.to_list() == [{"_id": 1}, {"_id": 2}]
    counted = collection.wrap(inner.aggregate([{"$count": "n"}]))
    assert type(counted) is framework.CommandCursor
    assert await counted.to_list() == [{"n": 2}]
    session = client.wrap(client.delegate.start_session())
    assert type(session) is framework.ClientSession
    async with session:
        assert await collection.find_one(2, session=session) == {"_id": 2}
    stream = collection.wrap(inner.watch())
    assert type(stream) is framework.ChangeStream
    async with stream:
        await collection.insert_one({"_id": 3})
        assert (await stream.next())["documentKey"] == {"_id": 3}


async def test_wrap_leaves_everything_else_as_it_is(client: Any, db: Any, collection: Any) -> None:
    for owner in (client, db, collection):
        for value in (None, 1, "name", {"a": 1}, [1], owner):
            assert owner.wrap(value) is value


async def test_wrap_takes_subclasses_of_pymongos_classes(db: Any, framework: Framework) -> None:
    class Orders(Collection[dict[str, Any]]):
        """A user's own."""

    wrapped = db.wrap(Orders(db.delegate, "orders"))
    assert type(wrapped) is framework.Collection
    assert type(wrapped.delegate) is Orders


async def test_a_collection_of_another_database_keeps_its_database(client: Any, db: Any) -> None:
    foreign = db.wrap(client.delegate["elsewhere"]["test"])
    assert foreign.database == client["elsewhere"]
    assert foreign.full_name == "elsewhere.test"


# Motor's objects as arguments ---------------------------------------------------------------


async def test_sessions_are_taken_by_position_and_by_name(
    recorded: Any, commands: CommandRecorder
) -> None:
    client, db = recorded.database.client, recorded.database
    async with client.start_session() as session:
        await client.server_info(session)
        await client.list_database_names(session)
        await db.list_collection_names(session)
        await recorded.find_one(session=session)
        await recorded.find(session=session).to_list()
        await recorded.aggregate([], session).to_list()
        async with recorded.watch(max_await_time_ms=1, session=session) as stream:
            assert await stream.try_next() is None
        await recorded.drop(session)
        # The change stream has sent two commands, and one to close its cursor.
        assert len(commands) == 10
        for sent in commands:
            assert sent.command["lsid"] == session.session_id


async def test_pymongos_own_session_is_taken_too(recorded: Any, commands: CommandRecorder) -> None:
    with recorded.database.client.delegate.start_session() as session:
        await recorded.find_one(session=session)
        cursor = recorded.find(session=session)
        await cursor.to_list()
        assert cursor.session.delegate is session
        assert [sent.command["lsid"] for sent in commands] == [session.session_id] * 2


async def test_subclasses_are_taken_as_arguments(
    framework: Framework, client: Any, db_name: str
) -> None:
    class Shop(framework.Database):  # type: ignore[name-defined, misc]
        """A user's own."""

    class Shelf(framework.Collection):  # type: ignore[name-defined, misc]
        """A user's own."""

    class Visit(framework.ClientSession):  # type: ignore[name-defined, misc]
        """A user's own."""

    shop = Shop(client, db_name)
    shelf = Shelf(shop, "shelf")
    visit = Visit(client.delegate.start_session(), client)
    async with visit:
        await shelf.insert_one({"_id": 1}, session=visit)
        assert (await shop.validate_collection(shelf, session=visit))["nrecords"] == 1
        await shop.drop_collection(shelf, session=visit)
        assert await shop.list_collection_names(visit) == []
        await shelf.insert_one({"_id": 1})
        await client.drop_database(shop, visit)
    assert db_name not in await client.list_database_names()


async def test_objects_of_the_other_framework_are_taken_as_arguments(
    framework: Framework, client: Any, db: Any
) -> None:
    other = Framework("tornado" if framework.name == "asyncio" else "asyncio")
    theirs = other.Client.from_delegate(client.delegate)
    await db.test.insert_one({"_id": 1})
    async with theirs.start_session() as session:
        assert await db.test.find_one(1, session=session) == {"_id": 1}
    await db.drop_collection(theirs[db.name].test)
    assert await db.list_collection_names() == []


# Equality -----------------------------------------------------------------------------------


async def test_equality_needs_equal_delegates_and_the_same_framework(
    framework: Framework, client: Any, db: Any
) -> None:
    other = Framework("tornado" if framework.name == "asyncio" else "asyncio")
    theirs = other.Client.from_delegate(client.delegate)
    for mine, foreign in ((client, theirs), (db, theirs[db.name]), (db.a, theirs[db.name].a)):
        assert mine == mine.wrap(mine.delegate)
        assert mine != foreign
        assert mine != mine.delegate
        assert mine.__eq__(1) is NotImplemented


async def test_subclass_equals_its_base_if_the_delegates_are_equal(
    framework: Framework, db: Any
) -> None:
    class Orders(framework.Collection):  # type: ignore[name-defined, misc]
        """A user's own."""

    assert Orders(db, "orders") == db.orders
    assert db.orders == Orders(db, "orders")
    assert Orders(db, "orders") != db.parcels


async def test_options_count_for_equality_as_they_do_in_pymongo(db: Any) -> None:
    changed = db.orders.with_options(write_concern=pymongo.WriteConcern(w=2))
    assert (changed == db.orders) is (changed.delegate == db.orders.delegate)


async def test_cursors_streams_and_sessions_equal_nothing_but_themselves(
    client: Any, collection: Any
) -> None:
    for make in (collection.find, collection.list_indexes, collection.watch, client.start_session):
        thing = make()
        assert thing == thing.wrap(thing)
        assert thing != make()
        assert thing != thing.delegate
