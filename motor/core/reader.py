"""Reads a PyMongo cursor, a batch at a time, into a buffer that the loop empties.

Workers do that, and strands where the first batch is concerned.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from motor import pymongo_internals
from motor.batches import Undecoded
from motor.core.document_buffer import DocumentBuffer
from motor.core.read import Read
from motor.executor import AGAIN
from motor.serial_queue import SerialQueue
from motor.strands import ENDS, current_strand

__all__ = ["Reader"]

#: The largest batch (in bytes of BSON) after which another is read ahead of being asked for. With
#: larger ones there is little to gain, and two at a time take much memory.
READ_AHEAD_LIMIT = 4 * 1024 * 1024


class Reader(DocumentBuffer):
    """One PyMongo cursor and the documents that have come from it and wait to be consumed.

    `run`, `read_ahead` and `close_delegate` block, and are for workers; they follow one another in
    `queue`. `run` runs `open`, `fill` or `take`, and `begin` is the same for a strand. The rest
    never blocks.

    - `start`: sends the command and returns the cursor. Not called before the first read
    - `queue`: where the reads wait for one another. None: a queue of the reader's own
    - `convert`: makes of each document what the consumer gets. None: it gets the documents
    """

    def __init__(
        self,
        delegate: Any = None,
        *,
        start: Callable[[], Any] | None = None,
        queue: SerialQueue | None = None,
        convert: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.delegate: Any = delegate
        self.convert: Callable[[Any], Any] | None = convert
        self.queue: SerialQueue = queue or SerialQueue()
        #: Whether the cursor has been sent anything: options cannot be changed any more.
        self.started: bool = False
        #: Whether nothing more may be read: closed by the user, or never opened for an error.
        self.closed: bool = False
        #: The reads whose documents, or error, are on their way to the loop.
        self.unclaimed: list[Read] = []
        self._unclaimed_lock = threading.Lock()
        #: The error of a read that was cancelled, or ahead, for the next one to raise.
        self._error: BaseException | None = None
        self._shut = False
        self._start = start
        self._reading = False
        #: Whether the next batch is being read before anybody has asked for it.
        self.ahead: bool = False
        #: What the last `read_on` was asked with, until it has ended.
        self.going_on: Callable[[], bool] | None = None
        self._batches = 0
        #: How many documents the last batch had; None if it was left undecoded.
        self._batch_size: int | None = 0
        self._reply_size: int | None = None

    @property
    def alive(self) -> bool:
        """Whether there is, or may yet be, another document."""
        if self.buffer or self.undecoded or self._error is not None:
            return True
        if self.closed:
            return False
        if self.delegate is None or self.delegate.alive:
            return True
        # Asked in this order because PyMongo's cursor dies while its last batch is being read.
        return self._reading or bool(self.buffer or self.undecoded or self.unclaimed)

    def run(self, read: Read, function: Callable[..., Any], *args: Any) -> Any:
        """Read by way of `function`, and keep what it brings until somebody has it."""
        self.settle()
        self._reading = True
        try:
            if self._error is not None and not self.buffer and not self.undecoded:
                error, self._error = self._error, None
                raise error
            result = function(*args)
            if isinstance(result, list) and result:
                read.documents = result
                self._keep(read)
            return result
        except ENDS:
            # It begins anew, or nobody can wait for it.
            raise
        except BaseException as error:
            read.error = error
            self._keep(read)
            raise
        finally:
            self._reading = False

    def begin(self, read: Read, function: Callable[..., Any], *args: Any) -> Any:
        """`run` the first read, in a strand as far as its first batch will do.

        Returns `AGAIN` there when more than that is wanted, which is for a worker.
        """
        if current_strand() is None:
            return self.run(read, function, *args)
        return self.run(read, self._begin, function, *args)

    def _begin(self, function: Callable[..., Any], *args: Any) -> Any:
        if self.delegate is None:
            self.open()
            if self._has_more() and function != self.open:
                return AGAIN
        elif function == self.take:
            wanted = args[0]
            self.fill()
            if self._has_more() and (wanted is None or len(self.buffer) < wanted):
                return AGAIN
        return function(*args)

    def _has_more(self) -> bool:
        return self.delegate is not None and bool(self.delegate.alive)

    def _keep(self, read: Read) -> None:
        with self._unclaimed_lock:
            self.unclaimed.append(read)

    def settle(self) -> None:
        """Forget what was claimed, and let the next read have what cancelled ones have brought."""
        if not self.unclaimed:
            return
        with self._unclaimed_lock:
            # The newest first, so that the oldest documents get to the front.
            for read in reversed([read for read in self.unclaimed if read.over]):
                self.unclaimed.remove(read)
                if read.abandoned and not self._shut:
                    self._put_back(read.documents)
                    self._error = read.error or self._error
                # The error's traceback leads back here: they would keep each other alive.
                read.error = read.future = None

    def open(self) -> None:
        """Send the command, unless it has been sent."""
        self.started = True
        if self.delegate is not None or self.closed or self._start is None:
            return
        # Forgotten at once because it leads back to the Motor cursor: together with this reader the
        # two would outlive their last user until the garbage collector came.
        start, self._start = self._start, None
        try:
            self.delegate = start()
        except ENDS:
            self._start = start
            raise
        except BaseException:
            self.closed = True
            raise
        if self.closed:
            # Closed by another task in the meantime.
            self.delegate.close()

    def fill(self, postpone: bool = False) -> int:
        """Read the next batch unless there are documents at hand. Returns how many there are.

        - `postpone`: whether they may be left undecoded. They count as one then
        """
        self.open()
        if not self.buffer and not self.undecoded and not self.closed:
            self._receive(postpone)
        if not postpone and not self.buffer:
            self._decode_here()
        return len(self.buffer) or len(self.undecoded)

    def take(self, length: int | None, cancelled: Callable[[], bool]) -> list[Any]:
        """The next `length` documents, or all; fewer at the end, or once `cancelled` says so."""
        documents: list[Any] = []
        if length == 0:
            # The query is sent, and its documents wait for the next call.
            self.fill()
            return documents
        try:
            self.open()
            if length is None:
                self._take_all(documents, cancelled)
                return documents
            while len(documents) < length:
                if not self.buffer:
                    self._decode_here()
                wanted = length - len(documents)
                more = self.pop(wanted) if self.buffer else self._read(wanted)
                documents += more
                if not more or cancelled() or self.closed:
                    break
        except BaseException:
            # What came before the error is not lost: it is still to be had, one at a time.
            self._put_back(documents)
            raise
        return documents

    def _take_all(self, documents: list[Any], cancelled: Callable[[], bool]) -> None:
        """Add all documents to `documents`. Decodes each batch while the server makes the next."""
        pending: deque[Undecoded] = deque()
        failures: list[BaseException] = []

        def decode() -> None:
            try:
                while pending and not failures:
                    more = pending[0].rest()
                    self.count(len(more))
                    pending.popleft()
                    documents.extend(more)
            except BaseException as error:
                failures.append(error)

        came = True
        while came:
            documents += self.pop(None)
            pending += self.undecoded
            self.undecoded.clear()
            try:
                if cancelled() or self.closed:
                    return
                came = self._receive(True, decode)
                decode()
            finally:
                if failures:
                    # It comes first, whatever became of the next batch. Nothing follows it.
                    self._give_up()
                    raise failures.pop()
                if not self.closed:
                    self.undecoded.extendleft(reversed(pending))

    def _decode_here(self) -> None:
        try:
            self.decode()
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Let nothing follow a batch that cannot be decoded, as PyMongo does."""
        self.undecoded.clear()
        self.buffer.clear()
        self.delegate.close()

    @property
    def retrieved(self) -> int:
        """How many documents have come."""
        with contextlib.suppress(Exception):
            # Whoever wants the documents will have the error.
            while self.undecoded:
                self.decode()
        return int(self.delegate.retrieved) + self.uncounted

    def may_read_ahead(self, wanted: int) -> bool:
        """Whether it is time to read the next batch, before anybody asks for it.

        Not after the first, which may be all that is wanted; and one batch ahead at most.

        - `wanted`: how many of the documents at hand are about to be taken
        """
        return (
            self._batches > 1
            and self._newest_is_begun(wanted)
            and self.batches_are_small
            and not self.closed
            and self._error is None
            and bool(self.delegate.alive)
        )

    @property
    def batches_are_small(self) -> bool:
        """Whether the last batch was no larger than those that are read ahead."""
        return self._reply_size is not None and self._reply_size <= READ_AHEAD_LIMIT

    def _newest_is_begun(self, wanted: int) -> bool:
        """Whether something of the newest batch has been consumed, or is about to be."""
        if self.undecoded:
            # A copy, because another thread may be taking one away.
            untouched = sum(not batch.started for batch in tuple(self.undecoded))
            return untouched <= (wanted > 0 and not self.buffer)
        return self._batch_size is None or len(self.buffer) - wanted < self._batch_size

    def read_on(self, wanted: Callable[[], bool]) -> None:
        """Read ahead right after the last batch, if that is good, without waiting for the loop.

        - `wanted`: whether anybody takes what that batch has brought
        """
        try:
            if wanted() and self.may_read_ahead(1):
                self.read_ahead()
        finally:
            if self.going_on is wanted:
                self.going_on = None

    def read_ahead(self) -> None:
        """Read the next batch and keep it, or the error, for whoever asks next."""
        self.ahead = self._reading = True
        try:
            self._receive(True)
        except BaseException as error:
            self._error = error
        finally:
            self._reading = False
            self.ahead = False

    def _put_back(self, documents: list[Any]) -> None:
        """Let documents that nobody took be the next ones again."""
        if not self.closed:
            self.buffer.extendleft(reversed(documents))

    def _receive(self, postpone: bool, meanwhile: Callable[[], object] | None = None) -> bool:
        """Read the next batch. Returns whether there was anything in it."""
        postpone = postpone and self.convert is None
        documents = self._read(None, postpone=postpone, meanwhile=meanwhile)
        if postpone and documents and isinstance(documents[0], Undecoded):
            self.undecoded.extend(documents)
        else:
            self.buffer.extend(documents)
        return bool(documents)

    def _read(
        self,
        length: int | None,
        *,
        postpone: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Any]:
        if self._error is not None:
            # Here is its place: all that came before it has been taken.
            error, self._error = self._error, None
            raise error
        if self.delegate is None or not self.delegate.alive:
            return []
        try:
            documents, size = pymongo_internals.next_batch(
                self.delegate, length, postpone=postpone, meanwhile=meanwhile
            )
        except ENDS:
            # PyMongo has closed it, and nothing has come from it.
            self.delegate = pymongo_internals.rewound(self.delegate)
            raise
        except BaseException:
            if self.closed:
                return []
            raise
        if size is not None:
            self._batches += 1
            undecoded = bool(documents) and isinstance(documents[0], Undecoded)
            self._batch_size = None if undecoded else len(documents)
            self._reply_size = size
        if self.closed:
            # Closed while the batch was on its way: PyMongo may have opened a new one.
            self.delegate.close()
            return []
        return documents if self.convert is None else list(map(self.convert, documents))

    def shut(self) -> bool:
        """Let nothing more be read. Returns whether the cursor itself must be closed, too."""
        already, self.closed = self.closed, True
        self.buffer.clear()
        self.undecoded.clear()
        with self._unclaimed_lock:
            self._shut = True
            self._error = None
            self.unclaimed.clear()
        return not already and self.delegate is not None and self.delegate.alive

    def close_delegate(self) -> None:
        """Close the cursor on the server."""
        if self.delegate is not None:
            self.delegate.close()
