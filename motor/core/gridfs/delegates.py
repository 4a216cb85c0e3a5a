"""Files for which the user, or a method of PyMongo, has made the GridIn or GridOut.

Motor stores and reads its own files itself. Of these files it knows neither the document nor the
session, so it stores and reads them with their own public methods.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gridfs.errors import CorruptGridFile

from motor.core.gridfs.writing import Submit
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = ["DelegateFile", "DelegateUpload"]


class PublicFields:
    """The fields of a file that PyMongo's GridIn or GridOut holds, one by one.

    It stands for the file's document, because PyMongo has no public way to get that. A GridOut must
    be open: asking it for a field opens it.
    """

    def __init__(self, grid_file: Any) -> None:
        self._grid_file = grid_file

    def get(self, field: str, default: Any = None) -> Any:
        """The field's value, or `default`."""
        is_private = field.startswith("_") and field != "_id"
        return default if is_private else getattr(self._grid_file, field, default)


class DelegateFile:
    """A file of PyMongo's. Its GridOut finds and reads it, because only that knows its session."""

    serial = True

    def __init__(self, grid_out: Any, *, opened: bool = False) -> None:
        self._grid_out = grid_out
        self.document: PublicFields | None = None
        self.length: int = 0
        self.chunk_size: int = 0
        if opened:
            self.open()

    def open(self) -> Any:
        if self.document is None:
            self._grid_out.open()
            self.length = int(self._grid_out.length)
            self.chunk_size = int(self._grid_out.chunk_size or 0)
            self.document = PublicFields(self._grid_out)
        return self._grid_out

    def read(self, start: int, end: int, limit: int) -> list[bytes]:
        self._grid_out.seek(start)
        pieces: list[bytes] = []
        while start < end and len(pieces) < limit:
            try:
                piece = self._grid_out.readchunk()
            except CorruptGridFile:
                if pieces:
                    break
                raise
            pieces.append(piece[: end - start])
            start += len(piece)
        return pieces

    # The GridOut does not say whether the file is still the same one.
    read_last = read


class DelegateUpload:
    """A new file of PyMongo's. Only its GridIn knows its document and session, and so stores it.

    It has the interface of an `Upload`.

    - `grid_in`: the GridIn, which the user, or a method of PyMongo's, has made
    """

    def __init__(self, grid_in: Any, submit: Submit, queue: SerialQueue | None) -> None:
        self._grid_in = grid_in
        self._submit = submit
        self._queue = queue or SerialQueue()
        self.document: PublicFields = PublicFields(grid_in)
        self.chunk_size: int = int(grid_in.chunk_size)
        self.batch_bytes: int = self.chunk_size
        #: Always None: each call raises its own error.
        self.error: None = None

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return bool(self._grid_in.closed)

    def add(self, data: bytes) -> OperationFuture[None]:
        """Write the next bytes. Returns a future of None."""
        return self._submit(self._grid_in.write, (data,), queue=self._queue)

    def set(self, field: str, value: Any) -> None:
        """Set a field of the document. Blocks only if the file is closed: it goes to the server."""
        self._grid_in.set(field, value)

    async def close(self) -> None:
        """Store what remains, and the file's document."""
        await asyncio.shield(self._submit(self._grid_in.close, queue=self._queue))

    async def abort(self) -> None:
        """Delete what was stored, as PyMongo does: everything with the file's ``_id``."""
        await self._submit(self._grid_in.abort, queue=self._queue)

    async def give_up(self, *error: Any) -> None:
        """End after an exception in a block, as PyMongo does it: what was stored stays.

        Deleting it would delete everything with the file's ``_id``.
        """
        await self._submit(self._grid_in.__exit__, error, queue=self._queue)
