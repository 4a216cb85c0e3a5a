"""The results of ``insert_many`` with many documents."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from support.errors import raises_as


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
