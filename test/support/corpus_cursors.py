"""What a plan can do with a cursor: queries to make it with, ways and steps to read it."""

from __future__ import annotations

import asyncio
import copy
import warnings
from typing import Any

import pymongo
from hypothesis import strategies as st
from pymongo import CursorType

from support.corpus import Peer

__all__ = [
    "WAYS",
    "aggregations",
    "drain",
    "note_progress",
    "partly",
    "queries",
    "read_partly",
    "ways",
]

# How to ask --------------------------------------------------------------------------------

_filters = st.sampled_from([{}, {"n": {"$gte": 1}}, {"n": 0}, {"_id": {"$lt": 5}}, {"a": None}])
_projections = st.sampled_from(
    [{"_id": 0}, ["n", "a"], {"b": 0, "list": 0}, {"a": {"$type": "$a"}}, {"n": 1}]
)
_sorts = st.sampled_from([[("_id", -1)], [("n", 1), ("_id", 1)], {"n": -1, "_id": 1}])
_batch_sizes = st.sampled_from([0, 1, 2, 3, 5, 100])
_comments = st.sampled_from(["why", {"ticket": [1, 2]}])

#: The arguments of a `find` that returns documents.
queries = st.fixed_dictionaries(
    {"batch_size": _batch_sizes},
    optional={
        "filter": _filters,
        "projection": _projections,
        "sort": _sorts,
        "skip": st.integers(0, 4),
        "limit": st.integers(-4, 8),
        "comment": _comments,
        "cursor_type": st.just(CursorType.EXHAUST),
        "no_cursor_timeout": st.booleans(),
        "allow_partial_results": st.booleans(),
        "max_time_ms": st.just(60_000),
        "hint": st.just([("_id", 1)]),
        "return_key": st.just(True),
        "show_record_id": st.just(True),
        "collation": st.just(pymongo.collation.Collation("en", strength=1)),
        "allow_disk_use": st.booleans(),
        "let": st.just({"x": 1}),
    },
)

_stages = st.sampled_from(
    [
        {"$match": {"n": {"$gte": 1}}},
        {"$sort": {"_id": -1}},
        {"$skip": 1},
        {"$limit": 5},
        {"$project": {"b": 0}},
        {"$addFields": {"all": "$$ROOT"}},
        {"$unwind": {"path": "$list", "preserveNullAndEmptyArrays": True}},
        {"$no_such_stage": {}},
    ]
)

#: The arguments of an `aggregate`.
aggregations = st.fixed_dictionaries(
    {"pipeline": st.lists(_stages, max_size=3), "batchSize": _batch_sizes},
    optional={
        "comment": _comments,
        "allowDiskUse": st.booleans(),
        "maxTimeMS": st.just(60_000),
        "hint": st.just("_id_"),
        "let": st.just({"x": 1}),
    },
)

# How to read to the end --------------------------------------------------------------------

#: By iteration, by `next`, by lists of everything or of a few, and by Motor's callback styles.
WAYS = ("for", "next", "to_list", "to_list of 1", "to_list of 3", "each", "fetch_next")
ways = st.sampled_from(WAYS)


async def drain(peer: Peer, cursor: Any, way: str) -> None:
    """Read what remains, noting each document, and the error if there is one."""
    try:
        if way == "next":
            while found := await peer.next(cursor):
                peer.note("document", found[0])
        elif way.startswith("to_list"):
            await _in_lists(peer, cursor, way)
        elif not hasattr(cursor, "each"):
            for document in cursor:
                peer.note("document", document)
        elif way == "for":
            async for document in cursor:
                peer.note("document", document)
        else:
            await {"each": _each, "fetch_next": _fetch_next}[way](peer, cursor)
    except Exception as error:
        peer.note("error", error)
        if way.startswith("to_list"):
            # What came before the error is lost with PyMongo, and the next to come with Motor.
            return
    else:
        peer.note("end", way)
    note_progress(peer, cursor)


async def _in_lists(peer: Peer, cursor: Any, way: str) -> None:
    if way == "to_list":
        peer.note("list", await peer.call(cursor.to_list))
        return
    length = int(way.rpartition(" ")[2])
    # To an empty list, since a cursor that reads ahead knows the end before one that does not.
    while found := await peer.call(cursor.to_list, length):
        peer.note("list", found)
        note_progress(peer, cursor)


async def _each(peer: Peer, cursor: Any) -> None:
    ended = asyncio.get_running_loop().create_future()

    def take(document: Any, error: BaseException | None) -> None:
        if error is not None:
            ended.set_exception(error)
        elif document is None:
            ended.set_result(None)
        else:
            peer.note("document", document)

    cursor.each(take)
    await ended


async def _fetch_next(peer: Peer, cursor: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        while await cursor.fetch_next:
            peer.note("document", cursor.next_object())


def note_progress(peer: Peer, cursor: Any) -> None:
    """Note how far the reading has got."""
    peer.note("alive", cursor.alive)
    # Command cursors have no such property.
    peer.note("retrieved", getattr(cursor, "retrieved", None))
    peer.note("cursor_id", bool(cursor.cursor_id))


# How to read in parts ----------------------------------------------------------------------

_steps = st.one_of(
    st.just(("next",)),
    st.tuples(st.just("take"), st.integers(1, 5)),
    st.tuples(st.just("list"), st.integers(1, 5)),
    st.sampled_from([("clone",), ("copy",), ("rewind",), ("try_next",), ("explain",)]),
)
#: Steps, and in the end a way to read what remains, or None to close the cursor instead.
partly = st.tuples(st.lists(_steps, min_size=1, max_size=6), st.none() | ways)


async def read_partly(peer: Peer, cursor: Any, how: tuple[list[Any], str | None]) -> None:
    """Take the steps; the first error ends it. The cursor is closed in any case."""
    steps, way = how
    try:
        for step in steps:
            await _step(peer, cursor, *step)
            note_progress(peer, cursor)
    except Exception as error:
        peer.note("error", error)
    else:
        if way is not None:
            await drain(peer, cursor, way)
    # Then it gives nothing more, where PyMongo's gives the rest of its batch: not comparable.
    peer.note("closed", await peer.call(cursor.close))


async def _step(peer: Peer, cursor: Any, what: str, *arguments: Any) -> None:
    if what == "next":
        peer.note("document", await peer.next(cursor))
    elif what == "take":
        await _take(peer, cursor, *arguments)
    elif what == "list":
        peer.note("list", await peer.call(cursor.to_list, *arguments))
    elif what == "explain" and hasattr(cursor, what):
        peer.note("explained", sorted(await peer.call(cursor.explain)))
    elif what == "clone" and hasattr(cursor, what):
        await drain(peer, cursor.clone(), "to_list")
    elif what == "copy" and hasattr(cursor, "clone"):
        await drain(peer, copy.copy(cursor), "next")
    elif what in ("rewind", "try_next") and hasattr(cursor, what):
        result = await peer.call(getattr(cursor, what))
        peer.note(what, "itself" if result is cursor else result)


async def _take(peer: Peer, cursor: Any, number: int) -> None:
    """Leave a loop early."""
    taken = 0
    if hasattr(cursor, "each"):
        async for document in cursor:
            peer.note("document", document)
            taken += 1
            if taken == number:
                return
    else:
        for document in cursor:
            peer.note("document", document)
            taken += 1
            if taken == number:
                return
