"""Decodes the batch in a server's reply slice by slice, so that other threads get their turn.

The C code that decodes BSON holds the interpreter lock from the first document to the last: a
quarter of a second for the largest batch of small documents, for which the event loop stands still.
Between two slices Python lets the loop's thread have the lock if it wants it.

The documents, and the errors, are those that decoding the reply in one piece gives.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple

from bson import decode
from bson.codec_options import CodecOptions, TypeRegistry

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

#: How a document ends and the next element of an array begins; and how many bytes are searched for
#: it. In large documents it is not found, but of those there are few, and walking is quick.
_BOUNDARY, WINDOW = re.compile(rb"\0\x03([1-9][0-9]*)\0"), 1024

#: How many bytes an element of an array has at least.
_SHORTEST = 8

_NO_TYPES = TypeRegistry()
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
    try:
        documents = _decode_batch(view, batch, codec_options)
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


def _decode_batch(view: memoryview, batch: _Batch, codec_options: CodecOptions[Any]) -> list[Any]:
    """The documents of a batch. Raises an exception if anything is wrong with it."""
    documents: list[Any] = []
    start, last = batch.start + 4, batch.end - 1
    # What the user's own functions make values of, they shall make them of once only.
    probing = codec_options.type_registry == _NO_TYPES
    size = SLICE
    while start < last:
        first = len(documents)
        decoded = None
        if last - start <= size + size // 4:
            end = last
            decoded = _decode_slice(view[start:last], codec_options)
        elif probing and (found := _probe(view, start, size, last, first)) is not None:
            end, index = found
            decoded = _try_slice(view[start:end], index - first, codec_options)
        if decoded is None:
            end, index, head = _walk(view, start, last, first)
            if index - first == 1:
                decoded = [decode(view[start + head : end], codec_options)]
            else:
                decoded = _decode_slice(view[start:end], codec_options)
        documents += decoded
        size = min(LONG_SLICE, max(SLICE, (end - start) * DOCUMENTS // len(decoded)))
        start = end
    return documents


def _probe(
    view: memoryview, start: int, size: int, last: int, first: int
) -> tuple[int, int] | None:
    """A place not far from `start` + `size` where another element may begin, and its index.

    - `first`: the index of the element that begins at `start`

    Whether it is one can be told only by decoding what comes before: a document may have an array
    of documents in it, or anything else that looks like the end of one and the beginning of the
    next. To walk from document to document would take half as long as to decode them.
    """
    begin = start + size
    window = bytes(view[begin : min(begin + WINDOW, last)])
    for candidate in _BOUNDARY.finditer(window):
        end = begin + candidate.start() + 1
        index = int(candidate[1])
        if first < index <= first + (end - start) // _SHORTEST:
            return end, index
    return None


def _walk(view: memoryview, start: int, last: int, index: int) -> tuple[int, int, int]:
    """Where a slice that begins at `start` ends, going from document to document.

    Returns that place, the index of the element that begins there, and how many bytes an element
    at `start` has before its document. `index` is that element's.

    An element is a byte for its type, its index as text and a zero, and a document, which begins
    with its length.
    """
    length_at = _INT32.unpack_from
    first, first_head = index, len(str(index)) + 2
    position, head, longer = start, first_head, 10 ** (first_head - 2)
    while True:
        length = length_at(view, position + head)[0]
        if length < 5:
            raise _Irregular
        position += head + length
        index += 1
        if index == longer:
            longer, head = 10 * longer, head + 1
        if position >= last:
            if position > last:
                raise _Irregular
            break
        size = position - start
        if size >= SLICE and (index - first >= DOCUMENTS or size >= LONG_SLICE):
            if bytes(view[position : position + head]) != b"\x03%d\0" % index:
                raise _Irregular
            break
    return position, index, first_head


def _try_slice(
    elements: memoryview, count: int, codec_options: CodecOptions[Any]
) -> list[Any] | None:
    """The documents of a part of an array; None unless it is `count` whole elements."""
    try:
        documents = _decode_slice(elements, codec_options)
    except Exception:
        return None
    return documents if len(documents) == count else None


def _decode_slice(elements: memoryview, codec_options: CodecOptions[Any]) -> list[Any]:
    """The documents of a part of an array: that of a document with nothing but this array in it."""
    size = len(elements)
    document = b"".join(
        (_INT32.pack(size + 12), b"\x04\0", _INT32.pack(size + 5), elements, b"\0\0")
    )
    decoded: list[Any] = decode(document, codec_options)[""]
    return decoded
