"""Reads in sessions and transactions send what PyMongo sends, and bring what it brings.

See `support/corpus.py` for how the two are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import Framework
from support.corpus import Pair, Peer, examples, pair_of
from support.corpus_cursors import drain, note_progress, partly, read_partly, ways
from support.corpus_documents import codec_options, documents, fill


@pytest.fixture
def pair(framework: Framework, client_factory: Any, mongo_uri: str, db_name: str) -> Iterator[Pair]:
    with pair_of(framework, client_factory, mongo_uri, db_name) as pair:
        yield pair


_SESSIONS = st.fixed_dictionaries(
    {}, optional={"causal_consistency": st.booleans(), "snapshot": st.just(True)}
)
_ENDS = st.sampled_from([None, "commit_transaction", "abort_transaction"])


async def _open(peer: Peer, method: str, session: Any, size: int, options: Any) -> Any:
    collection = peer.collection(options)
    if method == "find":
        return collection.find(session=session, batch_size=size, sort=[("_id", 1)])
    return await peer.open(
        getattr(collection, method), [{"$sort": {"_id": 1}}], session=session, batchSize=size
    )


def _note_session(peer: Peer, session: Any) -> None:
    for name in ("cluster_time", "operation_time", "in_transaction", "has_ended"):
        peer.note(name, bool(getattr(session, name)))


@examples(20)
@given(
    docs=documents(1),
    options=codec_options(),
    settings=_SESSIONS,
    end=_ENDS,
    method=st.sampled_from(["find", "aggregate", "aggregate_raw_batches"]),
    size=st.integers(0, 4),
    how=partly,
)
def test_one_session(
    pair: Pair,
    docs: Any,
    options: Any,
    settings: Any,
    end: str | None,
    method: str,
    size: int,
    how: Any,
) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        session = await peer.open(peer.client.start_session, **settings)
        if session is None:
            return
        if end is not None and not await peer.open(session.start_transaction):
            await peer.call(session.end_session)
            return
        cursor = await _open(peer, method, session, size, options)
        if cursor is not None:
            await read_partly(peer, cursor, how)
        _note_session(peer, session)
        if end is not None:
            await peer.attempt(getattr(session, end))
        _note_session(peer, session)
        await peer.attempt(peer.collection().find_one, session=session)
        await peer.call(session.end_session)
        _note_session(peer, session)

    # An explicit session is never read ahead with: what it knows of the time must not change.
    pair.compare(plan, ahead=False)


@examples(15)
@given(
    docs=documents(1),
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    together=st.booleans(),
    rounds=st.integers(1, 5),
    way=ways,
)
def test_several_cursors_read_in_turn(
    pair: Pair, docs: Any, sizes: list[int], together: bool, rounds: int, way: str
) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        session = peer.client.start_session() if together else None
        cursors = [await _open(peer, "find", session, size, None) for size in sizes]
        for _ in range(rounds):
            for cursor in cursors:
                peer.note("document", await peer.next(cursor))
                note_progress(peer, cursor)
        for cursor in cursors:
            await drain(peer, cursor, way)
        if session is not None:
            await peer.call(session.end_session)

    pair.compare(plan, ahead=not together)
