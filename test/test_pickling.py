"""Motor's objects cannot be pickled, and say so; copies of them share their delegate."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from support import Framework
from support.no_server import NoServer

KINDS = [
    "ChangeStream",
    "Client",
    "ClientSession",
    "Collection",
    "CommandCursor",
    "Database",
    "GridFSBucket",
    "GridIn",
    "GridOut",
    "LatentCommandCursor",
]


@pytest.mark.parametrize("name", [*KINDS, "Cursor", "GridOutCursor"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
async def test_pickling_says_why_not_and_what_to_do(
    framework: Framework, name: str, protocol: int
) -> None:
    thing = NoServer(framework).make(name)
    with pytest.raises(TypeError) as caught:
        pickle.dumps(thing, protocol)
    message = str(caught.value)
    assert message.startswith(f"{type(thing).__name__} objects cannot be pickled or deep-copied")
    assert "make a client from them where they arrive" in message


@pytest.mark.parametrize("name", KINDS)
async def test_deep_copies_are_refused_likewise(framework: Framework, name: str) -> None:
    thing = NoServer(framework).make(name)
    for refused in (thing, [thing], {"it": thing}):
        with pytest.raises(TypeError, match="cannot be pickled or deep-copied"):
            copy.deepcopy(refused)


@pytest.mark.parametrize("name", ["Client", "Collection", "Database", "GridFSBucket"])
async def test_copies_stand_for_the_same(framework: Framework, name: str) -> None:
    thing = NoServer(framework).make(name)
    copied = copy.copy(thing)
    assert type(copied) is type(thing)
    assert copied is not thing
    assert copied.delegate is thing.delegate
    assert repr(copied) == repr(thing)


async def test_copied_collection_works(collection: Any) -> None:
    copied = copy.copy(collection)
    await copied.insert_one({"_id": 1})
    assert copied == collection
    assert await collection.find({}).to_list() == [{"_id": 1}]


async def test_copied_cursor_of_find_is_a_clone(collection: Any) -> None:
    await collection.insert_one({"_id": 1})
    copiers: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy]
    for copier in copiers:
        cursor = collection.find({})
        assert await cursor.to_list() == await copier(cursor).to_list() == [{"_id": 1}]
