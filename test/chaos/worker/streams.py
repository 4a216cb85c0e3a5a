"""Change streams: each event once, in order, without a gap."""

from __future__ import annotations

import asyncio
from typing import Any

from chaos.plan import END, PACE
from chaos.worker.adapters import settle
from chaos.worker.work import Work, describe

_DRAIN_SECONDS = 60.0


async def follow(work: Work, name: str, opened: asyncio.Event) -> None:
    """Follow what is inserted from this place, to the end marker.

    A stream named `hurried` has its reads time out again and again.
    """
    token = None
    watched = _watched(work)
    pipeline = [
        {
            "$match": {
                "operationType": "insert",
                "ns": {"db": work.db.name, "coll": "inserts"},
                "fullDocument.place": work.place,
            }
        }
    ]
    while True:
        try:
            async with await settle(
                watched.watch(pipeline, resume_after=token, max_await_time_ms=work.await_ms)
            ) as stream:
                # PyMongo and Motor 4 have sent it by now, and Motor 3 has, too.
                if token is None:
                    token = stream.resume_token
                opened.set()
                while True:
                    change = await _next(work, stream, hurried=name == "hurried")
                    if change is not None:
                        token = change["_id"]
                        key = change["fullDocument"]["key"]
                        work.journal.write(
                            "event", stream=f"{work.place}/{name}", key=key, token=token["_data"]
                        )
                        if key.startswith(END):
                            return
        except StopAsyncIteration:
            # The driver closed it: a read that was given up broke its connection.
            work.journal.write("stream closed", stream=f"{work.place}/{name}")
            await asyncio.sleep(0.1)
        except Exception as error:
            # What a user does: open it again where it was.
            work.journal.write("stream ended", stream=f"{work.place}/{name}", error=describe(error))
            await asyncio.sleep(0.1)


def _watched(work: Work) -> Any:
    """A collection, its database or the whole deployment: each place has another."""
    return {"main": work.db.inserts, "loop": work.db, "tornado": work.client}[work.place]


async def _next(work: Work, stream: Any, hurried: bool) -> Any:
    if not hurried:
        return await stream.next()
    try:
        async with asyncio.timeout(work.rng.choice((0.001, 0.01, 0.05, 0.3))):
            return await stream.next()
    except TimeoutError:
        await asyncio.sleep((work.pace - PACE) / 4)
        return None
