"""The cursors of a bucket's ``find``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gridfs import GridOut, GridOutCursor
from gridfs.asynchronous import AsyncGridOutCursor

from motor import pymongo_internals
from motor.core.base import AgnosticBase, bound_queue
from motor.core.collection import AgnosticCollection
from motor.core.cursor import AgnosticCursor
from motor.declarations import MotorCursorChainingMethod, coroutine_annotation
from motor.operation import OperationFuture

__all__ = ["AgnosticGridOutCursor"]


class AgnosticGridOutCursor(AgnosticCursor):
    """The cursor that a bucket's ``find`` returns: it gives files, open, to be read.

    See :class:`gridfs.grid_file.GridOutCursor`.
    """

    __motor_class_name__ = "MotorGridOutCursor"
    __delegate_class__ = GridOutCursor
    __async_class__ = AsyncGridOutCursor

    # Both say that files have no options.
    add_option: Any = MotorCursorChainingMethod()
    remove_option: Any = MotorCursorChainingMethod()

    @coroutine_annotation
    def explain(self) -> OperationFuture[Any]:
        """Start asking for the server's plan of the query. Returns a future of the document."""
        return self._submit_function(_plan, (self.delegate.explain,), queue=self._queue)

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        root: AgnosticBase = owner if isinstance(owner, AgnosticCollection) else owner.collection
        session = delegate.session
        queue = root._wrap(session)._queue if session is not None else bound_queue.get()
        return cls(delegate, root, _queue=queue, _convert=partial(_file, root, session))


def _plan(explain: Callable[[], Any]) -> Any:
    found = explain()
    # PyMongo takes the server's plan for the document of a file.
    return pymongo_internals.file_document(found) if isinstance(found, GridOut) else found


def _file(root: Any, session: Any, document: Any) -> Any:
    """The Motor file for its document."""
    return root._wrap(GridOut(root.delegate, file_document=document, session=session))
