"""`count`, `group`, `map_reduce`, `parallel_scan` and `aggregate` as in the PyMongo 2 era."""

from __future__ import annotations

from typing import Any

import pytest
from bson.code import Code
from pymongo.errors import InvalidOperation

from support.cursors import ids
from support.old_style import old

COUNT, GROUP = "collection.count()", "collection.group()"
MAP_REDUCE, INLINE = "collection.map_reduce()", "collection.inline_map_reduce()"
CURSOR = "This value of the argument 'cursor' of collection.aggregate()"

MAP = "function() { emit(this.k, this.v); }"
REDUCE = "function(key, values) { return Array.sum(values); }"


@pytest.fixture
def numbers(sync_db: Any) -> list[dict[str, Any]]:
    documents = [{"_id": i, "k": "odd" if i % 2 else "even", "v": i} for i in range(6)]
    sync_db.test.insert_many(documents)
    return documents


@pytest.mark.usefixtures("numbers")
async def test_count_counts_the_collection(collection: Any, db: Any) -> None:
    with old(COUNT, COUNT):
        assert await collection.count() == 6
        assert await db.missing.count() == 0
    with old(COUNT), pytest.raises(TypeError, match="count"):
        await collection.count({})


@pytest.mark.usefixtures("numbers")
async def test_parallel_scan_gives_one_cursor(framework: Any, collection: Any) -> None:
    with old("collection.parallel_scan()"):
        (cursor,) = await collection.parallel_scan(3)
    assert type(cursor) is framework.CommandCursor
    assert sorted(ids(await cursor.to_list())) == list(range(6))
    with old("collection.parallel_scan()"), pytest.raises(ValueError, match="num_cursors must be"):
        await collection.parallel_scan(0)


def by_key(documents: Any) -> list[Any]:
    return sorted(documents, key=lambda document: str(document.get("k")))


@pytest.mark.usefixtures("numbers")
async def test_group_by_fields(collection: Any) -> None:
    reduce = Code("function(doc, out) { out.sum += doc.v; out.n++; }")
    with old(GROUP):
        result = await collection.group(["k"], {"v": {"$gt": 0}}, {"sum": 0, "n": 0}, reduce)
    assert by_key(result) == [{"k": "even", "sum": 6, "n": 2}, {"k": "odd", "sum": 9, "n": 3}]


@pytest.mark.usefixtures("numbers")
async def test_group_by_a_function_and_by_nothing(collection: Any) -> None:
    reduce = "function(doc, out) { out.n++; }"
    key = Code("function(doc) { return {k: doc.v < 2}; }")
    with old(GROUP, GROUP):
        result = await collection.group(key, None, {"n": 0}, reduce)
        assert by_key(result) == [{"k": False, "n": 4}, {"k": True, "n": 2}]
        assert await collection.group(None, {}, {"n": 0}, reduce) == [{"n": 6}]


async def test_group_by_inner_and_missing_fields(collection: Any) -> None:
    await collection.insert_many([{"a": {"b": 1}}, {"a": {"b": 1}}, {}])
    with old(GROUP):
        result = await collection.group(["a.b"], {}, {"n": 0}, "function(doc, out) { out.n++; }")
    assert sorted(result, key=str) == [{"a.b": 1, "n": 2}, {"a.b": None, "n": 1}]


@pytest.mark.usefixtures("numbers")
async def test_group_finalizes(collection: Any) -> None:
    reduce = "function(doc, out) { out.sum += doc.v; out.n++; }"
    change = "function(out) { out.mean = out.sum / out.n; }"
    replace = "function(out) { return {k: out.k, half: out.sum / 2}; }"
    with old(GROUP, GROUP):
        result = await collection.group({"k": 1}, {}, {"sum": 0, "n": 0}, reduce, change)
        assert [document["mean"] for document in by_key(result)] == [2.0, 3.0]
        result = await collection.group(["k"], {}, {"sum": 0, "n": 0}, reduce, finalize=replace)
        assert by_key(result) == [{"k": "even", "half": 3.0}, {"k": "odd", "half": 4.5}]


