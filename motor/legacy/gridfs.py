"""``MotorGridFS``: GridFS as it was before there were buckets."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import gridfs
from gridfs.asynchronous import AsyncGridFS
from pymongo import WriteConcern
from pymongo.database import Database
from pymongo.errors import ConfigurationError
from pymongo.read_preferences import make_read_preference

from motor.core.base import unwrap
from motor.core.gridfs.base import GridFSObject, collections_of, queue_of, refuse_transaction
from motor.core.gridfs.stored import find_revision
from motor.execution.future import OperationFuture
from motor.legacy import callbacks
from motor.legacy.callback_keyword import take_callback
from motor.legacy.deprecation import check
from motor.legacy.grid_files import LegacyGridIn, LegacyGridOut, LegacyGridOutCursor, concrete
from motor.legacy.registry import bridges, find
from motor.metaprogramming import create_class_with_framework
from motor.signatures import signature_of

__all__ = ["AgnosticGridFS"]

F = TypeVar("F", bound=Callable[..., Any])

#: The arguments of ``find`` by their old positions; all may be keywords as well.
_FIND_ARGUMENTS = (
    "spec",
    "skip",
    "limit",
    "timeout",
    "sort",
    "max_scan",
    "read_preference",
    "tag_sets",
    "secondary_acceptable_latency_ms",
    "compile_re",
)
#: Arguments that today's servers do not know, and that never changed a result.
_IGNORED = ("max_scan", "secondary_acceptable_latency_ms", "compile_re")


def _old_method(advice: str) -> Callable[[F], F]:
    """Declare a method of MotorGridFS, which warns, and takes a callback if it has a result."""

    def declare(method: F) -> F:
        name = method.__name__
        bridges("method", "gridfs", name, advice)(method)

        @functools.wraps(method)
        def call(self: Any, *args: Any, callback: Any = None, **kwargs: Any) -> Any:
            entry = find("method", "gridfs", name)
            assert entry is not None
            check(entry)
            callbacks.check_callback(self, callback)
            result = method(self, *args, **kwargs)
            if callback is None:
                return result
            callbacks.deliver(result, callback)
            return None

        return call  # type: ignore[return-value]

    return declare


class AgnosticGridFS(GridFSObject):
    """GridFS on a database, for code from before there were buckets; see :class:`gridfs.GridFS`.

    - `database`: a Motor database
    - `collection`: the name of the bucket

    Raises TypeError if `database` is not a Motor database of the same framework. Every method gives
    a DeprecationWarning: use :class:`MotorGridFSBucket`.
    """

    __motor_class_name__ = "MotorGridFS"
    __delegate_class__: ClassVar[type] = gridfs.GridFS
    __async_class__ = AsyncGridFS

    def __init__(self, database: Any, collection: str = "fs") -> None:
        self._require(database, Database, f"First argument to {type(self).__name__}")
        self._may_write = database.write_concern.acknowledged
        self._database = database.delegate
        if not self._may_write:
            # PyMongo refuses the whole object; Motor always allowed reading.
            self._database = self._database.with_options(write_concern=WriteConcern())
        super().__init__(gridfs.GridFS(self._database, collection))
        self._client = database._client
        self.collection: Any = database[collection]
        self._root = self.collection

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        raise NotImplementedError("nothing returns a GridFS")

    def _wrap(self, value: Any) -> Any:
        if isinstance(value, gridfs.GridOut):
            return self._file_class()._from_delegate(value, self)
        return super()._wrap(value)

    def _file_class(self) -> Any:
        return concrete(LegacyGridOut, self._framework)

    @_old_method("leave it out")
    def open(self) -> OperationFuture[Any]:
        """Return a future of the MotorGridFS itself."""
        return self._client._resolved(self)

    # Writing.

    @_old_method("use MotorGridFSBucket.upload_from_stream()")
    def put(self, data: Any, **kwargs: Any) -> OperationFuture[Any]:
        """Start storing a file.

        - `data`: bytes, text if an ``encoding`` is given, or a file to be read
        - further keywords become fields of the file's document: ``filename``, ``_id``, ...

        Returns a future of the file's ``_id``. It fails with FileExists when there is a file with
        this ``_id``, and TypeError for other data. Raises ConfigurationError if the database's
        write concern acknowledges nothing.
        """
        grid_in = self._new_file("put", kwargs)

        async def write() -> Any:
            async with grid_in:
                await grid_in.write(data)
            return grid_in._id

        return self._start("put", write)

    @_old_method("use MotorGridFSBucket.open_upload_stream()")
    def new_file(self, **kwargs: Any) -> OperationFuture[Any]:
        """A new file, to be written and closed. Keywords are those of `put`. Returns a future."""
        return self._client._resolved(self._new_file("new_file", kwargs))

    def _new_file(self, method: str, kwargs: dict[str, Any]) -> Any:
        if not self._may_write:
            raise ConfigurationError(f"Motor does not allow unacknowledged {method}() to GridFS")
        return concrete(LegacyGridIn, self._framework)(
            self.collection.with_options(write_concern=self._database.write_concern), **kwargs
        )

    @_old_method("use MotorGridFSBucket.delete()")
    def delete(self, file_id: Any, session: Any = None) -> OperationFuture[None]:
        """Start deleting a file. Returns a future of None, also if there is no such file."""
        return self._submit("delete", (file_id, session), {})

    # Reading.

    @_old_method("use MotorGridFSBucket.open_download_stream()")
    def get(self, file_id: Any, session: Any = None) -> OperationFuture[Any]:
        """Start opening the file with an ``_id``. Returns a future; it may fail with NoFile."""
        file_class = self._file_class()

        def find() -> Any:
            return file_class(self.collection, file_id, session=session)._open()

        return self._submit_function(find, queue=queue_of(session, self))

    @_old_method("use MotorGridFSBucket.open_download_stream_by_name()")
    def get_version(
        self, filename: str | None = None, version: int | None = -1, **kwargs: Any
    ) -> OperationFuture[Any]:
        """Start opening one of the files with a name.

        - `filename`: None: any
        - `version`: 0 the first, 1 the second, -1 the newest, -2 the one before
        - further keywords are fields that the file's document must have

        Returns a future; it may fail with NoFile.
        """
        return self._get_revision(filename, version, kwargs)

    @_old_method("use MotorGridFSBucket.open_download_stream_by_name()")
    def get_last_version(self, filename: str | None = None, **kwargs: Any) -> OperationFuture[Any]:
        """Start opening the newest file with a name: `get_version` with ``version=-1``."""
        return self._get_revision(filename, -1, kwargs)

    def _get_revision(
        self, filename: str | None, version: int | None, fields: dict[str, Any]
    ) -> OperationFuture[Any]:
        session, file_class = fields.pop("session", None), self._file_class()
        query = fields if filename is None else {**fields, "filename": filename}
        revision = -1 if version is None else version

        def find() -> Any:
            files, _ = collections_of(self.collection)
            document = find_revision(files, query, filename, revision, unwrap(session))
            return file_class(self.collection, file_document=document, session=session)

        return self._submit_function(find, queue=queue_of(session, self))

    @_old_method("use distinct('filename') on the bucket's collection 'fs.files'")
    def list(self, session: Any = None) -> OperationFuture[Any]:
        """Start listing the names of all files, each once. Returns a future."""
        return self._submit("list", (session,), {})

    @_old_method("use find_one() on the bucket's collection 'fs.files'")
    def exists(self, document_or_id: Any = None, **kwargs: Any) -> OperationFuture[bool]:
        """Start asking whether there is a file.

        - `document_or_id`: an ``_id``, or a filter
        - further keywords are fields that the file's document must have

        Returns a future of a bool.
        """
        return self._submit("exists", (document_or_id,), kwargs)

    @_old_method("use MotorGridFSBucket.find()")
    def find(self, *args: Any, **kwargs: Any) -> Any:
        """Search for files.

        - `spec`, or `filter`: a filter
        - `skip`, `limit`: numbers of files
        - `timeout`: whether the server may end the cursor when it is not used for ten minutes
        - `sort`: a list of (field, direction)
        - `read_preference`, `tag_sets`: from which servers to read
        - `max_scan`, `secondary_acceptable_latency_ms`, `compile_re`: have no effect any more

        Returns a cursor at once. Raises TypeError for other arguments.
        """
        given = self._given(args, kwargs)
        cursor = self._cursor_class._from_delegate(self._find(given), self)
        cursor._asked = (("find", (), given),)
        return cursor

    @_old_method("use MotorGridFSBucket.find(), and next()")
    def find_one(self, spec_or_id: Any = None, *args: Any, **kwargs: Any) -> OperationFuture[Any]:
        """Start searching for one file; see `find`. Returns a future, of None if there is none.

        - `spec_or_id`: a filter, or an ``_id``
        """
        if spec_or_id is not None and not isinstance(spec_or_id, dict):
            spec_or_id = {"_id": {"$eq": spec_or_id}}
        cursor = self._find(self._given((spec_or_id, *args), kwargs)).limit(-1)
        file_class, session = self._file_class(), cursor.session

        def find() -> Any:
            document = next(cursor, None)
            if document is None:
                return None
            return file_class(self.collection, file_document=document, session=session)

        return self._submit_function(find, queue=queue_of(session, self))

    @property
    def _cursor_class(self) -> Any:
        return concrete(LegacyGridOutCursor, self._framework)

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `find` by their names, as PyMongo has them."""
        if len(args) > len(_FIND_ARGUMENTS):
            raise TypeError(f"find() takes at most {len(_FIND_ARGUMENTS)} positional arguments")
        given = dict(zip(_FIND_ARGUMENTS, args, strict=False))
        if twice := given.keys() & kwargs.keys():
            raise TypeError(f"find() got multiple values for {', '.join(map(repr, sorted(twice)))}")
        given |= {name: unwrap(value) for name, value in kwargs.items()}
        for name in _IGNORED:
            given.pop(name, None)
        if "spec" in given:
            given["filter"] = given.pop("spec")
        if "timeout" in given:
            given["no_cursor_timeout"] = not given.pop("timeout")
        return given

    def _find(self, given: dict[str, Any]) -> Any:
        """PyMongo's cursor for the arguments of `find`."""
        mode, tag_sets = given.pop("read_preference", None), given.pop("tag_sets", None)
        # A collection's find() takes more arguments, such as a projection.
        signature_of(gridfs.GridOutCursor).bind(None, **given)
        refuse_transaction(given.get("session"))
        return self._files_read_from(mode, tag_sets).find(**given)

    def _files_read_from(self, mode: Any, tag_sets: Any) -> Any:
        """The collection of files' documents, with the given read preference."""
        files, _ = collections_of(self.collection)
        if mode is None and tag_sets is None:
            return files
        if mode is None:
            mode = self._database.read_preference
        if not isinstance(mode, int):
            mode, tag_sets = mode.mode, tag_sets or mode.document.get("tags")
        return files.with_options(read_preference=make_read_preference(mode, tag_sets))


for _owner in ("gridfs", "grid_in", "grid_out"):
    bridges("keyword", _owner, "callback", "await or yield the future that the method returns")(
        take_callback
    )


@bridges("module", "motor", "MotorGridFS", "use MotorGridFSBucket")
def grid_fs(module: str) -> Any:
    front = "motor.motor_asyncio" if module == "motor.motor_asyncio" else "motor.motor_tornado"
    name = "asyncio" if front == "motor.motor_asyncio" else "tornado"
    framework = importlib.import_module(f"motor.frameworks.{name}")
    return create_class_with_framework(AgnosticGridFS, framework, front)
