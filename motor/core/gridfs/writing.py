"""Cut what is written to a file into chunks, and insert them, two batches at a time."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Iterator
from typing import Any

from bson import Int64
from gridfs.errors import FileExists
from pymongo import ASCENDING
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WriteError,
)

from motor.core.base import bound_queue
from motor.core.gridfs.base import chunks_of, collections_of, refuse_transaction
from motor.execution.future import OperationFuture
from motor.execution.malloc import LARGE_BLOCK, keep_large_blocks
from motor.execution.serial_queue import SerialQueue

__all__ = ["Submit", "Upload"]

#: How many bytes are inserted at once, unless one chunk has more.
INSERT_BATCH = 2 * 1024 * 1024

#: The server's codes for documents that are there already.
_DUPLICATE_KEY = (11000, 11001, 12582)

#: The indexes of a bucket: of its files, and of its chunks.
_FILES_INDEX = {"filename": ASCENDING, "uploadDate": ASCENDING}
_CHUNKS_INDEX = {"files_id": ASCENDING, "n": ASCENDING}

Submit = Callable[..., OperationFuture[Any]]
Piece = bytes | memoryview


class Upload:
    """A new file: its document, and its chunks.

    Bytes are kept until they make a batch. Batches go to the server by two queues, so that the next
    is on its way while the server stores the last. The first goes alone, because it shows whether
    the file's ``_id`` is taken. Deletes only what it has inserted.

    - `grid_in`: the GridIn that stands for the file, whose fields are kept in step
    - `root`: the Motor collection that the bucket is named after
    - `document`: the fields of the file that are known by now
    - `session`: PyMongo's session, or None
    - `submit`: runs a function on a worker, in a queue
    - `queue`: the session's; None: no session, and queues of its own
    """

    def __init__(
        self,
        grid_in: Any,
        root: Any,
        document: dict[str, Any],
        session: Any,
        submit: Submit,
        queue: SerialQueue | None,
    ) -> None:
        self._grid_in = grid_in
        # Only the primary knows for sure whether there are indexes.
        self._files, self._chunks = collections_of(root, primary=True)
        self.document: dict[str, Any] = document
        self._session = session
        self._submit = submit
        self._queue = queue
        self._own_queues = (SerialQueue(), SerialQueue())
        self._turn = 0
        #: The queues that batches were sent by. A bound session's may have been one of them.
        self._used: list[SerialQueue] = []
        self.chunk_size: int = int(document["chunkSize"])
        self.batch_bytes: int = chunks_of(INSERT_BATCH, self.chunk_size) * self.chunk_size
        self._pieces: list[Piece] = []
        self._pending = 0
        self._length = 0
        #: An error on a worker, which the next call raises.
        self.error: BaseException | None = None
        #: Whether nothing can be written any more: the file is stored, or was aborted.
        self.closed: bool = False
        #: The ids of the first batch, and whether it is known to be there.
        self._first_ids: list[Any] = []
        self._confirmed = False
        #: Whether the file's document may be there, and is this file's.
        self._finished = False
        #: Whether it may still arrive, because it was sent and there was no reply.
        self._in_doubt = False

    # On the loop.

    def add(self, data: bytes) -> OperationFuture[None] | None:
        """Take the next bytes of the file.

        Returns a future to wait for before adding more, when a batch was full; it raises what went
        wrong with the last. None: there is room for more.
        """
        queue: SerialQueue | None = None
        if self._pending + len(data) < self.batch_bytes:
            # Copying a bytes object makes no copy.
            self._keep(bytes(data))
            return None
        view = memoryview(data)
        while self._pending + len(view) >= self.batch_bytes:
            room = self.batch_bytes - self._pending
            self._keep(data if len(view) == room == len(data) else view[:room])
            view = view[room:]
            queue = self._send()
        self._keep(bytes(view))
        return self._submit(self._check, queue=queue)

    def _keep(self, piece: Piece) -> None:
        if len(piece):
            self._pieces.append(piece)
            self._pending += len(piece)
            self._length += len(piece)

    def _take(self) -> tuple[int, list[Piece]]:
        """What has been kept, and the number of its first chunk."""
        pieces, self._pieces = self._pieces, []
        first = (self._length - self._pending) // self.chunk_size
        self._pending = 0
        return first, pieces

    def _send(self) -> SerialQueue:
        """Insert what has been kept. Returns the queue of the batch before."""
        queue = self._queue or bound_queue.get()
        before = queue
        if queue is None or before is None:
            before = self._own_queues[self._turn]
            if self._confirmed:
                self._turn = 1 - self._turn
            queue = self._own_queues[self._turn]
        if queue not in self._used:
            self._used.append(queue)
        if self._pending > LARGE_BLOCK:
            keep_large_blocks()
        self._submit(self._insert, self._take(), queue=queue)
        return before

    async def close(self) -> None:
        """Insert what remains, and the file's document. Raises what went wrong with any of it."""
        await self._drain()
        # Not cancelled once the last bytes are on their way: a second close would lack them.
        finishing = self._submit(self._finish, self._take(), queue=self._last_queue())
        # If nothing waits for it any more, the next call raises its error.
        finishing.add_done_callback(_look_at)
        await asyncio.shield(finishing)

    async def abort(self) -> None:
        """Delete what was inserted."""
        self._take()
        if self.error is None:
            self.error = InvalidOperation("the file was aborted")
        await self._drain()
        await self._submit(self._delete, queue=self._last_queue())

    async def give_up(self, *error: Any) -> None:
        """End after an exception in a block: `abort`."""
        await self.abort()

    def _last_queue(self) -> SerialQueue:
        return self._queue or bound_queue.get() or self._own_queues[0]

    async def _drain(self) -> None:
        """Wait until all sent batches are done, from any event loop."""
        for queue in self._used:
            if queue.busy:
                await self._submit(_nothing, queue=queue)

    # On workers.

    def set(self, field: str, value: Any) -> None:
        """Set a field of the document, on the server too if the file is closed. Else never blocks.

        Without a session, as in PyMongo: the file's session may have ended.
        """
        self.document[field] = value
        self._grid_in.set(field, value)
        if self.closed:
            self._files.update_one({"_id": {"$eq": self.document["_id"]}}, {"$set": {field: value}})

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _insert(self, first: int, pieces: list[Piece]) -> None:
        if self.error is not None:
            return
        try:
            refuse_transaction(self._session)
            if not self._confirmed:
                self._make_indexes()
            file_id = self.document["_id"]
            documents = [
                {"files_id": file_id, "n": n, "data": data}
                for n, data in enumerate(_cut(pieces, self.chunk_size), first)
            ]
            # PyMongo sets the ids before it inserts. It inserts in order, and stops at the first
            # document that exists already.
            try:
                self._chunks.insert_many(documents, session=self._session)
            finally:
                if not self._confirmed:
                    self._first_ids = [each["_id"] for each in documents if "_id" in each]
            self._confirmed = True
        except BulkWriteError as error:
            self.error = self._translate(error)
        except BaseException as error:
            # No caller awaits this call: the next one raises the error.
            self.error = error

    def _make_indexes(self) -> None:
        self._make_index(self._files, _FILES_INDEX, unique=False)
        self._make_index(self._chunks, _CHUNKS_INDEX, unique=True)

    def _make_index(self, collection: Any, index: dict[str, int], *, unique: bool) -> None:
        """Make an index of a collection that is empty, unless it has that index."""
        if collection.find_one(projection={"_id": 1}, session=self._session) is not None:
            return
        try:
            existing = [each["key"] for each in collection.list_indexes(session=self._session)]
        except OperationFailure:
            # The error of servers before 6 for a collection that does not exist.
            existing = []
        if index not in existing:
            collection.create_index(list(index.items()), unique=unique, session=self._session)

    def _translate(self, error: BulkWriteError) -> PyMongoError | FileExists:
        """The error of a single insert, which is what PyMongo's files raise."""
        details = error.details or {}
        write_errors = details.get("writeErrors") or []
        if any(each.get("code") in _DUPLICATE_KEY for each in write_errors):
            return self._exists()
        if write_errors:
            each = write_errors[-1]
            return WriteError(each.get("errmsg", str(error)), each.get("code"), each)
        concern_errors = details.get("writeConcernErrors") or []
        if concern_errors:
            each = concern_errors[-1]
            return WriteConcernError(each.get("errmsg", str(error)), each.get("code"), each)
        return error

    def _exists(self) -> FileExists:
        return FileExists(f"file with _id {self.document['_id']!r} already exists")

    def _finish(self, first: int, pieces: list[Piece]) -> None:
        if self.closed:
            # By a cancelled close.
            return
        if pieces:
            self._insert(first, pieces)
        self._check()
        refuse_transaction(self._session)
        try:
            if not self._confirmed:
                self._make_indexes()
            self.document["length"] = Int64(self._length)
            self.document["uploadDate"] = datetime.datetime.now(tz=datetime.UTC)
            self._finished = True
            self._files.insert_one(self.document, session=self._session)
        except DuplicateKeyError as error:
            self._finished = False
            self.error = self._exists()
            raise self.error from error
        except BaseException as error:
            self.error = error
            self._in_doubt = _says_nothing(error)
            raise
        self.closed = True

    def _delete(self) -> None:
        # No document must be without its chunks. So the document is deleted first, and the chunks
        # stay if it may still arrive: from a server that was stopped, and goes on.
        file_id = {"$eq": self.document["_id"]}
        gone = self._finished and self._files.delete_one({"_id": file_id}, session=self._session)
        if not self._in_doubt or (gone and gone.deleted_count):
            self._delete_chunks(file_id)
        self.closed = True

    def _delete_chunks(self, file_id: Any) -> None:
        if self._confirmed:
            # The first chunk is ours, and so are all others.
            self._chunks.delete_many({"files_id": file_id}, session=self._session)
        elif self._first_ids:
            ours = {"_id": {"$in": self._first_ids}}
            self._chunks.delete_many(ours, session=self._session)


def _cut(pieces: list[Piece], size: int) -> Iterator[bytes]:
    """The bytes of all pieces in chunks of `size`, the last of which may be smaller."""
    if all(len(piece) == size for piece in pieces):
        yield from map(bytes, pieces)
        return
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    for start in range(0, len(whole), size):
        yield bytes(whole[start : start + size])


def _nothing() -> None:
    """Does nothing in its turn."""


def _says_nothing(error: BaseException) -> bool:
    """Whether a write that failed with this error may have happened, or may still happen."""
    if isinstance(error, PyMongoError):
        return isinstance(error, ConnectionFailure) or error.timeout
    return not isinstance(error, Exception)


def _look_at(future: OperationFuture[Any]) -> None:
    if not future.cancelled():
        future.exception()
