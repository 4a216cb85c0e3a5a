"""Large batches are asked for in pieces, where the user leaves their size to Motor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bson
import pytest

from motor.accelerators.batches import splitting
from support.accelerators import needs
from support.commands import CommandRecorder
from support.cursors import ids
from support.wait import async_wait_until

pytestmark = pytest.mark.every_loop

#: How many documents there are, in a first batch by default, and in a piece here.
ALL, FIRST, PIECE = 400, 101, 120


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "DOCUMENTS", PIECE)
    # A machine that is busy measures anything.
    monkeypatch.setattr(splitting, "NEAR", float("inf"))


@pytest.fixture
def collection(client_factory: Any, db_name: str, sync_db: Any) -> Iterator[Any]:
    sync_db.test.insert_many([{"_id": i} for i in range(ALL)])
    # With a listener, nothing would be split.
    sync_db.command("profile", 2)
    yield client_factory()[db_name].test
    sync_db.command("profile", 0)


class Seen:
    """The commands for the collection that the server has got."""

    def __init__(self, database: Any) -> None:
        self._profile = database["system.profile"]
        self._since = 0

    def _commands(self) -> list[Any]:
        return [entry["command"] for entry in self._profile.find().sort("$natural")]

    def named(self, *names: str) -> list[Any]:
        found = []
        for command in self._commands()[self._since :]:
            name, target = next(iter(command.items()))
            if name in names and command.get("collection", target) == "test":
                found.append(command)
        return found

    def clear(self) -> None:
        self._since = len(self._commands())


@pytest.fixture
def commands(collection: Any, sync_db: Any) -> Seen:
    return Seen(sync_db)


def find(collection: Any, **options: Any) -> Any:
    return collection.find(sort=[("_id", 1)], **options)


def aggregate(collection: Any, **options: Any) -> Any:
    return collection.aggregate([{"$sort": {"_id": 1}}], **options)


@pytest.fixture(params=[find, aggregate])
def reading(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def asked(commands: Any) -> list[int | None]:
    """The batch size of each `getMore` for the collection."""
    return [each.get("batchSize") for each in commands.named("getMore")]


@needs("batches")
async def test_batches_after_the_first_come_in_pieces(
    framework: Any, collection: Any, commands: Seen, reading: Any
) -> None:
    assert ids(await reading(collection).to_list()) == list(range(ALL))
    assert asked(commands) == [PIECE] * 3
    commands.clear()
    assert [each["_id"] async for each in reading(collection)] == list(range(ALL))
    assert asked(commands) == [PIECE] * 3
    started = commands.named("find", "aggregate")[0]
    assert "batchSize" not in started
    assert started.get("cursor", {}) == {}


async def test_batches_of_a_distant_server_stay_whole(
    framework: Any,
    collection: Any,
    commands: Seen,
    reading: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(splitting, "NEAR", 0.0)
    assert ids(await reading(collection).to_list()) == list(range(ALL))
    assert asked(commands) == [None]


async def test_a_listener_sees_the_commands_of_pymongo(
    framework: Any, collection: Any, reading: Any, client_factory: Any, db_name: str
) -> None:
    recorder = CommandRecorder()
    watched = client_factory(event_listeners=[recorder])[db_name].test
    assert ids(await reading(watched).to_list()) == list(range(ALL))
    (more,) = recorder.named("getMore")
    assert "batchSize" not in more.command


async def test_own_batch_size_counts(framework: Any, collection: Any, commands: Seen) -> None:
    assert len(await find(collection, batch_size=350).to_list()) == ALL
    assert len(await aggregate(collection, batchSize=350).to_list()) == ALL
    assert asked(commands) == [350, 350]


@needs("batches")
async def test_own_batch_size_counts_from_when_it_is_set(
    framework: Any, collection: Any, commands: Seen
) -> None:
    cursor = aggregate(collection)
    assert len(await cursor.to_list(FIRST + 1)) == FIRST + 1
    await async_wait_until(lambda: not cursor._reader.queue.busy)
    before = asked(commands)
    cursor.batch_size(50)
    assert len(await cursor.to_list()) == ALL - FIRST - 1
    assert set(before) == {PIECE}
    assert set(asked(commands)[len(before) :]) == {50}


async def test_raw_batches_stay_those_of_the_server(
    framework: Any, collection: Any, commands: Seen
) -> None:
    for found in [collection.find_raw_batches(), collection.aggregate_raw_batches([])]:
        assert len(bson.decode_all((await found.to_list())[-1])) > PIECE
    assert asked(commands) == [None, None]


@pytest.mark.parametrize("again", ["clone", "rewind"])
async def test_what_starts_again_has_no_batch_size(
    framework: Any, collection: Any, commands: Seen, again: str
) -> None:
    cursor = find(collection)
    assert len(await cursor.to_list(FIRST + 1)) == FIRST + 1
    commands.clear()
    other = getattr(cursor, again)()
    assert ids(await other.to_list()) == list(range(ALL))
    assert "batchSize" not in commands.named("find")[0]


async def test_limit_counts(framework: Any, collection: Any, commands: Seen) -> None:
    assert ids(await find(collection, limit=330).to_list()) == list(range(330))
    assert ids(await find(collection, limit=150, skip=5).to_list()) == list(range(5, 155))
    assert [each["_id"] async for each in find(collection).limit(250)] == list(range(250))
