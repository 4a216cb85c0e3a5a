"""Decodes the batch in a server's reply in slices: at once, or as its documents are wanted.

A consumer of one document after the other may also decode them so. They are then still in the
processor's cache when the consumer comes to them, and take little memory until then.

The documents, and the errors, are those that decoding the reply in one piece gives.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple

from bson.codec_options import CodecOptions

from motor.accelerators.batches.slices import NO_TYPES, Slices
from motor.execution.pauses import Pauses

__all__ = ["Undecoded", "decode_in_slices", "leave_undecoded"]

#: How many bytes a reply has at least for slices to be worth while.
SLICED_FROM = 128 * 1024

#: How many bytes a batch has at least to be worth being left undecoded.
UNDECODED_FROM = 4 * 1024

_INT32 = struct.Struct("<i")
_BATCHES = (b"firstBatch", b"nextBatch")
_DOCUMENT, _ARRAY = 0x03, 0x04
#: How long the values of the other types are that stand before a batch, and whether a length of
#: their own comes on top: a string, an object, a boolean, a 32-bit and a 64-bit integer, a double.
_SIZES = {0x02: (4, True), 0x03: (0, True), 0x08: (1, False), 0x10: (4, False), 0x12: (8, False)}
_EMPTY_ARRAY = b"\x05\x00\x00\x00\x00"


class _Place(NamedTuple):
    """Where a reply's batch is: its name, and the array's first byte and the one after its last."""

    name: str
    start: int
    end: int


def decode_in_slices(
    reply: Any,
    codec_options: CodecOptions[Any],
    decode_whole: Callable[[Any], list[Any]],
) -> list[Any]:
    """Decode a server's reply as ``decode_whole(reply)`` does, in slices if it has a large batch.

    - `reply`: bytes, or a memoryview of them
    - `codec_options`: how the batch's documents are to be decoded
    - `decode_whole`: decodes a reply to a list of one document
    """
    view = memoryview(reply)
    place = _find_batch(view) if len(view) > SLICED_FROM else None
    decoded = None if place is None else _decode_rest(view, place, decode_whole)
    if place is None or decoded is None:
        return decode_whole(reply)
    slices = Slices(view, place.start, place.end, codec_options)
    documents: list[Any] = []
    pause = Pauses()
    try:
        while not slices.over:
            documents += slices.next()
            pause()
    except Exception:
        # Decoded whole, a broken reply raises the error that users know.
        return decode_whole(reply)
    decoded[0]["cursor"][place.name] = documents
    return decoded


def leave_undecoded(
    reply: Any,
    codec_options: CodecOptions[Any],
    decode_whole: Callable[[Any], list[Any]],
) -> list[Any] | None:
    """Decode a server's reply, but leave its batch as it is: it has an `Undecoded` for a document.

    Returns None if that gains nothing: the batch has only a few documents, or decoding needs more
    than the C code. The arguments are those of `decode_in_slices`.
    """
    view = memoryview(reply)
    if len(view) < UNDECODED_FROM or not _is_plain(codec_options):
        return None
    place = _find_batch(view)
    if place is None or place.end - place.start < UNDECODED_FROM:
        return None
    decoded = _decode_rest(view, place, decode_whole)
    if decoded is None:
        return None
    decoded[0]["cursor"][place.name] = [Undecoded(view, place, codec_options, decode_whole)]
    return decoded


class Undecoded:
    """A batch that is decoded slice by slice, as its next documents are wanted.

    One of up to 128 kB is decoded in one piece. Used by one thread at a time.
    """

    __slots__ = ("_decode_whole", "_place", "_slices", "_view", "over", "size")

    def __init__(
        self,
        view: memoryview,
        place: _Place,
        codec_options: CodecOptions[Any],
        decode_whole: Callable[[Any], list[Any]],
    ) -> None:
        self._view: memoryview | None = view
        self._place = place
        self._decode_whole = decode_whole
        sliced = len(view) > SLICED_FROM
        self._slices = Slices(view, place.start, place.end, codec_options) if sliced else None
        #: The size of the reply in bytes.
        self.size: int | None = len(view)
        #: Whether all documents have been given.
        self.over: bool = False

    def next(self) -> list[Any]:
        """The next documents. Raises what PyMongo raises for a batch that cannot be decoded."""
        slices = self._slices
        if slices is None:
            documents = self._decode_in_one(0)
        else:
            try:
                documents = slices.next()
                self.over = slices.over
            except Exception:
                documents = self._decode_in_one(slices.index)
        if self.over:
            self._view = self._slices = None
        return documents

    def _decode_in_one(self, start: int) -> list[Any]:
        documents: list[Any] = self._decode_whole(self._view)[0]["cursor"][self._place.name]
        self.over = True
        return documents[start:]


def _is_plain(codec_options: CodecOptions[Any]) -> bool:
    # A class of documents that is written in Python may take much longer.
    return codec_options.document_class is dict and codec_options.type_registry == NO_TYPES


def _find_batch(view: memoryview) -> _Place | None:
    """The batch of a reply that begins as servers' replies to a cursor's commands do."""
    if view[4] != _DOCUMENT or bytes(view[5:12]) != b"cursor\0":
        return None
    position = 16
    while kind := view[position]:
        name = bytes(view[position + 1 : position + 32]).partition(b"\0")[0]
        position += len(name) + 2
        if kind == _ARRAY and name in _BATCHES:
            return _Place(name.decode(), position, position + _INT32.unpack_from(view, position)[0])
        if kind not in _SIZES:
            return None
        size, has_length = _SIZES[kind]
        position += size + (_INT32.unpack_from(view, position)[0] if has_length else 0)
    return None


def _decode_rest(
    view: memoryview, place: _Place, decode_whole: Callable[[Any], list[Any]]
) -> list[Any] | None:
    """The reply, decoded, with an empty batch. None: it cannot be changed."""
    less = place.end - place.start - len(_EMPTY_ARRAY)
    decoded = decode_whole(
        b"".join(
            (
                _INT32.pack(_INT32.unpack_from(view, 0)[0] - less),
                view[4:12],
                _INT32.pack(_INT32.unpack_from(view, 12)[0] - less),
                view[16 : place.start],
                _EMPTY_ARRAY,
                view[place.end :],
            )
        )
    )
    return decoded if isinstance(decoded[0]["cursor"], MutableMapping) else None