async def test_group_refuses_what_it_cannot_do(collection: Any) -> None:
    reduce = Code("function(doc, out) { out.n += x; }", {"x": 1})
    with old(GROUP), pytest.raises(InvalidOperation, match="write the values into the function"):
        await collection.group(["k"], {}, {"n": 0}, reduce)
    with old(GROUP), pytest.raises(TypeError, match="key must be a list of field names"):
        await collection.group(1, {}, {"n": 0}, "function() {}")


@pytest.mark.usefixtures("numbers")
async def test_map_reduce_gives_the_collection(framework: Any, collection: Any, db: Any) -> None:
    with old(MAP_REDUCE):
        result = await collection.map_reduce(MAP, REDUCE, "out")
    assert type(result) is framework.Collection
    assert result == db.out
    documents = await result.find(sort=[("_id", 1)]).to_list()
    assert documents == [{"_id": "even", "value": 6.0}, {"_id": "odd", "value": 9.0}]
    with old(MAP_REDUCE):
        reply = await collection.map_reduce(MAP, REDUCE, {"replace": "out"}, full_response=True)
    assert (reply["result"], reply["ok"]) == ("out", 1.0)


@pytest.mark.usefixtures("numbers")
async def test_map_reduce_into_another_database(
    collection: Any, sync_client: Any, db_name: str
) -> None:
    other = f"{db_name}_other"
    # The server wants the collection to be there.
    sync_client[other].create_collection("out")
    try:
        with old(MAP_REDUCE):
            result = await collection.map_reduce(MAP, REDUCE, {"replace": "out", "db": other})
        assert (result.database.name, result.name) == (other, "out")
        assert await result.count_documents({}) == 2
    finally:
        sync_client.drop_database(other)


async def test_map_reduce_refuses_what_is_no_target(collection: Any) -> None:
    with old(MAP_REDUCE), pytest.raises(TypeError, match="'out' must be the name of a collection"):
        await collection.map_reduce(MAP, REDUCE, 5)


@pytest.mark.usefixtures("numbers")
async def test_inline_map_reduce_gives_the_results(collection: Any) -> None:
    with old(INLINE, INLINE):
        results = await collection.inline_map_reduce(MAP, REDUCE, query={"v": {"$lt": 3}})
        assert sorted(results, key=str) == [
            {"_id": "even", "value": 2.0},
            {"_id": "odd", "value": 1.0},
        ]
        reply = await collection.inline_map_reduce(MAP, REDUCE, full_response=True)
    assert reply["ok"] == 1.0
    assert len(reply["results"]) == 2


@pytest.mark.parametrize("pipeline", [{"$match": {}}, ({"$match": {}},), 5, "x"])
async def test_aggregate_says_at_once_that_a_pipeline_is_a_list(
    collection: Any, pipeline: Any
) -> None:
    for call in (collection.aggregate, lambda p: collection.aggregate(pipeline=p)):
        with pytest.raises(TypeError, match="pipeline must be a list"):
            call(pipeline)


@pytest.mark.usefixtures("numbers")
async def test_aggregate_without_cursor_gives_a_future_of_all(collection: Any) -> None:
    with old(CURSOR):
        reply = await collection.aggregate([{"$match": {"v": {"$gt": 3}}}], cursor=False)
    assert (ids(reply["result"]), reply["ok"]) == ([4, 5], 1.0)
    with old(CURSOR):
        assert len(await collection.aggregate([], cursor=True).to_list()) == 6


@pytest.mark.usefixtures("numbers")
async def test_aggregate_of_today_takes_its_cursor_option(collection: Any) -> None:
    assert len(await collection.aggregate([], cursor={"batchSize": 2}).to_list()) == 6
    for wrong in (5, "x", []):
        with pytest.raises(TypeError, match="cursor must be a mapping"):
            collection.aggregate([], cursor=wrong)
