"""The private names of PyMongo that Motor uses, each with its reason. No other package has any."""

from __future__ import annotations

from motor.pymongo_internals.bulk_writes import keep_whole
from motor.pymongo_internals.connections import (
    begin_to_connect,
    can_give_way,
    client_options,
    connect,
    has_connection,
)
from motor.pymongo_internals.cursors import (
    await_time,
    awaits_data,
    count_options,
    is_tailable,
    query_of,
    rewound,
    set_await_time,
)
from motor.pymongo_internals.files import (
    ensure_gridfs_indexes,
    file_document,
    finish_upload,
    gridfs_collections,
    gridfs_session,
    mark_closed,
    read_line,
)
from motor.pymongo_internals.replies import next_batch
from motor.pymongo_internals.settings import (
    ServerMode,
    remaining_timeout,
    set_client_options,
    transaction_timeout,
    with_key_vault,
)

__all__ = [
    "ServerMode",
    "await_time",
    "awaits_data",
    "begin_to_connect",
    "can_give_way",
    "client_options",
    "connect",
    "count_options",
    "ensure_gridfs_indexes",
    "file_document",
    "finish_upload",
    "gridfs_collections",
    "gridfs_session",
    "has_connection",
    "is_tailable",
    "keep_whole",
    "mark_closed",
    "next_batch",
    "query_of",
    "read_line",
    "remaining_timeout",
    "rewound",
    "set_await_time",
    "set_client_options",
    "transaction_timeout",
    "with_key_vault",
]
