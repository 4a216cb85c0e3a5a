"""Sessions: starting, using and ending them; what they promise; bind()."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pymongo
import pytest
from pymongo.client_session import ClientSession, SessionOptions
from pymongo.errors import InvalidOperation
from pymongo.monitoring import CommandListener

from support import Framework
from support.errors import raises_as

pytestmark = pytest.mark.every_loop

needs_bind = pytest.mark.skipif(
    not hasattr(ClientSession, "bind"), reason="bind() came with PyMongo 4.17"
)


@pytest.fixture
def client(client_factory: Any, commands: Any) -> Any:
    return client_factory(event_listeners=[commands])


def lsid(command: Any) -> Any:
    return command.command.get("lsid")


class Overlaps(CommandListener):
    """How many commands were under way at once, at most."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    def started(self, event: Any) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def succeeded(self, event: Any) -> None:
        with self._lock:
            self._now -= 1

    failed = succeeded


# Starting -----------------------------------------------------------------------------------


async def test_a_session_starts_with_and_without_await(client, framework, commands):
    plain = client.start_session()
    awaited = await client.start_session()
    assert type(plain) is type(awaited) is framework.ClientSession
    assert await plain is plain
    assert plain.session_id != awaited.session_id
    assert commands.names == []
    await plain.end_session()
    await awaited.end_session()


async def test_a_block_ends_its_session(client):
    async with client.start_session() as session:
        assert not session.has_ended
    assert session.has_ended
    async with await client.start_session() as session:
        assert not session.has_ended
    assert session.has_ended
    with pytest.raises(ZeroDivisionError):
        async with client.start_session() as session:
            _ = 1 / 0
    assert session.has_ended


async def test_with_is_refused(client):
    session = client.start_session()
    message = "Use Motor sessions like 'async with await client.start_session\\(\\)', not 'with'"
    with pytest.raises(AttributeError, match=message), session:
        pass
    transaction = session.start_transaction()
    with pytest.raises(RuntimeError, match='"async with", not "with"'), transaction:
        pass
    await session.end_session()


async def test_bad_arguments_are_refused_at_the_call(client):
    with pytest.raises(TypeError, match="causal"):
        client.start_session(causality=True)
    with raises_as(client.delegate.start_session, default_transaction_options={}):
        client.start_session(default_transaction_options={})
    with raises_as(client.delegate.start_session, True, snapshot=True):
        client.start_session(causal_consistency=True, snapshot=True)


async def test_a_new_session_has_the_values_of_pymongos(client):
    async with client.start_session(causal_consistency=False) as session:
        assert session.client is client
        assert isinstance(session.delegate, ClientSession)
        assert isinstance(session.options, SessionOptions)
        assert session.options.causal_consistency is False
        assert session.session_id == session.delegate.session_id
        assert session.cluster_time is None
        assert session.operation_time is None
        assert session.in_transaction is False
        assert session.has_ended is False
        assert session != session.delegate
        assert repr(session) == f"{type(session).__name__}({session.delegate!r})"
    assert session.has_ended is True


async def test_an_operation_tells_its_session_the_time(client, db_name):
    async with client.start_session() as session:
        await client[db_name]["test"].insert_one({}, session=session)
        assert session.operation_time is not None
        assert session.cluster_time["clusterTime"] >= session.operation_time


# What sessions are for ----------------------------------------------------------------------


async def test_operations_with_a_session_carry_its_id(client, db_name, commands, server_version):
    db = client[db_name]
    collection = db["test"]
    async with client.start_session() as session:
        await collection.insert_many([{"_id": i} for i in range(4)], session=session)
        await collection.find_one({}, session=session)
        await collection.update_one({"_id": 1}, {"$set": {"a": 1}}, False, session=session)
        await collection.create_index("a", session=session)
        assert len(await collection.find({}, batch_size=2, session=session).to_list()) == 4
        assert len(await collection.aggregate([], session, batchSize=2).to_list()) == 4
        await collection.list_indexes(session=session).to_list()
        await (await db.list_collections(session=session)).to_list()
        await db.list_collection_names(session=session)
        await (await client.list_databases(session=session)).to_list()
        await db.command("ping", session=session)
        await collection.drop(session=session)
        names = {"insert", "find", "update", "createIndexes", "getMore", "aggregate", "drop"}
        names |= {"listIndexes", "listCollections", "listDatabases", "ping"}
        assert set(commands.names) == names
        assert all(lsid(command) == session.session_id for command in commands)


