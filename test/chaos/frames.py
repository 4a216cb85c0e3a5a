"""Where messages of MongoDB's wire protocol begin and end in a stream of bytes."""

from __future__ import annotations

import struct

HEADER_BYTES = 16


class Frames:
    """Follows one direction of a connection."""

    def __init__(self) -> None:
        self._left = 0
        self._header = b""

    @property
    def at_start(self) -> bool:
        """Whether the next byte is the first of a message."""
        return not self._left and not self._header

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        position = 0
        while position < len(data):
            if self._left:
                taken = min(self._left, len(data) - position)
                self._left -= taken
                position += taken
                continue
            needed = 4 - len(self._header)
            self._header += data[position : position + needed]
            position += needed
            if len(self._header) == 4:
                (length,) = struct.unpack("<i", self._header)
                self._left = max(0, length - 4)
                self._header = b""
