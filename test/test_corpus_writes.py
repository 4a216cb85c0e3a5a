"""Writing does what it does with PyMongo: generated documents and requests, good and bad.

Results, errors with their indexes and details, monitoring events, what is in the collection
afterwards and what became of the caller's own documents have to be the same. See
`support/corpus.py` for how the two are compared.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeRegistry
from hypothesis import given
from hypothesis import strategies as st
from pymongo.write_concern import WriteConcern

from support import Framework
from support.corpus import Pair, Peer, examples, pair_of
from support.corpus_documents import codec_options, values
from support.corpus_writes import inputs, requests, to_insert


@pytest.fixture
def pair(
    framework: Framework,
    client_factory: Any,
    mongo_uri: str,
    db_name: str,
) -> Iterator[Pair]:
    with pair_of(framework, client_factory, mongo_uri, db_name) as pair:
        pair.database.create_collection("test", validator={"refused": {"$exists": False}})
        pair.database.test.create_index("unique", unique=True, sparse=True)
        yield pair


_SEEDS = [{"_id": 1, "unique": 1, "list": [0, 1, 2]}, {"_id": 2, "unique": 2, "value": "seed"}]


def _prepared(pair: Pair) -> Callable[[], None]:
    def prepare() -> None:
        pair.database.test.delete_many({})
        pair.database.test.insert_many(copy.deepcopy(_SEEDS))

    return prepare


async def _note_contents(peer: Peer) -> None:
    cursor = peer.collection().find()
    peer.note("contents", await peer.call(cursor.to_list))


_insert_options = st.fixed_dictionaries(
    {},
    optional={
        "ordered": st.booleans(),
        "bypass_document_validation": st.booleans(),
        "comment": st.just("why"),
    },
)


@examples(35)
@given(docs=to_insert, hand_over=inputs, options=codec_options(), arguments=_insert_options)
def test_insert_many(pair: Pair, docs: Any, hand_over: Any, options: Any, arguments: Any) -> None:
    async def plan(peer: Peer) -> None:
        mine = [copy.copy(document) for document in docs]
        collection = peer.collection(options)
        await peer.attempt(collection.insert_many, hand_over(mine), **arguments)
        peer.note("mine", mine)
        await _note_contents(peer)

    pair.compare(plan, prepare=_prepared(pair))


@examples(15)
@given(docs=to_insert, options=codec_options())
def test_insert_one(pair: Pair, docs: Any, options: Any) -> None:
    async def plan(peer: Peer) -> None:
        mine = [copy.copy(document) for document in docs]
        for document in mine:
            await peer.attempt(peer.collection(options).insert_one, document)
        peer.note("mine", mine)
        await _note_contents(peer)

    pair.compare(plan, prepare=_prepared(pair))


@examples(35)
@given(todo=st.lists(requests, max_size=6), ordered=st.booleans(), options=codec_options())
def test_bulk_write(pair: Pair, todo: Any, ordered: bool, options: Any) -> None:
    async def plan(peer: Peer) -> None:
        mine = copy.deepcopy(todo)
        await peer.attempt(peer.collection(options).bulk_write, mine, ordered=ordered)
        peer.note("mine", [repr(request) for request in mine])
        await _note_contents(peer)

    pair.compare(plan, prepare=_prepared(pair))


@examples(8)
@given(todo=st.lists(requests, min_size=1, max_size=3))
def test_bulk_write_without_acknowledgement(pair: Pair, todo: Any) -> None:
    async def plan(peer: Peer) -> None:
        collection = peer.collection().with_options(write_concern=WriteConcern(w=0))
        await peer.attempt(collection.bulk_write, copy.deepcopy(todo))
        # On the same connection, so that it comes after.
        await peer.call(peer.client.admin.command, "ping")

    pair.compare(plan, prepare=_prepared(pair))


_METHODS = st.sampled_from(["find_one_and_update", "update_one", "update_many"])


@examples(15)
@given(
    method=_METHODS,
    value=values,
    key=st.sampled_from(["unique", "value", "refused", "_id"]),
    which=st.sampled_from([{"_id": 1}, {"unique": {"$gt": 0}}, {"_id": 9}]),
    upsert=st.booleans(),
    options=codec_options(),
)
def test_updates(
    pair: Pair, method: str, value: Any, key: str, which: Any, upsert: bool, options: Any
) -> None:
    async def plan(peer: Peer) -> None:
        collection = peer.collection(options)
        await peer.attempt(
            getattr(collection, method), which, {"$set": {key: value}}, upsert=upsert
        )
        await peer.attempt(
            collection.find_one_and_replace, {"_id": 2}, {key: value}, return_document=True
        )
        await peer.attempt(collection.find_one_and_delete, {"_id": 1})
        await _note_contents(peer)

    pair.compare(plan, prepare=_prepared(pair))


# What generated documents do not come to ------------------------------------------------------

_MEGABYTE = 2**20


#: For what takes seconds, and is the same with both frameworks.
once = pytest.mark.parametrize("framework", ["asyncio"], indirect=True)


@once
@pytest.mark.parametrize("ordered", [True, False])
def test_insert_of_several_messages(pair: Pair, ordered: bool) -> None:
    """Errors of the second message count from the beginning of the first."""
    big = "x" * (13 * _MEGABYTE)
    ids = [10, 11, 12, 10, 13, 11]
    docs: list[Any] = [{"_id": i, "text": big} for i in ids]

    async def plan(peer: Peer) -> None:
        try:
            await peer.call(peer.collection().insert_many, docs, ordered=ordered)
        except pymongo.errors.BulkWriteError as error:
            errors = error.details["writeErrors"]
            peer.note("failed", [(e["index"], e["code"], e["op"]["_id"]) for e in errors])
            peer.note("inserted", error.details["nInserted"])
        found = peer.collection().find({}, {"_id": 1})
        peer.note("contents", await peer.call(found.to_list))

    outcome = pair.compare(plan, prepare=_prepared(pair), brief=True)
    assert len([e for e in outcome.events if e[:2] == ("started", "insert")]) == 2
    assert outcome.noted("failed")


@once
def test_insert_of_more_documents_than_a_message_takes(pair: Pair) -> None:
    docs = [{"_id": i} for i in range(100_003)]
    docs[100_001] = {"_id": 5}

    async def plan(peer: Peer) -> None:
        try:
            await peer.call(peer.collection().insert_many, docs, ordered=False)
        except pymongo.errors.BulkWriteError as error:
            peer.note("failed", error)
            peer.note("ids", [e["index"] for e in error.details["writeErrors"]])
        peer.note("count", await peer.call(peer.collection().count_documents, {}))

    outcome = pair.compare(plan, prepare=_prepared(pair), brief=True)
    assert len([e for e in outcome.events if e[:2] == ("started", "insert")]) == 2


@once
@pytest.mark.parametrize(("position", "ordered"), [(0, False), (1, True), (2, False)])
def test_document_that_is_too_large(pair: Pair, ordered: bool, position: int) -> None:
    docs: list[Any] = [{"_id": 20}, {"_id": 21}]
    docs.insert(position, {"_id": 22, "text": "x" * (16 * _MEGABYTE + 1)})

    async def plan(peer: Peer) -> None:
        await peer.attempt(peer.collection().insert_many, docs, ordered=ordered)
        await peer.attempt(peer.collection().insert_one, docs[position])
        await _note_contents(peer)

    outcome = pair.compare(plan, prepare=_prepared(pair), brief=True)
    assert outcome.noted("insert_many")[0][0] == "raised"


def test_type_registry_that_encodes(pair: Pair) -> None:
    class Celsius(float):
        pass

    def encode(value: Any) -> Any:
        if isinstance(value, complex):
            return [value.real, value.imag]
        raise TypeError(f"no encoding for {value!r}")

    registry = CodecOptions(type_registry=TypeRegistry(fallback_encoder=encode))
    docs = [{"_id": 30, "z": 1 + 2j}, {"_id": 31, "t": Celsius(3)}, {"_id": 32, "bad": object}]

    async def plan(peer: Peer) -> None:
        await peer.attempt(peer.collection(registry).insert_many, copy.deepcopy(docs))
        await peer.attempt(peer.collection(registry).insert_many, copy.deepcopy(docs[:2]))
        await peer.attempt(peer.collection(registry).find_one, {"z": 1 + 2j})
        await _note_contents(peer)

    pair.compare(plan, prepare=_prepared(pair))
