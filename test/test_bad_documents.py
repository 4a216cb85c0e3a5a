"""Odd documents, huge documents, and other values: Motor stores, or refuses, what PyMongo does."""

from __future__ import annotations

import copy
import datetime
import math
import re
import uuid
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from typing import Any

import bson
import pytest
from bson import (
    SON,
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

#: The largest document that a server takes, in bytes.
_LARGEST = 16 * 1024 * 1024
_OBJECT_ID = ObjectId()


def cyclic() -> dict[str, Any]:
    document: dict[str, Any] = {"_id": 1}
    document["self"] = [document]
    return document


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"a": document}
    return {"_id": 1, **document}


def of_size(size: int) -> dict[str, Any]:
    empty = len(bson.encode({"_id": 1, "a": b""}))
    return {"_id": 1, "a": bytes(size - empty)}


DOCUMENTS: dict[str, Callable[[], Any]] = {
    "every type": lambda: {
        "_id": _OBJECT_ID,
        "double": [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324],
        "string": ["", "a\0b", "日本語 🦊", "e\u0301"],
        "document": {"a": {"b": {}}},
        "array": [[], [[]], [None]],
        "binary": [b"", bytes(300), Binary(b"x", 128), Binary(bytes(16), 5)],
        "uuid": Binary.from_uuid(uuid.UUID(int=5)),
        "vector": Binary.from_vector([1.5, 2.5], bson.binary.BinaryVectorDtype.FLOAT32),
        "id": ObjectId("0" * 24),
        "bool": [True, False],
        "date": [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999000)],
        "null": None,
        "regex": [Regex("^a", "imsx"), re.compile("b", re.IGNORECASE)],
        "reference": DBRef("c", 1, "d", more=2),
        "code": [Code("f()"), Code("f()", {"x": 1})],
        "int": [0, -1, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), Int64(5)],
        "timestamp": Timestamp(2**32 - 1, 2**32 - 1),
        "decimal": [Decimal128("NaN"), Decimal128("-Infinity"), Decimal128("1E-6176")],
        "keys": [MinKey(), MaxKey()],
    },
    "far dates": lambda: {"_id": 1, "at": [DatetimeMS(-(2**63)), DatetimeMS(2**63 - 1)]},
    "SON": lambda: SON([("_id", 1), ("z", 1), ("a", SON())]),
    "ordered": lambda: OrderedDict([("_id", 1), ("z", 1), ("a", 2)]),
    "raw": lambda: RawBSONDocument(bson.encode({"_id": 1, "a": {"b": 1}})),
    "mapping": lambda: UserDict({"_id": 1, "a": UserDict({"b": 1})}),
    "deep": lambda: nested(90),
    "too deep": lambda: nested(250),
    "far too deep": lambda: nested(5000),
    "wide": lambda: {"_id": 1, **{f"key{n}": n for n in range(20_000)}},
    "cyclic": cyclic,
    "empty": dict,
    "dots": lambda: {"_id": 1, "a.b": 1, ".": 2, "..": 3},
    "dollars": lambda: {"_id": 1, "a": {"$b": 1, "$": 2}},
    "dollar at the top": lambda: {"_id": 1, "$set": 1},
    "dollar in _id": lambda: {"_id": {"$a": 1}},
    "empty key": lambda: {"_id": 1, "": {"": 1}},
    "NUL in a key": lambda: {"_id": 1, "a\0b": 1},
    "key twice": lambda: RawBSONDocument(
        b"\x1c\0\0\0\x10_id\0\1\0\0\0\x10a\0\1\0\0\0\x10a\0\2\0\0\0\0"
    ),
    "surrogate": lambda: {"_id": 1, "a": "\ud800"},
    "surrogate in a key": lambda: {"_id": 1, "\udfff": 1},
    "number as key": lambda: {"_id": 1, 5: 1},
    "None as key": lambda: {None: 1},
    "bytes as key": lambda: {b"a": 1},
    "no BSON type": lambda: {"_id": 1, "a": object()},
    "set": lambda: {"_id": 1, "a": {1, 2}},
    "date": lambda: {"_id": 1, "a": datetime.date(2020, 1, 1)},
    "UUID": lambda: {"_id": 1, "a": uuid.uuid4()},
    "integer of 65 bits": lambda: {"_id": 1, "a": 2**64},
    "array as _id": lambda: {"_id": [1]},
    "regex as _id": lambda: {"_id": re.compile("a")},
    "None as _id": lambda: {"_id": None},
    "not UTF-8": lambda: RawBSONDocument(b"\x17\0\0\0\x10_id\0\1\0\0\0\2a\0\2\0\0\0\xff\0\0"),
    "16 MB": lambda: of_size(_LARGEST),
    "16 MB and a byte": lambda: of_size(_LARGEST + 1),
    "cut off": lambda: b"\5\0\0\0",
}


