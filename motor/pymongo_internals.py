"""The private names of PyMongo that Motor uses, each with its reason. No other file has any."""

from __future__ import annotations

import contextlib
import copy
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from bson.raw_bson import RawBSONDocument
from gridfs import GridOut
from pymongo import _csot
from pymongo.cursor import CursorType
from pymongo.errors import ExecutionTimeout, NetworkTimeout, PyMongoError
from pymongo.message import _OpMsg
from pymongo.mongo_client import MongoClient
from pymongo.read_preferences import _ServerMode
from pymongo.synchronous.pool import Connection, Pool

from motor.batches import decode_reply, postpone_batch
from motor.memory import LARGE, keep_large_blocks
from motor.sockets import buffered

__all__ = [
    "ServerMode",
    "await_time",
    "awaits_data",
    "begin_to_connect",
    "client_options",
    "connect",
    "count_options",
    "ensure_gridfs_indexes",
    "file_document",
    "finish_upload",
    "forget_reply_size",
    "gridfs_collections",
    "gridfs_session",
    "is_tailable",
    "mark_closed",
    "next_batch",
    "read_line",
    "remaining_timeout",
    "reply_size",
    "rewound",
    "set_await_time",
    "set_client_options",
    "transaction_timeout",
    "with_key_vault",
]

#: What every read preference is an instance of; its type annotations name it, and it has no public
#: name: ``pymongo.read_preferences._ServerMode``.
ServerMode = _ServerMode

_TAILABLE = CursorType.TAILABLE

#: Whether Python starts threads while it ends.
_THREADS_START_AT_EXIT = sys.version_info < (3, 12)

_COMMAND_LOG = logging.getLogger("pymongo.command")


class _Receiving(threading.local):
    """What this thread has received, and how it is to receive what comes next."""

    #: The size of the last reply in bytes.
    size: int | None = None
    #: Whether the batch in a reply may be left undecoded.
    postpone: bool = False
    #: Called once, when a command has been sent, before the reply is waited for.
    meanwhile: Callable[[], object] | None = None


_receiving = _Receiving()


class _Reply(_OpMsg):
    """A reply whose documents are decoded in slices."""

    def unpack_response(
        self,
        cursor_id: int | None = None,
        codec_options: Any = None,
        user_fields: Any = None,
        legacy_response: bool = False,
    ) -> list[Any]:
        def decode_whole(payload: Any) -> list[Any]:
            return _OpMsg(self.flags, payload).unpack_response(
                cursor_id, codec_options, user_fields, legacy_response
            )

        reply = self.payload_document
        if not (codec_options and user_fields) or _is_raw(codec_options.document_class):
            return decode_whole(reply)
        if _receiving.postpone:
            decoded = postpone_batch(reply, codec_options, decode_whole)
            if decoded is not None:
                return decoded
        return decode_reply(reply, codec_options, decode_whole)


def _is_raw(document_class: Any) -> bool:
    # Of those, decoding makes none of the objects that take so long.
    return isinstance(document_class, type) and issubclass(document_class, RawBSONDocument)


class _Connection(Connection):
    """A connection that reads ahead, and whose replies are decoded in slices."""

    def receive_message(self, request_id: int | None) -> _OpMsg:
        meanwhile = _receiving.meanwhile
        if meanwhile is not None:
            _receiving.meanwhile = None
            meanwhile()
        reply: _OpMsg = super().receive_message(request_id)
        _receiving.size = size = len(reply.payload_document)
        if size > LARGE:
            keep_large_blocks()
        return _Reply(reply.flags, reply.payload_document)


class _Pool(Pool):
    """A pool of such connections. Those of the monitors are left as they are."""

    def connect(self, *args: Any, **kwargs: Any) -> Connection:
        connection = super().connect(*args, **kwargs)
        if not connection.is_sdam:
            connection.__class__ = _Connection
            interface = buffered(connection.conn.sock)
            if interface is not None:
                connection.conn = interface  # type: ignore[assignment]
        return connection


def client_options() -> dict[str, Any]:
    """What every client of Motor's is made with, so that its calls are gentle to other threads.

    Uses the option ``_pool_class`` of ``MongoClient``, ``Pool.connect``, ``Connection`` with its
    ``conn``, which is what PyMongo calls its networking interface, and ``receive_message``, and
    ``_OpMsg``, a reply. How PyMongo reads from its sockets and how it decodes what it has read are
    no concern of anybody's in public. But the former gives the interpreter lock away nine times for
    each operation, which with several threads at work costs more than the operation itself; and the
    latter keeps it for a quarter of a second when the batch is large.
    """
    return {"_pool_class": _Pool}