async def test_a_cursor_knows_its_session(client, db_name):
    collection = client[db_name]["test"]
    await collection.insert_one({})
    async with client.start_session() as session:
        assert collection.find(session=session).session is session
        assert (await collection.aggregate([], session=session)).session is session
        assert (await client[db_name].list_collections(session=session)).session is session
    cursor = collection.find()
    await cursor.to_list()
    assert cursor.session is None


async def test_reads_follow_the_sessions_own_writes(client, db_name, commands):
    collection = client[db_name]["test"]
    async with client.start_session() as session:
        await collection.insert_one({}, session=session)
        time = session.operation_time
        await collection.find_one({}, session=session)
        assert commands[-1].command["readConcern"] == {"afterClusterTime": time}
    async with client.start_session(causal_consistency=False) as session:
        await collection.insert_one({}, session=session)
        await collection.find_one({}, session=session)
        assert "readConcern" not in commands[-1].command


async def test_a_session_catches_up_with_another(client, db_name, commands):
    collection = client[db_name]["test"]
    async with client.start_session() as first, client.start_session() as second:
        await collection.insert_one({}, session=first)
        assert second.advance_cluster_time(first.cluster_time) is None
        assert second.advance_operation_time(first.operation_time) is None
        assert second.cluster_time == first.cluster_time
        time = second.operation_time
        assert time == first.operation_time
        await collection.find_one({}, session=second)
        assert commands[-1].command["readConcern"] == {"afterClusterTime": time}
        with raises_as(second.delegate.advance_operation_time, "now"):
            second.advance_operation_time("now")
        with raises_as(second.delegate.advance_cluster_time, "now"):
            second.advance_cluster_time("now")


async def test_a_snapshot_session_reads_one_moment(client, db_name, commands):
    majority = pymongo.WriteConcern("majority")
    collection = client[db_name].get_collection("test", write_concern=majority)
    await collection.insert_one({"_id": 1})
    async with client.start_session(snapshot=True) as session:
        assert await collection.find({}, session=session).to_list() == [{"_id": 1}]
        await collection.insert_one({"_id": 2})
        assert await collection.find({}, session=session).to_list() == [{"_id": 1}]
        concerns = [event.command["readConcern"] for event in commands.named("find")]
        assert [concern["level"] for concern in concerns] == ["snapshot", "snapshot"]
        assert "atClusterTime" in concerns[1]
        with raises_as(session.delegate.start_transaction):
            session.start_transaction()


async def test_operations_started_at_once_on_one_session_follow_one_another(
    client_factory, db_name
):
    overlaps = Overlaps()
    client = client_factory(event_listeners=[overlaps])
    collection = client[db_name]["test"]
    async with client.start_session() as session:
        writes = [collection.insert_one({"_id": i}, session=session) for i in range(30)]
        reads = [collection.find({}, session=session).to_list() for _ in range(5)]
        counts = [collection.aggregate([], session=session).to_list() for _ in range(5)]
        await asyncio.gather(*writes)
        # In the order they were started, too: the reads see all that was written before.
        assert [len(found) for found in await asyncio.gather(*reads, *counts)] == [30] * 10
    assert overlaps.most == 1


# Ending -------------------------------------------------------------------------------------


async def test_ending_twice_is_no_error(client):
    session = client.start_session()
    assert await session.end_session() is None
    assert await session.end_session() is None
    async with session:
        pass


async def test_an_ended_session_is_refused(client, db_name, commands):
    session = client.start_session()
    await session.end_session()
    collection = client[db_name]["test"]
    delegate, pymongos = session.delegate, collection.delegate
    with raises_as(pymongos.insert_one, {}, session=delegate):
        await collection.insert_one({}, session=session)
    with raises_as(pymongos.find({}, session=delegate).to_list):
        await collection.find({}, session=session).to_list()
    with raises_as(delegate.start_transaction):
        session.start_transaction()
    with raises_as(delegate.with_transaction, print):
        await session.with_transaction(lambda _: asyncio.sleep(0))
    with raises_as(delegate.commit_transaction):
        await session.commit_transaction()
    with raises_as(getattr, delegate, "session_id"):
        _ = session.session_id
    assert commands.names == []


async def test_an_ended_session_leaves_its_id_to_the_next(client, db_name):
    async with client.start_session() as session:
        await client[db_name].command("ping", session=session)
        session_id = session.session_id
    async with client.start_session() as session:
        assert session.session_id == session_id


async def test_ending_a_session_aborts_its_transaction(client, db_name, commands):
    collection = client[db_name]["test"]
    await collection.insert_one({})
    async with client.start_session() as session:
        session.start_transaction()
        await collection.insert_one({}, session=session)
    assert commands.names[-1] == "abortTransaction"
    assert await collection.count_documents({}) == 1


