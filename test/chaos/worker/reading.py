"""Reads of documents that nothing changes: all of them come, or an error does."""

from __future__ import annotations

from typing import Any

import bson
from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern

from chaos.plan import STATIC_DOCUMENTS
from chaos.worker.adapters import settle
from chaos.worker.work import PATIENCE, Work

_BATCH = 60
_ALL = [*range(STATIC_DOCUMENTS)]
_PREFERENCES = (
    ReadPreference.PRIMARY,
    ReadPreference.SECONDARY_PREFERRED,
    ReadPreference.NEAREST,
)


async def read(work: Work, name: str) -> None:
    """Read by every kind of cursor until the work stops."""
    while not work.stopping.is_set():
        way = work.rng.choice(_WAYS)
        preference = work.rng.choice(_PREFERENCES)
        # What a majority has: a member that comes back may not have caught up to the beginning.
        static = work.db.static.with_options(
            read_preference=preference, read_concern=ReadConcern("majority")
        )
        outcome = await work.attempt(
            "read",
            lambda way=way, static=static: way(static),
            patience=PATIENCE - 1,
            tidies=True,
            by=way.__name__,
        )
        if outcome.known and outcome.value != _ALL:
            got = outcome.value
            work.journal.write("wrong read", by=way.__name__, got=len(got), first=got[:3])
        await work.rest()


async def _iterated(static: Any) -> list[int]:
    found = static.find(sort=[("_id", 1)], batch_size=_BATCH)
    return [document["_id"] async for document in found]


async def _listed(static: Any) -> list[int]:
    documents = await static.find(sort=[("_id", 1)], batch_size=_BATCH).to_list()
    return [document["_id"] for document in documents]


async def _aggregated(static: Any) -> list[int]:
    pipeline = [{"$sort": {"_id": 1}}]
    cursor = await settle(static.aggregate(pipeline, batchSize=_BATCH))
    return [document["_id"] async for document in cursor]


async def _raw(static: Any) -> list[int]:
    cursor = static.find_raw_batches(sort=[("_id", 1)], batch_size=_BATCH)
    ids: list[int] = []
    async for batch in cursor:
        ids += [document["_id"] for document in bson.decode_all(batch)]
    return ids


async def _raw_aggregated(static: Any) -> list[int]:
    pipeline = [{"$sort": {"_id": 1}}]
    cursor = await settle(static.aggregate_raw_batches(pipeline, batchSize=_BATCH))
    ids: list[int] = []
    async for batch in cursor:
        ids += [document["_id"] for document in bson.decode_all(batch)]
    return ids


async def _in_pieces(static: Any) -> list[int]:
    cursor = static.find(sort=[("_id", 1)], batch_size=_BATCH)
    ids: list[int] = []
    while piece := await cursor.to_list(2 * _BATCH + 1):
        ids += [document["_id"] for document in piece]
    return ids


async def _in_session(static: Any) -> list[int]:
    async with await settle(static.database.client.start_session()) as session:
        found = static.find(sort=[("_id", 1)], batch_size=_BATCH, session=session)
        return [document["_id"] async for document in found]


async def _distinct(static: Any) -> list[int]:
    return sorted(await static.distinct("_id"))


async def _counted(static: Any) -> list[int]:
    return [*range(await static.count_documents({}))]


async def _left_early(static: Any) -> list[int]:
    async with static.find(sort=[("_id", 1)], batch_size=_BATCH) as cursor:
        async for document in cursor:
            if document["_id"] == _BATCH + 3:
                break
    return _ALL


async def _indexes(static: Any) -> list[int]:
    # Not with majority: the command does not take it.
    found = [index async for index in await settle(static.list_indexes())]
    return _ALL if [index["name"] for index in found] == ["_id_"] else []


async def _collections(static: Any) -> list[int]:
    listing = static.database.list_collections(filter={"name": static.name})
    found = [collection["name"] async for collection in await settle(listing)]
    return _ALL if found == [static.name] else []


_WAYS = (
    _iterated,
    _listed,
    _aggregated,
    _raw,
    _raw_aggregated,
    _in_pieces,
    _in_session,
    _distinct,
    _counted,
    _left_early,
    _indexes,
    _collections,
)
