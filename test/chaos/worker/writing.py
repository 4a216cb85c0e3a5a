"""Writes: every one that was acknowledged has to be there once, every other once or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pymongo import InsertOne, ReturnDocument, UpdateOne

from chaos.worker.work import Outcome, Work

_COUNTERS = 5
_MARKER_SECONDS = 60.0


async def write(work: Work, name: str) -> None:
    """Write in all ways until the work stops."""
    number = 0
    ways = (_insert, _insert_many, _bulk, _increment, _take_ticket)
    while not work.stopping.is_set():
        number += 1
        way = work.rng.choice(ways)
        await way(work, f"{work.place}/{name}/{number}")
        await work.rest()


def _documents(work: Work, key: str, count: int) -> list[dict[str, Any]]:
    # Without an _id, so that a document that is sent twice is there twice.
    return [{"key": f"{key}/{n}", "place": work.place} for n in range(count)]


def _keys(documents: list[dict[str, Any]]) -> list[str]:
    return [document["key"] for document in documents]


async def _insert(work: Work, key: str) -> None:
    documents = _documents(work, key, 1)
    inserts = work.db.inserts
    await work.attempt("insert", lambda: inserts.insert_one(documents[0]), keys=_keys(documents))


async def _insert_many(work: Work, key: str) -> None:
    documents = _documents(work, key, 4)
    ordered = work.rng.random() < 0.5
    await work.attempt(
        "insert",
        lambda: work.db.inserts.insert_many(documents, ordered=ordered),
        keys=_keys(documents),
    )


async def _bulk(work: Work, key: str) -> None:
    documents = _documents(work, key, 3)
    counter = _counter(work)
    requests: list[Any] = [InsertOne(document) for document in documents]
    # Each update also says whose it is, so that one which is missing can be named.
    update = UpdateOne({"_id": counter}, {"$inc": {"n": 1}, "$push": {"by": key}})
    requests += [update, update]
    ordered = work.rng.random() < 0.5
    # Counters are in the same collection for this: a bulk write is for one.
    await work.attempt(
        "insert",
        lambda: work.db.inserts.bulk_write(requests, ordered=ordered),
        keys=_keys(documents),
        ordered=ordered,
        bulk=key,
    )


async def _increment(work: Work, key: str) -> None:
    counter = _counter(work)
    by = work.rng.choice((1, 2, 5))
    await work.attempt(
        "increment",
        lambda: work.db.counters.update_one({"_id": counter}, {"$inc": {"n": by}}),
        counter=f"counters/{counter}",
        by=by,
    )


async def _take_ticket(work: Work, key: str) -> None:
    """Each number that `find_one_and_update` answers with is given out once."""
    counter = _counter(work)

    async def take() -> Any:
        document = await work.db.tickets.find_one_and_update(
            {"_id": counter}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER
        )
        return document["n"]

    outcome = await work.attempt("ticket", take, counter=f"tickets/{counter}", by=1)
    if outcome.known:
        work.journal.write("ticket taken", ticket=f"{counter}/{outcome.value}")


def _counter(work: Work) -> str:
    return f"c{work.rng.randrange(_COUNTERS)}"


async def insist(
    work: Work, kind: str, call: Callable[[], Awaitable[Any]], **fields: Any
) -> Outcome | None:
    """Try an operation again until it is acknowledged; None after a minute."""
    deadline = asyncio.get_running_loop().time() + _MARKER_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        outcome = await work.attempt(kind, call, hurry=0.0, **fields)
        if outcome.known:
            return outcome
        await asyncio.sleep(0.2)
    return None
