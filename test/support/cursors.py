"""Look at cursors from the server's side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pymongo


def open_cursors(
    sync_client: pymongo.MongoClient[dict[str, Any]], namespace: str
) -> list[dict[str, Any]]:
    """Return the cursors on `namespace` ("database.collection") that the server has open."""
    pipeline: list[Mapping[str, Any]] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": {"ns": namespace, "cursor.cursorId": {"$exists": True}}},
    ]
    return list(sync_client.admin.aggregate(pipeline))


def ids(documents: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [document["_id"] for document in documents]
