"""The databases as they are before the work begins."""

from __future__ import annotations

from typing import Any

from pymongo import WriteConcern

from chaos.plan import ACCOUNTS, BALANCE, COUNTERS, STATIC_DOCUMENTS

_LOG_BYTES = 16 * 1024 * 1024


def prepare(client: Any, name: str, members: int = 3) -> None:
    """Make one driver's database, known to all members."""
    client.drop_database(name)
    database = client.get_database(name, write_concern=WriteConcern(w=members))
    counters = [{"_id": f"c{n}", "n": 0} for n in range(COUNTERS)]
    for collection in ("counters", "tickets", "inserts"):
        database[collection].insert_many(counters)
    database.accounts.insert_many([{"_id": n, "balance": BALANCE} for n in range(ACCOUNTS)])
    text = "x" * 200
    database.static.insert_many([{"_id": n, "text": text} for n in range(STATIC_DOCUMENTS)])
    # A tailable cursor on an empty collection is dead at once.
    database.create_collection("log", capped=True, size=_LOG_BYTES)
    database.log.insert_one({"_id": 0, "n": 0})
    for collection in ("transfers", "scrap", "causal", "probe"):
        database.create_collection(collection)
