"""A read that fails gives what it gives with PyMongo: the same documents, the same error, no more.

See `support/corpus.py` for how the two are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymongo import CursorType

from motor.accelerators.batches import undecoded
from support import Framework
from support.corpus import APP_NAME, Pair, Peer, examples, pair_of
from support.corpus_cursors import WAYS, drain, note_progress, ways
from support.corpus_documents import codec_options, documents, fill, undecodable

#: Errors that do not make PyMongo wait for a better server, or kill the cursor a second later, as
#: it does after a timeout.
_CODES = st.sampled_from([8, 43, 175, 237, 11601])


@pytest.fixture(params=["watched", "undecoded"])
def pair(
    framework: Framework,
    client_factory: Any,
    mongo_uri: str,
    db_name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pair]:
    if request.param == "undecoded":
        monkeypatch.setattr(undecoded, "UNDECODED_FROM", 0)
    watched = request.param == "watched"
    with pair_of(framework, client_factory, mongo_uri, db_name, watched=watched) as pair:
        yield pair


@st.composite
def _openings(draw: Any) -> tuple[str, dict[str, Any]]:
    """A method that makes a cursor over all documents, and its arguments."""
    size = draw(st.sampled_from([0, 1, 2, 3, 5]))
    kind = draw(st.sampled_from(["find", "find", "exhaust", "aggregate"]))
    if kind == "aggregate":
        return "aggregate", {"pipeline": [{"$sort": {"_id": 1}}], "batchSize": size}
    options = {"sort": [("_id", 1)], "batch_size": size}
    return "find", {**options, **({"cursor_type": CursorType.EXHAUST} if kind != "find" else {})}


async def _read_and_go_on(peer: Peer, options: Any, opening: Any, way: str) -> None:
    """Read to the error, and look what is left of the cursor."""
    method, arguments = opening
    cursor = await peer.open(getattr(peer.collection(options), method), **arguments)
    if cursor is None:
        return
    await drain(peer, cursor, way)
    if way.startswith("to_list"):
        # Motor's next call gives what came before the error, which PyMongo has lost.
        await peer.call(cursor.close)
        return
    peer.note("after", await peer.next(cursor))
    note_progress(peer, cursor)
    await peer.call(cursor.close)


@examples(25)
@given(docs=documents(1), where=st.integers(0, 11), bad=undecodable, opening=_openings(), way=ways)
def test_document_that_cannot_be_decoded(
    pair: Pair, docs: Any, where: int, bad: Any, opening: Any, way: str
) -> None:
    value, options = bad
    docs[where % len(docs)]["bad"] = value
    fill(pair.database.test, docs)
    outcome = pair.compare(lambda peer: _read_and_go_on(peer, options, opening, way))
    assert outcome.noted("error") or outcome.noted("not opened")


@examples(20)
@example(
    # The error is there before the third list asks for more than is left.
    docs=[{"_id": i, "n": 0} for i in range(12)],
    options=None,
    code=43,
    after=1,
    opening=("find", {"sort": [("_id", 1)], "batch_size": 5}),
    way="to_list of 3",
)
@given(
    docs=documents(6),
    options=codec_options(),
    code=_CODES,
    after=st.integers(0, 3),
    opening=_openings(),
    way=ways,
)
def test_get_more_that_fails(
    pair: Pair,
    fail_point: Any,
    docs: Any,
    options: Any,
    code: int,
    after: int,
    opening: Any,
    way: str,
) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        with fail_point(
            failCommands=["getMore"], errorCode=code, appName=APP_NAME, mode={"skip": after}
        ):
            await _read_and_go_on(peer, options, opening, way)

    pair.compare(plan)


@examples(10)
@given(
    docs=documents(3),
    code=st.sampled_from([6, 7, 50, 89, 11601]),
    times=st.integers(1, 3),
    opening=_openings(),
    way=ways,
)
def test_first_command_that_fails(
    pair: Pair, fail_point: Any, docs: Any, code: int, times: int, opening: Any, way: str
) -> None:
    fill(pair.database.test, docs)

    async def plan(peer: Peer) -> None:
        with fail_point(
            failCommands=["find", "aggregate"],
            errorCode=code,
            appName=APP_NAME,
            mode={"times": times},
        ):
            await _read_and_go_on(peer, None, opening, way)

    pair.compare(plan)


@pytest.mark.parametrize("way", ["for", "to_list"])
@pytest.mark.parametrize("command", ["find", "getMore"])
def test_connection_that_breaks(pair: Pair, fail_point: Any, command: str, way: str) -> None:
    fill(pair.database.test, [{"_id": i} for i in range(10)])

    async def plan(peer: Peer) -> None:
        with fail_point(
            failCommands=[command], closeConnection=True, appName=APP_NAME, mode={"times": 1}
        ):
            await _read_and_go_on(peer, None, ("find", {"batch_size": 2}), way)

    outcome = pair.compare(plan)
    # A query is sent a second time, the next batch cannot be.
    assert bool(outcome.noted("error")) == (command == "getMore")


@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith("to_list")])
def test_cursor_killed_by_someone_else(pair: Pair, sync_db: Any, way: str) -> None:
    fill(sync_db.test, [{"_id": i} for i in range(10)])

    async def plan(peer: Peer) -> None:
        cursor = peer.collection().find(batch_size=2)
        peer.note("document", await peer.next(cursor))
        killed = sync_db.command("killCursors", "test", cursors=[cursor.cursor_id])
        assert killed["cursorsKilled"]
        await drain(peer, cursor, way)

    outcome = pair.compare(plan)
    assert outcome.noted("error")
