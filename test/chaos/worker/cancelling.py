"""Operations of all kinds, each cancelled at a random moment."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

from chaos.worker.adapters import settle
from chaos.worker.work import Work

_MOMENTS = (0.0, 0.0, 0.0002, 0.001, 0.002, 0.005, 0.01)
#: The last calls may still run on threads. A client that is closed while they do cannot end their
#: sessions.
_LAST_SECONDS = 1.0


async def cancel_often(work: Work, name: str, numbers: Iterator[int]) -> None:
    """Begin an operation for each number, and cancel it."""
    for number in numbers:
        way = work.rng.choice(_WAYS)
        call = asyncio.ensure_future(way(work, f"{work.place}/{name}/{number}"))
        await asyncio.sleep(work.rng.choice(_MOMENTS))
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        if number % 1000 == 0:
            work.journal.write("cancelled", number=number)
    await asyncio.sleep(_LAST_SECONDS)


def numbers(count: int) -> Iterator[int]:
    """Numbers for several tasks on one loop to take."""
    return itertools.islice(itertools.count(1), count)


async def _insert(work: Work, key: str) -> Any:
    return await work.db.scrap.insert_one({"key": key})


async def _find(work: Work, key: str) -> Any:
    return await work.db.static.find_one({"_id": 7})


async def _iterate(work: Work, key: str) -> Any:
    return [document async for document in work.db.static.find({}, batch_size=100)]


async def _list(work: Work, key: str) -> Any:
    return await work.db.static.find({}, batch_size=150).to_list()


async def _aggregate(work: Work, key: str) -> Any:
    cursor = await settle(work.db.static.aggregate([{"$match": {}}], batchSize=100))
    return [document async for document in cursor]


async def _transact(work: Work, key: str) -> Any:
    async with await settle(work.client.start_session()) as session:

        async def insert(session: Any) -> None:
            await work.db.scrap.insert_one({"key": key}, session=session)

        await session.with_transaction(insert)


async def _watch(work: Work, key: str) -> Any:
    async with await settle(work.db.inserts.watch(max_await_time_ms=100)) as stream:
        return await stream.try_next()


_WAYS = (_insert, _insert, _find, _find, _iterate, _list, _aggregate, _transact, _watch)
