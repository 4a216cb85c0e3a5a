"""with_transaction: what it repeats, what it does not, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pymongo
import pytest
from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from motor import core
from support import PATIENCE, CommandRecorder, async_wait_until
from support.errors import raises_as

pytestmark = pytest.mark.every_loop

#: What the fail points concern: the clients of these tests.
APP_NAME = "with-transaction"

TRANSIENT = "TransientTransactionError"
UNKNOWN = "UnknownTransactionCommitResult"


@pytest.fixture
def client(client_factory: Any, commands: Any) -> Any:
    return client_factory(event_listeners=[commands], appName=APP_NAME)


@pytest.fixture
def collection(client: Any, db_name: str, sync_db: Any) -> Any:
    """A collection that exists: making one in a transaction takes locks for nothing."""
    sync_db.create_collection("test")
    return client[db_name]["test"]


class Callback:
    """Inserts a document in the transaction, and counts its runs."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.sessions: list[Any] = []

    async def __call__(self, session: Any) -> int:
        self.sessions.append(session)
        await self._collection.insert_one({"run": self.runs}, session=session)
        return self.runs

    @property
    def runs(self) -> int:
        return len(self.sessions)


def open_transactions(sync_client: Any, session: Any) -> list[Any]:
    """The transactions of `session` that the server has not seen the end of."""
    operations = {"$currentOp": {"allUsers": True, "idleSessions": True}}
    own = {"lsid.id": session.session_id["id"], "transaction": {"$exists": True}}
    return list(sync_client.admin.aggregate([operations, {"$match": own}]))


def settle(sync_client: Any, session: Any) -> None:
    """End on the server what a commit that was made to fail has left open there."""
    sync_client.admin.command("killSessions", [session.session_id])


# When nothing goes wrong --------------------------------------------------------------------


@pytest.mark.parametrize("style", ["positional", "coro", "callback"])
async def test_it_commits_and_returns_what_the_callback_returned(
    client, collection, commands, sync_db, style
):
    callback = Callback(collection)
    async with client.start_session() as session:
        if style == "positional":
            result = await session.with_transaction(callback)
        else:
            result = await session.with_transaction(**{style: callback})
        assert callback.sessions == [session]
        assert callback.sessions[0] is session
        assert not session.in_transaction
    assert result == 1
    assert commands.names == ["insert", "commitTransaction"]
    assert sync_db["test"].count_documents({}) == 1


async def test_the_callback_may_return_any_awaitable(client, collection):
    async with client.start_session() as session:
        result = await session.with_transaction(
            lambda session: collection.insert_one({"_id": 5}, session=session)
        )
    assert result.inserted_id == 5


async def test_its_options_are_those_of_the_transaction(client, collection, commands):
    majority = WriteConcern("majority")
    primary = pymongo.ReadPreference.PRIMARY
    callback = Callback(collection)
    async with client.start_session() as session:
        await session.with_transaction(callback, ReadConcern("snapshot"), majority, primary, 123)
        await session.with_transaction(
            callback=callback,
            read_concern=ReadConcern("majority"),
            write_concern=majority,
            read_preference=primary,
            max_commit_time_ms=456,
        )
    first, commit, second, second_commit = (event.command for event in commands)
    assert first["readConcern"]["level"] == "snapshot"
    assert commit["writeConcern"] == {"w": "majority"}
    assert commit["maxTimeMS"] == 123
    assert second["readConcern"]["level"] == "majority"
    assert second_commit["maxTimeMS"] == 456


@pytest.mark.parametrize("end", ["commit_transaction", "abort_transaction"])
async def test_the_callback_may_end_the_transaction_itself(
    client, collection, commands, sync_db, end
):
    async def callback(session: Any) -> str:
        await collection.insert_one({}, session=session)
        await getattr(session, end)()
        return "done"

    async with client.start_session() as session:
        assert await session.with_transaction(callback) == "done"
    assert len(commands) == 2
    assert sync_db["test"].count_documents({}) == (end == "commit_transaction")


