"""Connections whose replies are decoded in slices, or left undecoded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.message import _OpMsg

from motor.accelerators.batches.undecoded import (
    UNDECODED_FROM,
    decode_in_slices,
    leave_undecoded,
)
from motor.execution.malloc import LARGE_BLOCK, keep_large_blocks

__all__ = ["Fetching", "connection_class", "current"]


class Fetching:
    """How a cursor receives its next batch, and the result."""

    __slots__ = ("may_leave", "meanwhile", "size")

    def __init__(self, may_leave: bool, meanwhile: Callable[[], object] | None) -> None:
        #: Whether the batch may be left undecoded.
        self.may_leave: bool = may_leave
        #: Called once, when the command has been sent, before the reply is waited for.
        self.meanwhile: Callable[[], object] | None = meanwhile
        #: The size of the reply in bytes.
        self.size: int | None = None

    def sent(self) -> None:
        """Know that the command has been sent."""
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()


#: What this code fetches.
current: ContextVar[Fetching | None] = ContextVar("motor_fetching", default=None)


@functools.cache
def connection_class(base: Any) -> type[Any]:
    """A subclass of PyMongo's class of connections, with the same attributes."""

    class SlicingConnection(base):  # type: ignore[misc]
        def receive_message(self, *args: Any, **kwargs: Any) -> Any:
            fetching = current.get()
            if fetching is not None:
                fetching.sent()
            reply = super().receive_message(*args, **kwargs)
            size = len(reply.payload_document)
            if fetching is not None:
                fetching.size = size
            if size < UNDECODED_FROM:
                return reply
            if size > LARGE_BLOCK:
                keep_large_blocks()
            return _Reply(reply.flags, reply.payload_document)

    return SlicingConnection


class _Reply(_OpMsg):
    """A reply whose documents are decoded in slices."""

    def unpack_response(
        self,
        cursor_id: int | None = None,
        codec_options: Any = None,
        user_fields: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> list[Any]:
        def decode_whole(payload: Any) -> list[Any]:
            return _OpMsg(self.flags, payload).unpack_response(
                cursor_id, codec_options, user_fields, *args, **kwargs
            )

        reply = self.payload_document
        if not (codec_options and user_fields) or _is_raw(codec_options.document_class):
            return decode_whole(reply)
        fetching = current.get()
        if fetching is not None and fetching.may_leave:
            decoded = leave_undecoded(reply, codec_options, decode_whole)
            if decoded is not None:
                return decoded
        return decode_in_slices(reply, codec_options, decode_whole)


def _is_raw(document_class: Any) -> bool:
    # Decoding those makes no documents, which is what takes time.
    return isinstance(document_class, type) and issubclass(document_class, RawBSONDocument)
