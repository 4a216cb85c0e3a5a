"""A collection: every method that writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import (
    DeleteMany,
    DeleteOne,
    InsertOne,
    ReplaceOne,
    ReturnDocument,
    UpdateMany,
    UpdateOne,
    WriteConcern,
)
from pymongo.collation import Collation
from pymongo.errors import (
    BulkWriteError,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    WriteError,
)
from pymongo.results import (
    BulkWriteResult,
    DeleteResult,
    InsertManyResult,
    InsertOneResult,
    UpdateResult,
)

from support import CommandRecorder
from support.errors import raises_as, raises_code

IGNORE_CASE = Collation("en", strength=2)


@pytest.fixture
def orders(client_factory: Any, sync_db: Any, commands: CommandRecorder) -> Any:
    """A collection of three documents; `commands` has what is sent to it."""
    sync_db.orders.insert_many({"_id": n, "kind": kind} for n, kind in enumerate("aab"))
    sync_db.orders.create_index("kind")
    return client_factory(event_listeners=[commands])[sync_db.name].orders


def sent_with(commands: CommandRecorder, name: str, session: Any, **wanted: Any) -> dict[str, Any]:
    """The last command `name`, once it is certain that it has the session and the options."""
    sent: dict[str, Any] = commands.named(name)[-1].command
    assert sent["lsid"] == session.session_id
    assert {key: sent.get(key) for key in wanted} == wanted
    return sent


# Insert -------------------------------------------------------------------------------------


async def test_insert_one(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    document: dict[str, Any] = {"kind": "c"}
    async with orders.database.client.start_session() as session:
        result = await orders.insert_one(document, True, session, "why")
        sent_with(commands, "insert", session, bypassDocumentValidation=True, comment="why")
    assert isinstance(result, InsertOneResult)
    assert result.inserted_id == document["_id"]
    assert sync_db.orders.find_one({"kind": "c"}) == document


async def test_insert_one_raises_pymongos_errors(orders: Any) -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        await orders.insert_one({"_id": 0})
    assert caught.value.details["keyValue"] == {"_id": 0}
    with raises_as(orders.delegate.insert_one, []):
        await orders.insert_one([])
    with pytest.raises(bson.errors.InvalidDocument):
        await orders.insert_one({"a": object()})
    with pytest.raises(DocumentTooLarge):
        await orders.insert_one({"a": b" " * 17_000_000})


async def test_insert_one_takes_raw_bson(orders: Any, sync_db: Any) -> None:
    raw = RawBSONDocument(bson.encode({"_id": "raw", "kind": "c"}))
    await orders.insert_one(raw)
    assert sync_db.orders.find_one("raw") == {"_id": "raw", "kind": "c"}


async def test_insert_many(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        result = await orders.insert_many([{"_id": 3}, {"_id": 4}], True, False, session, "why")
        sent_with(commands, "insert", session, ordered=True, comment="why")
    assert isinstance(result, InsertManyResult)
    assert result.inserted_ids == [3, 4]
    assert sync_db.orders.count_documents({}) == 5


async def test_insert_many_takes_an_iterator(orders: Any, sync_db: Any) -> None:
    def documents() -> Iterator[dict[str, int]]:
        for number in range(10, 13):
            yield {"_id": number}

    assert (await orders.insert_many(documents())).inserted_ids == [10, 11, 12]
    assert sync_db.orders.count_documents({}) == 6


async def test_insert_many_in_order_or_not(orders: Any, sync_db: Any) -> None:
    for ordered, inserted in ((True, 0), (False, 1)):
        with pytest.raises(BulkWriteError) as caught:
            await orders.insert_many([{"_id": 0}, {"_id": 3}], ordered=ordered)
        assert caught.value.details["nInserted"] == inserted
    for nothing in ([], {}, 1):
        with raises_as(orders.delegate.insert_many, nothing):
            await orders.insert_many(nothing)


# Update and replace -------------------------------------------------------------------------


async def test_update_one(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        result = await orders.update_one(
            {"kind": "A"},
            {"$set": {"sent": True}},
            bypass_document_validation=True,
            collation=IGNORE_CASE,
            hint="kind_1",
            let={"x": 1},
            session=session,
            comment="why",
        )
        sent = sent_with(
            commands, "update", session, let={"x": 1}, comment="why", bypassDocumentValidation=True
        )
    assert sent["updates"][0]["hint"] == "kind_1"
    assert isinstance(result, UpdateResult)
    assert (result.matched_count, result.modified_count, result.upserted_id) == (1, 1, None)
    assert sync_db.orders.count_documents({"sent": True}) == 1


async def test_update_many(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        result = await orders.update_many(
            {"kind": "A"},
            {"$set": {"sent": True}},
            collation=IGNORE_CASE,
            hint="kind_1",
            let={"x": 1},
            session=session,
            comment="why",
        )
        sent_with(commands, "update", session, let={"x": 1}, comment="why")
    assert (result.matched_count, result.modified_count) == (2, 2)
    assert sync_db.orders.distinct("_id", {"sent": True}) == [0, 1]


async def test_updates_take_array_filters_and_pipelines(orders: Any, sync_db: Any) -> None:
    await orders.insert_one({"_id": 9, "lines": [{"n": 1}, {"n": 2}]})
    change = {"$set": {"lines.$[line].sent": True}}
    await orders.update_one({"_id": 9}, change, array_filters=[{"line.n": 2}])
    assert sync_db.orders.find_one(9)["lines"] == [{"n": 1}, {"n": 2, "sent": True}]
    await orders.update_one({"_id": 9}, [{"$set": {"lines": {"$size": "$lines"}}}])
    assert sync_db.orders.find_one(9)["lines"] == 2


async def test_replace_one(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        result = await orders.replace_one(
            {"kind": "B"},
            {"kind": "new"},
            collation=IGNORE_CASE,
            hint="kind_1",
            let={"x": 1},
            session=session,
            comment="why",
        )
        sent_with(commands, "update", session, let={"x": 1}, comment="why")
    assert (result.matched_count, result.modified_count) == (1, 1)
    assert sync_db.orders.find_one(2) == {"_id": 2, "kind": "new"}


async def test_upserts(orders: Any) -> None:
    results = [
        await orders.update_one({"_id": "one"}, {"$set": {"a": 1}}, True),
        await orders.update_many({"_id": "many"}, {"$set": {"a": 1}}, upsert=True),
        await orders.replace_one({"_id": "replaced"}, {"a": 1}, upsert=True),
    ]
    assert [result.upserted_id for result in results] == ["one", "many", "replaced"]
    assert await orders.count_documents({"a": 1}) == 3


async def test_updates_and_replacements_are_not_confused(orders: Any) -> None:
    with raises_as(orders.delegate.update_one, {}, {"a": 1}):
        await orders.update_one({}, {"a": 1})
    with raises_as(orders.delegate.replace_one, {}, {"$set": {"a": 1}}):
        await orders.replace_one({}, {"$set": {"a": 1}})


@pytest.mark.parametrize("method", ["update_one", "replace_one"])
async def test_sort_is_passed_on(
    orders: Any, commands: CommandRecorder, server_version: tuple[int, ...], method: str
) -> None:
    change = {"$set": {"a": 1}} if method == "update_one" else {"a": 1}
    try:
        await getattr(orders, method)({}, change, sort={"_id": -1})
        assert (await orders.find_one({"a": 1}))["_id"] == 2
    except OperationFailure:
        assert server_version < (8,)
    assert commands.named("update")[0].command["updates"][0]["sort"] == {"_id": -1}


# Delete -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "left"), [("delete_one", 2), ("delete_many", 1)])
async def test_delete(
    orders: Any, sync_db: Any, commands: CommandRecorder, method: str, left: int
) -> None:
    async with orders.database.client.start_session() as session:
        result = await getattr(orders, method)(
            {"kind": "A"}, IGNORE_CASE, "kind_1", session, let={"x": 1}, comment="why"
        )
        sent_with(commands, "delete", session, let={"x": 1}, comment="why")
    assert isinstance(result, DeleteResult)
    assert result.deleted_count == 3 - left
    assert sync_db.orders.count_documents({}) == left


# Find and change ----------------------------------------------------------------------------


async def test_find_one_and_delete(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        found = await orders.find_one_and_delete(
            {"kind": "a"}, {"_id": 1}, [("_id", -1)], "kind_1", session, {"x": 1}, "why"
        )
        wanted = {"let": {"x": 1}, "comment": "why", "remove": True, "hint": "kind_1"}
        sent_with(commands, "findAndModify", session, **wanted)
    assert found == {"_id": 1}
    assert sync_db.orders.distinct("_id") == [0, 2]


async def test_find_one_and_replace(orders: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        before = await orders.find_one_and_replace(
            {"kind": "a"}, {"kind": "x"}, sort=[("_id", 1)], hint="kind_1", let={}, session=session
        )
        sent_with(commands, "findAndModify", session, hint="kind_1")
    assert before == {"_id": 0, "kind": "a"}
    after = await orders.find_one_and_replace(
        {"_id": 9}, {"kind": "y"}, {"kind": 1}, None, True, ReturnDocument.AFTER
    )
    assert after == {"_id": 9, "kind": "y"}


async def test_find_one_and_update(orders: Any, commands: CommandRecorder) -> None:
    await orders.insert_one({"_id": 9, "lines": [1, 2]})
    async with orders.database.client.start_session() as session:
        after = await orders.find_one_and_update(
            {"_id": 9},
            {"$set": {"lines.$[line]": 0}},
            array_filters=[{"line": 2}],
            return_document=ReturnDocument.AFTER,
            projection={"_id": 0},
            session=session,
            comment="why",
            maxTimeMS=9000,
        )
        sent_with(commands, "findAndModify", session, comment="why", new=True, maxTimeMS=9000)
    assert after == {"lines": [1, 0]}
    assert await orders.find_one_and_update({"_id": -1}, {"$set": {"a": 1}}) is None
    wrong = ({}, {"$set": {"a": 1}}, None, None, False, "after")
    with raises_as(orders.delegate.find_one_and_update, *wrong):
        await orders.find_one_and_update(*wrong)


# Bulk ---------------------------------------------------------------------------------------


async def test_bulk_write(orders: Any, commands: CommandRecorder) -> None:
    requests = [
        InsertOne({"_id": 3}),
        UpdateOne({"_id": 0}, {"$set": {"a": 1}}),
        UpdateMany({"kind": "a"}, {"$set": {"b": 1}}),
        ReplaceOne({"_id": "new"}, {"c": 1}, upsert=True),
        DeleteOne({"_id": 2}),
        DeleteMany({"_id": {"$gt": 2}}),
    ]
    async with orders.database.client.start_session() as session:
        result = await orders.bulk_write(requests, True, False, session, "why", {"x": 1})
        for name in ("insert", "update", "delete"):
            sent_with(commands, name, session, comment="why", ordered=True)
    assert isinstance(result, BulkWriteResult)
    counts = (result.inserted_count, result.modified_count, result.deleted_count)
    assert counts == (1, 3, 2)
    assert result.upserted_ids == {3: "new"}


async def test_bulk_write_in_order_or_not(orders: Any) -> None:
    requests = [InsertOne({"_id": 0}), DeleteMany({})]
    with pytest.raises(BulkWriteError) as caught:
        await orders.bulk_write(requests)
    assert caught.value.details["nRemoved"] == 0
    with pytest.raises(BulkWriteError) as caught:
        await orders.bulk_write(requests, ordered=False)
    assert caught.value.details["nRemoved"] == 3


async def test_bulk_write_refuses_what_are_no_requests(orders: Any) -> None:
    with raises_as(orders.delegate.bulk_write, [{"insert": 1}]):
        await orders.bulk_write([{"insert": 1}])
    with raises_as(orders.delegate.bulk_write, []):
        await orders.bulk_write([])


# Write concerns, and the collection as a whole ----------------------------------------------


async def test_write_concern_is_sent_and_its_failure_raised(
    orders: Any, commands: CommandRecorder
) -> None:
    impossible = orders.with_options(write_concern=WriteConcern(w=50, wtimeout=9000))
    with pytest.raises(OperationFailure) as caught:
        await impossible.insert_one({})
    assert caught.value.code == 100
    assert commands.named("insert")[0].command["writeConcern"] == {"w": 50, "wtimeout": 9000}


async def test_unacknowledged_writes(orders: Any) -> None:
    unacknowledged = orders.with_options(write_concern=WriteConcern(w=0))
    result = await unacknowledged.insert_one({"_id": 9})
    assert (result.acknowledged, result.inserted_id) == (False, 9)
    deleted = await unacknowledged.delete_many({})
    with raises_as(lambda: DeleteResult({}, acknowledged=False).deleted_count):
        _ = deleted.deleted_count


async def test_validation_can_be_bypassed(db: Any) -> None:
    strict = await db.create_collection("strict", validator={"a": 1})
    with pytest.raises(WriteError):
        await strict.insert_one({"_id": 1})
    await strict.insert_one({"_id": 1}, bypass_document_validation=True)


async def test_id_is_in_the_document_when_the_outcome_is_there(orders: Any) -> None:
    """The caller's document gets its ``_id`` on a thread, also when it cannot be stored."""
    document: dict[str, Any] = {"number": "a"}
    result = await orders.insert_one(document)
    assert document["_id"] == result.inserted_id
    documents: list[dict[str, Any]] = [{"number": n} for n in range(3)]
    many = await orders.insert_many(documents)
    assert [each["_id"] for each in documents] == many.inserted_ids
    in_bulk: dict[str, Any] = {"number": "b"}
    await orders.bulk_write([InsertOne(in_bulk)])
    assert await orders.find_one(in_bulk["_id"]) == in_bulk

    await orders.create_index("number", unique=True, sparse=True)
    again: dict[str, Any] = {"number": "a"}
    with pytest.raises(DuplicateKeyError):
        await orders.insert_one(again)
    assert isinstance(again["_id"], bson.ObjectId)
    several: list[dict[str, Any]] = [{"number": "c"}, {"number": "a"}]
    with pytest.raises(BulkWriteError):
        await orders.insert_many(several)
    assert await orders.find_one(several[0]["_id"]) == several[0]
    assert isinstance(several[1]["_id"], bson.ObjectId)


async def test_rename(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    await orders.database.taken.insert_one({})
    with raises_code(48):
        await orders.rename("taken")
    async with orders.database.client.start_session() as session:
        reply = await orders.rename("taken", session, "why", dropTarget=True)
        sent_with(commands, "renameCollection", session, comment="why", dropTarget=True)
    assert reply["ok"] == 1
    assert sync_db.list_collection_names() == ["taken"]


async def test_drop(orders: Any, sync_db: Any, commands: CommandRecorder) -> None:
    async with orders.database.client.start_session() as session:
        assert await orders.drop(session, "why") is None
        sent_with(commands, "drop", session, comment="why")
    assert sync_db.list_collection_names() == []
    # To drop what is not there is no error.
    await orders.drop()


async def test_writes_in_a_transaction_are_seen_after_its_commit(orders: Any, sync_db: Any) -> None:
    async with orders.database.client.start_session() as session:
        async with session.start_transaction():
            await orders.insert_one({"_id": 9}, session=session)
            assert await orders.find_one(9, session=session) == {"_id": 9}
            assert await orders.find_one(9) is None
        assert sync_db.orders.find_one(9) == {"_id": 9}