async def test_concurrent_changes_of_one_document_are_all_applied(client, collection, sync_db):
    await collection.insert_one({"_id": "counter", "n": 0})

    async def increase(session: Any) -> None:
        found = await collection.find_one({"_id": "counter"}, session=session)
        change = {"$set": {"n": found["n"] + 1}}
        await collection.update_one({"_id": "counter"}, change, session=session)

    async def run() -> None:
        async with client.start_session() as session:
            await session.with_transaction(increase)

    await asyncio.gather(*(run() for _ in range(8)))
    assert sync_db["test"].find_one()["n"] == 8


# Wrong callbacks ----------------------------------------------------------------------------


async def test_a_callback_that_is_no_coroutine_function_is_refused(client, commands):
    async with client.start_session() as session:
        with pytest.raises(TypeError, match="must be a coroutine function"):
            await session.with_transaction(lambda _session: 1)
        assert not session.in_transaction
        for wrong in ((), (None,), ("not callable",)):
            with pytest.raises(TypeError, match="takes one coroutine function"):
                await session.with_transaction(*wrong)
        with pytest.raises(TypeError, match="takes one coroutine function"):
            await session.with_transaction(asyncio.sleep, callback=asyncio.sleep)
        assert not session.in_transaction
    assert commands.names == []


async def test_an_exception_of_the_callback_aborts(client, collection, commands, sync_db):
    callback = Callback(collection)

    async def failing(session: Any) -> None:
        await callback(session)
        raise ZeroDivisionError

    async with client.start_session() as session:
        with pytest.raises(ZeroDivisionError):
            await session.with_transaction(failing)
        assert not session.in_transaction
    assert callback.runs == 1
    assert commands.names == ["insert", "abortTransaction"]
    assert sync_db["test"].count_documents({}) == 0


async def test_it_is_refused_while_a_transaction_is_in_progress(client, collection):
    callback = Callback(collection)
    async with client.start_session() as session, session.start_transaction():
        with raises_as(session.delegate.start_transaction):
            await session.with_transaction(callback)
        assert session.in_transaction
        assert callback.runs == 0


async def test_cancelling_it_aborts(client, collection, commands, hold, sync_client, sync_db):
    async with client.start_session() as session:
        with hold("insert"):
            task = asyncio.create_task(session.with_transaction(Callback(collection)))
            await async_wait_until(lambda: commands.named("insert"))
            task.cancel()
            # The task hears of it before the insert is answered.
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [e.command_name for e in commands.succeeded_events] == ["insert", "abortTransaction"]
        assert open_transactions(sync_client, session) == []
        assert sync_db["test"].count_documents({}) == 0
        await session.with_transaction(Callback(collection))
    assert sync_db["test"].count_documents({}) == 1


# Errors of the server -----------------------------------------------------------------------


def failing(command: str, times: int = 1, **data: Any) -> dict[str, Any]:
    return {"failCommands": [command], "mode": {"times": times}, "appName": APP_NAME, **data}


#: What fails, how often the callback runs then, and the code of the error at the end, if any.
#: PyMongo itself repeats a commit once after a lost connection, before with_transaction does.
SITUATIONS = {
    "operation, transient": (failing("insert", 2, errorCode=112, errorLabels=[TRANSIENT]), 3, None),
    "operation, connection lost": (failing("insert", closeConnection=True), 2, None),
    "operation, final": (failing("insert", errorCode=2, errorLabels=[]), 1, 2),
    "commit, transient": (
        failing("commitTransaction", 2, errorCode=251, errorLabels=[TRANSIENT]), 3, None,
    ),
    "commit, unknown": (
        failing("commitTransaction", 3, errorCode=2, errorLabels=[UNKNOWN]), 1, None,
    ),
    "commit, unknown by its code": (
        failing("commitTransaction", 2, errorCode=64, errorLabels=[]), 1, None,
    ),
    "commit, connection lost": (failing("commitTransaction", 2, closeConnection=True), 1, None),
    "commit, both labels": (
        failing("commitTransaction", errorCode=2, errorLabels=[UNKNOWN, TRANSIENT]), 1, None,
    ),
    "commit, time expired": (
        failing("commitTransaction", errorCode=50, errorLabels=[UNKNOWN]), 1, 50,
    ),
    "commit, final": (failing("commitTransaction", errorCode=2, errorLabels=[]), 1, 2),
}  # fmt: skip


