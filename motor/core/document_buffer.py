"""Documents that have come from a server and wait to be consumed, decoded or not."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from motor.batches import Undecoded

__all__ = ["DocumentBuffer"]


class DocumentBuffer:
    """The documents of one cursor that have come and wait to be consumed.

    Where nothing speaks against it, whoever receives a batch leaves it undecoded, and its documents
    are decoded when they are wanted, by whoever wants them.
    """

    def __init__(self) -> None:
        self.buffer: deque[Any] = deque()
        #: The batches whose documents come after those in the buffer.
        self.undecoded: deque[Undecoded] = deque()
        #: Whether there are documents that cannot be decoded. The cursor is of no more use then.
        self.broken: bool = False
        #: How many documents PyMongo does not know of, of batches that it left undecoded.
        self.uncounted: int = 0
        self._counting = threading.Lock()

    def decode(self) -> None:
        """Decode the next documents that are at hand, on whichever thread wants them.

        Raises what PyMongo raises for a batch that cannot be decoded. There is no use in reading
        any further then.
        """
        try:
            batch = self.undecoded[0]
        except IndexError:
            return
        try:
            documents = batch.next()
        except BaseException:
            self.broken = True
            raise
        if batch.over and self.undecoded and self.undecoded[0] is batch:
            self.undecoded.popleft()
        self.count(len(documents), batch.over)
        self.buffer.extend(documents)

    @property
    def untouched(self) -> bool:
        """Whether the next document is the first of a batch that has not been decoded."""
        try:
            return not self.buffer and not self.undecoded[0].started
        except IndexError:
            return False

    def pop(self, length: int | None) -> list[Any]:
        """Take the first `length` documents that are decoded, or all of them."""
        count = len(self.buffer) if length is None else min(length, len(self.buffer))
        return [self.buffer.popleft() for _ in range(count)]

    def count(self, documents: int, over: bool = True) -> None:
        """Know that so many of a batch were decoded.

        - `over`: whether that was all of it
        """
        with self._counting:
            # PyMongo has counted the batch for a document.
            self.uncounted += documents - over
