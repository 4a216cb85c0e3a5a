"""The Range field of a request: which bytes of a file it asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re

__all__ = ["MAX_RANGES", "parse_range"]

#: A request for more pieces than this, once neighbours are joined, is answered with the whole file.
MAX_RANGES = 50

#: Ranges with a smaller gap between them are joined: the header of a part would cost more bytes.
_SMALLEST_GAP = 80

#: No stored file is so long that its length has more digits.
_MAX_DIGITS = 18
_FAR_BEYOND = 10**_MAX_DIGITS

_UNIT = re.compile(r"[ \t]*bytes=", re.IGNORECASE)
_SPEC = re.compile(r"[ \t]*(?:([0-9]*)-([0-9]*))?[ \t]*")


def parse_range(text: str, length: int) -> list[range] | None:
    """The bytes of a file of `length` bytes that the Range field `text` asks for.

    - None: the field is to be ignored, and the whole file sent. It is in another unit than bytes,
      does not follow the grammar, asks for absurdly many pieces, or the file is empty.
    - An empty list: nothing of what it asks for is in the file, which calls for status 416.
    - Otherwise ranges of offsets, none empty, none overlapping another, in the order that they were
      asked for.
    """
    unit = _UNIT.match(text)
    if unit is None or length == 0:
        return None
    wanted: list[range] = []
    specs = 0
    for spec in text[unit.end() :].split(","):
        match = _SPEC.fullmatch(spec)
        if match is None:
            return None
        first, last = match.groups()
        if first is None:
            # An empty element of a list, which is none.
            continue
        if not _is_valid(first, last):
            return None
        specs += 1
        piece = _piece(first, last, length)
        if piece:
            wanted.append(piece)
    if not specs:
        return None
    joined = _join(wanted)
    return joined if len(joined) <= MAX_RANGES else None


def _is_valid(first: str, last: str) -> bool:
    if first and last:
        return _number(first) <= _number(last)
    return bool(first or last)


def _number(digits: str) -> int:
    # Python refuses to convert thousands of digits, and so large numbers make no difference.
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MAX_DIGITS else _FAR_BEYOND


def _piece(first: str, last: str, length: int) -> range:
    if not first:
        return range(max(0, length - _number(last)), length)
    if not last:
        return range(_number(first), length)
    return range(_number(first), min(_number(last) + 1, length))


def _join(wanted: list[range]) -> list[range]:
    """Join the ranges that overlap or nearly touch; each takes the place of its first part."""
    joined: list[tuple[int, range]] = []
    for place, piece in sorted(enumerate(wanted), key=lambda item: item[1].start):
        if joined and piece.start < joined[-1][1].stop + _SMALLEST_GAP:
            earlier, before = joined[-1]
            union = range(before.start, max(before.stop, piece.stop))
            joined[-1] = (min(earlier, place), union)
        else:
            joined.append((place, piece))
    return [piece for _, piece in sorted(joined, key=lambda item: item[0])]
