"""Files that are read."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from gridfs import GridOut
from gridfs.asynchronous import AsyncGridOut
from pymongo.collection import Collection
from pymongo.errors import InvalidOperation

from motor.core.arguments import call
from motor.core.async_only import NotIterable
from motor.core.base import bound_queue, unwrap
from motor.core.gridfs.base import MISSING, GridFSObject, queue_of
from motor.core.gridfs.delegates import DelegateFile
from motor.core.gridfs.ranges import RangeReader
from motor.core.gridfs.stored import FileReader, Readable, StoredFile
from motor.core.self_awaiting import SelfAwaiting
from motor.declarations import ReadOnlyProperty, coroutine_annotation
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = ["AgnosticGridOut", "MotorGridOutProperty"]


class MotorGridOutProperty(ReadOnlyProperty):
    """A property that reads a field of the file's document.

    - `field`: the field's name
    - `default`: its value in a document that lacks it
    """

    def __init__(self, field: str, default: Any = None, doc: str | None = None) -> None:
        super().__init__(doc)
        self.field = field
        self.default = default

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        def read(
            self: AgnosticGridOut, field: str = self.field, default: Any = self.default
        ) -> Any:
            return self._field(field, field, default)

        return self._property(cls, attr_name, read)


class Position(SelfAwaiting, int):
    """A position in a file: a number that may be awaited, as PyMongo's async API has it."""

    if not TYPE_CHECKING:
        # As in SelfAwaiting, but a number equals other numbers.
        __eq__ = int.__eq__
        __hash__ = int.__hash__


