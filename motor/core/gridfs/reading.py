"""Read a range of a file, a batch of chunks at a time, and the next batch while one is consumed."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gridfs.errors import CorruptGridFile

from motor import pymongo_internals
from motor.core.base import bound_queue
from motor.core.gridfs.base import refuse_transaction
from motor.operation import OperationFuture
from motor.serial_queue import SerialQueue

if TYPE_CHECKING:
    from motor.core.gridfs.grid_out import AgnosticGridOut

__all__ = ["RangeReader"]

#: How many bytes a batch has, unless one chunk has more. A batch is one reply of the server, which
#: has 16 MB at most.
BATCH_BYTES = 1024 * 1024

#: How many bytes the first batch has: who asks for a range wants its beginning soon.
FIRST_BATCH_BYTES = 256 * 1024

#: How many chunks a batch has at most, however small they are.
BATCH_CHUNKS = 1000


class Chunks:
    """The chunks of one file. Blocks: for workers.

    Each batch is a query of its own, which leaves no cursor behind on the server: nothing there
    times out while a consumer takes its time, and nothing has to be closed.
    """

    def __init__(self, grid_out: Any) -> None:
        document = pymongo_internals.file_document(grid_out)
        assert document is not None
        self._files, self._chunks = pymongo_internals.gridfs_collections(grid_out)
        self._session = pymongo_internals.gridfs_session(grid_out)
        self._file_id = document["_id"]
        self._stored = _identity(document)
        self.length: int = int(document.get("length", 0))
        self.chunk_size: int = int(document.get("chunkSize") or 0)
        if self.chunk_size <= 0 < self.length:
            raise CorruptGridFile(
                f"file {self._file_id!r} has the chunkSize {document.get('chunkSize')!r}: it must "
                "be greater than 0"
            )
        self.count: int = math.ceil(self.length / self.chunk_size) if self.length else 0

    def read(self, start: int, end: int, limit: int) -> list[bytes]:
        """The bytes from `start` to `end` in pieces, or those that `limit` chunks have of them.

        Raises CorruptGridFile when a chunk is missing, or has not the right size, or there is one
        after the last.
        """
        first = start // self.chunk_size
        wanted = min(limit, (end - 1) // self.chunk_size - first + 1)
        pieces = self._find(first, wanted)
        if (first + wanted) * self.chunk_size > end:
            pieces[-1] = pieces[-1][: end - (first + wanted - 1) * self.chunk_size]
        if start % self.chunk_size:
            pieces[0] = pieces[0][start % self.chunk_size :]
        return pieces

    def read_last(self, start: int, end: int, limit: int) -> list[bytes]:
        """The last of several batches: like `read`, and the file must still be the same one.

        When a file is deleted and another one stored with its ``_id``, a reader must not take the
        beginning of one and the end of the other for a file. Raises CorruptGridFile then.
        """
        pieces = self.read(start, end, limit)
        document = self._files.find_one({"_id": {"$eq": self._file_id}}, session=self._session)
        # While the chunks of the other one are being stored, it has no document yet.
        if document is None or _identity(document) != self._stored:
            raise CorruptGridFile(
                f"file {self._file_id!r} was deleted or replaced while it was read"
            )
        return pieces

    def _find(self, first: int, wanted: int) -> list[bytes]:
        refuse_transaction(self._session)
        # One more after the last, because there should be none. A negative limit: no cursor. The
        # server gives 101 documents in that case, unless it is told how many a batch has.
        limit = wanted + (first + wanted == self.count)
        cursor = self._chunks.find(
            {"files_id": {"$eq": self._file_id}, "n": {"$gte": first}},
            projection={"_id": 0, "n": 1, "data": 1},
            sort=[("n", 1)],
            limit=-limit,
            batch_size=limit,
            session=self._session,
        )
        found = [(chunk["n"], chunk["data"]) for chunk in cursor]
        for n, (actual, data) in enumerate(found, first):
            self._check(n, actual, data)
        if len(found) < wanted:
            raise CorruptGridFile(f"no chunk #{first + len(found)}")
        return [data for _, data in found[:wanted]]

    def _check(self, n: int, actual: int, data: bytes) -> None:
        if n >= self.count:
            # The specification lets empty ones pass.
            if data:
                raise CorruptGridFile(
                    f"Extra chunk found: expected {self.count} chunks but found chunk with "
                    f"n={actual}"
                )
        elif actual != n:
            raise CorruptGridFile(
                f"Missing chunk: expected chunk #{n} but found chunk with n={actual}"
            )
        elif len(data) != (expected := self._expected_length(n)):
            raise CorruptGridFile(
                f"truncated chunk #{n}: expected chunk length to be {expected} but found chunk "
                f"with length {len(data)}"
            )

    def _expected_length(self, n: int) -> int:
        return min(self.chunk_size, self.length - n * self.chunk_size)


def _identity(document: Any) -> tuple[Any, Any]:
    return document.get("length"), document.get("uploadDate")


class RangeReader:
    """An asynchronous iterator over the bytes of a range, in pieces of a chunk at most.

    - `grid_out`: the file, which is opened at the first step unless it is open
    - `start`, `end`: the range, in bytes, without `end`; None: the end of the file
    - `batch_bytes`: how many bytes are read at once, unless one chunk has more
    - `ahead`: how many batches are read ahead, while the consumer has not asked for them yet. With
      an explicit session none ever is: it is the user's to use meanwhile
    """

    def __init__(
        self,
        grid_out: AgnosticGridOut,
        start: int,
        end: int | None,
        *,
        batch_bytes: int = BATCH_BYTES,
        ahead: int = 1,
    ) -> None:
        self._grid_out = grid_out
        self._start = self._next = self._position = start
        self._end = end
        self._batch_bytes = batch_bytes
        self._size = min(FIRST_BATCH_BYTES, batch_bytes)
        self._ahead = ahead
        self._chunks: Chunks | None = None
        #: The batches that are on their way, and those of them that begin to be consumed.
        self._coming: deque[tuple[int, OperationFuture[list[bytes]]]] = deque()
        self._pieces: deque[bytes] = deque()
        self._busy = False
        self._stopped = False

    @property
    def position(self) -> int:
        """Where in the file the next piece begins."""
        return self._position

    def __aiter__(self) -> RangeReader:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            self._pieces.extend(await self._batch())
            if not self._pieces:
                raise StopAsyncIteration
        piece = self._pieces.popleft()
        self._position += len(piece)
        return piece

    async def next_batch(self) -> list[bytes]:
        """The pieces of the next batch; none at the end of the range."""
        pieces = [*self._pieces] or await self._batch()
        self._pieces.clear()
        self._position += sum(map(len, pieces))
        return pieces

    async def aclose(self) -> None:
        """End the iteration. Nothing more is read."""
        self.stop()

    def stop(self) -> None:
        """End the iteration, also of a task that waits for the next piece."""
        self._stopped = True
        self._pieces.clear()
        if not self._busy:
            self._drop()

    async def _batch(self) -> list[bytes]:
        if self._busy:
            raise RuntimeError("asynchronous iterator is already running")
        if self._stopped:
            return []
        self._busy = True
        try:
            if self._chunks is None:
                await self._open()
            if self._coming and self._coming[0][1].get_loop() is not asyncio.get_running_loop():
                # Another loop began it, and may not be there any more.
                self._drop()
            if not self._coming and not self._request():
                return []
            _, future = self._coming[0]
            if self._queue is None:
                while len(self._coming) <= self._ahead and self._request():
                    pass
            try:
                pieces = await future
            except BaseException:
                # What was to follow is of no use; the next step begins where this one did.
                self._drop()
                raise
            self._coming.popleft()
        finally:
            self._busy = False
        if self._stopped:
            self._drop()
            return []
        return pieces

    @property
    def _queue(self) -> SerialQueue | None:
        return self._grid_out._queue or bound_queue.get()

    async def _open(self) -> None:
        await self._grid_out.open()
        self._chunks = Chunks(self._grid_out.delegate)
        length = self._chunks.length
        self._end = length if self._end is None else min(self._end, length)

    def _request(self) -> bool:
        """Start reading the next batch. False: there is none."""
        chunks, start, end = self._chunks, self._next, self._end
        assert chunks is not None
        assert end is not None
        if start >= end:
            return False
        limit = min(max(1, self._size // chunks.chunk_size), BATCH_CHUNKS)
        self._size = min(self._size * 2, self._batch_bytes)
        self._next = min(end, (start // chunks.chunk_size + limit) * chunks.chunk_size)
        is_last_of_several = start > self._start and self._next >= end
        function = chunks.read_last if is_last_of_several else chunks.read
        read: Callable[[], list[bytes]] = partial(function, start, end, limit)
        future = self._grid_out._submit_function(read, queue=self._queue)
        # If nobody comes for it, its error is no news.
        future.add_done_callback(_look_at)
        self._coming.append((start, future))
        return True

    def _drop(self) -> None:
        """Read what was to come again, or never."""
        if self._coming:
            self._next = self._coming[0][0]
        while self._coming:
            _, future = self._coming.pop()
            if future.get_loop() is _running_loop():
                future.cancel()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _look_at(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
