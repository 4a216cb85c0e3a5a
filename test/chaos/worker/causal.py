"""Sessions with causal consistency: what was written or read once is never read older."""

from __future__ import annotations

from typing import Any

from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern

from chaos.worker.adapters import settle
from chaos.worker.work import Work

_OPERATIONS = 20


async def read_own_writes(work: Work, name: str) -> None:
    """Write to the primary and read from a secondary, in one session after the other."""
    counters = work.db.causal
    secondary = counters.with_options(
        read_preference=ReadPreference.SECONDARY_PREFERRED, read_concern=ReadConcern("majority")
    )
    key = {"_id": f"{work.place}/{name}"}
    while not work.stopping.is_set():
        async with await settle(work.client.start_session(causal_consistency=True)) as session:
            least = 0
            for _ in range(_OPERATIONS):
                least = await _once(work, counters, secondary, key, session, least)
                if work.stopping.is_set():
                    break
                await work.rest()


async def _once(
    work: Work, counters: Any, secondary: Any, key: dict[str, Any], session: Any, least: int
) -> int:
    async def increment() -> Any:
        document = await counters.find_one_and_update(
            key, {"$inc": {"n": 1}}, upsert=True, return_document=True, session=session
        )
        return document["n"]

    async def read() -> Any:
        document = await secondary.find_one(key, session=session)
        return document["n"] if document else 0

    # A session is for one operation at a time: one that was cancelled may still be at it.
    written = await work.attempt("causal write", increment, hurry=0.0)
    if written.known:
        least = max(least, written.value)
    seen = await work.attempt("causal read", read, hurry=0.0)
    if seen.known:
        if seen.value < least:
            work.journal.write("went back", read=seen.value, known=least)
        least = max(least, seen.value)
    return least
