"""Operations that are cancelled before they are sent, which then never are."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pymongo.monitoring import CommandListener

from chaos.worker.work import Work

_AT_ONCE = 3
_MILLISECONDS = 300


class Sent(CommandListener):
    """Knows which documents have been sent."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def started(self, event: Any) -> None:
        for document in event.command.get("documents", ()):
            self.keys.add(document["key"])

    def succeeded(self, event: Any) -> None:
        pass

    failed = succeeded


async def cancel_in_time(work: Work, client: Any, sent: Sent, occupants: int) -> None:
    """Occupy what operations need to be sent, queue some, and cancel them.

    `occupants` are as many operations as can be under way at a time with this client.
    """
    collection = client[work.db.name].inserts
    number = 0
    while not work.stopping.is_set():
        busy = [asyncio.ensure_future(_sleep(client)) for _ in range(occupants)]
        await asyncio.sleep(0.05)
        waiting = {}
        for _ in range(_AT_ONCE):
            number += 1
            key = f"{work.place}/unsent/{number}"
            document = {"key": key, "place": work.place}
            waiting[key] = asyncio.ensure_future(collection.insert_one(document))
        await asyncio.sleep(0.01)
        before = time.monotonic()
        unsent = [key for key in waiting if key not in sent.keys]
        for call in waiting.values():
            call.cancel()
        in_time = not any(call.done() for call in busy) and time.monotonic() - before < 0.05
        # Gathered, so that nothing complains of an error that went unseen.
        await asyncio.gather(*busy, *waiting.values(), return_exceptions=True)
        for key in waiting:
            kind = "unsent" if in_time and key in unsent else "insert"
            work.journal.write(kind, place=work.place, keys=[key], outcome="cancelled")
        sent.keys.clear()
        await asyncio.sleep(work.pace * 10)


async def _sleep(client: Any) -> None:
    await client.admin.command({"sleep": 1, "millis": _MILLISECONDS, "lock": "none"})
