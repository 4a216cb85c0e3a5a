"""The longest time without an answer: writes a document again and again, and notes the gaps."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from pymongo.errors import PyMongoError

from chaos.worker.journal import Journal
from chaos.worker.work import Work

#: The pause between two writes, as part of the pace: a twentieth of a second at the usual one.
_PAUSE = 0.25
_NOTEWORTHY = 0.3


class _Gaps:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last = time.monotonic()

    def answered(self) -> None:
        now = time.monotonic()
        if now - self._last > _NOTEWORTHY:
            self._journal.write("gap", begun=self._last, seconds=round(now - self._last, 3))
        self._last = now


async def probe(work: Work, client: Any) -> None:
    """Write until the work stops."""
    collection = client[work.db.name].probe
    gaps = _Gaps(work.journal)
    while not work.stopping.is_set():
        try:
            await collection.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        except PyMongoError:
            pass
        else:
            gaps.answered()
        await asyncio.sleep(_PAUSE * work.pace)


def probe_blocking(
    client: Any, database: str, journal: Journal, stop: threading.Event, pace: float
) -> None:
    """The same with PyMongo's blocking client."""
    collection = client[database].probe
    gaps = _Gaps(journal)
    while not stop.is_set():
        try:
            collection.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        except PyMongoError:
            pass
        else:
            gaps.answered()
        stop.wait(_PAUSE * pace)
