"""A collection's indexes, for queries and for Atlas Search."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collation import Collation
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.operations import SearchIndexModel

from support import CommandRecorder, Framework
from support.errors import raises_as, raises_code


@pytest.fixture
def recorded(client_factory: Any, db_name: str, commands: CommandRecorder) -> Any:
    """A collection; `commands` has what is sent to it."""
    return client_factory(event_listeners=[commands])[db_name].test


async def test_create_index(recorded: Any, commands: CommandRecorder, sync_db: Any) -> None:
    async with recorded.database.client.start_session() as session:
        name = await recorded.create_index(
            [("a", ASCENDING), ("b", DESCENDING)],
            session,
            "why",
            unique=True,
            partialFilterExpression={"a": {"$gt": 1}},
            collation=Collation("en"),
        )
        sent = commands.named("createIndexes")[0].command
        assert sent["lsid"] == session.session_id
    assert sent["comment"] == "why"
    assert name == "a_1_b_-1"
    found = sync_db.test.index_information()[name]
    assert (found["key"], found["unique"]) == ([("a", 1), ("b", -1)], True)
    assert found["partialFilterExpression"] == {"a": {"$gt": 1}}
    assert found["collation"]["locale"] == "en"


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("a", "a_1"),
        ([("a", pymongo.HASHED)], "a_hashed"),
        ([("a", pymongo.TEXT)], "a_text"),
        ([("a", pymongo.GEOSPHERE)], "a_2dsphere"),
        ({"$**": 1}, "$**_1"),
        (["a", ("b", -1)], "a_1_b_-1"),
    ],
)
async def test_kinds_of_keys(recorded: Any, keys: Any, name: str) -> None:
    assert await recorded.create_index(keys) == name
    assert name in await recorded.index_information()


async def test_create_indexes(recorded: Any, commands: CommandRecorder) -> None:
    models = [IndexModel("a"), IndexModel([("b", -1)], name="backwards", expireAfterSeconds=60)]
    async with recorded.database.client.start_session() as session:
        names = await recorded.create_indexes(models, session, "why", commitQuorum=1)
        (sent,) = commands.named("createIndexes")
        assert sent.command["lsid"] == session.session_id
    assert (sent.command["comment"], sent.command["commitQuorum"]) == ("why", 1)
    assert names == ["a_1", "backwards"]
    information = await recorded.index_information()
    assert information["backwards"]["expireAfterSeconds"] == 60


async def test_unique_index_is_enforced(collection: Any) -> None:
    await collection.create_index("a", unique=True)
    await collection.insert_one({"a": 1})
    with pytest.raises(DuplicateKeyError):
        await collection.insert_one({"a": 1})


async def test_bad_index_is_refused(collection: Any) -> None:
    with raises_as(collection.delegate.create_index, []):
        await collection.create_index([])
    with raises_as(collection.delegate.create_indexes, ["a"]):
        await collection.create_indexes(["a"])
    with pytest.raises(OperationFailure):
        await collection.create_index("a", noSuchOption=1)


async def test_list_indexes_and_index_information(
    recorded: Any, commands: CommandRecorder, framework: Framework
) -> None:
    await recorded.create_index("a", unique=True)
    async with recorded.database.client.start_session() as session:
        cursor = recorded.list_indexes(session, "why")
        assert isinstance(cursor, framework.CommandCursor)
        assert [index["name"] async for index in cursor] == ["_id_", "a_1"]
        information = await recorded.index_information(session, "why")
        for sent in commands.named("listIndexes"):
            assert sent.command["lsid"] == session.session_id
            assert sent.command["comment"] == "why"
    assert information["a_1"]["key"] == [("a", 1)]
    assert len(commands.named("listIndexes")) == 2


async def test_indexes_of_no_collection_are_none(collection: Any) -> None:
    assert await collection.list_indexes().to_list() == []
    assert await collection.index_information() == {}


@pytest.mark.parametrize("target", ["b_1", [("b", 1)]])
async def test_drop_index(recorded: Any, commands: CommandRecorder, target: Any) -> None:
    await recorded.create_indexes([IndexModel("a"), IndexModel("b")])
    async with recorded.database.client.start_session() as session:
        await recorded.drop_index(target, session, "why")
        (sent,) = commands.named("dropIndexes")
        assert sent.command["lsid"] == session.session_id
    assert sent.command["comment"] == "why"
    assert set(await recorded.index_information()) == {"_id_", "a_1"}
    with raises_code(27):
        await recorded.drop_index("b_1")


async def test_drop_indexes(recorded: Any, commands: CommandRecorder) -> None:
    await recorded.create_indexes([IndexModel("a"), IndexModel("b")])
    async with recorded.database.client.start_session() as session:
        await recorded.drop_indexes(session, "why")
        (sent,) = commands.named("dropIndexes")
        assert sent.command["lsid"] == session.session_id
    assert sent.command["comment"] == "why"
    assert set(await recorded.index_information()) == {"_id_"}


# Atlas Search, which a community server knows only the names of ------------------------------

DEFINITION = {"mappings": {"dynamic": True}}
MODEL = SearchIndexModel(DEFINITION, "by text")

SEARCH_CALLS: dict[str, tuple[tuple[Any, ...], str]] = {
    "create_search_index": ((MODEL,), "createSearchIndexes"),
    "create_search_indexes": (([MODEL],), "createSearchIndexes"),
    "update_search_index": (("by text", DEFINITION), "updateSearchIndex"),
    "drop_search_index": (("by text",), "dropSearchIndex"),
}


@pytest.mark.parametrize("method", SEARCH_CALLS)
async def test_search_index_methods_give_the_servers_answer(
    recorded: Any, commands: CommandRecorder, method: str
) -> None:
    arguments, command = SEARCH_CALLS[method]
    async with recorded.database.client.start_session() as session:
        with pytest.raises(OperationFailure):
            await getattr(recorded, method)(*arguments, session=session, comment="why")
        (sent,) = commands.named(command)
        assert sent.command["lsid"] == session.session_id
    assert sent.command["comment"] == "why"


async def test_list_search_indexes_gives_the_servers_answer(
    recorded: Any, commands: CommandRecorder, framework: Framework
) -> None:
    async with recorded.database.client.start_session() as session:
        cursor = recorded.list_search_indexes("by text", session, "why")
        assert isinstance(cursor, framework.CommandCursor)
        assert len(commands) == 0
        with pytest.raises(OperationFailure):
            await cursor.next()
        (sent,) = commands.named("aggregate")
        assert sent.command["lsid"] == session.session_id
    assert sent.command["pipeline"] == [{"$listSearchIndexes": {"name": "by text"}}]