def connect(client: Any) -> None:
    """Let `client` begin to connect, without waiting for any server.

    Uses ``MongoClient._connect``: in public a client that was made with ``connect=False`` connects
    at its first operation only, which waits. A client of another make has nothing to connect to.
    """
    if isinstance(client, MongoClient):
        client._connect()


def begin_to_connect(client: Any) -> None:
    """Let `client` begin to connect, where it matters when, without waiting for anything.

    Errors are left for later.

    Uses ``MongoClient._connect``, and ``_resolve_srv_info`` to know of a client that would have to
    wait for a name server first: it begins later, too. Python 3.12 and later start no threads once
    the program has come to its end, PyMongo's neither, and operations that are under way by then
    would wait in vain for a server to be found.
    """
    if _THREADS_START_AT_EXIT or not isinstance(client, MongoClient):
        return
    if not client._resolve_srv_info.get("is_srv"):
        with contextlib.suppress(PyMongoError, RuntimeError):
            client._connect()


def next_batch(
    cursor: Any,
    length: int | None,
    *,
    postpone: bool = False,
    meanwhile: Callable[[], object] | None = None,
) -> list[Any]:
    """The documents that `cursor` has at hand, at most `length`; if it has none, its next batch's.

    Blocks for one round trip at most. Empty at the cursor's end, and when a tailable cursor waited
    in vain.

    - `postpone`: whether an `Undecoded` will do for all documents of a batch. Only from connections
      of clients that were made with `client_options`; not where others see the reply too, and not
      from a cursor with a limit, which counts what it has received
    - `meanwhile`: called when the command has been sent, while the server works; at most once. Must
      not raise anything

    Uses ``Cursor._next_batch`` and ``CommandCursor._next_batch``: in public there is only
    ``next()``, which takes a document at a time and does not say which call will go to the server,
    and ``to_list()``, which goes on to the last batch. Uses ``Cursor._limit``, ``_collection`` of
    both, and ``MongoClient._event_listeners`` to find out whether a batch may be postponed: in
    public a cursor does not tell its limit, nor the listeners whether any are for commands.
    """
    documents: list[Any] = []
    take = getattr(type(cursor), "_next_batch", None)
    if take is not None:
        _receiving.postpone = postpone and length is None and _may_postpone(cursor)
        _receiving.meanwhile = meanwhile
        try:
            take(cursor, documents, length)
        finally:
            _receiving.postpone, _receiving.meanwhile = False, None
        return documents
    # A cursor of another make, such as mongomock's, has its documents in memory.
    for document in cursor:
        documents.append(document)
        if length is not None and len(documents) == length:
            break
    return documents


def _may_postpone(cursor: Any) -> bool:
    if getattr(cursor, "_limit", 0) or _COMMAND_LOG.isEnabledFor(logging.DEBUG):
        return False
    listeners = cursor._collection.database.client._event_listeners
    return listeners is not None and not listeners.enabled_for_commands


def reply_size() -> int | None:
    """The size (in bytes) of the last reply that this thread received; None: of none, or unknown.

    Only connections of clients that were made with `client_options` tell.
    """
    return _receiving.size


def forget_reply_size() -> None:
    """Let `reply_size` be None until this thread receives another reply."""
    _receiving.size = None


def rewound(cursor: Any) -> Any:
    """A copy of `cursor` that has not been sent, with all that it was made with.

    Uses ``Cursor._let``: ``rewind`` keeps it, but ``clone`` forgets it.
    """
    copied = cursor.clone()
    if hasattr(cursor, "_let"):
        copied._let = cursor._let
    return copied


def is_tailable(cursor: Any) -> bool:
    """Whether `cursor` stays open at the end of its data.

    Uses ``Cursor._query_flags``: the type that a cursor was given, by ``find`` or by
    ``add_option``, cannot be asked for in public.
    """
    return bool(getattr(cursor, "_query_flags", 0) & _TAILABLE)


def awaits_data(cursor: Any) -> bool:
    """Whether the server lets `cursor` wait for data at the end of them.

    Uses ``Cursor._query_flags``, like `is_tailable`. A tailable cursor that does not await data is
    answered at once, and the server refuses to be told how long it should wait.
    """
    return (getattr(cursor, "_query_flags", 0) & CursorType.TAILABLE_AWAIT) == (
        CursorType.TAILABLE_AWAIT
    )