async def outcome(run: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await run()
    except PyMongoError as error:
        labels = {label for label in (TRANSIENT, UNKNOWN) if error.has_error_label(label)}
        return type(error), getattr(error, "code", None), labels


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_errors_are_dealt_with_as_pymongo_does(
    client, collection, commands, fail_point, mongo_uri, sync_client, situation
):
    fail, runs, code = SITUATIONS[situation]
    callback = Callback(collection)
    async with client.start_session() as session:
        with fail_point(**fail):
            result = await outcome(lambda: session.with_transaction(callback))
        assert not session.in_transaction
        settle(sync_client, session)
    assert callback.runs == runs
    assert result == runs if code is None else result[1] == code

    name = collection.database.name
    with fail_point(**fail):
        assert (result, commands.names) == await pymongo_outcome(mongo_uri, name)


async def pymongo_outcome(mongo_uri: str, db_name: str) -> tuple[Any, list[str]]:
    """What PyMongo's own `with_transaction` gives in the same situation, and what it sends."""
    commands, runs = CommandRecorder(), []

    def callback(session: Any) -> int:
        runs.append(session)
        client[db_name]["test"].insert_one({"run": len(runs)}, session=session)
        return len(runs)

    async def run() -> Any:
        with client.start_session() as session:
            try:
                return session.with_transaction(callback)
            finally:
                settle(client, session)

    with pymongo.MongoClient(
        mongo_uri, appName=APP_NAME, event_listeners=[commands], serverMonitoringMode="poll"
    ) as client:
        result = await outcome(run)
        return result, [name for name in commands.names if name != "killSessions"]


# The time limit -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "label"),
    [("insert", TRANSIENT), ("commitTransaction", TRANSIENT), ("commitTransaction", UNKNOWN)],
)
@pytest.mark.parametrize("limit", [0, 0.05])
async def test_it_gives_up_when_its_time_is_over(
    client, collection, fail_point, monkeypatch, sync_client, command, label, limit
):
    monkeypatch.setattr(core, "_WITH_TRANSACTION_RETRY_TIME_LIMIT", limit)
    callback = Callback(collection)
    fail = failing(command, 10_000, errorCode=251, errorLabels=[label])
    async with client.start_session() as session:
        with fail_point(**fail), pytest.raises(NetworkTimeout) as caught:
            await session.with_transaction(callback)
        assert not session.in_transaction
        settle(sync_client, session)
    assert caught.value.timeout
    assert caught.value.has_error_label(label)
    assert isinstance(caught.value.__cause__, OperationFailure)
    assert caught.value.__cause__.code == 251
    assert callback.runs == 1 or limit > 0


@pytest.mark.parametrize(
    ("command", "label"), [("insert", TRANSIENT), ("commitTransaction", TRANSIENT)]
)
async def test_a_timeout_around_it_ends_it(
    client, collection, fail_point, sync_client, command, label
):
    callback = Callback(collection)
    fail = failing(command, 10_000, errorCode=251, errorLabels=[label])
    async with client.start_session() as session:
        with fail_point(**fail), pymongo.timeout(0.3), pytest.raises(PyMongoError) as caught:
            await asyncio.wait_for(session.with_transaction(callback), PATIENCE)
        assert not session.in_transaction
        settle(sync_client, session)
    assert caught.value.timeout
