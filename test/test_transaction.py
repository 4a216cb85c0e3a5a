"""Transactions: their beginning, options and end, and their cancellation."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pymongo
import pytest
from pymongo.client_session import TransactionOptions
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from support import async_wait_until
from support.errors import raises_as

#: What the fail points concern: the client of these tests.
APP_NAME = "transactions"


@pytest.fixture
def client(client_factory: Any, commands: Any) -> Any:
    return client_factory(event_listeners=[commands], appName=APP_NAME)


@pytest.fixture
def collection(client: Any, db_name: str, sync_db: Any) -> Any:
    """A collection that exists: making one in a transaction takes locks for nothing."""
    sync_db.create_collection("test")
    return client[db_name]["test"]


class Boom(Exception):
    """What goes wrong in a block."""


async def go_wrong(block: Any, *operations: Any) -> None:
    async with block:
        for operation in operations:
            await operation()
        raise Boom


def open_transactions(sync_client: Any, session: Any) -> list[Any]:
    """The transactions of `session` that the server has not seen the end of."""
    operations = {"$currentOp": {"allUsers": True, "idleSessions": True}}
    own = {"lsid.id": session.session_id["id"], "transaction": {"$exists": True}}
    return list(sync_client.admin.aggregate([operations, {"$match": own}]))


# Beginning and end --------------------------------------------------------------------------


async def test_a_block_commits_at_its_end(client, collection, commands, sync_db):
    async with client.start_session() as session:
        async with session.start_transaction():
            assert session.in_transaction
            await collection.insert_one({"_id": 1}, session=session)
            assert await collection.find_one({"_id": 1}, session=session) == {"_id": 1}
            assert sync_db["test"].count_documents({}) == 0
        assert not session.in_transaction
        async with await session.start_transaction():
            await collection.insert_one({"_id": 2}, session=session)
    assert commands.names == ["insert", "find", "commitTransaction", "insert", "commitTransaction"]
    assert sync_db["test"].count_documents({}) == 2


async def test_a_block_aborts_after_an_exception(client, collection, commands, sync_db):
    async with client.start_session() as session:
        insert = partial(collection.insert_one, {"_id": 1}, session=session)
        with pytest.raises(Boom):
            await go_wrong(session.start_transaction(), insert)
        assert not session.in_transaction
        with pytest.raises(Boom):
            await go_wrong(await session.start_transaction(), insert)
    assert commands.names == ["insert", "abortTransaction"] * 2
    assert sync_db["test"].count_documents({}) == 0


async def test_a_transaction_needs_no_block(client, collection, sync_db):
    async with client.start_session() as session:
        session.start_transaction()
        await collection.insert_one({"_id": 1}, session=session)
        assert await session.commit_transaction() is None
        session.start_transaction()
        await collection.insert_one({"_id": 2}, session=session)
        assert await session.abort_transaction() is None
    assert [document["_id"] for document in sync_db["test"].find()] == [1]


async def test_a_block_leaves_a_transaction_alone_that_was_ended_inside(
    client, collection, commands
):
    async with client.start_session() as session:
        async with session.start_transaction():
            await collection.insert_one({}, session=session)
            await session.commit_transaction()
        insert = partial(collection.insert_one, {}, session=session)
        with pytest.raises(Boom):
            await go_wrong(session.start_transaction(), insert, session.abort_transaction)
    assert commands.names == ["insert", "commitTransaction", "insert", "abortTransaction"]


async def test_an_empty_transaction_sends_nothing(client, commands):
    async with client.start_session() as session:
        async with session.start_transaction():
            pass
        await session.commit_transaction()
        session.start_transaction()
        await session.abort_transaction()
    assert commands.names == []


async def test_operations_started_at_once_are_all_in_the_transaction(client, collection, sync_db):
    async with client.start_session() as session, session.start_transaction():
        inserts = (collection.insert_one({"_id": i}, session=session) for i in range(20))
        await asyncio.gather(*inserts)
        assert await collection.count_documents({}, session=session) == 20
    assert sync_db["test"].count_documents({}) == 20


async def test_a_commit_waits_for_the_operations_before_it(client, collection, sync_db):
    async with client.start_session() as session:
        async with session.start_transaction():
            writes = [collection.insert_one({"_id": i}, session=session) for i in range(20)]
        assert sync_db["test"].count_documents({}) == 20
        await asyncio.gather(*writes)


# In the wrong order -------------------------------------------------------------------------


async def test_ending_what_was_not_started_is_refused(client):
    async with client.start_session() as session:
        with raises_as(session.delegate.commit_transaction):
            await session.commit_transaction()
        with raises_as(session.delegate.abort_transaction):
            await session.abort_transaction()


async def test_a_second_transaction_is_refused_while_one_is_in_progress(client, collection):
    async with client.start_session() as session:
        session.start_transaction()
        with raises_as(session.delegate.start_transaction):
            session.start_transaction()
        await session.abort_transaction()


async def test_a_commit_can_be_repeated(client, collection, commands):
    async with client.start_session() as session:
        session.start_transaction()
        await collection.insert_one({}, session=session)
        await session.commit_transaction()
        await session.commit_transaction()
        with raises_as(session.delegate.abort_transaction):
            await session.abort_transaction()
    first, second = commands.named("commitTransaction")
    assert first.command["txnNumber"] == second.command["txnNumber"]
    assert second.command["writeConcern"]["w"] == "majority"


async def test_an_aborted_transaction_stays_aborted(client, collection):
    async with client.start_session() as session:
        session.start_transaction()
        await collection.insert_one({}, session=session)
        await session.abort_transaction()
        with raises_as(session.delegate.commit_transaction):
            await session.commit_transaction()
        with raises_as(session.delegate.abort_transaction):
            await session.abort_transaction()


async def test_a_failed_commit_is_the_blocks_error(client, collection, fail_point, sync_db):
    failing = {"failCommands": ["commitTransaction"], "appName": APP_NAME, "errorCode": 2}
    async with client.start_session() as session:
        with fail_point(mode={"times": 1}, **failing), pytest.raises(OperationFailure) as caught:
            async with session.start_transaction():
                await collection.insert_one({}, session=session)
        assert caught.value.code == 2
        assert sync_db["test"].count_documents({}) == 0
        # The result of the failed commit can still be asked for.
        await session.commit_transaction()
    assert sync_db["test"].count_documents({}) == 1


async def test_a_write_conflict_is_labelled(client, collection, sync_db):
    await collection.insert_one({"_id": 1})
    change = {"$inc": {"n": 1}}
    async with (
        client.start_session() as first,
        client.start_session() as second,
        first.start_transaction(),
    ):
        await collection.update_one({"_id": 1}, change, session=first)
        with pytest.raises(OperationFailure) as caught:
            async with second.start_transaction():
                await collection.update_one({"_id": 1}, change, session=second)
        assert caught.value.has_error_label("TransientTransactionError")
    assert sync_db["test"].find_one()["n"] == 1


# Options ------------------------------------------------------------------------------------


async def test_the_options_of_a_transaction_reach_the_server(client, collection, commands):
    options = (ReadConcern("snapshot"), WriteConcern("majority", wtimeout=4321))
    primary = pymongo.ReadPreference.PRIMARY
    async with (
        client.start_session() as session,
        session.start_transaction(*options, primary, 1234),
    ):
        await collection.insert_one({}, session=session)
        await collection.insert_one({}, session=session)
    first, second, commit = (event.command for event in commands)
    assert first["readConcern"] == {"level": "snapshot"}
    assert (first["startTransaction"], first["autocommit"]) == (True, False)
    assert "startTransaction" not in second
    assert "readConcern" not in second
    assert commit["writeConcern"] == {"w": "majority", "wtimeout": 4321}
    assert commit["maxTimeMS"] == 1234


async def test_a_session_has_default_options_for_its_transactions(client, collection, commands):
    options = TransactionOptions(
        ReadConcern("majority"), WriteConcern("majority"), max_commit_time_ms=1234
    )
    async with client.start_session(default_transaction_options=options) as session:
        assert session.options.default_transaction_options is options
        async with session.start_transaction():
            await collection.insert_one({}, session=session)
        async with session.start_transaction(ReadConcern("local"), max_commit_time_ms=99):
            await collection.insert_one({}, session=session)
    first, commit, other, other_commit = (event.command for event in commands)
    assert first["readConcern"]["level"] == "majority"
    assert commit["writeConcern"] == {"w": "majority"}
    assert commit["maxTimeMS"] == 1234
    assert other["readConcern"]["level"] == "local"
    assert other_commit["maxTimeMS"] == 99


async def test_bad_options_are_refused_at_the_call(client):
    async with client.start_session() as session:
        with raises_as(session.delegate.start_transaction, "snapshot"):
            session.start_transaction("snapshot")
        with raises_as(session.delegate.start_transaction, max_commit_time_ms="1"):
            session.start_transaction(max_commit_time_ms="1")
        with pytest.raises(TypeError):
            session.start_transaction(max_time_ms=1)
        assert not session.in_transaction


# Cancellation -------------------------------------------------------------------------------


async def test_a_cancelled_block_aborts_after_the_operation_on_its_way(
    client, collection, commands, hold, sync_client, sync_db
):
    async def write(session: Any) -> None:
        async with session.start_transaction():
            await collection.insert_one({"_id": "first"}, session=session)
            await collection.update_many({}, {"$set": {"a": 1}}, session=session)

    async with client.start_session() as session:
        with hold("update"):
            task = asyncio.create_task(write(session))
            await async_wait_until(lambda: commands.named("update"))
            task.cancel()
            # The task hears of it before the update is answered.
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [e.command_name for e in commands.succeeded_events] == [
            "insert", "update", "abortTransaction",
        ]  # fmt: skip
        assert open_transactions(sync_client, session) == []
        assert not session.in_transaction
        assert sync_db["test"].count_documents({}) == 0
        async with session.start_transaction():
            await collection.insert_one({"_id": "again"}, session=session)
    assert sync_db["test"].count_documents({}) == 1


async def test_a_block_cancelled_between_operations_aborts(client, collection, sync_client):
    inside = asyncio.Event()

    async def write(session: Any) -> None:
        async with session.start_transaction():
            await collection.insert_one({}, session=session)
            inside.set()
            await asyncio.Event().wait()

    async with client.start_session() as session:
        task = asyncio.create_task(write(session))
        await inside.wait()
        assert len(open_transactions(sync_client, session)) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_transactions(sync_client, session) == []


async def test_an_abort_goes_on_when_its_wait_is_cancelled(
    client, collection, commands, hold, sync_client
):
    async with client.start_session() as session:
        session.start_transaction()
        await collection.insert_one({}, session=session)
        with hold("abortTransaction", ns=""):
            abort = session.abort_transaction()
            await async_wait_until(lambda: commands.named("abortTransaction"))
            abort.cancel()
        await async_wait_until(lambda: not session.in_transaction)
        assert open_transactions(sync_client, session) == []
