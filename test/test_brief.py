"""Which arguments are small enough to be encoded on the loop's thread."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, ObjectId, encode
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from pymongo.collation import Collation

from motor.core.brief import LIGHT, is_small


@pytest.mark.parametrize(
    "args",
    [
        (),
        ({},),
        (
            {
                "_id": ObjectId(),
                "when": datetime.now(UTC),
                "n": 1,
                "f": 1.5,
                "b": True,
                "none": None,
            },
        ),
        ({"name": "x" * 1000}, {"$set": {"list": [1, 2, {"deep": ["er"]}]}}),
        (SON([("ping", 1)]),),
        ({"value": Decimal128("1.5"), "data": Binary(b"x" * 100)},),
        ("ping",),
        ([("_id", 1)], (1, 2)),
        ({"list": [*range(LIGHT - 10)]},),
    ],
)
def test_small(args: Any) -> None:
    assert is_small(args, {})
    assert is_small((), {f"name{number}": value for number, value in enumerate(args)})


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"in": [value]}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"text": "x" * 64 * LIGHT},
        {"data": b"x" * 64 * LIGHT},
        {"list": [*range(LIGHT)]},
        {str(n): n for n in range(LIGHT)},
        {"many": [{"a": 1, "b": 2}] * (LIGHT // 2)},
        {"texts": ["x" * 640] * (LIGHT // 10)},
        nested(LIGHT),
        # How large these are, or what they do, cannot be told.
        RawBSONDocument(encode({})),
        UserDict({}),
        OrderedDict(a=1),
        {"inside": UserDict({})},
    ],
)
def test_large(value: Any) -> None:
    assert not is_small((value,), {})
    assert not is_small(({"_id": 1}, value), {})
    assert not is_small(({"_id": 1},), {"update": value})


def test_what_holds_nothing_is_small() -> None:
    assert is_small(({},), {"collation": Collation("fr"), "hint": "_id_", "upsert": True})


def test_documents_that_contain_themselves_are_looked_at_for_a_while_only() -> None:
    document: dict[str, Any] = {}
    document["self"] = document
    assert not is_small((document,), {})
