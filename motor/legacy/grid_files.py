"""The files of ``MotorGridFS``: they have an MD5 sum, and take callbacks."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any

from motor.core.gridfs import AgnosticGridIn, AgnosticGridOut, AgnosticGridOutCursor
from motor.core.gridfs.base import future_of
from motor.core.gridfs.writing import Upload
from motor.core.loops import needs_loop
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue
from motor.legacy import callbacks
from motor.legacy.deprecation import check
from motor.legacy.registry import bridges, find
from motor.metaprogramming import create_class_with_framework

__all__ = ["LegacyGridIn", "LegacyGridOut", "LegacyGridOutCursor", "concrete"]

#: Fewer bytes are hashed on the loop's thread: another thread would take longer.
_HASHED_AT_ONCE = 32 * 1024


def concrete(agnostic_class: type, framework: Any) -> Any:
    """The class of a framework for one of the classes of this module."""
    return create_class_with_framework(agnostic_class, framework, __name__)


class HashingUpload(Upload):
    """The chunks of a new file, and the MD5 sum of what is in them.

    MongoDB used to compute it; a field of the file's document has it.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # It only distinguishes contents; no security depends on it.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hashing = SerialQueue()
        # Waited for before the file is finished.
        self._used.append(self._hashing)

    def add(self, data: bytes) -> OperationFuture[None] | None:
        if len(data) < _HASHED_AT_ONCE and not self._hashing.busy:
            self._md5.update(data)
        else:
            self._submit(self._md5.update, (data,), queue=self._hashing)
        return super().add(data)

    def _finish(self, *args: Any) -> None:
        self.document["md5"] = self._md5.hexdigest()
        super()._finish(*args)


def _takes_callback(method: Callable[..., Any]) -> Any:
    """The method, with a callback for what its future, or coroutine, brings."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, callback: Any = None, **kwargs: Any) -> Any:
        if callback is None:
            return method(self, *args, **kwargs)
        entry = find("keyword", _owner(self), "callback")
        assert entry is not None
        check(entry)
        callbacks.check_callback(self, callback)
        result = method(self, *args, **kwargs)
        if inspect.iscoroutine(result):
            name = f"{type(self).__name__}.{method.__name__}"
            result = future_of(self._loop().create_task(result), name)
        callbacks.deliver(result, callback)
        return None

    return call


def _owner(file_or_cursor: Any) -> str:
    if isinstance(file_or_cursor, AgnosticGridIn):
        return "grid_in"
    return "grid_out" if isinstance(file_or_cursor, AgnosticGridOut) else "cursor"


@bridges("attribute", ("grid_in", "grid_out"), "md5", "keep a checksum in the file's metadata")
def md5(grid_file: Any) -> str | None:
    """The MD5 sum of a file's contents, in hexadecimal; None if it was stored without one."""
    is_new = isinstance(grid_file, AgnosticGridIn)
    document = (grid_file._upload if is_new else grid_file._stored).document
    return None if document is None else document.get("md5")


def _md5(grid_file: Any) -> str | None:
    entry = find("attribute", _owner(grid_file), "md5")
    assert entry is not None
    check(entry)
    return md5(grid_file)


class LegacyGridIn(AgnosticGridIn):
    """A new file of a MotorGridFS: its ``md5`` is known when it is closed."""

    __motor_class_name__ = "MotorGridIn"

    write: Any = _takes_callback(AgnosticGridIn.write)
    writelines: Any = _takes_callback(AgnosticGridIn.writelines)
    set: Any = _takes_callback(AgnosticGridIn.set)
    close: Any = _takes_callback(AgnosticGridIn.close)

    @property
    def md5(self) -> str | None:
        """The MD5 sum of the file's contents, in hexadecimal; None if it was stored without one."""
        return _md5(self)

    _upload_class = HashingUpload


class LegacyGridOut(AgnosticGridOut):
    """A file of a MotorGridFS, to be read."""

    __motor_class_name__ = "MotorGridOut"

    open: Any = _takes_callback(AgnosticGridOut.open)
    read: Any = _takes_callback(AgnosticGridOut.read)
    readline: Any = _takes_callback(AgnosticGridOut.readline)
    readchunk: Any = _takes_callback(AgnosticGridOut.readchunk)
    stream_to_handler: Any = _takes_callback(AgnosticGridOut.stream_to_handler)

    @property
    def md5(self) -> str | None:
        """The MD5 sum of the file's contents, in hexadecimal; None if it was stored without one."""
        return _md5(self)


class LegacyGridOutCursor(AgnosticGridOutCursor):
    """The cursor of MotorGridFS's ``find``: it gives files, and ``to_list`` gives their documents.

    `collection` is the one of the files' documents.
    """

    __motor_class_name__ = "MotorGridOutCursor"

    @classmethod
    def _file_class(cls, root: Any) -> Any:
        return concrete(LegacyGridOut, cls._framework)

    @_takes_callback
    @needs_loop
    def to_list(self, length: int | None = None) -> OperationFuture[list[Any]]:
        """Start reading the documents of the next `length` files, or of all that remain.

        Returns a future of the list of dictionaries.
        """
        files = super().to_list(length)

        async def documents() -> list[Any]:
            return [each._stored.document for each in await files]

        return future_of(self._loop().create_task(documents()), f"{type(self).__name__}.to_list")
