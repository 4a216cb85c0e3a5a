"""Buckets of files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pymongo
from gridfs import DEFAULT_CHUNK_SIZE, GridFSBucket, GridOutCursor
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.database import Database
from pymongo.mongo_client import MongoClient
from pymongo.write_concern import WriteConcern

from motor.core import reference
from motor.core.arguments import call
from motor.core.base import AgnosticBase, unwrap
from motor.core.client import AgnosticClient
from motor.core.gridfs.base import (
    GridFSObject,
    arguments_of,
    collections_of,
    queue_of,
    refuse_transaction,
)
from motor.core.gridfs.cursor import AgnosticGridOutCursor
from motor.core.gridfs.delegates import DelegateFile
from motor.core.gridfs.grid_in import AgnosticGridIn, check_chunk_size
from motor.core.gridfs.grid_out import AgnosticGridOut
from motor.core.gridfs.stored import find_by_id, find_revision
from motor.core.gridfs.timeouts import timeout_of
from motor.core.gridfs.transfer import for_pymongo, write_file
from motor.declarations import InstanceAttribute, coroutine_annotation
from motor.execution.future import OperationFuture
from motor.metaprogramming import takes_arguments_of

__all__ = ["AgnosticGridFSBucket"]

#: The arguments of PyMongo's methods that are dealt with here, besides sources and destinations.
_KNOWN = {"chunk_size_bytes", "file_id", "filename", "metadata", "revision", "session"}
_KNOWN_TO_FIND = {
    "batch_size",
    "filter",
    "limit",
    "no_cursor_timeout",
    "session",
    "skip",
    "sort",
}


class AgnosticGridFSBucket(GridFSObject):
    """Files in a database; see :class:`gridfs.GridFSBucket`.

    - `database`, or `db`: a Motor database, or one of a library that stands in for Motor, such as
      mongomock-motor
    - `bucket_name`: the name of the bucket
    - `chunk_size_bytes`: how large chunks are, unless a file is given another size, in bytes
    - `write_concern`, `read_preference`: None: the database's. As in PyMongo they are for what the
      bucket does to files as a whole: finding them by name, renaming, deleting
    - `collection`: deprecated, an older name of `bucket_name`

    Arguments that Motor does not know, of a newer PyMongo, are passed on to it; a transfer is then
    PyMongo's as well, and takes synchronous sources and destinations only.

    Raises TypeError if `database` is not a Motor database of the same framework, TypeError or
    ValueError for a `chunk_size_bytes` that is not a number of bytes, and ConfigurationError for a
    write concern that acknowledges nothing.
    """

    __motor_class_name__ = "MotorGridFSBucket"
    __delegate_class__ = GridFSBucket
    __async_class__ = AsyncGridFSBucket
    _reference = reference.BUCKET

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
        if write_concern is not None and not isinstance(write_concern, WriteConcern):
            raise TypeError(f"write_concern must be a WriteConcern, not {type(write_concern)}")
        arguments = (delegate, bucket_name, chunk_size_bytes)
        super().__init__(call(type(self).__name__, GridFSBucket, *arguments, **options, **kwargs))
        if not issubclass(type(database), AgnosticBase):
            # A stand-in that only claims to be Motor's. The object that it stands for has a client.
            client = self._agnostic(AgnosticClient).from_delegate(delegate.client)
            database = client._wrap(delegate)
        self._client = database._client
        self.collection = database.get_collection(bucket_name, **options)
        #: The collection that files are made with. As in PyMongo, it has the database's options.
        self._root = database[bucket_name]
        self._options = options
        self._chunk_size = chunk_size_bytes

    # Writing and reading whole files.

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.upload_from_stream)
    def upload_from_stream(self, *args: Any, **kwargs: Any) -> OperationFuture[Any]:
        """Store the bytes of `source` as a new file. Returns a future of the new file's ``_id``.

        ::

            file_id = await bucket.upload_from_stream("emma.txt", b"Emma Woodhouse, handsome")
            print(file_id)

        - `filename`: its name
        - `source`: bytes, or a file to be read, synchronous or asynchronous, or an asynchronous
          iterable of bytes
        - `chunk_size_bytes`: None: the bucket's
        - `metadata`: a mapping, for the file's ``metadata``
        - `session`: a Motor session

        When it fails or is cancelled, nothing is left of the file.
        """
        return self._transfer("upload_from_stream", "source", args, kwargs)

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.upload_from_stream_with_id)
    def upload_from_stream_with_id(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """Like `upload_from_stream`, with the file's ``_id`` given.

        - `file_id`: the new file's ``_id``

        Returns a future of None. It fails with FileExists when there is such a file, which stays as
        it was.
        """
        return self._transfer("upload_from_stream_with_id", "source", args, kwargs)

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.download_to_stream)
    def download_to_stream(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """Write the file with the ``_id`` `file_id` to `destination`. Returns a future of None.

        ::

            destination = io.BytesIO()
            await bucket.download_to_stream(file_id, destination)

        - `destination`: has a method ``write``, which is called on a thread, or is a coroutine
          function, as those of asynchronous files are, or that of an ``asyncio.StreamWriter``
        - `session`: a Motor session

        It fails with NoFile when there is no such file.
        """
        return self._transfer("download_to_stream", "destination", args, kwargs)

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.download_to_stream_by_name)
    def download_to_stream_by_name(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """Like `download_to_stream`, for the file of a name.

        - `revision`: which of the files with this name: 0 the first, 1 the second, -1 the newest,
          -2 the one before
        """
        return self._transfer("download_to_stream_by_name", "destination", args, kwargs)

    def _transfer(
        self, name: str, other_end: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> OperationFuture[Any]:
        """Start moving a whole file; `other_end`: the argument that says where from or where to."""
        given = self._given(name, args, kwargs)
        stream = given.pop(other_end)
        if given.keys() - _KNOWN:
            return self._submit(name, (), {**given, other_end: for_pymongo(stream)})
        transfer = self._upload if other_end == "source" else self._download
        return self._start(name, lambda: transfer(name, given, stream))

    async def _upload(self, name: str, given: dict[str, Any], source: Any) -> Any:
        open_file = getattr(self, name.replace("upload_from", "open_upload"))
        with timeout_of(self._client.delegate):
            async with open_file(**given) as grid_in:
                await grid_in.write(source)
        return None if "file_id" in given else grid_in._id

    async def _download(self, name: str, given: dict[str, Any], destination: Any) -> None:
        open_file = getattr(self, name.replace("download_to", "open_download"))
        with timeout_of(self._client.delegate):
            await write_file(await open_file(**given), destination)

    # Opening files.

    @takes_arguments_of(AsyncGridFSBucket.open_upload_stream)
    def open_upload_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Make a new file, to be written. Returns it at once; nothing is sent yet.

        ::

            async with bucket.open_upload_stream("emma.txt") as grid_in:
                await grid_in.write(b"Emma Woodhouse, handsome")

        The arguments are those of `upload_from_stream`, without a source. Raises TypeError for a
        `filename` that is not a str.
        """
        return self._new_file("open_upload_stream", args, kwargs)

    @takes_arguments_of(AsyncGridFSBucket.open_upload_stream_with_id)
    def open_upload_stream_with_id(self, *args: Any, **kwargs: Any) -> Any:
        """Like `open_upload_stream`, with the file's ``_id`` given."""
        return self._new_file("open_upload_stream_with_id", args, kwargs)

    def _new_file(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = self._given(name, args, kwargs)
        file_class, session = self._agnostic(AgnosticGridIn), given.get("session")
        if given.keys() - _KNOWN:
            unwrapped = {argument: unwrap(value) for argument, value in given.items()}
            return file_class(self._root, getattr(self.delegate, name)(**unwrapped), session)
        _check_filename(given["filename"])
        fields = {"_id": given["file_id"]} if "file_id" in given else {}
        fields["filename"] = given["filename"]
        chunk_size = given.get("chunk_size_bytes")
        fields["chunk_size"] = self._chunk_size if chunk_size is None else chunk_size
        if given.get("metadata") is not None:
            fields["metadata"] = given["metadata"]
        return file_class(self._root, session=session, **fields)

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.open_download_stream)
    def open_download_stream(self, *args: Any, **kwargs: Any) -> OperationFuture[Any]:
        """Open the file with the ``_id`` `file_id`, to be read. Returns a future of the file.

        ::

            grid_out = await bucket.open_download_stream(file_id)
            print(grid_out.length, await grid_out.read())

        - `session`: a Motor session, for all of the file's reads

        It fails with NoFile when there is no such file.
        """
        return self._open_file("open_download_stream", self._find_by_id, args, kwargs)

    @coroutine_annotation
    @takes_arguments_of(AsyncGridFSBucket.open_download_stream_by_name)
    def open_download_stream_by_name(self, *args: Any, **kwargs: Any) -> OperationFuture[Any]:
        """Like `open_download_stream`, for the file of a name.

        - `revision`: see `download_to_stream_by_name`
        """
        return self._open_file("open_download_stream_by_name", self._find_by_name, args, kwargs)

    def _open_file(
        self, name: str, find: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> OperationFuture[Any]:
        given = self._given(name, args, kwargs)
        session = given.get("session")
        queue = queue_of(session, self)
        if not given.keys() - _KNOWN:
            return self._submit_function(find, (), given, queue=queue)

        def open_delegate() -> Any:
            unwrapped = {argument: unwrap(value) for argument, value in given.items()}
            found = getattr(self.delegate, name)(**unwrapped)
            stored = DelegateFile(found, opened=True)
            return self._agnostic(AgnosticGridOut)._of(found, self, stored, session)

        return self._submit_function(open_delegate, queue=queue)

    def _find_by_id(self, file_id: Any, session: Any = None) -> Any:
        found = find_by_id(self._root, file_id, unwrap(session))
        return self._agnostic(AgnosticGridOut)(self._root, file_document=found, session=session)

    def _find_by_name(self, filename: str, revision: int = -1, session: Any = None) -> Any:
        _check_filename(filename)
        files, _ = collections_of(self._root)
        if any(option is not None for option in self._options.values()):
            files = files.with_options(**self._options)
        found = find_revision(files, {"filename": filename}, filename, revision, unwrap(session))
        return self._agnostic(AgnosticGridOut)(self._root, file_document=found, session=session)

    @takes_arguments_of(AsyncGridFSBucket.find)
    def find(self, *args: Any, **kwargs: Any) -> Any:
        """Find files by what is in their documents. Returns a cursor at once, of files to be read.

        ::

            async for grid_out in bucket.find({"filename": "emma.txt"}):
                print(await grid_out.read())

        - `filter`: a query document; None: all files
        - `skip`, `limit`: numbers of files; a `limit` of 0 is none
        - `no_cursor_timeout`: whether the server keeps the cursor however long it is not used
        - `sort`: a field, or a list of (field, direction)
        - `batch_size`: how many documents come at once; 0: the server decides
        - `session`: a Motor session, for the query and the files

        The files are open. Raises InvalidOperation if the session is in a transaction.
        """
        what = f"{type(self).__name__}.find"
        given = arguments_of(what, GridOutCursor, (self._root, *args), kwargs)
        del given["collection"]
        if given.keys() - _KNOWN_TO_FIND:
            return self._call_in_place("find", args, kwargs)
        given["session"] = unwrap(given.get("session"))
        refuse_transaction(given["session"])
        # Not a GridOutCursor: PyMongo's files have no public way to get their documents.
        files, _ = collections_of(self._root)
        cursor = self._agnostic(AgnosticGridOutCursor)._from_delegate(files.find(**given), self)
        cursor._asked = (("find", (), given),)
        return cursor

    def _given(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call, by name. Raises TypeError for those that PyMongo refuses."""
        what = f"{type(self).__name__}.{name}"
        given = arguments_of(what, getattr(type(self.delegate), name), (self, *args), kwargs)
        del given["self"]
        return given

    def _submit(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], **options: Any
    ) -> OperationFuture[Any]:
        if isinstance(self._client.delegate, MongoClient):
            return super()._submit(name, args, kwargs, **options)
        # With clients of other libraries, PyMongo's bucket mistakes a collection named "timeout"
        # for a timeout. It does not look for one if a timeout is set, even to None.
        with pymongo.timeout(0):
            return super()._submit(name, args, kwargs, **options)


def _check_filename(filename: object) -> None:
    if not isinstance(filename, str):
        raise TypeError(f"filename must be an instance of str, not {type(filename)}")
