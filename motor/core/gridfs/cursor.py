"""The cursors of a bucket's ``find``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from gridfs import GridOutCursor
from gridfs.asynchronous import AsyncGridOutCursor

from motor.core.collection import AgnosticCollection
from motor.core.cursors.cursor import AgnosticCursor
from motor.core.gridfs.base import queue_of
from motor.core.gridfs.delegates import DelegateFile
from motor.core.gridfs.grid_out import AgnosticGridOut

__all__ = ["AgnosticGridOutCursor"]


class AgnosticGridOutCursor(AgnosticCursor):
    """The cursor that a bucket's ``find`` returns: it gives files, open, to be read.

    See :class:`gridfs.grid_file.GridOutCursor`. The delegate is PyMongo's cursor of the files'
    documents.
    """

    __motor_class_name__ = "MotorGridOutCursor"
    __delegate_class__ = GridOutCursor
    __async_class__ = AsyncGridOutCursor

    #: The Motor collection that the bucket is named after, with the options that files have.
    _root: Any

    def add_option(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise NotImplementedError: the query for files has no options."""
        raise NotImplementedError(f"{type(self).__name__} has no add_option, nor has GridOutCursor")

    def remove_option(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise NotImplementedError: the query for files has no options."""
        raise NotImplementedError(
            f"{type(self).__name__} has no remove_option, nor has GridOutCursor"
        )

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        """The Motor cursor for one of PyMongo's.

        - `owner`: a bucket, or the collection that one is named after
        """
        is_root = isinstance(owner, AgnosticCollection)
        return cls._of(delegate, *((owner, owner) if is_root else (owner.collection, owner._root)))

    @classmethod
    def _of(cls, delegate: Any, collection: Any, root: Any) -> Any:
        session = getattr(delegate, "session", None)
        cursor = cls(
            delegate,
            collection,
            _queue=queue_of(session, root),
            _convert=partial(cls._file, root, session),
        )
        cursor._root = root
        return cursor

    def _copy(self, delegate: Any) -> Any:
        return self._of(delegate, self.collection, self._root)

    @classmethod
    def _file(cls, root: Any, session: Any, found: Any) -> Any:
        """The Motor file for what the delegate gives: a document, or a GridOut of PyMongo's."""
        file_class = cls._file_class(root)
        if isinstance(found, Mapping):
            return file_class(root, file_document=found, session=session)
        return file_class._of(found, root, DelegateFile(found, opened=True), session)

    @classmethod
    def _file_class(cls, root: Any) -> Any:
        return root._agnostic(AgnosticGridOut)
