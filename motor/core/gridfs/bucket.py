"""Buckets of files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pymongo
from gridfs import DEFAULT_CHUNK_SIZE, GridFSBucket
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.database import Database
from pymongo.mongo_client import MongoClient

from motor.core.base import AgnosticBase, unwrap
from motor.core.client import AgnosticClient
from motor.core.gridfs.base import GridFSObject, queue_of, refuse_transaction, root_for_files
from motor.core.gridfs.cursor import AgnosticGridOutCursor
from motor.core.gridfs.delegates import DelegateFile
from motor.core.gridfs.grid_in import AgnosticGridIn, check_chunk_size
from motor.core.gridfs.grid_out import AgnosticGridOut
from motor.core.gridfs.stored import find_revision
from motor.core.gridfs.timeouts import timeout_of
from motor.core.gridfs.transfer import for_pymongo, write_file
from motor.metaprogramming import coroutine_annotation
from motor.operation import OperationFuture

__all__ = ["AgnosticGridFSBucket"]


class AgnosticGridFSBucket(GridFSObject):
    """Files in a database; see :class:`gridfs.GridFSBucket`.

    - `database`, or `db`: a Motor database, or one of a library that stands in for Motor, such as
      mongomock-motor
    - `bucket_name`: the name of the bucket
    - `chunk_size_bytes`: how large chunks are, unless a file is given another size, in bytes
    - `write_concern`, `read_preference`: None: the database's. As in PyMongo they are for what the
      bucket does to files as a whole: finding them by name, renaming, deleting
    - `collection`: deprecated, an older name of `bucket_name`

    Its methods pass keywords that Motor does not know on to PyMongo's, which may be newer; the
    transfer is then PyMongo's as well, and takes synchronous sources and destinations only.

    Raises TypeError if `database` is not a Motor database of the same framework, TypeError or
    ValueError for a `chunk_size_bytes` that is no number of bytes, and ConfigurationError for a
    write concern that acknowledges nothing.
    """

    __motor_class_name__ = "MotorGridFSBucket"
    __delegate_class__ = GridFSBucket
    __async_class__ = AsyncGridFSBucket

    #: The Motor collection that the bucket is named after: its files are in ``collection.files``.
    collection: Any

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
        **kwargs: Any,
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
        options = {"write_concern": write_concern, "read_preference": read_preference}
        delegate = database.delegate
        super().__init__(GridFSBucket(delegate, bucket_name, chunk_size_bytes, **options, **kwargs))
        if not issubclass(type(database), AgnosticBase):
            # A stand-in, which only says that it is Motor's. What it stands for has a client.
            client = self._agnostic(AgnosticClient).from_delegate(delegate.client)
            database = client._wrap(delegate)
        self._client = database._client
        self.collection = database.get_collection(bucket_name, **options)
        #: What files are made with. Like PyMongo's files they go by the database's options.
        self._root = database[bucket_name]
        self._options = options
        self._chunk_size = chunk_size_bytes

    # Writing and reading whole files.

    def upload_from_stream(
        self,
        filename: str,
        source: Any,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
        **kwargs: Any,
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
        options = (chunk_size_bytes, metadata, session)
        if kwargs:
            args = (filename, for_pymongo(source, "read"), *options)
            return self._pass_on("upload_from_stream", args, kwargs)
        return self._start(self._upload("open_upload_stream", (filename, *options), source))

    def upload_from_stream_with_id(
        self,
        file_id: Any,
        filename: str,
        source: Any,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
        **kwargs: Any,
    ) -> OperationFuture[None]:
        """Like `upload_from_stream`, with the file's ``_id`` given.

        - `file_id`: the new file's ``_id``

        Returns a future of None. It fails with FileExists when there is such a file, which stays as
        it was. See :meth:`gridfs.GridFSBucket.upload_from_stream_with_id`.
        """
        options = (chunk_size_bytes, metadata, session)
        if kwargs:
            args = (file_id, filename, for_pymongo(source, "read"), *options)
            return self._pass_on("upload_from_stream_with_id", args, kwargs)

        async def upload() -> None:
            args = (file_id, filename, *options)
            await self._upload("open_upload_stream_with_id", args, source)

        return self._start(upload())

    async def _upload(self, opener: str, args: tuple[Any, ...], source: Any) -> Any:
        with timeout_of(self._client.delegate):
            async with getattr(self, opener)(*args) as grid_in:
                await grid_in.write(source)
            return grid_in._id

    def download_to_stream(
        self, file_id: Any, destination: Any, session: Any = None, **kwargs: Any
    ) -> OperationFuture[None]:
        """Start writing the file with the ``_id`` `file_id` to `destination`.

        - `destination`: has a method ``write``, which is called on a thread, or is a coroutine
          function, as those of asynchronous files are, or that of an ``asyncio.StreamWriter``
        - `session`: a Motor session

        Returns a future of None. It fails with NoFile when there is no such file. See
        :meth:`gridfs.GridFSBucket.download_to_stream`.
        """
        if kwargs:
            args = (file_id, for_pymongo(destination, "write"), session)
            return self._pass_on("download_to_stream", args, kwargs)
        return self._start(self._download("open_download_stream", (file_id, session), destination))

    def download_to_stream_by_name(
        self,
        filename: str,
        destination: Any,
        revision: int = -1,
        session: Any = None,
        **kwargs: Any,
    ) -> OperationFuture[None]:
        """Like `download_to_stream`, for the file of a name.

        - `revision`: which of the files with this name: 0 the first, 1 the second, -1 the newest,
          -2 the one before

        See :meth:`gridfs.GridFSBucket.download_to_stream_by_name`.
        """
        if kwargs:
            args = (filename, for_pymongo(destination, "write"), revision, session)
            return self._pass_on("download_to_stream_by_name", args, kwargs)
        options = (filename, revision, session)
        return self._start(self._download("open_download_stream_by_name", options, destination))

    async def _download(self, opener: str, args: tuple[Any, ...], destination: Any) -> None:
        with timeout_of(self._client.delegate):
            grid_out = await getattr(self, opener)(*args)
            await write_file(grid_out, destination)

    # Opening files.

    def open_upload_stream(
        self,
        filename: str,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
        **kwargs: Any,
    ) -> Any:
        """A new file, to be written. Nothing is sent yet.

        The arguments are those of `upload_from_stream`, without a source. Raises TypeError for a
        `filename` that is no text. See :meth:`gridfs.GridFSBucket.open_upload_stream`.
        """
        args = (filename, chunk_size_bytes, metadata, session)
        return self._new_file("open_upload_stream", args, kwargs)

    def open_upload_stream_with_id(
        self,
        file_id: Any,
        filename: str,
        chunk_size_bytes: int | None = None,
        metadata: Any = None,
        session: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Like `open_upload_stream`, with the file's ``_id`` given.

        See :meth:`gridfs.GridFSBucket.open_upload_stream_with_id`.
        """
        args = (filename, chunk_size_bytes, metadata, session)
        return self._new_file("open_upload_stream_with_id", args, kwargs, _id=file_id)

    def _new_file(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], **fields: Any
    ) -> Any:
        filename, chunk_size_bytes, metadata, session = args
        _check_filename(filename)
        file_class = self._agnostic(AgnosticGridIn)
        if kwargs:
            args = (*fields.values(), *map(unwrap, args))
            return file_class(self._root, getattr(self.delegate, name)(*args, **kwargs), session)
        fields["filename"] = filename
        fields["chunk_size"] = self._chunk_size if chunk_size_bytes is None else chunk_size_bytes
        if metadata is not None:
            fields["metadata"] = metadata
        return file_class(self._root, session=session, **fields)

    @coroutine_annotation
    def open_download_stream(
        self, file_id: Any, session: Any = None, **kwargs: Any
    ) -> OperationFuture[Any]:
        """Start opening the file with the ``_id`` `file_id`, to be read.

        - `session`: a Motor session, for all of the file's reads

        Returns a future of the file. It fails with NoFile when there is no such file. See
        :meth:`gridfs.GridFSBucket.open_download_stream`.
        """
        if kwargs:
            return self._open_delegate("open_download_stream", (file_id,), session, kwargs)

        def find() -> Any:
            return self._agnostic(AgnosticGridOut)(self._root, file_id, session=session)._open()

        return self._submit_function(find, queue=queue_of(session, self))

    @coroutine_annotation
    def open_download_stream_by_name(
        self, filename: str, revision: int = -1, session: Any = None, **kwargs: Any
    ) -> OperationFuture[Any]:
        """Like `open_download_stream`, for the file of a name.

        - `revision`: see `download_to_stream_by_name`

        See :meth:`gridfs.GridFSBucket.open_download_stream_by_name`.
        """
        if kwargs:
            args = (filename, revision)
            return self._open_delegate("open_download_stream_by_name", args, session, kwargs)

        def find() -> Any:
            _check_filename(filename)
            files = root_for_files(self._root.delegate, **self._options).files
            query = {"filename": filename}
            found = find_revision(files, query, filename, revision, unwrap(session))
            return self._agnostic(AgnosticGridOut)(self._root, file_document=found, session=session)

        return self._submit_function(find, queue=queue_of(session, self))

    def _open_delegate(
        self, name: str, args: tuple[Any, ...], session: Any, kwargs: Mapping[str, Any]
    ) -> OperationFuture[Any]:
        """Let PyMongo open a file, with keywords that only it knows."""
        kwargs = {"session": unwrap(session), **kwargs}
        method = self._bound(name, args, kwargs)

        def find() -> Any:
            found = method(*args, **kwargs)
            file = DelegateFile(found, opened=True)
            return self._agnostic(AgnosticGridOut)._of(found, self, file, session)

        return self._submit_function(find, queue=queue_of(session, self))

    def find(
        self,
        filter: Any = None,  # noqa: A002
        skip: int = 0,
        limit: int = 0,
        no_cursor_timeout: bool = False,
        sort: Any = None,
        batch_size: int = 0,
        session: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Find files by what is in their documents.

        - `filter`: a query document; None: all files
        - `skip`, `limit`, `batch_size`: numbers of files; a `limit` of 0 is none, and with a
          `batch_size` of 0 the server decides
        - `no_cursor_timeout`: whether the server keeps the cursor however long it is not used
        - `sort`: a field, or a list of (field, direction)
        - `session`: a Motor session, for the query and the files

        Returns a cursor at once; it gives files, open, to be read. Raises InvalidOperation if the
        session is in a transaction. See :meth:`gridfs.GridFSBucket.find`.
        """
        options: dict[str, Any] = {"skip": skip, "limit": limit, "sort": sort}
        options |= {"no_cursor_timeout": no_cursor_timeout, "batch_size": batch_size}
        options["session"] = unwrap(session)
        if kwargs:
            return self._call_in_place("find", (filter,), {**options, **kwargs})
        refuse_transaction(options["session"])
        # Not a GridOutCursor: of its files, PyMongo's, the documents cannot be had.
        cursor = root_for_files(self._root.delegate).files.find(filter, **options)
        return self._agnostic(AgnosticGridOutCursor)._from_delegate(cursor, self)

    def _submit(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], **options: Any
    ) -> OperationFuture[Any]:
        if isinstance(self._client.delegate, MongoClient):
            return super()._submit(name, args, kwargs, **options)
        # PyMongo's bucket takes a collection of the name "timeout" for the timeout of another
        # library's client. It does not look at it where one is set, even to none.
        with pymongo.timeout(0):
            return super()._submit(name, args, kwargs, **options)


def _check_filename(filename: object) -> None:
    if not isinstance(filename, str):
        raise TypeError(f"filename must be an instance of str, not {type(filename)}")
