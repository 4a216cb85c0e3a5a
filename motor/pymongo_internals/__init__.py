"""The private names of PyMongo that Motor uses, each with its reason. No other package has any."""

from __future__ import annotations

from motor.pymongo_internals.cursors import count_options
from motor.pymongo_internals.files import (
    ensure_gridfs_indexes,
    file_document,
    finish_upload,
    gridfs_collections,
    gridfs_session,
    mark_closed,
    read_line,
)
from motor.pymongo_internals.settings import remaining_timeout, set_client_options

__all__ = [
    "count_options",
    "ensure_gridfs_indexes",
    "file_document",
    "finish_upload",
    "gridfs_collections",
    "gridfs_session",
    "mark_closed",
    "read_line",
    "remaining_timeout",
    "set_client_options",
]
