"""What clients, timeouts and errors were made with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pymongo import _csot
from pymongo.errors import ExecutionTimeout, NetworkTimeout, PyMongoError
from pymongo.mongo_client import MongoClient
from pymongo.read_preferences import _ServerMode

__all__ = [
    "ServerMode",
    "remaining_timeout",
    "set_client_options",
    "transaction_timeout",
    "with_key_vault",
]

#: What every read preference is an instance of; its type annotations name it, and it has no public
#: name: ``pymongo.read_preferences._ServerMode``.
ServerMode = _ServerMode


def remaining_timeout() -> float | None:
    """How much (in seconds) is left of the ``pymongo.timeout()`` around the caller; None: no such.

    Uses ``pymongo._csot.remaining``: there is no public way to ask, and a retry that does not ask
    would repeat, for two minutes, an operation that can only time out.
    """
    return _csot.remaining()


def transaction_timeout(error: BaseException) -> PyMongoError:
    """The error that says that the time for retrying a transaction is over, with `error`'s labels.

    Uses ``PyMongoError._error_labels``: applications ask an error for its labels in public, but
    only PyMongo can give it any.
    """
    timeout: PyMongoError
    if remaining_timeout() is None:
        timeout = NetworkTimeout(str(error))
    else:
        details = {"ok": 0, "errmsg": str(error), "code": 50}
        timeout = ExecutionTimeout(str(error), 50, details)
    if isinstance(error, PyMongoError):
        timeout._error_labels = set(error._error_labels)
    return timeout


def with_key_vault(options: Any, unwrap: Callable[[Any], Any]) -> Any:
    """The `AutoEncryptionOpts` with what `unwrap` makes of the client in them, if there is one.

    Uses ``AutoEncryptionOpts._key_vault_client``: an application may have given a Motor client
    there, which PyMongo would take for one of its own, and in public the options never say.
    """
    client = getattr(options, "_key_vault_client", None)
    if client is None or unwrap(client) is client:
        return options
    changed = copy.copy(options)
    changed._key_vault_client = unwrap(client)
    return changed


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
