"""How the server's replies are received and decoded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.message import _OpMsg

from motor.batches import decode_reply, postpone_batch
from motor.memory import LARGE, keep_large_blocks
from motor.strands import current_strand

__all__ = ["begin_to_receive", "next_batch", "received"]

#: How many bytes of a reply are decoded on an event loop's thread at most, in about a millisecond.
MUCH = 32 * 1024

_COMMAND_LOG = logging.getLogger("pymongo.command")


class _Receiving:
    """How a cursor receives its next batch, and what has come of it."""

    __slots__ = ("meanwhile", "postpone", "size")

    def __init__(self, postpone: bool, meanwhile: Callable[[], object] | None) -> None:
        #: Whether the batch may be left undecoded.
        self.postpone: bool = postpone
        #: Called once, when a command has been sent, before the reply is waited for.
        self.meanwhile: Callable[[], object] | None = meanwhile
        #: The size of the last reply in bytes.
        self.size: int | None = None


# No thread's own, because strands share a thread.
_receiving: ContextVar[_Receiving | None] = ContextVar("receiving", default=None)


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
        if not codec_options or _is_raw(codec_options.document_class):
            return decode_whole(reply)
        decode = partial(decode_whole, reply)
        if user_fields:
            receiving = _receiving.get()
            if receiving is not None and receiving.postpone:
                decoded = postpone_batch(reply, codec_options, decode_whole)
                if decoded is not None:
                    return decoded
            decode = partial(decode_reply, reply, codec_options, decode_whole)
        strand = current_strand() if len(reply) > MUCH else None
        return decode() if strand is None else strand.elsewhere(decode)


def _is_raw(document_class: Any) -> bool:
    # Of those, decoding makes none of the objects that take so long.
    return isinstance(document_class, type) and issubclass(document_class, RawBSONDocument)


def begin_to_receive() -> None:
    """Do what was to be done while the server works, now that a command has been sent."""
    receiving = _receiving.get()
    if receiving is not None and receiving.meanwhile is not None:
        meanwhile, receiving.meanwhile = receiving.meanwhile, None
        meanwhile()


def received(reply: _OpMsg) -> _OpMsg:
    """The same reply as one that is decoded in slices; `next_batch` learns its size.

    Uses ``_OpMsg``, which is what a connection's ``receive_message`` returns, and decodes.
    """
    size = len(reply.payload_document)
    receiving = _receiving.get()
    if receiving is not None:
        receiving.size = size
    if size > LARGE:
        keep_large_blocks()
    return _Reply(reply.flags, reply.payload_document)


def next_batch(
    cursor: Any,
    length: int | None,
    *,
    postpone: bool = False,
    meanwhile: Callable[[], object] | None = None,
) -> tuple[list[Any], int | None]:
    """The documents that `cursor` has at hand, at most `length`; if it has none, its next batch's.

    Blocks for one round trip at most. There are none at the cursor's end, and when a tailable
    cursor waited in vain. Also returns the size (in bytes) of the reply; None if there was none, or
    it is unknown: only connections of clients that were made with `client_options` tell.

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
        postpone = postpone and length is None and _may_postpone(cursor)
        receiving = _Receiving(postpone, meanwhile)
        before = _receiving.set(receiving)
        try:
            take(cursor, documents, length)
        finally:
            _receiving.reset(before)
        return documents, receiving.size
    # A cursor of another make, such as mongomock's, has its documents in memory.
    for document in cursor:
        documents.append(document)
        if length is not None and len(documents) == length:
            break
    return documents, None


def _may_postpone(cursor: Any) -> bool:
    if getattr(cursor, "_limit", 0) or _COMMAND_LOG.isEnabledFor(logging.DEBUG):
        return False
    listeners = cursor._collection.database.client._event_listeners
    return listeners is not None and not listeners.enabled_for_commands
