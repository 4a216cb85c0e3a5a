"""Decodes an array of documents slice by slice, so that other threads can run in between.

The C code that decodes BSON holds the interpreter lock from the first document to the last: a
quarter of a second for the largest batch of small documents, for which the event loop stands still.
Between two slices, the loop's thread can take the lock.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from bson import decode
from bson.codec_options import CodecOptions, TypeRegistry

__all__ = ["NO_TYPES", "Slices"]

#: The least bytes of documents, and the least documents, that are decoded at once: with fewer,
#: slicing takes more time than decoding. Together they take a millisecond at most.
SLICE, DOCUMENTS = 16 * 1024, 64

#: How many bytes make a slice of fewer documents. One of a single document is not copied.
LONG_SLICE = 4 * SLICE

#: How a document ends and the next element of an array begins; and how many bytes are searched for
#: it. In large documents it is not found, but of those there are few, and walking is quick.
_BOUNDARY, WINDOW = re.compile(rb"\0\x03([1-9][0-9]*)\0"), 1024

#: How many bytes an element of an array has at least.
_SHORTEST = 8

#: The registry of options that have none of the user's types.
NO_TYPES = TypeRegistry()

_INT32 = struct.Struct("<i")


class _Irregular(Exception):
    """The array is not what a server sends."""


class Slices:
    """Goes through an array of documents from slice to slice.

    - `view`: has the array in it, from `start` to before `end`
    - `codec_options`: how its documents are to be decoded
    """

    __slots__ = ("_codec_options", "_last", "_probing", "_size", "_start", "_view", "index")

    def __init__(
        self, view: memoryview, start: int, end: int, codec_options: CodecOptions[Any]
    ) -> None:
        self._view = view
        self._codec_options = codec_options
        # The user's own functions must see each value only once.
        self._probing = codec_options.type_registry == NO_TYPES
        self._start, self._last = start + 4, end - 1
        self._size = SLICE
        #: How many documents have been given.
        self.index: int = 0

    @property
    def over(self) -> bool:
        return self._start >= self._last

    def next(self) -> list[Any]:
        """The documents of the next slice. Raises if anything is wrong with it; then it is next."""
        view, start, last, size = self._view, self._start, self._last, self._size
        first = self.index
        documents = None
        if last - start <= size + size // 4:
            end = last
            documents = _decode_slice(view[start:last], self._codec_options)
        elif self._probing and (found := _probe(view, start, size, last, first)) is not None:
            end, index = found
            documents = _try_slice(view[start:end], index - first, self._codec_options)
        if documents is None:
            end, index, head = _walk(view, start, last, first)
            if index - first == 1:
                documents = [decode(view[start + head : end], self._codec_options)]
            else:
                documents = _decode_slice(view[start:end], self._codec_options)
        self.index += len(documents)
        self._start = end
        self._size = min(LONG_SLICE, max(SLICE, (end - start) * DOCUMENTS // len(documents)))
        return documents


def _probe(
    view: memoryview, start: int, size: int, last: int, first: int
) -> tuple[int, int] | None:
    """A place not far from `start` + `size` where another element may begin, and its index.

    - `first`: the index of the element that begins at `start`

    Only decoding the bytes before it proves that it is one: a document may contain an array of
    documents, or other bytes that look like the end of one and the beginning of the next. Walking
    from document to document takes half as long as decoding them.
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
