"""Reading much gives what it gives with PyMongo: many documents, large ones, many batches.

See `support/corpus.py` for how the two are compared.
"""

from __future__ import annotations

import gc
import json
import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bson import SON, CodecOptions
from bson.raw_bson import RawBSONDocument
from hypothesis import example, given
from hypothesis import strategies as st
from pymongo import CursorType

from support import Framework
from support.corpus import Pair, Peer, examples, pair_of
from support.corpus_cursors import drain, queries, read_partly, ways
from support.corpus_documents import codec_options, documents, fill


@pytest.fixture
def pair(framework: Framework, client_factory: Any, mongo_uri: str, db_name: str) -> Iterator[Pair]:
    with pair_of(framework, client_factory, mongo_uri, db_name) as pair:
        yield pair


#: More than a first batch, and not the multiple of anything.
MANY = 1237


@pytest.fixture
def many(sync_db: Any) -> None:
    # From empty to a few hundred bytes, so that slices of equal length differ in size.
    sync_db.test.insert_many(
        [
            {"_id": i, **({} if i % 3 else {"text": "é" * (i % 97), "list": [i]})}
            for i in range(MANY)
        ]
    )


_WINDOWS = st.fixed_dictionaries(
    {"batch_size": st.sampled_from([0, 0, 101, 500, 1000, 5000])},
    optional={
        "limit": st.sampled_from([1, 100, 101, 102, 256, 600, MANY - 1, MANY, MANY + 1, -300]),
        "skip": st.sampled_from([1, 101, 1000]),
        "cursor_type": st.just(CursorType.EXHAUST),
    },
)


@examples(10)
@given(options=codec_options(), window=_WINDOWS, way=ways)
def test_many_documents(pair: Pair, many: None, options: Any, window: Any, way: str) -> None:
    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).find, **window)
        if cursor is not None:
            await drain(peer, cursor, way)

    pair.compare(plan)


_LONG_STEPS = st.lists(
    st.one_of(
        st.just(("next",)),
        st.tuples(st.sampled_from(["take", "list"]), st.sampled_from([1, 64, 101, 128, 300, 900])),
        st.sampled_from([("clone",), ("rewind",)]),
    ),
    min_size=1,
    max_size=4,
)


@examples(10)
@example(window={"batch_size": 1000}, how=([("next",), ("list", 300), ("take", 64)], "to_list"))
@example(window={"batch_size": 500, "limit": 600}, how=([("take", 64)], "to_list of 3"))
@given(window=_WINDOWS, how=st.tuples(_LONG_STEPS, st.none() | ways))
def test_many_documents_in_parts(pair: Pair, many: None, window: Any, how: Any) -> None:
    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection().find, **window)
        if cursor is not None:
            await read_partly(peer, cursor, how)

    pair.compare(plan)


@pytest.mark.parametrize(
    ("document_class", "way"), [(dict, "for"), (RawBSONDocument, "to_list"), (SON, "to_list of 3")]
)
def test_large_documents(pair: Pair, document_class: Any, way: str) -> None:
    """A batch holds 16 MB at most, so that its length is not the one that was asked for."""
    sizes = [10, 3_000_000, 200, 16_700_000, 50]
    fill(pair.database.test, [{"_id": i, "text": "x" * size} for i, size in enumerate(sizes)])

    async def plan(peer: Peer) -> None:
        options = CodecOptions(document_class=document_class)
        await drain(peer, peer.collection(options).find(batch_size=1000), way)

    outcome = pair.compare(plan, brief=True)
    assert ("started", "getMore") in [event[:2] for event in outcome.events]


def test_raw_document_does_not_keep_its_batch(pair: Pair) -> None:
    fill(pair.database.test, [{"_id": i, "text": "x" * 100_000 * (i % 2)} for i in range(100)])
    options = CodecOptions(document_class=RawBSONDocument)

    async def plan(peer: Peer) -> None:
        tracemalloc.start()
        try:
            found = await peer.call(peer.collection(options).find().to_list)
            kept = [document for document in found if len(document.raw) < 1000]
            del found
            # An event loop keeps the future that it has just resumed a task for.
            await peer.call(peer.client.admin.command, "ping")
            gc.collect()
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        peer.note("kept", len(kept))
        peer.note("as little as they are", size < 1_000_000)

    outcome = pair.compare(plan, brief=True)
    assert outcome.noted("as little as they are") == [(bool, "True")]


@pytest.mark.parametrize("depth", [10, 60, 110])
def test_deep_documents(pair: Pair, depth: int) -> None:
    document: Any = {"_id": 0}
    for level in range(depth):
        document = {"_id": level, "inner": document} if level % 2 else {"_id": 0, "in": [document]}
    fill(pair.database.test, [{**document, "_id": i} for i in range(5)])

    async def plan(peer: Peer) -> None:
        await drain(peer, peer.collection().find(batch_size=2), "for")

    pair.compare(plan)


# Beside the results -------------------------------------------------------------------------

_LOGGED = ("message", "commandName", "databaseName", "reply", "command", "failure")


class _Kept(logging.Handler):
    """Keeps what PyMongo logs of the commands of one client."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.entries: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        entry = json.loads(record.getMessage())
        kept = {key: entry[key] for key in _LOGGED if key in entry}
        for key in ("reply", "command"):
            if key in kept:
                document = json.loads(kept[key])
                for volatile in ("$clusterTime", "operationTime", "lsid", "getMore", "cursors"):
                    document.pop(volatile, None)
                document.get("cursor", {}).pop("id", None)
                kept[key] = {k: v for k, v in document.items() if not k.startswith("cursors")}
        self.entries.append(kept)


@contextmanager
def command_log() -> Iterator[list[Any]]:
    """What PyMongo logs of commands within the block."""
    logger, handler = logging.getLogger("pymongo.command"), _Kept()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield handler.entries
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@examples(10)
@given(docs=documents(wild=True), options=codec_options(), query=queries, way=ways)
def test_commands_are_logged_alike(
    pair: Pair, monkeypatch: Any, docs: Any, options: Any, query: Any, way: str
) -> None:
    # So that what is logged is JSON to its end.
    monkeypatch.setenv("MONGOB_LOG_MAX_DOCUMENT_LENGTH", "10000000")
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        with command_log() as entries:
            cursor = await peer.open(peer.collection(options).find, **query)
            if cursor is not None:
                await drain(peer, cursor, way)
                await peer.call(cursor.close)
        for entry in entries:
            peer.note("logged", entry)

    outcome = pair.compare(plan)
    assert outcome.noted("logged") or outcome.noted("not opened")