@pytest.fixture
def options() -> CodecOptions[Any]:
    return CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)


@pytest.fixture
def twins(client: Any, sync_client: Any, db_name: str, options: Any) -> Iterator[tuple[Any, Any]]:
    """A collection for PyMongo, and one for Motor."""
    other = sync_client[f"{db_name}_too"]
    sync_collection = other.get_collection("test", codec_options=options)
    yield sync_collection, client[db_name].get_collection("test", codec_options=options)
    sync_client.drop_database(other)


def of_both(expected: BaseException | None, found: BaseException | None) -> None:
    assert type(found) is type(expected), (expected, found)
    # Addresses and ids of objects differ, the names of the two databases, and the use of the stack.
    varying = r"0x\w+|_too|\{'ok.*|ObjectId\('\w+'\)|used \d+ kB"
    masked = [re.sub(varying, "", str(error)) for error in (expected, found)]
    assert masked[0] == masked[1]


@pytest.mark.parametrize("make", DOCUMENTS.values(), ids=list(DOCUMENTS))
async def test_documents_are_stored_or_refused_as_by_pymongo(
    twins: tuple[Any, Any], make: Callable[[], Any]
) -> None:
    sync_collection, collection = twins
    expected = found = None
    try:
        sync_collection.insert_one(make())
    except Exception as error:
        expected = error
    try:
        await collection.insert_one(make())
    except Exception as error:
        found = error
    of_both(expected, found)
    # Once more, for all at once, and as one of a bulk: the documents that are good are stored.
    assert await collection.count_documents({}) == sync_collection.count_documents({})
    await collection.insert_one({"_id": "works on"})
    await collection.delete_one({"_id": "works on"})
    for raw in (False, True):
        if raw:
            options = CodecOptions(document_class=RawBSONDocument)
            sync_collection = sync_collection.with_options(options)
            collection = collection.with_options(codec_options=options)
        expected = found = None
        stored: list[list[Any]] = [[], []]
        try:
            stored[0] = list(sync_collection.find({}, {"_id": 0}))
        except Exception as error:
            expected = error
        try:
            stored[1] = await collection.find({}, {"_id": 0}).to_list()
        except Exception as error:
            found = error
        of_both(expected, found)
        assert list(map(bson.encode, stored[1])) == list(map(bson.encode, stored[0]))


async def test_one_bad_document_among_good_ones(twins: tuple[Any, Any]) -> None:
    sync_collection, collection = twins
    many = [{"_id": n} for n in range(5)]
    for bad in ({"_id": 9, "a": object()}, {"_id": 9, "a\0": 1}, cyclic(), {"_id": 1}, 5):
        expected = found = None
        try:
            sync_collection.insert_many([*copy.deepcopy(many), copy.deepcopy(bad)])
        except Exception as error:
            expected = error
        try:
            await collection.insert_many([*copy.deepcopy(many), copy.deepcopy(bad)])
        except Exception as error:
            found = error
        of_both(expected, found)
        assert await collection.count_documents({}) == sync_collection.count_documents({})
        await collection.delete_many({})
        sync_collection.delete_many({})


async def test_too_large_documents_are_refused_in_every_place(twins: tuple[Any, Any]) -> None:
    sync_collection, collection = twins
    large = {"a": bytes(_LARGEST)}
    for call in (
        lambda c: c.replace_one({"_id": 1}, large, upsert=True),
        lambda c: c.update_one({"_id": 1}, {"$set": large}, upsert=True),
        lambda c: c.find_one(large),
        lambda c: c.find_one_and_replace({}, large),
    ):
        expected = found = None
        try:
            call(sync_collection)
        except Exception as error:
            expected = error
        try:
            await call(collection)
        except Exception as error:
            found = error
        assert type(found) is type(expected)
    assert await collection.count_documents({}) == sync_collection.count_documents({})
