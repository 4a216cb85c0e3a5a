"""The options of `find` and `find_one`, and what their cursors had, in the PyMongo 2 era."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bson.son import SON
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, InvalidOperation

from support.cursors import ids
from support.errors import raises_code
from support.old_style import old


def keyword(name: str, method: str = "find") -> str:
    return f"The argument {name!r} of collection.{method}()"


@pytest.fixture
def letters(sync_db: Any) -> None:
    sync_db.test.insert_many({"_id": i, "letter": "abc"[i % 3], "n": i} for i in range(6))


@pytest.mark.usefixtures("letters")
async def test_spec_and_fields(collection: Any) -> None:
    with old(keyword("spec"), keyword("fields"), at="find"):
        found = await collection.find(spec={"_id": 1}, fields=["n"]).to_list()
    assert found == [{"_id": 1, "n": 1}]
    with old(keyword("fields"), keyword("fields"), at="find"):
        assert await collection.find({"_id": 1}, fields=[]).to_list() == [{"_id": 1}]
        assert await collection.find({"_id": 1}, fields={}).to_list() == [{"_id": 1}]


@pytest.mark.usefixtures("letters")
async def test_find_one_takes_them_too(collection: Any) -> None:
    by_id = keyword("spec_or_id", "find_one"), keyword("fields", "find_one")
    with old(*by_id, at="find_one"):
        assert await collection.find_one(spec_or_id=3, fields=["n"]) == {"_id": 3, "n": 3}
    with old(keyword("snapshot", "find_one"), at="find_one"):
        assert await collection.find_one({"_id": 3}, snapshot=True) is not None
    with old(keyword("timeout", "find_one"), at="find_one"):
        assert await collection.find_one({"_id": 3}, timeout=False) is not None
    with old(keyword("spec", "find_one"), at="find_one"):
        assert (await collection.find_one(spec={"_id": 3}))["n"] == 3


#: How to send a query, by either method.
METHODS = {
    "find": lambda collection, **kwargs: collection.find(**kwargs).to_list(),
    "find_one": lambda collection, **kwargs: collection.find_one(**kwargs),
}
by_either_method = pytest.mark.parametrize("method", list(METHODS))


@by_either_method
@pytest.mark.parametrize(
    ("old_keywords", "sent"),
    [
        ({"timeout": False}, {"noCursorTimeout": True}),
        ({"timeout": True}, {}),
        ({"partial": True}, {"allowPartialResults": True}),
        ({"network_timeout": 1.5}, {"maxTimeMS": 1500}),
        ({"modifiers": {"$maxTimeMS": 500, "$comment": "c"}}, {"maxTimeMS": 500, "comment": "c"}),
        ({"modifiers": {"$orderby": {"n": -1}}}, {"sort": {"n": -1}}),
        ({"modifiers": {"$hint": {"_id": 1}}}, {"hint": {"_id": 1}}),
        ({"modifiers": {"$min": SON(_id=2), "$hint": "_id_"}}, {"min": {"_id": 2}}),
        ({"modifiers": {"$returnKey": True, "$showDiskLoc": True}}, {"returnKey": True}),
        ({"modifiers": {"$snapshot": True, "$maxScan": 3}}, {}),
        ({"snapshot": True}, {}),
        ({"max_scan": 3, "manipulate": True}, {}),
        ({"secondary_acceptable_latency_ms": 10, "compile_re": False}, {}),
        ({"exhaust": False, "tailable": False, "await_data": True}, {}),
    ],
)
@pytest.mark.usefixtures("letters")
async def test_options_are_sent_as_they_are_today(
    client_factory: Any, db_name: str, commands: Any, method: str, old_keywords: Any, sent: Any
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name].test
    with old(*(keyword(name, method) for name in old_keywords), at="lambda"):
        await METHODS[method](collection, **old_keywords)
    command = commands.named("find")[0].command
    options = {name: command[name] for name in sent}
    assert options == sent
    added = set(command) - {"find", "filter", "lsid", "$db", "$clusterTime", "$readPreference"}
    single = {"limit", "singleBatch"} if method == "find_one" else set()
    assert added - set(sent) - single <= {"showRecordId", "hint"}


@pytest.mark.parametrize("flags", [("tailable", "await_data"), ("await_data", "tailable")])
async def test_tailable_and_await_data(
    client_factory: Any, db_name: str, commands: Any, flags: Any
) -> None:
    db = client_factory(event_listeners=[commands])[db_name]
    capped = await db.create_collection("capped", capped=True, size=10000)
    await capped.insert_one({"_id": 1})
    with old(*map(keyword, flags), at="find"):
        cursor = capped.find(**dict.fromkeys(flags, True))
    with old(keyword("tailable")):
        plain = capped.find(tailable=True)
    async for document in cursor:
        assert document == {"_id": 1}
        break
    assert (await plain.next()) == {"_id": 1}
    await cursor.close()
    await plain.close()
    awaiting, plainly = (event.command for event in commands.named("find"))
    assert (awaiting["tailable"], awaiting["awaitData"]) == (True, True)
    assert (plainly["tailable"], plainly.get("awaitData")) == (True, None)


@pytest.mark.usefixtures("letters")
async def test_as_class(collection: Any) -> None:
    with old(keyword("as_class"), keyword("as_class", "find_one"), at="as_class"):
        (document,) = await collection.find({"_id": 1}, as_class=SON).to_list()
        assert type(await collection.find_one({"_id": 1}, as_class=SON)) is SON
    assert type(document) is SON
    assert type(await collection.find_one()) is dict


async def test_compile_re(collection: Any) -> None:
    await collection.insert_one({"_id": 1, "r": re.compile("^a", re.I)})
    with old(keyword("compile_re")):
        (document,) = await collection.find(compile_re=True).to_list()
    assert document["r"] == re.compile("^a", re.I)
    with old(keyword("compile_re", "find_one")):
        document = await collection.find_one(compile_re=True)
    assert document["r"] == re.compile("^a", re.I)


@by_either_method
@pytest.mark.parametrize(
    ("old_keywords", "mode", "tags"),
    [
        ({"slave_okay": True}, "secondaryPreferred", None),
        ({"slave_okay": False}, None, None),
        ({"read_preference": 4}, "nearest", None),
        ({"read_preference": ReadPreference.NEAREST}, "nearest", None),
        ({"read_preference": 4, "tag_sets": [{"dc": "x"}, {}]}, "nearest", [{"dc": "x"}, {}]),
    ],
)
@pytest.mark.usefixtures("letters")
async def test_read_preference_of_a_query(
    client_factory: Any,
    db_name: str,
    commands: Any,
    method: str,
    old_keywords: Any,
    mode: Any,
    tags: Any,
) -> None:
    collection = client_factory(event_listeners=[commands])[db_name].test
    with old(*(keyword(name, method) for name in old_keywords), at="lambda"):
        await METHODS[method](collection, **old_keywords)
    sent = commands.named("find")[0].command.get("$readPreference", {})
    assert (sent.get("mode"), sent.get("tags")) == (mode, tags)


async def test_tag_sets_want_another_read_preference(collection: Any) -> None:
    with old(keyword("tag_sets")), pytest.raises(ConfigurationError):
        collection.find({}, tag_sets=[{"dc": "x"}])
    with old(keyword("read_preference")), pytest.raises(ConfigurationError, match="9 is no read"):
        collection.find({}, read_preference=9)


@pytest.mark.parametrize("wrong", [{"$explain": True}, {"$nope": 1}])
async def test_modifiers_that_are_none_are_refused(collection: Any, wrong: Any) -> None:
    with old(keyword("modifiers")), pytest.raises(ValueError, match=next(iter(wrong))[1:]):
        collection.find({}, modifiers=wrong)


async def test_unknown_keywords_are_refused_as_ever(collection: Any) -> None:
    with pytest.raises(TypeError, match="'nope'"):
        collection.find({}, nope=1)
    with pytest.raises(TypeError, match="'nope'"):
        await collection.find_one({}, nope=1)
    with old(keyword("spec")), pytest.raises(TypeError, match="'nope'"):
        collection.find(spec={}, nope=1)


# Cursors --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
async def test_cursor_counts_what_it_was_asked_for(collection: Any) -> None:
    cursor = collection.find({"letter": "a"}).limit(1)
    with old("cursor.count()", "cursor.count()"):
        assert await cursor.count() == 2
        assert await cursor.count(with_limit_and_skip=True) == 1
    assert ids(await cursor.to_list()) == [0]


@pytest.mark.usefixtures("letters")
async def test_cursor_count_takes_all_that_the_cursor_has(collection: Any, db: Any) -> None:
    with old(*["cursor.count()"] * 5, at="count"):
        assert await collection.find().skip(4).count(True) == 2
        assert await collection.find({"$where": "this.n > 3"}).count() == 2
        assert await collection.find({"n": 1}).hint([("_id", 1)]).max_time_ms(9000).count() == 1
        assert await collection.find({"letter": "A"}).collation({"locale": "en"}).count() == 0
        assert await db.missing.find().count() == 0
    with (
        old("cursor.count()"),
        raises_code(2),
    ):
        await collection.find({"n": 1}).hint("no_such_index").count()
    with old("cursor.count()"), pytest.raises(TypeError, match="with_limit_and_skip must be"):
        await collection.find().count(1)


@pytest.mark.parametrize(
    ("make", "all_of_them", "some"),
    [
        (lambda c: c.find({}, None, 1, 2), 6, 2),
        (lambda c: c.find(filter=None, skip=4, limit=-5), 6, 2),
        (lambda c: c.find().where("this.n > 1").where("this.n > 3"), 2, 2),
        (lambda c: c.find({"$query": {"letter": "a"}, "$orderby": {"n": 1}}), 2, 2),
        (lambda c: c.find({"letter": "A"}, collation={"locale": "en", "strength": 2}), 2, 2),
        (lambda c: c.find({}, hint="_id_", comment="x", max_time_ms=9000), 6, 6),
        (lambda c: c.find(hint=[("_id", 1)]).hint(None), 6, 6),
        (lambda c: c.find()[2:5], 6, 3),
        (lambda c: c.find()[4:], 6, 2),
        (lambda c: c.find().limit(3).limit(0).clone().sort("n").batch_size(2), 6, 6),
        (lambda c: c.find(session=c.session, limit=5), 6, 5),
    ],
)
@pytest.mark.usefixtures("letters")
async def test_cursor_counts_by_what_it_was_given(
    collection: Any, make: Any, all_of_them: int, some: int
) -> None:
    async with collection.database.client.start_session() as session:
        collection.__dict__["session"] = session
        cursor = make(collection)
        with old("cursor.count()", "cursor.count()"):
            assert await cursor.count() == all_of_them
            assert await cursor.count(with_limit_and_skip=True) == some


async def test_cursor_of_a_bucket_can_be_counted(framework: Any, db: Any) -> None:
    bucket = framework.GridFSBucket(db)
    for name in ("a", "a", "b"):
        await bucket.upload_from_stream(name, b"data")
    with old("cursor.count()", "cursor.count()"):
        assert await bucket.find({"filename": "a"}).count() == 2
        assert await bucket.find().skip(1).count(True) == 2


async def test_cursor_of_pymongos_cannot_be_counted(collection: Any) -> None:
    cursor = collection.wrap(collection.delegate.find())
    with old("cursor.count()"), pytest.raises(InvalidOperation, match="use the collection's count"):
        await cursor.count()


async def test_cursor_cannot_tail(collection: Any) -> None:
    with pytest.raises(InvalidOperation, match=r"cursor\.tail\(\) is gone: Motor 0\.2"):
        collection.find().tail(print)


@pytest.mark.usefixtures("letters")
async def test_cursor_tells_its_connection(collection: Any) -> None:
    cursor = collection.find()
    with old("cursor.conn_id"):
        assert cursor.conn_id is None
    await cursor.to_list()
    with old("cursor.conn_id"):
        assert cursor.conn_id == cursor.address


async def test_cursor_of_a_command_has_neither(collection: Any) -> None:
    cursor = collection.aggregate([])
    assert not hasattr(cursor, "count")
    with pytest.raises(AttributeError, match="has no attribute 'conn_id'"):
        cursor.conn_id  # noqa: B018


async def test_find_wants_its_callback_elsewhere(framework: Any, collection: Any) -> None:
    error = NotImplementedError if framework.name == "asyncio" else InvalidOperation
    for call in (collection.find, lambda **kwargs: collection.aggregate([], **kwargs)):
        with (
            old("The argument 'callback' of collection methods", at=""),
            pytest.raises(error, match=r"[Cc]allback"),
        ):
            call(callback=print)
