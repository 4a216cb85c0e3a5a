"""Transfers between accounts, in transactions: with `with_transaction`, and by hand."""

from __future__ import annotations

from typing import Any

from chaos.worker.adapters import settle
from chaos.worker.work import Work

_ACCOUNTS = 10
_SECONDS = 9.0


async def transfer(work: Work, name: str) -> None:
    """Move amounts about until the work stops."""
    number = 0
    while not work.stopping.is_set():
        number += 1
        payer, payee = work.rng.sample(range(_ACCOUNTS), 2)
        record = {
            "key": f"{work.place}/{name}/{number}",
            "from": payer,
            "to": payee,
            "amount": work.rng.randrange(1, 100),
        }
        way = work.rng.choice((_by_helper, _by_hand))
        await work.attempt(
            "transfer",
            # Bound now: a call that is cancelled may look at it later.
            lambda way=way, record=record: way(work, record),
            patience=_SECONDS,
            tidies=True,
            keys=[record["key"]],
        )
        await work.rest()


async def _move(work: Work, record: dict[str, Any], session: Any) -> None:
    accounts = work.db.accounts
    amount = record["amount"]
    await accounts.update_one(
        {"_id": record["from"]}, {"$inc": {"balance": -amount}}, session=session
    )
    await accounts.update_one({"_id": record["to"]}, {"$inc": {"balance": amount}}, session=session)
    await work.db.transfers.insert_one({**record}, session=session)


async def _by_helper(work: Work, record: dict[str, Any]) -> None:
    async with await settle(work.client.start_session()) as session:
        await session.with_transaction(lambda session: _move(work, record, session))


async def _by_hand(work: Work, record: dict[str, Any]) -> None:
    async with await settle(work.client.start_session()) as session:
        await settle(session.start_transaction())
        await _move(work, record, session)
        await session.commit_transaction()
