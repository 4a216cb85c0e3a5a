"""Files that are written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gridfs import GridIn
from gridfs.asynchronous import AsyncGridIn
from pymongo.collection import Collection

from motor.core.base import unwrap
from motor.core.gridfs.base import MISSING, GridFSObject, future_of, queue_of, signature_of
from motor.core.gridfs.delegates import DelegateUpload
from motor.core.gridfs.transfer import as_bytes, is_plain, pieces_of
from motor.core.gridfs.writing import Upload
from motor.core.loops import needs_loop
from motor.execution.future import OperationFuture
from motor.metaprogramming import MotorAttributeFactory, ReadOnlyProperty, coroutine_annotation

__all__ = ["AgnosticGridIn", "check_chunk_size"]

T = TypeVar("T")

#: The fields that the stored chunks depend on.
_FIXED = {"_id", "chunk_size", "chunkSize", "length"}

#: The fields that `set` of Motor 3 takes by other names.
_ALIASES = {"name": "filename", "content_type": "contentType", "upload_date": "uploadDate"}

#: Arguments of a GridIn that are fields of the document under other names.
_KNOWN_ARGUMENTS = {"root_collection", "session"}
_FIELD_NAMES = {"content_type": "contentType", "chunk_size": "chunkSize"}

#: The attributes of the object itself, not of the file.
_OWN = {"delegate"}


def check_chunk_size(size: Any) -> None:
    """Raise TypeError or ValueError unless `size` is a number of bytes that chunks can have."""
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"the size of chunks must be a number of bytes, not {size!r}")
    if size <= 0:
        raise ValueError(f"the size of chunks must be greater than 0, not {size!r}")


class UploadField(MotorAttributeFactory):
    """A property for a field of the file's document, which may be set until the file is closed.

    - `field`: the field's name
    - `given_at_end`: whether the field has a value only when the file is closed, and cannot be set
    """

    def __init__(self, field: str, *, given_at_end: bool = False, doc: str | None = None) -> None:
        super().__init__(doc)
        self.field = field
        self.given_at_end = given_at_end

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        field, given_at_end = self.field, self.given_at_end

        def read(self: AgnosticGridIn) -> Any:
            if given_at_end and not self.closed:
                raise AttributeError
            return self._upload.document.get(field)

        def write(self: AgnosticGridIn, value: Any) -> None:
            self._set_now(field, value)

        return self._property(cls, attr_name, read, None if given_at_end else write)


class AgnosticGridIn(GridFSObject):
    """A new file of GridFS, to be written; see :class:`gridfs.grid_file.GridIn`.

    - `root_collection`: the Motor collection that the bucket is named after
    - `delegate`: a :class:`gridfs.grid_file.GridIn`, in place of the rest: then the file is written
      by its methods, one call at a time
    - `session`: the session for all of its writes
    - further keywords are fields of the file's document, such as ``filename``, ``_id``,
      ``chunk_size`` and ``content_type``; with an ``encoding``, text can be written

    Raises TypeError if `root_collection` is not a Motor collection of the same framework, TypeError
    or ValueError for a chunk size that is not a number of bytes.

    At the end of an ``async with`` block the file is closed; after an exception it is aborted.
    Until it is closed, attributes that are set become fields of its document.
    """

    __motor_class_name__ = "MotorGridIn"
    __delegate_class__ = GridIn
    __async_class__ = AsyncGridIn

    _id: Any = ReadOnlyProperty()
    filename: Any = UploadField("filename")
    name: Any = UploadField("filename")
    content_type: Any = UploadField("contentType")
    length: Any = UploadField("length", given_at_end=True)
    upload_date: Any = UploadField("uploadDate", given_at_end=True)
    md5: Any = UploadField("md5", given_at_end=True)

    #: The GridIn that has the fields of the file's document. What is written does not go by it.
    delegate: GridIn

    #: What stores the file.
    _upload_class: type[Upload] = Upload

    def __init__(
        self, root_collection: Any, delegate: Any = None, session: Any = None, **kwargs: Any
    ) -> None:
        self._require(root_collection, Collection, f"First argument to {type(self).__name__}")
        document = None
        if delegate is None:
            delegate = GridIn(root_collection.delegate, session=unwrap(session), **kwargs)
            # Arguments that a newer PyMongo takes may mean anything, so PyMongo does the work.
            unknown = signature_of(GridIn).parameters.keys() - _KNOWN_ARGUMENTS
            if unknown.isdisjoint(kwargs):
                document = _document(delegate, kwargs)
        self._set_up(delegate, root_collection, document, session)

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        grid_in = cls.__new__(cls)
        grid_in._set_up(delegate, owner, None, None)
        return grid_in

    def _set_up(
        self, delegate: Any, owner: Any, document: dict[str, Any] | None, session: Any
    ) -> None:
        check_chunk_size(delegate.chunk_size)
        super().__init__(delegate)
        self._client = owner._client
        self._queue = queue_of(session, owner)
        # The owner's method: this object's own would be a reference cycle.
        submit = owner._submit_function
        self._upload: Upload | DelegateUpload
        if document is None:
            self._upload = DelegateUpload(delegate, submit, self._queue)
        else:
            self._upload = self._upload_class(
                delegate, owner, document, unwrap(session), submit, self._queue
            )
        #: The operations that the next one must wait for. All of them, because one that waits
        #: itself may be cancelled.
        self._steps: list[asyncio.Task[Any]] = []

    # Fields of the document.

    @property
    def closed(self) -> bool:
        """Whether the file was closed or aborted."""
        return self._upload.closed

    def __getattr__(self, name: str) -> Any:
        # If the constructor failed, there is no state: say so instead of asking for it.
        if not (name.startswith("__") or name == "delegate") and "_upload" in vars(self):
            value = self._upload.document.get(name, MISSING)
            if value is not MISSING:
                return value
            if hasattr(type(self), name):
                # A property has raised AttributeError, so Python asks here.
                raise AttributeError(f"can only get {name!r} on a closed file")
        raise AttributeError(f"{type(self).__name__} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field of the file's document, until the file is closed.

        Raises AttributeError after that: :meth:`set` writes to the server, and can be awaited.
        """
        if name.startswith("_") or name in _OWN or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            self._set_now(name, value)

    def _set_now(self, name: str, value: Any) -> None:
        if self.closed:
            raise AttributeError(
                f"{type(self).__name__} is closed: set {name!r} before closing it, or use 'await "
                f"grid_in.set({name!r}, ...)'"
            )
        _check_settable(name)
        self._upload.set(name, value)

    @coroutine_annotation
    def set(self, name: str, value: Any) -> OperationFuture[None]:
        """Start setting a field of the file's document, on the server too if the file is closed.

        - `name`: the field's name
        - `value`: what BSON can hold

        Returns a future of None. It fails with AttributeError for a field that cannot be changed.
        """

        async def change() -> None:
            _check_settable(name)
            field = _ALIASES.get(name, name)
            await self._submit_function(self._upload.set, (field, value), queue=self._queue)

        return self._in_turn("set", change)

    # Writing.

    @coroutine_annotation
    @needs_loop
    def write(self, data: Any) -> OperationFuture[None]:
        """Start writing to the end of the file.

        - `data`: bytes; text, if the file has an ``encoding``; a file, synchronous, which is read
          on a thread, or asynchronous, such as another file of GridFS; or an asynchronous iterable
          of these

        Returns a future of None, done when there is room for more: up to two megabytes wait for
        more to come with them, and what is on its way may still fail, which the next call reports.
        It fails with ValueError when the file is closed, TypeError for anything else, and
        FileExists when there is another file with this ``_id``.
        """
        small = type(data) is bytes and len(data) <= self._upload.batch_bytes
        if small and self._may_write_now():
            future = self._upload.add(data)
            return self._client._resolved(None) if future is None else future
        return self._in_turn("write", lambda: self._write(data))

    @coroutine_annotation
    def writelines(self, sequence: Any) -> OperationFuture[None]:
        """Start writing each of a sequence, without separators.

        - `sequence`: an iterable, or asynchronous iterable, of what `write` takes

        Returns a future of None.
        """

        async def write_all() -> None:
            if hasattr(sequence, "__aiter__"):
                async for each in sequence:
                    await self._write(each)
            else:
                for each in sequence:
                    await self._write(each)

        return self._in_turn("writelines", write_all)

    def _may_write_now(self) -> bool:
        busy = any(not each.done() for each in self._steps)
        return not (busy or self.closed or self._upload.error is not None)

    async def _write(self, data: Any) -> None:
        if self.closed:
            raise ValueError("cannot write to a closed file")
        if self._upload.error is not None:
            raise self._upload.error
        upload = self._upload
        encoding = upload.document.get("encoding")
        count = upload.batch_bytes // upload.chunk_size
        if isinstance(data, str):
            data = as_bytes(data, encoding)
        async for pieces in pieces_of(data, upload.chunk_size, count, self._submit_function):
            for piece in pieces:
                if not is_plain(piece):
                    raise TypeError(f"can only write strings, and {data!r} gave {type(piece)}")
                future = upload.add(as_bytes(piece, encoding))
                if future is not None:
                    await future

    @needs_loop
    def _in_turn(
        self, name: str, step: Callable[[], Coroutine[Any, Any, T]], *, cancels: bool = True
    ) -> OperationFuture[T]:
        """Start a step when those before it have ended.

        - `name`: the method that was called
        - `cancels`: whether cancelling the future cancels the step
        """
        loop = self._loop()
        self._steps = before = [
            each for each in self._steps if not (each.done() or each.get_loop().is_closed())
        ]
        if any(each.get_loop() is not loop for each in before):
            raise RuntimeError(
                f"{type(self).__name__} is being written to by another event loop: await that first"
            )

        async def run() -> T:
            if before:
                await asyncio.wait(before)
            return await step()

        task = loop.create_task(run())
        self._steps = [*before, task]
        return future_of(task, f"{type(self).__name__}.{name}", cancels=cancels)

    # The end.

    @coroutine_annotation
    def close(self) -> OperationFuture[None]:
        """Start storing what remains, and the file's document: then others can see the file.

        Returns a future of None. It fails with FileExists when there is another file with this
        ``_id``, and with the error of an earlier write; :meth:`abort` then deletes what was stored.
        Closing a file twice is no error.
        """

        async def finish() -> None:
            if not self.closed:
                await self._upload.close()

        return self._in_turn("close", finish)

    @coroutine_annotation
    def abort(self) -> OperationFuture[None]:
        """Start deleting what was stored, also of a file that is closed, and close the file.

        Returns a future of None. Another file that has the same ``_id`` stays.
        """
        # It goes on if the caller stops waiting: nothing must be left.
        return self._in_turn("abort", self._upload.abort, cancels=False)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is not None:
            if not self.closed:
                await self._give_up(exc_type, exc_val, exc_tb)
            return
        try:
            await self.close()
        except BaseException as error:
            await self._give_up(type(error), error, error.__traceback__)
            raise

    def _give_up(self, *error: Any) -> OperationFuture[None]:
        return self._in_turn("abort", lambda: self._upload.give_up(*error), cancels=False)


def _check_settable(name: str) -> None:
    if name in _FIXED:
        raise AttributeError(f"the field {name!r} of a file cannot change: its chunks depend on it")


def _document(grid_in: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The document of a new file, as PyMongo makes it from the arguments of a GridIn."""
    document = dict(kwargs)
    for name, field in _FIELD_NAMES.items():
        if name in document:
            document[field] = document.pop(name)
    document.setdefault("_id", grid_in._id)
    document.setdefault("chunkSize", grid_in.chunk_size)
    return document
