"""What clients, timeouts and errors were made with."""

from __future__ import annotations

from typing import Any

from pymongo import _csot
from pymongo.mongo_client import MongoClient

__all__ = [
    "remaining_timeout",
    "set_client_options",
]


def remaining_timeout() -> float | None:
    """How much (in seconds) is left of the ``pymongo.timeout()`` around the caller; None: no such.

    Uses ``pymongo._csot.remaining``: there is no public way to ask, and a retry that does not ask
    would repeat, for two minutes, an operation that can only time out.
    """
    return _csot.remaining()


def set_client_options(
    client: Any,
    *,
    codec_options: Any = None,
    read_preference: Any = None,
    write_concern: Any = None,
) -> None:
    """Let databases that are made from `client` from now on have other options.

    - `codec_options`, `read_preference`, `write_concern`: None: as before

    Raises TypeError for a client of another make.

    Uses ``MongoClient._codec_options``, ``_read_preference`` and ``_write_concern``: in public they
    are fixed when the client is made, but in the PyMongo 2 era they could be assigned to.
    """
    if not isinstance(client, MongoClient):
        raise TypeError(f"cannot change the options of {client!r}: it is no pymongo.MongoClient")
    if codec_options is not None:
        client._codec_options = codec_options
    if read_preference is not None:
        client._read_preference = read_preference
    if write_concern is not None:
        client._write_concern = write_concern
