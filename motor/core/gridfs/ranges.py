"""Read a range of a file, a batch of chunks at a time, and the next batch while one is consumed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NamedTuple

from motor.core.base import bound_queue
from motor.core.gridfs.base import chunks_of
from motor.core.gridfs.stored import FIRST_BATCH
from motor.execution.future import OperationFuture

__all__ = ["COPY_BATCH", "STREAM_BATCH", "RangeReader"]

#: How many bytes are fetched at once for a consumer of pieces, unless one chunk is larger.
STREAM_BATCH = 1024 * 1024

#: How many for a consumer of the whole file. With fewer, the server takes longer; with more, the
#: first bytes come late and take much memory. One reply has 16 MB at most.
COPY_BATCH = 8 * 1024 * 1024


class _Batch(NamedTuple):
    """Bytes of the file that have been asked for, from `start` up to, not including, `end`."""

    start: int
    end: int
    pieces: OperationFuture[list[bytes]]


class RangeReader:
    """An asynchronous iterator over the bytes of a range, in pieces of a chunk at most.

    At most two batches are on their way: the one that the consumer waits for, and the next one,
    which is fetched ahead. In a session of the user's none is fetched ahead, because the user may
    use the session meanwhile.

    - `grid_out`: the file, which is opened at the first step unless it is open
    - `start`, `end`: the range, in bytes, without `end`; None: the end of the file
    - `most`: how many bytes are fetched at once at most, unless one chunk has more
    """

    def __init__(
        self, grid_out: Any, start: int, end: int | None, *, most: int = STREAM_BATCH
    ) -> None:
        self._grid_out = grid_out
        self._stored = grid_out._stored
        self._end = end
        self._most = most
        self._size = min(FIRST_BATCH, most)
        #: Where in the file the next piece begins.
        self.position: int = start
        #: What has come and was not taken yet.
        self._pieces: deque[bytes] = deque()
        #: Where the next batch begins that will be asked for, and the one that is fetched ahead.
        self._start = self._next = start
        self._ahead: _Batch | None = None
        #: Whether a consumer waits for a batch, and whether the iteration was ended.
        self._waiting = False
        self._stopped = False

    def __aiter__(self) -> RangeReader:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            self._pieces.extend(await self._batch())
            if not self._pieces:
                raise StopAsyncIteration
        piece = self._pieces.popleft()
        self.position += len(piece)
        return piece

    async def next_batch(self) -> list[bytes]:
        """The pieces of the next batch; none at the end of the range."""
        pieces = [*self._pieces] or await self._batch()
        self._pieces.clear()
        self.position += sum(map(len, pieces))
        return pieces

    async def aclose(self) -> None:
        """End the iteration. Nothing more is read."""
        self.stop()

    def stop(self) -> None:
        """End the iteration, also of a task that waits for the next piece."""
        self._stopped = True
        self._pieces.clear()
        self._forget_ahead()

    async def _batch(self) -> list[bytes]:
        """Wait for the next batch. One that fails, or is given up, can be asked for again."""
        if self._waiting:
            raise RuntimeError("asynchronous iterator is already running")
        if self._stopped:
            return []
        self._waiting = True
        try:
            if self._stored.document is None:
                await self._grid_out.open()
            batch = self._take_ahead() or self._ask()
            if batch is None:
                return []
            if self._queue is None:
                self._ahead = self._ask()
            try:
                pieces = await batch.pieces
            except BaseException:
                self._go_back_to(batch.start)
                raise
            received = batch.start + sum(map(len, pieces))
            if received != batch.end:
                # The rest is damaged: the next batch raises the error.
                self._go_back_to(received)
        finally:
            self._waiting = False
        return [] if self._stopped else pieces

    @property
    def _queue(self) -> Any:
        grid_out = self._grid_out
        return (
            grid_out._queue
            or bound_queue.get()
            or (grid_out._reads if self._stored.serial else None)
        )

    def _ask(self) -> _Batch | None:
        """Start fetching the next batch. None: there is no more in the range."""
        stored, start = self._stored, self._next
        end = stored.length if self._end is None else min(self._end, stored.length)
        if self._stopped or start >= end:
            return None
        size = stored.chunk_size
        # A file without chunks is damaged: reading it raises the error.
        limit = chunks_of(self._size, size) if size > 0 else 1
        self._size = min(self._size * 2, self._most)
        stop = self._next = min(end, (start // size + limit) * size) if size > 0 else end
        is_last_of_several = start > self._start and stop >= end
        read = stored.read_last if is_last_of_several else stored.read
        pieces = self._grid_out._submit_function(read, (start, end, limit), queue=self._queue)
        # If it is never taken, its error is ignored.
        pieces.add_done_callback(_look_at)
        return _Batch(start, stop, pieces)

    def _take_ahead(self) -> _Batch | None:
        """The batch that was fetched ahead, if it can be used."""
        batch, self._ahead = self._ahead, None
        if batch is not None and batch.pieces.get_loop() is not asyncio.get_running_loop():
            # Another loop began it, and may be closed.
            self._next = batch.start
            return None
        return batch

    def _go_back_to(self, position: int) -> None:
        self._forget_ahead()
        self._next = position

    def _forget_ahead(self) -> None:
        batch, self._ahead = self._ahead, None
        if batch is None:
            return
        self._next = batch.start
        if batch.pieces.get_loop() is _running_loop():
            batch.pieces.cancel()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _look_at(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
