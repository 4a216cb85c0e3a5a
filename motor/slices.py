"""Decodes the batch in a server's reply slice by slice, so that other threads get their turn.

The C code that decodes BSON holds the interpreter lock from the first document to the last: a
quarter of a second for the largest batch of small documents, for which the event loop stands still.
Between two slices Python lets the loop's thread have the lock if it wants it.

The documents, and the errors, are those that decoding the reply in one piece gives.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, NamedTuple

from bson import decode
from bson.codec_options import CodecOptions

__all__ = ["decode_reply"]

#: How many bytes of documents are decoded at once at least, and how many documents: with fewer,
#: slicing takes more time than decoding. Together they are a millisecond's work at most.
SLICE, DOCUMENTS = 16 * 1024, 64

#: How many bytes make a slice of fewer documents. One of a single document is not copied.
LONG_SLICE = 4 * SLICE

#: How many bytes a reply has at least for this to be worth while.
LARGE = 128 * 1024

_INT32 = struct.Struct("<i")
_BATCHES = (b"firstBatch", b"nextBatch")
_DOCUMENT, _ARRAY = 0x03, 0x04
#: How long the values of the other types are that stand before a batch, and whether a length of
#: their own comes on top: a string, an object, a boolean, a 32-bit and a 64-bit integer, a double.
_SIZES = {0x02: (4, True), 0x03: (0, True), 0x08: (1, False), 0x10: (4, False), 0x12: (8, False)}
_EMPTY_ARRAY = b"\x05\x00\x00\x00\x00"


class _Batch(NamedTuple):
    """Where a reply's batch is: its name, and the array's first byte and the one after its last."""

    name: str
    start: int
    end: int


class _Irregular(Exception):
    """The array is not what a server sends."""


def decode_reply(
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
    batch = _find_batch(view) if len(view) > LARGE else None
    if batch is None:
        return decode_whole(reply)
    decoded = decode_whole(_without_batch(view, batch))
    cursor = decoded[0]["cursor"]
    if not isinstance(cursor, MutableMapping):
        return decode_whole(reply)
    documents: list[Any] = []
    try:
        for start, end, head in _slices(view, batch):
            if head:
                documents.append(decode(view[start + head : end], codec_options))
            else:
                documents += _decode_slice(view[start:end], codec_options)
    except Exception:
        # Whatever is wrong with it, the error is the one that users know.
        return decode_whole(reply)
    cursor[batch.name] = documents
    return decoded


def _find_batch(view: memoryview) -> _Batch | None:
    """The batch of a reply that begins as servers' replies to a cursor's commands do."""
    if view[4] != _DOCUMENT or bytes(view[5:12]) != b"cursor\0":
        return None
    position = 16
    while kind := view[position]:
        name = bytes(view[position + 1 : position + 32]).partition(b"\0")[0]
        position += len(name) + 2
        if kind == _ARRAY and name in _BATCHES:
            return _Batch(name.decode(), position, position + _INT32.unpack_from(view, position)[0])
        if kind not in _SIZES:
            return None
        size, has_length = _SIZES[kind]
        position += size + (_INT32.unpack_from(view, position)[0] if has_length else 0)
    return None


def _without_batch(view: memoryview, batch: _Batch) -> bytes:
    """The reply with an empty array in the batch's place."""
    less = batch.end - batch.start - len(_EMPTY_ARRAY)
    return b"".join(
        (
            _INT32.pack(_INT32.unpack_from(view, 0)[0] - less),
            view[4:12],
            _INT32.pack(_INT32.unpack_from(view, 12)[0] - less),
            view[16 : batch.start],
            _EMPTY_ARRAY,
            view[batch.end :],
        )
    )


def _slices(view: memoryview, batch: _Batch) -> Iterator[tuple[int, int, int]]:
    """Where each slice of the array begins and ends, between two of its elements.

    And how many bytes come before the document in it, if it is one only; 0 for several.

    An element is a byte for its type, its index as text and a zero, and a document, which begins
    with its length.
    """
    length_at = _INT32.unpack_from
    start = position = batch.start + 4
    last = batch.end - 1
    index, longer, head, first, first_head = 0, 10, 3, 0, 3
    while position < last:
        length = length_at(view, position + head)[0]
        if length < 5:
            raise _Irregular
        position += head + length
        index += 1
        if index == longer:
            longer, head = 10 * longer, head + 1
        size = position - start
        if (
            size >= SLICE and (index - first >= DOCUMENTS or size >= LONG_SLICE)
        ) or position >= last:
            if position < last and bytes(view[position : position + head]) != b"\x03%d\0" % index:
                raise _Irregular
            yield start, position, first_head if index - first == 1 else 0
            start, first, first_head = position, index, head
    if position != last:
        raise _Irregular


def _decode_slice(elements: memoryview, codec_options: CodecOptions[Any]) -> list[Any]:
    """The documents of a part of an array: that of a document with nothing but this array in it."""
    size = len(elements)
    document = b"".join(
        (_INT32.pack(size + 12), b"\x04\0", _INT32.pack(size + 5), elements, b"\0\0")
    )
    return list(decode(document, codec_options)[""])
