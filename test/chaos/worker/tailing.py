"""A capped collection: one writes numbers to it, the other reads them with a tailable cursor."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pymongo import CursorType
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from chaos.worker.work import Work, describe
from chaos.worker.writing import insist

LAST = -1


async def log(work: Work, name: str) -> None:
    """Write numbers in order until the work stops, then the last."""
    number = 0
    while not work.stopping.is_set():
        number += 1
        if not await _log(work, number, number):
            return
        await work.rest()
    await _log(work, number + 1, LAST)


async def _log(work: Work, number: int, value: int) -> bool:
    async def insert() -> None:
        # A duplicate: an attempt that seemed to fail did not.
        with suppress(DuplicateKeyError):
            await work.db.log.insert_one({"_id": number, "n": value})

    return await insist(work, "log", insert, number=number) is not None


async def tail(work: Work, name: str) -> None:
    """Read the numbers to the last."""
    last = 0
    log = work.db.log.with_options(read_concern=ReadConcern("majority"))
    while True:
        try:
            cursor = log.find({"_id": {"$gt": last}}, cursor_type=CursorType.TAILABLE_AWAIT)
            async for document in cursor.max_await_time_ms(work.await_ms):
                last = document["_id"]
                work.journal.write("tailed", number=last)
                if document["n"] == LAST:
                    return
        except Exception as error:
            work.journal.write("tail ended", error=describe(error))
        await asyncio.sleep(0.1)
