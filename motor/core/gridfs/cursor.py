"""The cursors of a bucket's ``find``."""

from __future__ import annotations

from functools import partial
from typing import Any

from gridfs import GridOut, GridOutCursor
from gridfs.asynchronous import AsyncGridOutCursor

from motor.core.base import AgnosticBase, bound_queue
from motor.core.collection import AgnosticCollection
from motor.core.cursor import AgnosticCursor
from motor.metaprogramming import MotorCursorChainingMethod

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

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        root: AgnosticBase = owner if isinstance(owner, AgnosticCollection) else owner.collection
        session = delegate.session
        queue = root._wrap(session)._queue if session is not None else bound_queue.get()
        return cls(delegate, root, _queue=queue, _convert=partial(_file, root, session))


def _file(root: Any, session: Any, document: Any) -> Any:
    """The Motor file for its document."""
    return root._wrap(GridOut(root.delegate, file_document=document, session=session))
