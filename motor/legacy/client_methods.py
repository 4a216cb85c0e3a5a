"""Old methods of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from bson.int64 import Int64
from pymongo.errors import ConnectionFailure, PyMongoError

from motor.legacy.registry import bridges, refuses
from motor.legacy.settings import set_document_class

__all__: list[str] = []


@bridges("method", "client", "database_names", "use list_database_names()")
def database_names(client: Any) -> list[str]:
    names: list[str] = client.delegate.list_database_names()
    return names


@bridges("method", "client", "open", "leave it out, a client connects at its first operation")
def open(client: Any) -> Any:  # noqa: A001
    client.delegate.admin.command("ping")
    return client


@bridges(
    "method",
    "client",
    "open_sync",
    "leave it out, a client connects at its first operation",
    in_place=True,
)
def open_sync(client: Any) -> Any:
    """Connect, and return the client. Blocks, unless an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        client.delegate.admin.command("ping")
    return client


@bridges(
    "method",
    "client",
    "sync_client",
    "make a pymongo.MongoClient",
    in_place=True,
)
def sync_client(client: Any) -> Any:
    """The PyMongo client that this one stands for: closing it closes both."""
    return client.delegate


@bridges("method", "client", "is_locked", "use admin.command('currentOp').get('fsyncLock')")
def is_locked(client: Any) -> bool:
    return bool(client.delegate.admin.command("currentOp").get("fsyncLock"))


for _name in ("start_request", "in_request", "end_request"):
    refuses(
        "method",
        "client",
        _name,
        "requests went with PyMongo 3, and Motor never had them",
        "leave it out, or use start_session()",
    )
refuses(
    "method",
    "client",
    "copy_database",
    "MongoDB 4.2 removed the command",
    "use the tools mongodump and mongorestore, or an aggregation with $out for each collection",
)


@bridges("method", "client", "disconnect", "use close()", in_place=True)
def disconnect(client: Any) -> None:
    client.close()


@bridges("method", "client", "alive", "use admin.command('ping')")
def alive(client: Any) -> bool:
    try:
        client.delegate.admin.command("ping")
    except ConnectionFailure:
        return False
    except PyMongoError:
        # A server has answered.
        return True
    return True


@bridges("method", "client", "refresh", "leave it out, clients monitor their deployment")
def refresh(client: Any) -> None:
    client.delegate.admin.command("ping")


@bridges("method", "client", "kill_cursors", "close the cursor, or use command('killCursors')")
def kill_cursors(client: Any, cursor_ids: Iterable[int]) -> None:
    if not isinstance(cursor_ids, list):
        raise TypeError(f"cursor_ids must be a list, not {cursor_ids!r}")
    # The server finds a cursor by its id, in any collection.
    client.delegate.admin.command(
        "killCursors", "$cmd.aggregate", cursors=[Int64(each) for each in cursor_ids]
    )


@bridges("method", "client", "close_cursor", "close the cursor, or use command('killCursors')")
def close_cursor(client: Any, cursor_id: int) -> None:
    if not isinstance(cursor_id, int):
        raise TypeError(f"cursor_id must be an int, not {cursor_id!r}")
    kill_cursors(client, [cursor_id])


@bridges("method", "client", "fsync", "use admin.command('fsync')")
def fsync(client: Any, **kwargs: Any) -> None:
    # Servers always wait for the disk today.
    options = {name: value for name, value in kwargs.items() if name != "async"}
    client.delegate.admin.command("fsync", **options)


@bridges("method", "client", "unlock", "use admin.command('fsyncUnlock')")
def unlock(client: Any) -> None:
    client.delegate.admin.command("fsyncUnlock")


@bridges("method", "client", "get_document_class", "use codec_options", in_place=True)
def get_document_class(client: Any) -> type:
    found: type = client.codec_options.document_class
    return found


@bridges(
    "method",
    "client",
    "set_document_class",
    "use CodecOptions(document_class=...)",
    in_place=True,
)
def call_set_document_class(client: Any, document_class: type) -> None:
    set_document_class(client, document_class)
