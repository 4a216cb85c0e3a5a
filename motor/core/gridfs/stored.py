"""Files that are stored: find and read them. All of it blocks, and is for workers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from gridfs import GridOut
from gridfs.errors import CorruptGridFile, NoFile
from pymongo import ASCENDING, DESCENDING

from motor.core.gridfs.base import chunks_of, collections_of, refuse_transaction
from motor.execution.malloc import LARGE_BLOCK, keep_large_blocks

__all__ = ["FIRST_BATCH", "FileReader", "Readable", "StoredFile", "find_by_id", "find_revision"]

#: How many bytes the first batch of chunks has: few, so that the beginning comes soon.
FIRST_BATCH = 256 * 1024

#: How many bytes a `FileReader` fetches at once for a large read, unless one chunk is larger.
#: One reply has 16 MB at most.
READ_BATCH = 15 * 1024 * 1024

#: How many for small reads.
SMALL_READS_BATCH = 4 * 1024 * 1024


class Readable(Protocol):
    """A file that can be read."""

    #: What is known of the file; None until it is open.
    document: Any
    #: Whether only one thing may be read at a time.
    serial: bool
    #: How many bytes the file has, and each chunk but the last; 0 until it is open.
    length: int
    chunk_size: int

    def open(self) -> Any:
        """Find the file, unless it is open. Returns the GridOut. Raises NoFile."""

    def read(self, start: int, end: int, limit: int) -> list[bytes]:
        """The bytes from `start` to `end` in pieces, or those that `limit` chunks have of them.

        Fewer when a chunk after the first is damaged. Raises CorruptGridFile when the first is.
        """

    def read_last(self, start: int, end: int, limit: int) -> list[bytes]:
        """The last of several batches: like `read`, and the file must still be the same one.

        If a file is deleted and another one is stored with its ``_id``, a reader must not join the
        beginning of one and the end of the other. Raises CorruptGridFile then.
        """


class StoredFile:
    """A file that Motor finds and reads by itself.

    Each batch of chunks is a query of its own, which leaves no cursor on the server: nothing there
    times out while a consumer is slow, and nothing has to be closed.

    - `root`: the Motor collection that the bucket is named after
    - `grid_out`: the GridOut that stands for the file
    """

    serial = False

    def __init__(self, root: Any, file_id: Any, document: Any, session: Any, grid_out: Any) -> None:
        self._root = root
        self._file_id = file_id
        self._session = session
        self._grid_out = grid_out
        self.document: Any = None
        self.length: int = 0
        self.chunk_size: int = 0
        self._count = 0
        if document:
            self._know(document)

    def open(self) -> Any:
        if self.document is None:
            document = find_by_id(self._root, self._file_id, self._session)
            # Made with the document, it never asks the server for the file's fields.
            self._grid_out = GridOut(
                self._root.delegate, file_document=document, session=self._session
            )
            self._know(document)
        return self._grid_out

    def _know(self, document: Any) -> None:
        self._file_id = document.get("_id")
        self.length = int(document.get("length", 0))
        self.chunk_size = int(document.get("chunkSize") or 0)
        if self.length and self.chunk_size > 0:
            self._count = math.ceil(self.length / self.chunk_size)
        # Last: the loop's thread takes it as the sign that everything is known.
        self.document = document

    def read(self, start: int, end: int, limit: int) -> list[bytes]:
        size = self.chunk_size
        if size <= 0:
            raise CorruptGridFile(
                f"file {self._file_id!r} has the chunkSize {self.document.get('chunkSize')!r}: it "
                "must be greater than 0"
            )
        first = start // size
        wanted = min(limit, (end - 1) // size - first + 1)
        pieces = self._find(first, wanted)
        if (first + len(pieces)) * size > end:
            pieces[-1] = pieces[-1][: end - (first + len(pieces) - 1) * size]
        if start % size:
            pieces[0] = pieces[0][start % size :]
        return pieces

    def read_last(self, start: int, end: int, limit: int) -> list[bytes]:
        pieces = self.read(start, end, limit)
        files, _ = collections_of(self._root)
        document = files.find_one({"_id": {"$eq": self._file_id}}, session=self._session)
        # A new file has no document while its chunks are being stored.
        if document is None or _identity(document) != _identity(self.document):
            raise CorruptGridFile(
                f"file {self._file_id!r} was deleted or replaced while it was read"
            )
        return pieces

    def _find(self, first: int, wanted: int) -> list[bytes]:
        refuse_transaction(self._session)
        if wanted * self.chunk_size > LARGE_BLOCK:
            keep_large_blocks()
        # One more than the last, to find superfluous ones. A negative limit: no cursor. Then the
        # server gives 101 documents, unless there is a batch size.
        limit = wanted + (first + wanted == self._count)
        _, chunks = collections_of(self._root)
        cursor = chunks.find(
            {"files_id": {"$eq": self._file_id}, "n": {"$gte": first}},
            projection={"_id": 0, "n": 1, "data": 1},
            sort=[("n", 1)],
            limit=-limit,
            batch_size=limit,
            session=self._session,
        )
        found = list(cursor)
        pieces: list[bytes] = []
        for n, chunk in enumerate(found, first):
            damage = self._damage(n, chunk["n"], chunk["data"])
            if damage is None:
                pieces.append(chunk["data"])
                continue
            if n >= self._count or chunk["n"] < n or not pieces:
                raise damage
            # The next read begins with it, and raises the error.
            break
        if not pieces:
            raise CorruptGridFile(f"no chunk #{first}")
        return pieces[:wanted]

    def _damage(self, n: int, actual: int, data: bytes) -> CorruptGridFile | None:
        """What is wrong with a chunk that was found where number `n` should be."""
        if n >= self._count:
            # The specification lets empty ones pass.
            if data:
                return CorruptGridFile(
                    f"Extra chunk found: expected {self._count} chunks but found chunk with "
                    f"n={actual}"
                )
        elif actual != n:
            return CorruptGridFile(
                f"Missing chunk: expected chunk #{n} but found chunk with n={actual}"
            )
        elif len(data) != (expected := min(self.chunk_size, self.length - n * self.chunk_size)):
            return CorruptGridFile(
                f"truncated chunk #{n}: expected chunk length to be {expected} but found chunk "
                f"with length {len(data)}"
            )
        return None


def _identity(document: Any) -> tuple[Any, Any]:
    return document.get("length"), document.get("uploadDate")


def find_by_id(root: Any, file_id: Any, session: Any) -> Any:
    """The document of a file. Blocks.

    - `root`: the Motor collection that the bucket is named after
    - `session`: PyMongo's session, or None

    Raises NoFile.
    """
    refuse_transaction(session)
    files, _ = collections_of(root)
    document = files.find_one({"_id": {"$eq": file_id}}, session=session)
    if not document:
        raise NoFile(f"no file in gridfs collection {files!r} with _id {file_id!r}")
    return document


def find_revision(
    files: Any, query: Mapping[str, Any], filename: Any, revision: int, session: Any
) -> Any:
    """The document of one of the files that `query` finds. Blocks.

    - `files`: PyMongo's collection of the files' documents
    - `revision`: 0 the first, 1 the second, -1 the newest, -2 the one before

    Raises NoFile, which names `filename`, when there are not so many.
    """
    refuse_transaction(session)
    if revision < 0:
        skip, direction = -revision - 1, DESCENDING
    else:
        skip, direction = revision, ASCENDING
    sort = [("uploadDate", direction)]
    document = files.find_one(query, sort=sort, skip=skip, session=session)
    if document is None:
        raise NoFile(f"no version {revision} for filename {filename!r}")
    return document


class FileReader:
    """Reads a file from a position on, as many bytes or lines as are wanted.

    The rest of a batch waits for the next read. A read that fails does not move the position.
    """

    def __init__(self, stored: Readable, position: int = 0) -> None:
        self._stored = stored
        #: Where in the file the next read begins.
        self.position: int = position
        #: What was fetched and not read yet, and how much of the first piece was read.
        self._pieces: deque[bytes] = deque()
        self._offset = 0
        self._batch = FIRST_BATCH

    def seek(self, position: int) -> None:
        """Go on at another position."""
        if position != self.position:
            self.drop()
            self.position = position

    def drop(self) -> None:
        """Forget what was fetched."""
        self._pieces.clear()
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that remain if `size` is negative."""
        return self._read(size, line=False)

    def readline(self, size: int = -1) -> bytes:
        """The next line, or `size` bytes of it if `size` is not negative."""
        return self._read(size, line=True)

    def readlines(self, size: int | None = -1) -> list[bytes]:
        """All lines that remain, or as many as have more than `size` bytes, if that is positive."""
        lines: list[bytes] = []
        total = 0
        while line := self.readline():
            lines.append(line)
            total += len(line)
            if size is not None and 0 < size < total:
                break
        return lines

    def readchunk(self) -> bytes:
        """The rest of the chunk that the position is in."""
        self._stored.open()
        if self.position >= self._stored.length:
            return b""
        size = self._stored.chunk_size
        left = size - self.position % size if size > 0 else -1
        return self.read(left)

    def _read(self, size: int, *, line: bool) -> bytes:
        self._stored.open()
        start, end = self.position, self._stored.length
        if size >= 0:
            end = min(end, start + size)
        pieces: list[bytes] = []
        try:
            while self.position < end:
                piece = self._take(end, line)
                pieces.append(piece)
                if line and piece.endswith(b"\n"):
                    break
        except BaseException:
            self.seek(start)
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, end: int, line: bool) -> bytes:
        """The next bytes that are in one piece, up to `end`, or to the end of a line."""
        if not self._pieces:
            self._fetch(end)
        piece, begin = self._pieces[0], self._offset
        stop = min(len(piece), begin + end - self.position)
        if line and (newline := piece.find(b"\n", begin, stop)) >= 0:
            stop = newline + 1
        self.position += stop - begin
        if stop == len(piece):
            self._pieces.popleft()
            self._offset = 0
        else:
            self._offset = stop
        return piece[begin:stop]

    def _fetch(self, end: int) -> None:
        """Fetch a batch: what is wanted up to `end`, or more than that for a small read."""
        stored = self._stored
        size = min(max(self._batch, end - self.position), READ_BATCH)
        self._batch = min(self._batch * 2, SMALL_READS_BATCH)
        limit = chunks_of(size, stored.chunk_size) if stored.chunk_size > 0 else 1
        self._pieces.extend(stored.read(self.position, stored.length, limit))
