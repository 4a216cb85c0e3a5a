"""`insert`, `save`, `update`, `remove`, `find_and_modify`, as they were in the PyMongo 2 era."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from bson.errors import InvalidDocument
from bson.son import SON
from pymongo import WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
)

from support import async_wait_until
from support.cursors import ids
from support.old_style import old

INSERT, UPDATE = "collection.insert()", "collection.update()"
SAVE, REMOVE = "collection.save()", "collection.remove()"
MODIFY = "collection.find_and_modify()"


async def test_insert_of_a_document_gives_its_id(collection: Any) -> None:
    document: dict[str, Any] = {"x": 1}
    with old(INSERT):
        result = await collection.insert(document)
    assert isinstance(result, ObjectId)
    assert document["_id"] == result
    assert await collection.find_one() == document


@pytest.mark.parametrize("kind", [list, tuple, iter])
async def test_insert_of_documents_gives_their_ids(collection: Any, kind: Any) -> None:
    documents: list[dict[str, Any]] = [{"_id": 7}, {}]
    with old(INSERT):
        result = await collection.insert(kind(documents))
    assert result == [7, documents[1]["_id"]]
    assert ids(await collection.find().to_list()) == result


async def test_insert_without_manipulation_leaves_ids_to_the_server(collection: Any) -> None:
    document: dict[str, Any] = {"x": 1}
    with old(INSERT, INSERT):
        assert await collection.insert(document, manipulate=False) is None
        assert await collection.insert([{"_id": 2}, {}], False) == [2, None]
    assert document == {"x": 1}
    assert len({str(i) for i in ids(await collection.find().to_list())}) == 3


async def test_insert_unacknowledged_gives_ids_and_no_error(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    with old(INSERT, INSERT, INSERT):
        assert await collection.insert({"_id": 1}, w=0) == 1
        assert await collection.insert([{"_id": 1}, {"_id": 2}], w=0) == [1, 2]
        assert await collection.insert({"_id": 3}, safe=False) == 3
    await async_wait_until(lambda: collection.find_one({"_id": 3}))


async def test_insert_of_a_duplicate_is_a_duplicate_key_error(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    with old(INSERT, INSERT):
        with pytest.raises(DuplicateKeyError):
            await collection.insert({"_id": 1})
        with pytest.raises(DuplicateKeyError) as caught:
            await collection.insert([{"_id": 0}, {"_id": 1}, {"_id": 2}])
    assert caught.value.code == 11000
    assert isinstance(caught.value.__cause__, BulkWriteError)
    assert ids(await collection.find().to_list()) == [1, 0]


async def test_insert_that_continues_on_errors_raises_the_last(collection: Any) -> None:
    documents = [{"_id": 1}, {"_id": 1, "first": 1}, {"_id": 2}, {"_id": 2, "last": 1}, {"_id": 3}]
    with old(INSERT), pytest.raises(DuplicateKeyError) as caught:
        await collection.insert(documents, continue_on_error=True)
    assert caught.value.details["index"] == 3
    assert ids(await collection.find().to_list()) == [1, 2, 3]


async def test_insert_of_nothing_is_refused(collection: Any) -> None:
    with old(INSERT), pytest.raises(InvalidOperation, match="cannot do an empty bulk write"):
        await collection.insert([])


@pytest.mark.parametrize("wrong", [1, "x", None, [1], [{}, None]])
async def test_insert_of_what_is_no_document_is_refused(collection: Any, wrong: Any) -> None:
    with old(INSERT), pytest.raises(TypeError):
        await collection.insert(wrong)
    assert await collection.count_documents({}) == 0


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"$a": 1}, r"key '\$a' must not start with '\$'"),
        ({"a.b": 1}, r"key 'a\.b' must not contain '\.'"),
        ({"x": [{"y": {"$z": 1}}]}, r"key '\$z' must not start"),
    ],
)
async def test_insert_checks_keys(collection: Any, document: Any, message: str) -> None:
    with old(INSERT, SAVE):
        with pytest.raises(InvalidDocument, match=message):
            await collection.insert(document)
        with pytest.raises(InvalidDocument, match=message):
            await collection.save({"_id": 1, **document})
    assert await collection.count_documents({}) == 0


async def test_insert_checks_no_keys_unless_asked(collection: Any) -> None:
    with old(INSERT):
        await collection.insert({"_id": 1, "a.b": 1}, check_keys=False)
    assert await collection.find_one() == {"_id": 1, "a.b": 1}


async def test_write_concern_of_a_call_is_sent(
    client_factory: Any, db_name: str, commands: Any
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name].test
    with old(INSERT, UPDATE, REMOVE, SAVE):
        await collection.insert({"_id": 1}, w=1, j=True)
        await collection.update({}, {"$set": {"x": 1}}, w=1, wtimeout=100)
        await collection.remove({}, j=True)
        await collection.save({}, fsync=True)
    sent = [event.command["writeConcern"] for event in commands.named("insert", "update", "delete")]
    assert sent == [{"w": 1, "j": True}, {"w": 1, "wtimeout": 100}, {"j": True}, {"fsync": True}]


async def test_unknown_write_concern_is_refused(collection: Any) -> None:
    with (
        old(INSERT),
        pytest.raises(ConfigurationError, match="foo is not a valid write concern option"),
    ):
        await collection.insert({}, foo=1)
    assert await collection.count_documents({}) == 0


async def test_safe_asks_for_an_answer(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    silent = collection.with_options(write_concern=WriteConcern(w=0))
    with old(INSERT, INSERT):
        with pytest.raises(DuplicateKeyError):
            await silent.insert({"_id": 1}, safe=True)
        assert await silent.insert({"_id": 1}) == 1


async def test_sub_collection_inherits_what_the_collection_was_given(collection: Any) -> None:
    silent = collection.with_options(write_concern=WriteConcern(w=0))
    with old(UPDATE):
        assert await silent.update({}, {"$set": {"x": 1}}) is None


async def test_save_inserts_or_replaces(collection: Any) -> None:
    document: dict[str, Any] = {"x": 1}
    with old(SAVE, SAVE, SAVE):
        new = await collection.save(document)
        document["x"] = 2
        assert await collection.save(document) == new
        assert await collection.save({"_id": 5}) == 5
    assert document["_id"] == new
    assert await collection.find().to_list() == [{"_id": new, "x": 2}, {"_id": 5}]


async def test_save_without_manipulation_or_answer(collection: Any) -> None:
    with old(SAVE, SAVE):
        assert await collection.save({}, manipulate=False) is None
        assert await collection.save({"_id": 1}, w=0) == 1
    await async_wait_until(lambda: collection.find_one({"_id": 1}))


async def test_save_of_what_is_no_document_is_refused(collection: Any) -> None:
    with old(SAVE), pytest.raises(TypeError, match="to_save must be an instance of dict"):
        await collection.save([{}])


def counts(reply: Any) -> dict[str, Any]:
    wanted = ("n", "nModified", "updatedExisting", "upserted", "ok")
    return {name: reply[name] for name in wanted if name in reply}


async def test_update_gives_the_reply(collection: Any) -> None:
    await collection.insert_many([{"_id": 1}, {"_id": 2}])
    with old(UPDATE):
        one = await collection.update({}, {"$set": {"x": 1}})
    assert counts(one) == {"n": 1, "nModified": 1, "updatedExisting": True, "ok": 1.0}
    with old(UPDATE):
        many = await collection.update({}, {"$set": {"x": 2}}, multi=True)
    assert counts(many)["n"] == 2
    with old(UPDATE):
        none = await collection.update({"_id": 9}, {"$set": {"x": 1}})
    assert counts(none) == {"n": 0, "nModified": 0, "updatedExisting": False, "ok": 1.0}
    with old(UPDATE):
        new = await collection.update({"_id": 9}, {"$set": {"x": 1}}, True)
    assert counts(new) == {
        "n": 1,
        "nModified": 0,
        "updatedExisting": False,
        "upserted": 9,
        "ok": 1.0,
    }


async def test_update_without_operators_replaces(collection: Any) -> None:
    await collection.insert_one({"_id": 1, "x": 1})
    with old(UPDATE, UPDATE):
        assert (await collection.update({"_id": 1}, {"y": 2}))["n"] == 1
        assert await collection.find_one() == {"_id": 1, "y": 2}
        await collection.update({"_id": 1}, {})
    assert await collection.find_one() == {"_id": 1}


async def test_update_that_makes_no_sense_fails_as_the_server_said(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    with old(UPDATE, UPDATE, UPDATE):
        with pytest.raises(OperationFailure, match="multi update is not supported"):
            await collection.update({}, {"y": 2}, multi=True)
        with pytest.raises(OperationFailure):
            await collection.update({}, {"$set": {"y": 2}, "z": 1})
        with pytest.raises(OperationFailure):
            await collection.update({}, {"z": 1, "$set": {"y": 2}})
    assert await collection.find_one() == {"_id": 1}


@pytest.mark.parametrize(
    ("args", "what"), [((1, {}), "spec"), (({}, 1), "document"), (({}, {}, 1), "upsert")]
)
async def test_update_refuses_what_it_cannot_take(collection: Any, args: Any, what: str) -> None:
    with old(UPDATE), pytest.raises(TypeError, match=f"{what} must be an instance of"):
        await collection.update(*args)


async def test_unacknowledged_update_and_remove_give_none(collection: Any) -> None:
    with old(UPDATE, REMOVE):
        assert await collection.update({}, {"$set": {"x": 1}}, w=0) is None
        assert await collection.remove({}, w=0) is None


async def test_remove_takes_a_query_an_id_or_nothing(collection: Any) -> None:
    await collection.insert_many([{"_id": i, "x": i % 2} for i in range(6)])
    with old(REMOVE):
        reply = await collection.remove({"x": 1})
    assert (reply["n"], reply["ok"]) == (3, 1.0)
    with old(REMOVE):
        assert (await collection.remove(4))["n"] == 1
    with old(REMOVE):
        assert (await collection.remove({}, multi=False))["n"] == 1
    with old(REMOVE):
        assert (await collection.remove())["n"] == 1


@pytest.fixture
def counter(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])


@pytest.mark.usefixtures("counter")
async def test_find_and_modify_gives_the_document(collection: Any) -> None:
    increment = {"$inc": {"n": 10}}
    with old(MODIFY, MODIFY, MODIFY, MODIFY):
        assert await collection.find_and_modify({"_id": 1}, increment) == {"_id": 1, "n": 1}
        assert (await collection.find_and_modify({"_id": 1}, increment, new=True))["n"] == 21
        assert await collection.find_and_modify({"_id": 7}, increment) is None
        assert await collection.find_and_modify({"_id": 8}, increment, upsert=True) is None
    assert await collection.find_one({"_id": 8}) == {"_id": 8, "n": 10}


@pytest.mark.usefixtures("counter")
async def test_find_and_modify_removes_sorts_and_projects(collection: Any) -> None:
    with old(MODIFY, MODIFY, MODIFY):
        first = await collection.find_and_modify(None, remove=True, sort=[("n", -1)], fields=["n"])
        assert first == {"_id": 2, "n": 2}
        assert await collection.find_and_modify({}, {"n": 5}, fields=[]) == {"_id": 1}
        last = await collection.find_and_modify(sort=SON([("n", 1)]), remove=True, fields={"n": 1})
        assert last == {"_id": 1, "n": 5}
    assert await collection.count_documents({}) == 0


@pytest.mark.usefixtures("counter")
async def test_find_and_modify_gives_the_whole_reply(collection: Any) -> None:
    with old(MODIFY):
        reply = await collection.find_and_modify({"_id": 1}, {"$inc": {"n": 1}}, full_response=True)
    assert reply["value"] == {"_id": 1, "n": 1}
    assert reply["lastErrorObject"] == {"n": 1, "updatedExisting": True}
    assert reply["ok"] == 1.0


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({}, ValueError, "Must either update or remove"),
        ({"update": {"x": 1}, "remove": True}, ValueError, "Can't do both update and remove"),
        ({"remove": True, "sort": {"a": 1, "b": 1}}, TypeError, "sort must be a list"),
        ({"remove": True, "sort": "a"}, TypeError, "sort must be a list"),
        ({"remove": True, "fields": "a"}, TypeError, "fields must be a dict or a list"),
    ],
)
async def test_find_and_modify_refuses(
    collection: Any, kwargs: Any, error: type[Exception], message: str
) -> None:
    with old(MODIFY), pytest.raises(error, match=message):
        await collection.find_and_modify({}, **kwargs)
