"""Reading gives what it gives with PyMongo: generated documents, codec options and queries.

Each plan is carried out by the synchronous client and by Motor's; documents with the exact types
in them, errors, and monitoring events have to be the same. See `support/corpus.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from hypothesis import assume, example, given
from hypothesis import strategies as st

from motor.accelerators.batches import slices, undecoded
from support import Framework
from support.corpus import Pair, Peer, examples, pair_of
from support.corpus_cursors import aggregations, drain, partly, queries, read_partly, ways
from support.corpus_documents import codec_options, documents, encode, fill


@pytest.fixture(params=["watched", "undecoded", "sliced"])
def pair(
    framework: Framework,
    client_factory: Any,
    mongo_uri: str,
    db_name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pair]:
    if request.param != "watched":
        monkeypatch.setattr(undecoded, "UNDECODED_FROM", 0)
    if request.param == "sliced":
        monkeypatch.setattr(undecoded, "SLICED_FROM", 0)
        monkeypatch.setattr(slices, "SLICE", 64)
        monkeypatch.setattr(slices, "DOCUMENTS", 2)
        monkeypatch.setattr(slices, "LONG_SLICE", 256)
    watched = request.param == "watched"
    with pair_of(framework, client_factory, mongo_uri, db_name, watched=watched) as pair:
        yield pair


def assume_comparable(docs: Any, options: Any) -> None:
    """Skip what is known to differ from PyMongo, which decodes a batch all at once.

    Of a large batch with a document that cannot be decoded, Motor gives those in the slices before.
    """
    if undecoded.SLICED_FROM == 0:
        assume(all(can_be_decoded(document, options) for document in docs))


def can_be_decoded(document: Any, options: Any) -> bool:
    try:
        bson.decode(encode(document).raw, options or DEFAULT_CODEC_OPTIONS)
    except Exception:
        return False
    return True


@examples(30)
@given(docs=documents(wild=True), options=codec_options(), query=queries, way=ways)
def test_find(pair: Pair, docs: Any, options: Any, query: Any, way: str) -> None:
    assume_comparable(docs, options)
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).find, **query)
        if cursor is not None:
            await drain(peer, cursor, way)

    pair.compare(plan)


@examples(25)
@example(
    # The clone takes its time, so that what is read ahead is there for the last step.
    docs=[{"_id": i, "n": 0} for i in range(12)],
    options=None,
    query={"batch_size": 2},
    how=([("list", 1)] * 5 + [("clone",), ("list", 1), ("clone",)], None),
)
@given(docs=documents(), options=codec_options(), query=queries, how=partly)
def test_find_in_parts(pair: Pair, docs: Any, options: Any, query: Any, how: Any) -> None:
    if ("rewind",) in how[0]:
        # See `test_rewound_cursor_keeps_its_variables`.
        query = {key: value for key, value in query.items() if key != "let"}
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).find, **query)
        if cursor is not None:
            await read_partly(peer, cursor, how)

    pair.compare(plan)


@examples(15)
@given(docs=documents(wild=True), options=codec_options(), query=aggregations, way=ways)
def test_aggregate(pair: Pair, docs: Any, options: Any, query: Any, way: str) -> None:
    assume_comparable(docs, options)
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).aggregate, **query)
        if cursor is not None:
            await drain(peer, cursor, way)

    pair.compare(plan)


@examples(15)
@given(docs=documents(), options=codec_options(), query=aggregations, how=partly)
def test_aggregate_in_parts(pair: Pair, docs: Any, options: Any, query: Any, how: Any) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).aggregate, **query)
        if cursor is not None:
            await read_partly(peer, cursor, how)

    pair.compare(plan)


@examples(12)
@given(docs=documents(wild=True), options=codec_options(), query=queries, way=ways)
def test_find_raw_batches(pair: Pair, docs: Any, options: Any, query: Any, way: str) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).find_raw_batches, **query)
        if cursor is not None:
            await drain(peer, cursor, way)

    pair.compare(plan)


@examples(12)
@given(docs=documents(wild=True), query=aggregations, how=partly)
def test_aggregate_raw_batches(pair: Pair, docs: Any, query: Any, how: Any) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection().aggregate_raw_batches, **query)
        if cursor is not None:
            await read_partly(peer, cursor, how)

    pair.compare(plan)


@examples(12)
@given(
    docs=documents(1, wild=True),
    options=codec_options(),
    key=st.sampled_from(["_id", "n", "a", "b", "list"]),
)
def test_single_results(pair: Pair, docs: Any, options: Any, key: str) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        collection = peer.collection(options)
        await peer.attempt(collection.find_one, {"_id": len(docs) - 1})
        await peer.attempt(collection.find_one, {"_id": -1})
        await peer.attempt(collection.distinct, key)
        await peer.attempt(collection.find({"n": 1}).distinct, key)
        await peer.attempt(collection.count_documents, {"n": {"$gte": 1}}, skip=1)
        await peer.attempt(collection.estimated_document_count)
        cursor = await peer.open(collection.list_indexes)
        await drain(peer, cursor, "for")

    pair.compare(plan)


def test_rewound_cursor_keeps_its_variables(pair: Pair) -> None:
    fill(pair.database.test, [{"_id": i} for i in range(5)])

    async def plan(peer: Peer) -> None:
        smaller = {"$expr": {"$lt": ["$_id", "$$most"]}}
        cursor = peer.collection().find(smaller, let={"most": 3}, batch_size=2)
        peer.note("document", await peer.next(cursor))
        await peer.call(cursor.rewind)
        await drain(peer, cursor, "for")

    pair.compare(plan)
