"""What the drivers left at the servers: cursors, sessions, transactions."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from pymongo.errors import PyMongoError

from chaos.books import Findings
from chaos.replica_set import ReplicaSet

_CLEAR_SECONDS = 4.0
_REFRESH_SECONDS = 60.0


def sessions(replica_set: ReplicaSet) -> set[Any]:
    """The sessions that the deployment knows, of all clients: they do not say whose they are."""
    own = set()
    for number in replica_set.numbers:
        with replica_set.direct(number) as client, client.start_session() as session:
            own.add(session.session_id["id"])
            _refresh(client, session)
    with replica_set.client() as client:
        found = client.config["system.sessions"].find({}, {"_id": 1})
        return {document["_id"]["id"] for document in found} - own


def left(replica_set: ReplicaSet, databases: dict[str, str]) -> dict[str, Findings]:
    """What is left, by driver, once some seconds did not clear it. `databases`: driver by name."""
    deadline = time.monotonic() + _CLEAR_SECONDS
    while True:
        found = {driver: Counter() for driver in databases.values()}
        for number in replica_set.numbers:
            with replica_set.direct(number) as client:
                _count(client, databases, found)
        if not any(found.values()) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def _count(client: Any, databases: dict[str, str], found: dict[str, Findings]) -> None:
    # Sessions that clients have ended: the server closes their cursors when it looks.
    _refresh(client, None)
    pipeline = [{"$currentOp": {"allUsers": True, "idleCursors": True, "idleSessions": True}}]
    for operation in client.admin.aggregate(pipeline):
        driver = databases.get(operation.get("ns", "").partition(".")[0])
        if driver is None:
            continue
        kind = operation["type"]
        if kind == "idleCursor":
            command = next(iter(operation["cursor"].get("originatingCommand", {"?": 1})))
            found[driver][f"cursors of {command}"] += 1
        elif kind == "idleSession" and "transaction" in operation:
            found[driver]["transactions"] += 1


def _refresh(client: Any, session: Any) -> None:
    # A member that has just come back may take its time: it writes to the primary.
    deadline = time.monotonic() + _REFRESH_SECONDS
    while True:
        try:
            client.admin.command("refreshLogicalSessionCacheNow", session=session)
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return
