"""Buckets of files."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pymongo
from gridfs import DEFAULT_CHUNK_SIZE, GridFSBucket
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.database import Database

from motor import pymongo_internals
from motor.core.gridfs.base import GridFSObject
from motor.core.gridfs.grid_in import check_chunk_size
from motor.core.gridfs.sinks import write_file
from motor.declarations import InstanceAttribute, coroutine_annotation
from motor.operation import OperationFuture

__all__ = ["AgnosticGridFSBucket"]


class AgnosticGridFSBucket(GridFSObject):
    """Files in a database; see :class:`gridfs.GridFSBucket`.

    - `database`, or `db`: a Motor database
    - `bucket_name`: the name of the bucket
    - `chunk_size_bytes`: how large chunks are, unless a file is given another size, in bytes
    - `write_concern`, `read_preference`: None: the database's
    - `collection`: deprecated, an older name of `bucket_name`

    Raises TypeError if `database` is not a Motor database of the same framework, TypeError or
    ValueError for a `chunk_size_bytes` that is no number of bytes, and ConfigurationError for a
    write concern that acknowledges nothing.
    """

    __motor_class_name__ = "MotorGridFSBucket"
    __delegate_class__ = GridFSBucket
    __async_class__ = AsyncGridFSBucket

    collection: Any = InstanceAttribute(
        "The Motor collection that the bucket is named after; its files are in `collection.files`."
    )

    def __init__(
        self,
        database: Any = None,
        bucket_name: str = "fs",
        chunk_size_bytes: int = DEFAULT_CHUNK_SIZE,
        write_concern: Any = None,
        read_preference: Any = None,
        collection: str | None = None,
        *,
        db: Any = None,
    ) -> None:
        database = db if database is None else database
        self._require(database, Database, f"First argument to {type(self).__name__}")
        if collection is not None:
            warnings.warn(
                'the "collection" parameter is deprecated, use "bucket_name" instead',
                DeprecationWarning,
                stacklevel=2,
            )
            bucket_name = collection
        check_chunk_size(chunk_size_bytes)
        super().__init__(
            GridFSBucket(
                database.delegate, bucket_name, chunk_size_bytes, write_concern, read_preference
            )
        )
        self._client = database._client
        self.collection = database[bucket_name]

    # Writing and reading whole files.

    @coroutine_annotation
    def upload_from_stream(
        self,
        filename: str,
        source: Any,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
    ) -> OperationFuture[Any]:
        """Start storing what `source` has as a new file.

        - `source`: bytes, or a file to be read, synchronous or asynchronous, or an asynchronous
          iterable of bytes
        - `chunk_size_bytes`: None: the bucket's
        - `metadata`: a mapping, for the file's ``metadata``
        - `session`: a Motor session

        Returns a future of the new file's ``_id``. When it fails or is cancelled, nothing is left
        of the file. See :meth:`gridfs.GridFSBucket.upload_from_stream`.
        """
        options = (filename, chunk_size_bytes, metadata, session)
        return self._start(self._upload("open_upload_stream", options, source))

    @coroutine_annotation
    def upload_from_stream_with_id(
        self,
        file_id: Any,
        filename: str,
        source: Any,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
    ) -> OperationFuture[None]:
        """Like `upload_from_stream`, with the file's ``_id`` given.

        - `file_id`: the new file's ``_id``

        Returns a future of None. It fails with FileExists when there is such a file, which stays as
        it was. See :meth:`gridfs.GridFSBucket.upload_from_stream_with_id`.
        """

        async def upload() -> None:
            options = (file_id, filename, chunk_size_bytes, metadata, session)
            await self._upload("open_upload_stream_with_id", options, source)

        return self._start(upload())

    async def _upload(self, opener: str, options: tuple[Any, ...], source: Any) -> Any:
        with self._timeout():
            async with getattr(self, opener)(*options) as grid_in:
                await grid_in.write(source)
            return grid_in._id

    @coroutine_annotation
    def download_to_stream(
        self, file_id: Any, destination: Any, session: Any = None
    ) -> OperationFuture[None]:
        """Start writing the file with the ``_id`` `file_id` to `destination`.

        - `destination`: has a method ``write``, which is called on a thread, or is a coroutine
          function, as those of asynchronous files are, or that of an ``asyncio.StreamWriter``
        - `session`: a Motor session

        Returns a future of None. It fails with NoFile when there is no such file. See
        :meth:`gridfs.GridFSBucket.download_to_stream`.
        """
        return self._start(self._download("open_download_stream", (file_id, session), destination))

    @coroutine_annotation
    def download_to_stream_by_name(
        self, filename: str, destination: Any, revision: int = -1, session: Any = None
    ) -> OperationFuture[None]:
        """Like `download_to_stream`, for the file of a name.

        - `revision`: which of the files with this name: 0 the first, 1 the second, -1 the newest,
          -2 the one before

        See :meth:`gridfs.GridFSBucket.download_to_stream_by_name`.
        """
        options = (filename, revision, session)
        return self._start(self._download("open_download_stream_by_name", options, destination))

    async def _download(self, opener: str, options: tuple[Any, ...], destination: Any) -> None:
        with self._timeout():
            grid_out = await getattr(self, opener)(*options)
            await write_file(grid_out, destination)

    def _timeout(self) -> AbstractContextManager[Any]:
        """Apply the client's own timeout to the whole operation, as PyMongo does."""
        options = getattr(self._client.delegate, "options", None)
        seconds = getattr(options, "timeout", None)
        if seconds is None or pymongo_internals.remaining_timeout() is not None:
            return nullcontext()
        return pymongo.timeout(seconds)
