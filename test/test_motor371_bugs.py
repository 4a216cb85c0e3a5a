"""Bugs of Motor 3.7.1, apart from GridFS, that this Motor does not have.

Each test fails with Motor 3.7.1: most on an exception, which the comment beside it names.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.driver_info import DriverInfo
from pymongo.errors import OperationFailure
from pymongo.monitoring import CommandStartedEvent

from support import CommandRecorder, Framework, async_wait_until
from support.cursors import ids, open_cursors

APP_NAME = "motor-3.7.1-bugs"

in_order: list[Any] = [{"$sort": {"_id": 1}}]


@pytest.fixture
def ten(sync_db: Any, collection: Any) -> Any:
    """A collection of ten documents."""
    sync_db.test.insert_many([{"_id": n} for n in range(10)])
    return collection


# Objects that have not been used ------------------------------------------------------------


async def test_resume_token_of_an_unopened_stream_is_none(collection: Any) -> None:
    # AttributeError: 'NoneType' object has no attribute 'resume_token'.
    assert collection.watch().resume_token is None


async def test_an_unsent_aggregate_has_the_properties_of_a_cursor(client: Any, ten: Any) -> None:
    # AttributeError: '_LatentCursor' object has no attribute 'address'.
    cursor = ten.aggregate(in_order)
    assert cursor.address is None
    assert cursor.session is None
    async with await client.start_session() as session:
        assert ten.aggregate(in_order, session=session).session == session


async def test_an_unsent_aggregate_can_try_next(framework: Framework, ten: Any) -> None:
    # AttributeError: '_LatentCursor' object has no attribute 'try_next'.
    assert await ten.aggregate(in_order).try_next() == {"_id": 0}


async def test_batch_size_of_an_aggregate_may_be_set_after_the_start(
    framework: Framework, ten: Any
) -> None:
    # TypeError: 'NoneType' object does not support item assignment.
    cursor = ten.aggregate(in_order, batchSize=2)
    assert await cursor.next() == {"_id": 0}
    assert cursor.batch_size(3) is cursor
    assert ids(await cursor.to_list()) == list(range(1, 10))


# Cursors that failed, were closed, or rewound -----------------------------------------------


async def test_an_aggregate_whose_first_batch_failed_is_not_alive(
    framework: Framework, ten: Any
) -> None:
    cursor = ten.aggregate([{"$nonsense": {}}])
    with pytest.raises(OperationFailure):
        await cursor.next()
    assert not cursor.alive


async def test_an_aggregate_closed_before_its_start_never_runs(
    client_factory: Any, db_name: str, commands: CommandRecorder
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name]["test"]
    cursor = collection.aggregate([{"$out": "copy"}])
    await cursor.close()
    assert await cursor.to_list() == []
    assert commands.named("aggregate") == []


async def test_a_rewound_cursor_can_be_closed_again(ten: Any, sync_client: Any) -> None:
    cursor = ten.find(batch_size=2)
    await cursor.next()
    await cursor.close()
    cursor.rewind()
    await cursor.next()
    assert len(open_cursors(sync_client, ten.full_name)) == 1
    await cursor.close()
    assert open_cursors(sync_client, ten.full_name) == []


# Errors -------------------------------------------------------------------------------------


def test_a_private_attribute_of_a_database_is_named_in_the_error(db: Any) -> None:
    # The braces stood there unfilled: "use database['{name}']".
    with pytest.raises(AttributeError, match=r"use database\['_secret'\]"):
        _ = db._secret


# The event loop, which must not wait --------------------------------------------------------


class ThreadRecorder(CommandRecorder):
    """Records the thread that each command is sent in as well."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[tuple[str, threading.Thread]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.threads.append((event.command_name, threading.current_thread()))
        super().started(event)

    async def seen_off_the_loop(self, name: str) -> None:
        """Wait for the command; AssertionError if it was sent by the thread of the loop."""
        await async_wait_until(lambda: name in self.names, what=f"{name} was sent")
        here = threading.current_thread()
        assert [sent for sent, thread in self.threads if thread is here] == []


@pytest.fixture
def commands() -> ThreadRecorder:
    return ThreadRecorder()