async def test_a_session_can_be_ended_after_its_client_was_closed(client):
    async with client.start_session() as session:
        await client.close()
    await session.end_session()
    with pytest.raises(InvalidOperation, match="after close"):
        client.start_session()


# Sessions of others -------------------------------------------------------------------------


async def test_a_session_of_another_client_is_refused(client, client_factory, db_name, commands):
    async with client_factory().start_session() as session:
        collection, delegate = client[db_name]["test"], session.delegate
        with raises_as(collection.delegate.insert_one, {}, session=delegate):
            await collection.insert_one({}, session=session)
        with raises_as(collection.delegate.find({}, session=delegate).to_list):
            await collection.find({}, session=session).to_list()
    assert commands.names == []


async def test_a_session_of_the_other_framework_is_refused(client, framework, mongo_uri, db_name):
    (other,) = (name for name in Framework.names if name != framework.name)
    async with (
        Framework(other).Client(mongo_uri, serverMonitoringMode="poll") as other_client,
        other_client.start_session() as session,
    ):
        collection = client[db_name]["test"]
        with raises_as(collection.delegate.insert_one, {}, session=session.delegate):
            await collection.insert_one({}, session=session)


async def test_what_is_no_session_is_refused(client, db_name, commands, mongo_uri):
    collection = client[db_name]["test"]
    async_client = pymongo.AsyncMongoClient(mongo_uri)
    for wrong in ("session", 1, async_client.start_session()):
        with pytest.raises(ValueError, match="must be a ClientSession"):
            await collection.insert_one({}, session=wrong)
        with pytest.raises(ValueError, match="must be a ClientSession"):
            collection.find({}, session=wrong)
        with pytest.raises(ValueError, match="must be a ClientSession"):
            collection.watch(session=wrong)
    await async_client.close()
    assert commands.names == []


# bind() -------------------------------------------------------------------------------------


@needs_bind
async def test_a_bound_session_is_that_of_all_operations_in_the_block(client, db_name, commands):
    collection = client[db_name]["test"]
    session = client.start_session()
    async with session.bind() as bound:
        assert bound is session
        await collection.insert_one({})
        await collection.find({}).to_list()
        await collection.aggregate([]).to_list()
        session_id = session.session_id
        assert [lsid(command) for command in commands] == [session_id] * 3
    assert session.has_ended
    # The ended session's id is free for this one, which keeps it from the find.
    async with client.start_session() as other:
        assert other.session_id == session_id
        await collection.find_one()
        assert lsid(commands[-1]) != session_id


@needs_bind
async def test_a_bound_session_may_outlive_the_block(client, db_name, commands):
    async with client.start_session() as session:
        async with await session.bind(end_session=False):
            await client[db_name].command("ping")
        assert not session.has_ended
        await client[db_name].command("ping")
        assert lsid(commands[0]) == session.session_id != lsid(commands[1])


@needs_bind
async def test_a_bound_session_is_not_that_of_other_tasks(client, db_name, commands):
    bound, done = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        await bound.wait()
        await client[db_name].command("ping")
        done.set()

    task = asyncio.create_task(other())
    async with client.start_session().bind() as session:
        session_id = session.session_id
        bound.set()
        await done.wait()
        assert lsid(commands[0]) != session_id
    await task


@needs_bind
async def test_operations_started_at_once_on_a_bound_session_follow_one_another(
    client_factory, db_name
):
    overlaps = Overlaps()
    client = client_factory(event_listeners=[overlaps])
    collection = client[db_name]["test"]
    async with client.start_session().bind() as session, session.start_transaction():
        await asyncio.gather(*(collection.insert_one({"_id": i}) for i in range(30)))
        found = (collection.find({}).to_list(), collection.aggregate([]).to_list())
        assert [len(documents) for documents in await asyncio.gather(*found)] == [30, 30]
    assert overlaps.most == 1
    assert await collection.count_documents({}) == 30


@pytest.mark.skipif(hasattr(ClientSession, "bind"), reason="PyMongo has bind() since 4.17")
async def test_binding_says_which_pymongo_it_needs(client):
    async with client.start_session() as session:
        with pytest.raises(AttributeError, match=r"needs PyMongo 4\.17 or later"):
            session.bind()


async def test_contexts_say_whose_they_are(client: Any) -> None:
    async with client.start_session() as session:
        context = session.start_transaction()
        assert repr(context) == f"<TransactionContext of {session!r}>"
        await session.abort_transaction()
