"""Reads a PyMongo cursor, a batch at a time, into a buffer that its consumer empties."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.command_cursor import CommandCursor

from motor.core.fetching import Batch, Decoded, Fetch
from motor.core.reads_under_way import ReadsUnderWay
from motor.execution.completions import AtDelivery
from motor.execution.pauses import Pauses
from motor.execution.serial_queue import SerialQueue

__all__ = ["Reader"]

#: The largest batch (in bytes of BSON) after which the next one is fetched ahead. After larger ones
#: there is little to gain, and two at a time take much memory.
READ_AHEAD_LIMIT = 4 * 1024 * 1024


class Reader:
    """One PyMongo cursor, and the documents that have come from it and wait to be consumed.

    The documents or the error of a read are kept here until a consumer takes them. So a cancelled
    read loses nothing: the next read gets it.

    `fill`, `collect`, `read_ahead` and `close_delegate` block, and run on workers, one after the
    other in `queue`. The rest is for the consumer, on its event loop.

    - `fetch`: fetches a batch
    - `start`: sends the command and returns the cursor. Not called before the first read
    - `queue`: where the reads wait for one another. None: a queue of the reader's own
    - `convert`: turns each document into what the consumer gets. None: it gets the documents
    - `reads`: those of the client, to be counted among. None: the client does not care
    """

    def __init__(
        self,
        fetch: Fetch,
        delegate: Any = None,
        *,
        start: Callable[[], Any] | None = None,
        queue: SerialQueue | None = None,
        convert: Callable[[Any], Any] | None = None,
        reads: ReadsUnderWay | None = None,
    ) -> None:
        self.delegate: Any = delegate
        self.fetch: Fetch = fetch
        self.convert: Callable[[Any], Any] | None = convert
        self.queue: SerialQueue = queue or SerialQueue()
        #: Documents at hand, and the batches whose documents come after them.
        self.buffer: deque[Any] = deque()
        self.batches: deque[Batch] = deque()
        #: How many documents each of the lists wants that are being collected.
        self.wanted: list[float] = []
        #: What a read has failed with, after the documents at hand.
        self.error: BaseException | None = None
        #: Whether anything has been asked of the server: options cannot be changed any more.
        self.started: bool = False
        #: Whether nothing more may be read: closed by the user, or never opened for an error.
        self.closed: bool = False
        #: Whether there was a document that cannot be decoded. The cursor is of no more use then.
        self.broken: bool = False
        #: Whether a batch has been asked for before the consumer needs it, and has not come yet.
        self.asked_ahead: bool = False
        #: Where the reads of the client are counted; None: not these, which await data.
        self.reads: ReadsUnderWay | None = reads
        self._start = start
        self._reading = False
        #: How many batches and documents have come, and the size of the last reply in bytes.
        self.fetched: int = 0
        self._received = 0
        self._reply_size: int | None = None
        # Held while a batch is decoded into the buffer, for at most a slice of it, and while more
        # than one document is taken out.
        self._decoding = threading.Lock()

    # For the consumer.

    @property
    def alive(self) -> bool:
        """Whether there is, or may yet be, another document."""
        if self.buffer or self.batches or self.error is not None:
            return True
        if self.closed:
            return False
        if self.delegate is None or self.delegate.alive:
            return True
        # In this order, because PyMongo's cursor ends while its last batch is being read.
        return self._reading or bool(self.buffer or self.batches or self.error is not None)

    def at_hand(self) -> bool:
        """Whether there is a document in the buffer, where some are decoded if it is empty.

        Raises what a read has failed with, where no document is left before it.
        """
        while not self.buffer and self.batches:
            self._decode()
        if self.buffer:
            return True
        if self.error is not None:
            error, self.error = self.error, None
            try:
                raise error
            finally:
                # Its traceback refers to this frame.
                del error
        return False

    def take(self, length: int | None) -> list[Any]:
        """The first `length` documents at hand, or all of them. Raises like `at_hand`."""
        buffer = self.buffer
        # What another read brings meanwhile comes after this, or is among it: it is not cleared.
        with self._decoding:
            if self.error is not None and (length is None or len(buffer) < max(length, 1)):
                # The documents before the error are still to be had one at a time.
                error, self.error = self.error, None
                try:
                    raise error
                finally:
                    del error
            if length is None or length >= len(buffer):
                documents = list(buffer)
                buffer.clear()
                return documents
            return [buffer.popleft() for _ in range(length)]

    @property
    def received(self) -> int:
        """How many documents have come."""
        with self._decoding:
            # Batches that are not decoded do not say how many documents they have.
            for number in range(len(self.batches)):
                if not self._decode_in_place(number):
                    break
            return self._received + sum(
                len(batch.documents) for batch in self.batches.copy() if isinstance(batch, Decoded)
            )

    def _decode_in_place(self, number: int) -> bool:
        """Decode a batch, and leave it where it is. Returns whether all of it can be decoded."""
        batch = self.batches[number]
        if isinstance(batch, Decoded):
            return True
        documents: list[Any] = []
        try:
            while not batch.over:
                documents += batch.next()
        except Exception:
            # The consumer will have the error, after what comes before it.
            self.batches.insert(number, Decoded(documents, batch.size))
            return False
        self.batches[number] = Decoded(documents, batch.size)
        return True

    def may_read_ahead(self, batches: int) -> bool:
        """Whether the next batch may be fetched before the consumer needs it.

        - `batches`: how many batches must have come at least

        At most one batch ahead. Not after the first batch, which may be all that the user wants.
        """
        return not self.asked_ahead and self._may_fetch_ahead(batches)

    def _may_fetch_ahead(self, batches: int) -> bool:
        return (
            self.fetched >= batches
            and len(self.batches) + bool(self.buffer) <= 1
            and self._reply_size is not None
            and self._reply_size <= READ_AHEAD_LIMIT
            and not self.closed
            and self.error is None
        )

    def close(self) -> bool:
        """Let nothing more be read. Returns whether the PyMongo cursor must be closed, too.

        The documents that have come stay.
        """
        already, self.closed = self.closed and not self.broken, True
        self.error = None
        return not already and self.delegate is not None and bool(self.delegate.alive)

    # For workers.

    def open(self) -> None:
        """Send the command, unless it has been sent."""
        self.started = True
        if self.delegate is not None or self.closed or self._start is None:
            return
        # Dropped at once, because it refers to the Motor cursor: cursor and reader would keep each
        # other alive until the garbage collector runs.
        start, self._start = self._start, None
        try:
            self.delegate = start()
        except BaseException:
            self.closed = True
            raise
        if self.closed:
            # Closed by another task in the meantime.
            self.delegate.close()

    def send(self) -> None:
        """See that the command has been sent, or there is an error."""
        self._keeping_errors(self.open)

    def fill(self) -> None:
        """See that there are documents at hand, or an error, or the end."""
        self._keeping_errors(self._fill)

    def fill_buffer(self) -> None:
        """The same, with documents that are decoded."""
        self._keeping_errors(self._fill_buffer)

    def _fill(self) -> None:
        self.open()
        if not self.buffer and not self.batches and self.error is None:
            self._fetch_batch()

    def _fill_buffer(self) -> None:
        self._fill()
        while self.batches and not self.buffer:
            self._decode()

    def collect(self, length: int | None, cancelled: Callable[[], bool]) -> AtDelivery:
        """The next `length` documents, or all; fewer once `cancelled` says so."""
        self._keeping_errors(lambda: self._collect(cancelled))
        # Taken at the very end, so that a cancelled read loses nothing.
        return AtDelivery(partial(self.take, length))

    def _collect(self, cancelled: Callable[[], bool]) -> None:
        # Even where nothing is wanted, the query is sent.
        self._fill()
        more = True
        while more and self.error is None and not cancelled():
            wanted = sum(self.wanted.copy())
            if wanted < math.inf:
                self._decode_until(wanted)
            if len(self.buffer) >= wanted:
                return
            # The batch before is decoded while the server makes the next.
            more = self._fetch_batch(self._decode_quietly)
        self._decode_until(math.inf)

    def _keeping_errors(self, read: Callable[[], object]) -> None:
        self._reading = True
        reads = self.reads
        if reads is not None:
            reads.begin(self.close_delegate)
        try:
            read()
        except BaseException as error:
            # The first error counts. One that comes because the cursor was closed is ignored.
            if self.error is None and (not self.closed or self.broken or self.delegate is None):
                self.error = error
        finally:
            self._reading = False
            if self.broken:
                self.close_delegate()
            if reads is not None:
                reads.end(self.close_delegate)

    def read_ahead(
        self, wanted: Callable[[], bool], sent: Callable[[], object] | None = None
    ) -> None:
        """Fetch the next batch before the consumer needs it.

        - `wanted`: whether there is still a consumer
        - `sent`: called when the command has been sent, if that can be known, and at the end
        """
        if wanted() and self._may_fetch_ahead(batches=2):
            self._keeping_errors(lambda: self._fetch_batch(sent))
        self.asked_ahead = False
        if sent is not None:
            sent()

    def _fetch_batch(self, meanwhile: Callable[[], object] | None = None) -> bool:
        """Fetch the next batch. Returns whether there was any."""
        if self.closed or self.delegate is None or not self.delegate.alive:
            return False
        batch = self.fetch(self.delegate, meanwhile)
        if self.closed:
            # Closed while the batch was on its way: PyMongo may have opened a new one.
            self.delegate.close()
            return False
        if batch is None:
            return False
        self.fetched += 1
        self._reply_size = batch.size
        self.batches.append(batch)
        return True

    def close_delegate(self) -> None:
        """Close the cursor on the server. What has come stays."""
        delegate = self.delegate
        if delegate is None:
            return
        delegate.close()
        # What came with the reply to the command may still be PyMongo's, whose cursor then counts
        # as alive, and sends nothing any more.
        while isinstance(delegate, CommandCursor) and not self.broken and delegate.alive:
            batch = self.fetch(delegate, None)
            if batch is None:
                break
            self.batches.append(batch)

    # For both.

    def _decode(self) -> None:
        """Decode the next documents that have come into the buffer."""
        with self._decoding:
            try:
                batch = self.batches[0]
            except IndexError:
                return
            try:
                documents = batch.next()
            except BaseException:
                # Nothing follows documents that cannot be decoded, as with PyMongo.
                self.broken = self.closed = True
                self.batches.clear()
                raise
            if batch.over:
                self.batches.popleft()
            self._received += len(documents)
            self.buffer.extend(documents if self.convert is None else map(self.convert, documents))

    # For workers.

    def _decode_until(self, enough: float) -> None:
        pause = Pauses()
        while self.batches and len(self.buffer) < enough:
            self._decode()
            pause()

    def _decode_quietly(self) -> None:
        try:
            self._decode_until(math.inf)
        except BaseException as error:
            self.error = error