@pytest.fixture
def recorded(client_factory: Any, db_name: str, ten: Any, commands: ThreadRecorder) -> Any:
    """The collection of ten documents, of a client whose commands are recorded."""
    return client_factory(event_listeners=[commands])[db_name]["test"]


async def test_leaving_a_session_aborts_its_transaction_off_the_loop(
    recorded: Any, commands: ThreadRecorder
) -> None:
    async with await recorded.database.client.start_session() as session:
        session.start_transaction()
        await recorded.insert_one({}, session=session)
    await commands.seen_off_the_loop("abortTransaction")


async def test_a_rewound_cursor_is_killed_off_the_loop(
    recorded: Any, commands: ThreadRecorder
) -> None:
    cursor = recorded.find(batch_size=2)
    await cursor.next()
    cursor.rewind()
    await commands.seen_off_the_loop("killCursors")


async def test_a_client_is_closed_off_the_loop(recorded: Any, commands: ThreadRecorder) -> None:
    cursor = recorded.find(batch_size=2)
    await cursor.next()
    # PyMongo kills forgotten cursors when their client is closed, if not before.
    # The worker that has read from this one may have it for a moment longer.
    delegate = weakref.ref(cursor.delegate)
    del cursor
    await async_wait_until(lambda: delegate() is None, what="the cursor was forgotten")
    recorded.database.client.close()
    await commands.seen_off_the_loop("endSessions")
    await commands.seen_off_the_loop("killCursors")


@pytest.mark.parametrize(
    ("name", "unknown"), [("address", None), ("is_primary", False), ("is_mongos", False)]
)
async def test_properties_of_an_unreachable_deployment_do_not_wait(
    client_factory: Any, name: str, unknown: Any
) -> None:
    # ServerSelectionTimeoutError, after the loop had stood still for as long as that takes.
    client = client_factory("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=100)
    assert getattr(client, name) is unknown


# wrap ---------------------------------------------------------------------------------------


async def test_wrap_makes_a_cursor_of_the_framework(framework: Framework, ten: Any) -> None:
    cursor = ten.wrap(ten.delegate.find(sort=[("_id", 1)]))
    # An AgnosticCursor, of no framework, could not be read.
    assert isinstance(cursor, framework.Cursor)
    assert ids(await cursor.to_list(2)) == [0, 1]
    await cursor.close()


async def test_wrap_makes_a_change_stream(framework: Framework, ten: Any) -> None:
    # TypeError: __init__() missing 11 required positional arguments.
    stream = ten.wrap(ten.delegate.watch())
    assert isinstance(stream, framework.ChangeStream)
    await ten.insert_one({"_id": "seen"})
    assert (await stream.next())["documentKey"] == {"_id": "seen"}
    await stream.close()


# Transactions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "runs"),
    [("UnknownTransactionCommitResult", 1), ("TransientTransactionError", 2)],
)
async def test_with_transaction_retries_a_failed_commit(
    client_factory: Any,
    db_name: str,
    sync_db: Any,
    fail_point: Callable[..., Any],
    label: str,
    runs: int,
) -> None:
    # OperationFailure, for either label.
    sync_db.create_collection("test")
    client = client_factory(appName=APP_NAME)
    sessions: list[Any] = []

    async def add(session: Any) -> str:
        sessions.append(session)
        await client[db_name]["test"].insert_one({}, session=session)
        return "ok"

    failure = {"failCommands": ["commitTransaction"], "errorCode": 11601, "errorLabels": [label]}
    with fail_point(mode={"times": 1}, appName=APP_NAME, **failure):
        async with await client.start_session() as session:
            assert await session.with_transaction(add) == "ok"
    assert sessions == [session] * runs
    assert sync_db.test.count_documents({}) == 1


# The handshake ------------------------------------------------------------------------------


async def test_a_driver_info_of_the_user_is_taken_and_sent(client_factory: Any) -> None:
    # ValueError: DriverInfo name must not contain the '|' delimiter.
    client = client_factory(driver=DriverInfo("Umotor", "1.2.3", "Plan 9"))
    assert (await client.admin.command("ping"))["ok"] == 1
    metadata = client.delegate.options.pool_options.metadata
    assert metadata["driver"]["name"].split("|")[-2:] == ["Motor", "Umotor"]
    assert metadata["driver"]["version"].split("|")[-1] == "1.2.3"
    assert "Plan 9" in metadata["platform"]
