"""``insert_many`` lets other threads have their turn, and is PyMongo's in everything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from bson import SON, ObjectId, encode
from pymongo.errors import BulkWriteError

from motor.core import yield_gil
from motor.core.yield_gil import yielding_gil
from support.errors import raises_as


def test_documents_encode_to_the_same_bytes() -> None:
    documents = [{"_id": i, "x": [{"y": i}], "s": "é"} for i in range(500)]
    assert [*map(encode, yielding_gil(documents))] == [*map(encode, documents)]


def test_id_comes_first_and_is_the_caller_s() -> None:
    documents: list[dict[str, Any]] = [{"x": i} for i in range(300)]
    given = [*yielding_gil(documents)]
    turn = yield_gil.INTERVAL - 1
    assert isinstance(documents[turn]["_id"], ObjectId)
    assert given[turn] == documents[turn]
    assert [number for number, d in enumerate(documents) if "_id" in d] == [turn, 2 * turn + 1]


@pytest.mark.parametrize("documents", [[], [{}], None, "text", {"a": 1}, iter([{}] * 500), 5])
def test_anything_but_many_documents_is_left_alone(documents: Any) -> None:
    assert yielding_gil(documents) is documents


def test_documents_are_asked_for_one_by_one() -> None:
    documents = [{"x": 1}] * 200 + [{}, "no document"] + [{} for _ in range(200)]
    given: Iterator[Any] = iter(yielding_gil(documents))
    for _ in range(201):
        next(given)
    assert "_id" not in documents[-1]  # type: ignore[operator]


def test_other_kinds_of_documents_are_left_alone() -> None:
    documents = [SON(x=i) for i in range(300)]
    assert all(a is b for a, b in zip(yielding_gil(documents), documents, strict=True))


def test_other_threads_get_their_turn_while_documents_are_encoded() -> None:
    counts = []
    over = threading.Event()

    def other() -> None:
        count = 0
        while not over.is_set():
            count += 1
            if count % 1000 == 0:
                counts.append(count)

    documents = [{"_id": i, "s": "x" * 60} for i in range(200_000)]
    beside = threading.Thread(target=other)
    beside.start()
    begun = len(counts)
    # As insert_many encodes: one call of C code for all of them.
    encode({"documents": [*yielding_gil(documents)]})
    during = len(counts) - begun
    over.set()
    beside.join()
    assert during > 2


@pytest.mark.parametrize("ordered", [True, False])
async def test_errors_name_the_documents_as_given(collection: Any, ordered: bool) -> None:
    documents = [{"_id": i} for i in range(600)]
    documents[511] = {"_id": 3}
    documents[127] = {"_id": 2}
    with pytest.raises(BulkWriteError) as error:
        await collection.insert_many(documents, ordered=ordered)
    details = error.value.details
    expected = [127] if ordered else [127, 511]
    assert [e["index"] for e in details["writeErrors"]] == expected
    assert [e["op"] for e in details["writeErrors"]] == [documents[i] for i in expected]
    assert details["nInserted"] == (127 if ordered else 598)


async def test_ids_are_given_to_the_caller_s_documents(collection: Any) -> None:
    documents: list[dict[str, Any]] = [{"x": i} for i in range(700)]
    result = await collection.insert_many(documents)
    assert result.inserted_ids == [d["_id"] for d in documents]
    assert await collection.find(sort={"x": 1}).to_list() == documents
    assert {type(d) for d in documents} == {dict}


async def test_argument_errors_are_pymongo_s(collection: Any) -> None:
    for bad in ([], {}, None, 3):
        with raises_as(collection.delegate.insert_many, bad):
            await collection.insert_many(bad)
    with raises_as(collection.delegate.insert_many, [4]):
        await collection.insert_many([{"x": 1}] * 200 + [4] * 200)
    with pytest.raises(TypeError, match="documents"):
        await collection.insert_many()