class AgnosticGridOut(NotIterable, GridFSObject):
    """A file of GridFS, to be read; see :class:`gridfs.grid_file.GridOut`.

    - `root_collection`: the Motor collection that the bucket is named after
    - `file_id`: the ``_id`` of the file
    - `file_document`: its document, if that is at hand
    - `delegate`: a :class:`gridfs.grid_file.GridOut`, in place of these: then the file is read by
      its methods, one call at a time
    - `session`: the session for all of its reads
    - further keywords are those of a newer PyMongo's GridOut

    Raises TypeError if `root_collection` is not a Motor collection of the same framework. Buckets
    give files that are open. Others are opened by the first read, or by :meth:`open`; what is known
    of a file can be asked for when it is open.
    """

    _instead = "'async for', or 'await grid_out.read()'"
    __motor_class_name__ = "MotorGridOut"
    __delegate_class__ = GridOut
    __async_class__ = AsyncGridOut

    _id: Any = MotorGridOutProperty("_id")
    filename: Any = MotorGridOutProperty("filename")
    name: Any = MotorGridOutProperty("filename")
    content_type: Any = MotorGridOutProperty("contentType")
    length: Any = MotorGridOutProperty("length", 0)
    chunk_size: Any = MotorGridOutProperty("chunkSize")
    upload_date: Any = MotorGridOutProperty("uploadDate")
    aliases: Any = MotorGridOutProperty("aliases")
    metadata: Any = MotorGridOutProperty("metadata")
    md5: Any = MotorGridOutProperty("md5")

    #: The GridOut that has the fields of the file's document. It has a position of its own.
    delegate: GridOut

    def __init__(
        self,
        root_collection: Any,
        file_id: Any = None,
        file_document: Any = None,
        delegate: Any = None,
        session: Any = None,
        **kwargs: Any,
    ) -> None:
        self._require(root_collection, Collection, f"First argument to {type(self).__name__}")
        root, own_session = root_collection.delegate, unwrap(session)
        # Keywords that a newer PyMongo takes may mean anything, so PyMongo does the work.
        given = delegate is not None or bool(kwargs)
        if delegate is None:
            arguments = (root, file_id, file_document, own_session)
            delegate = call(type(self).__name__, GridOut, *arguments, **kwargs)
        stored: Readable = DelegateFile(delegate)
        if not given:
            stored = StoredFile(root_collection, file_id, file_document, own_session, delegate)
        self._set_up(delegate, root_collection, stored, session)

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        return cls._of(delegate, owner, DelegateFile(delegate), None)

    @classmethod
    def _of(cls, delegate: Any, owner: Any, stored: Readable, session: Any) -> Any:
        """The Motor file for a file that was found.

        - `owner`: the Motor object that it belongs to
        - `session`: the session that it was found in
        """
        grid_out = cls.__new__(cls)
        grid_out._set_up(delegate, owner, stored, session)
        return grid_out

    def _set_up(self, delegate: Any, owner: Any, stored: Readable, session: Any) -> None:
        super().__init__(delegate)
        self._client = owner._client
        self._stored = stored
        #: Where everything waits for the session, if there is one.
        self._queue = queue_of(session, owner)
        #: Where the reads from the position on wait for one another, and what they read by.
        self._reads = SerialQueue()
        self._reader = FileReader(stored)
        self._closed = False
        #: Where the next read is to begin, if that is not where the reader is.
        self._moved_to: int | None = None
        #: What `async for` reads from, as long as nothing else is read.
        self._pieces: RangeReader | None = None

    @property
    def _reading(self) -> SerialQueue:
        return self._queue or bound_queue.get() or self._reads

    # What is known of the file.

    def _field(self, field: str, wanted: str, default: Any) -> Any:
        """The value of a field of the file's document; `wanted`: the attribute's name."""
        document = self._stored.document
        if document is None:
            raise InvalidOperation(
                f"You must call {type(self).__name__}.open() before accessing the {wanted} property"
            )
        return document.get(field, default)

    def __getattr__(self, name: str) -> Any:
        # If the constructor failed, there is no state: say so instead of asking for it.
        if not (name.startswith("__") or name == "delegate") and "_stored" in vars(self):
            value = self._field(name, name, MISSING)
            if value is not MISSING:
                return value
        raise AttributeError(f"{type(self).__name__} object has no attribute {name!r}")

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    # Reading.

    @coroutine_annotation
    def open(self) -> OperationFuture[Any]:
        """Start reading the file's document, unless it has been read.

        Returns a future of the file itself. It fails with NoFile when there is no such file.
        """
        if self._stored.document is not None:
            return self._client._resolved(self)
        return self._submit_function(self._open, queue=self._reading)

    def _open(self) -> Any:
        self.delegate = self._stored.open()
        return self

    @coroutine_annotation
    def read(self, size: int = -1) -> OperationFuture[bytes]:
        """Start reading the next `size` bytes, or all that remain if `size` is negative.

        Returns a future of the bytes: fewer at the file's end, none after it. It fails with
        CorruptGridFile when chunks are missing or have the wrong size.
        """
        return self._read(self._reader.read, size)

    @coroutine_annotation
    def readchunk(self) -> OperationFuture[bytes]:
        """Start reading the rest of a chunk. Returns a future of the bytes, none at the end."""
        return self._read(self._reader.readchunk)

    @coroutine_annotation
    def readline(self, size: int = -1) -> OperationFuture[bytes]:
        """Start reading the next line, or `size` bytes of it if `size` is not negative.

        Returns a future of the bytes, with the newline; none at the file's end.
        """
        return self._read(self._reader.readline, size)

    @coroutine_annotation
    def readlines(self, size: int | None = -1) -> OperationFuture[list[bytes]]:
        """Start reading lines: all that remain, or, with a `size`, until they have more bytes.

        Returns a future of the list.
        """
        return self._read(self._reader.readlines, size)

    @coroutine_annotation
    def to_list(self) -> OperationFuture[list[bytes]]:
        """Start reading all lines that remain. Returns a future of the list.

        Lines, as PyMongo's async API has it; ``async for`` gives chunks.
        """
        return self._read(self._reader.readlines)

    def _read(self, function: Any, *args: Any) -> OperationFuture[Any]:
        """Start a read by way of the reader, from where the last read of any kind has ended."""
        moved_to, self._moved_to = self._leave_pieces(), None

        def run() -> Any:
            if moved_to is not None:
                self._reader.seek(moved_to)
            self._open()
            return function(*args)

        return self._submit_function(run, queue=self._reading)

    def _leave_pieces(self) -> int | None:
        """End the reading of ``async for``: another read begins where it stands."""
        if self._pieces is not None:
            self._moved_to = self._pieces.position
            self._pieces.stop()
            self._pieces = None
        return self._moved_to

    def tell(self) -> int:
        """The position, in bytes."""
        if self._pieces is not None:
            return self._pieces.position
        return self._reader.position if self._moved_to is None else self._moved_to

    def seek(self, pos: int, whence: int = os.SEEK_SET) -> Position:
        """Set the position where the next read begins.

        - `pos`: a number of bytes
        - `whence`: from where: ``os.SEEK_SET`` the file's start, ``os.SEEK_CUR`` the position,
          ``os.SEEK_END`` the file's end, for which the file must be open

        Returns the new position at once; it may be awaited, which gives the same. Raises OSError
        for a position before the start.
        """
        if not isinstance(pos, int):
            raise TypeError(f"a position in a file must be a number of bytes, not {pos!r}")
        if whence == os.SEEK_CUR:
            pos += self.tell()
        elif whence == os.SEEK_END:
            pos += int(self.length)
        elif whence != os.SEEK_SET:
            raise OSError(22, f"whence must be 0, 1 or 2, not {whence!r}")
        if pos < 0:
            raise OSError(22, f"a position in a file cannot be negative: {pos}")
        self._leave_pieces()
        self._moved_to = pos
        return Position(pos)

    # In pieces.

    def iter_range(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, for ``async for``.

        - `start`, `end`: positions in bytes, not negative; None, or more than the file has: its end

        Gives pieces of one chunk at most. While one is being handled the next are on their way:
        about a megabyte, or one chunk if that is larger, and never with an explicit session. A
        consumer that stops, or calls the iterator's ``aclose``, stops the reading; nothing is left
        open on the server. The file's position stays as it is. Fails with CorruptGridFile when
        chunks are missing or have the wrong size, and NoFile when there is no such file. Raises
        TypeError or ValueError for a value that is not a position.
        """
        for name, value in (("start", start), ("end", end)):
            if value is None and name == "end":
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be a number of bytes, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} must not be negative: {value}")
        return RangeReader(self, start, end)

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk, or what remains of the one that the position is in."""
        if self._pieces is None:
            self._pieces = RangeReader(self, self.tell(), None)
            self._moved_to = None
        try:
            return await self._pieces.__anext__()
        except StopAsyncIteration:
            self._leave_pieces()
            raise

    async def stream_to_handler(self, request_handler: Any) -> None:
        """Write the rest of the file to a Tornado request handler, and flush after each chunk.

        - `request_handler`: a :class:`tornado.web.RequestHandler`

        A slow client slows the reading down.
        """
        async for piece in self:
            request_handler.write(piece)
            flushed = request_handler.flush()
            # The handler's `flush` may return nothing to wait for.
            if inspect.isawaitable(flushed):
                await flushed

    # Closing.

    def close(self) -> OperationFuture[None]:
        """Start closing the file. Returns a future of None. Closing it twice is no error."""
        already, self._closed = self._closed, True
        self._leave_pieces()
        if already or self._stored.document is None or self._client._closed:
            return self._client._resolved(None)
        return self._submit_function(self._close, queue=self._reading)

    def _close(self) -> None:
        self._reader.drop()
        self.delegate.close()

    async def __aenter__(self) -> Any:
        await self.open()
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()