def await_time(cursor: Any) -> int | None:
    """How long (in ms) the server waits for data before it answers, or None for its own default.

    Uses ``_max_await_time_ms`` of a cursor or of a change stream's cursor; see `set_await_time`.
    """
    waiting = getattr(cursor, "_cursor", cursor)
    found: int | None = getattr(waiting, "_max_await_time_ms", None)
    return found


def set_await_time(cursor: Any, milliseconds: int | None) -> None:
    """Let the server wait for `milliseconds` from the next round trip on.

    Uses ``_max_await_time_ms`` and ``ChangeStream._cursor``: in public the time is fixed when the
    command is first sent, but more streams than may hold a connection at once have to take turns,
    and the more there are, the shorter the turns must be.
    """
    waiting = getattr(cursor, "_cursor", cursor)
    if hasattr(waiting, "_max_await_time_ms"):
        waiting._max_await_time_ms = milliseconds


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


def file_document(grid_file: Any) -> dict[str, Any] | None:
    """The document of a GridIn's or GridOut's file; None of a GridOut that has not been opened.

    Uses ``_file``: in public a GridOut's fields are there one by one, and asking for any of them
    opens the file, which waits for the server.
    """
    found: dict[str, Any] | None = grid_file._file
    return found


def gridfs_collections(grid_file: Any) -> tuple[Any, Any]:
    """The collections of files and of chunks that a GridIn or GridOut works with.

    Uses ``_chunks``, and ``GridIn._coll`` or ``GridOut._files``: they have the options that PyMongo
    chose for them, such as reading from the primary, and in public they cannot be had.
    """
    if isinstance(grid_file, GridOut):
        return grid_file._files, grid_file._chunks
    return grid_file._coll.files, grid_file._chunks


def gridfs_session(grid_file: Any) -> Any:
    """The session that a GridIn or GridOut was made with, or None.

    Uses ``_session``: in public it cannot be asked for.
    """
    return grid_file._session


def ensure_gridfs_indexes(grid_in: Any) -> None:
    """Make the indexes of a bucket that is empty. Blocks.

    Uses ``GridIn._ensure_indexes``: in public a GridIn does this when it writes chunks, and Motor
    writes them itself, in smaller batches and two at a time.
    """
    grid_in._ensure_indexes()


def finish_upload(grid_in: Any, length: int) -> None:
    """Insert the document of a file whose chunks are there, and close its GridIn. Blocks.

    Uses ``GridIn._position``, from which PyMongo takes the file's length, for the reason that
    `ensure_gridfs_indexes` gives.
    """
    object.__setattr__(grid_in, "_position", length)
    grid_in.close()


def mark_closed(grid_in: Any) -> None:
    """Close a GridIn without sending anything.

    Uses ``GridIn._closed``: in public ``close`` finishes the file, and ``abort`` deletes whatever
    has its ``_id``, even if that is another file, which was there before.
    """
    object.__setattr__(grid_in, "_closed", True)


def read_line(grid_out: Any, size: int) -> bytes:
    """The next line of a GridOut, or the next `size` bytes of it. Blocks.

    Uses ``GridOut._read_size_or_line``: the public ``readline`` is that of ``io.IOBase``, which
    calls ``read(1)`` for each byte.
    """
    line: bytes = grid_out._read_size_or_line(size=size, line=True)
    return line


def count_options(cursor: Any, with_limit_and_skip: bool) -> dict[str, Any]:
    """What the ``count`` command must know to count the documents that `cursor` would give.

    - `with_limit_and_skip`: whether its limit and skip count

    Uses ``Cursor._spec``, ``_hint``, ``_max_time_ms``, ``_comment``, ``_collation``, ``_limit`` and
    ``_skip``: in public a cursor does not say what it was asked, and its own ``count`` is gone.
    """
    spec = cursor._spec
    options = {
        "query": spec.get("$query", spec),
        "hint": cursor._hint,
        "maxTimeMS": cursor._max_time_ms,
        "comment": cursor._comment,
        "collation": cursor._collation,
    }
    if with_limit_and_skip:
        options.update(limit=abs(cursor._limit) or None, skip=cursor._skip or None)
    return {name: value for name, value in options.items() if value is not None}


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
