"""What the classes of GridFS have in common: operations that take several steps."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo.errors import InvalidOperation

from motor import pymongo_internals
from motor.core.base import AgnosticBase, bound_queue
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = ["GridFSObject", "future_of", "queue_of_session", "refuse_transaction"]

T = TypeVar("T")


class GridFSObject(AgnosticBase):
    """A bucket or a file. It is equal to itself only."""

    if not TYPE_CHECKING:
        # Type checkers do not know of any other, and would wonder at these.
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    @property
    def io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running."""
        return self.get_io_loop()

    def _start(self, coroutine: Coroutine[Any, Any, T]) -> OperationFuture[T]:
        """Start an operation that takes several steps.

        Returns its future. Cancelling it cancels the coroutine.
        """
        return future_of(self._loop().create_task(coroutine))


def future_of(task: asyncio.Task[T], *, cancels: bool = True) -> OperationFuture[T]:
    """The future of an operation that `task` carries out.

    - `cancels`: whether cancelling the future cancels the task
    """
    future: OperationFuture[T] = OperationFuture(loop=task.get_loop())
    _tasks.add(task)
    task.add_done_callback(partial(_resolve, future))
    if cancels:
        future.add_done_callback(partial(_cancel, task))
    return future


#: The tasks that run, which the loop alone would let the garbage collector have.
_tasks: set[asyncio.Task[Any]] = set()


def _resolve(future: OperationFuture[Any], task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if task.cancelled():
        future.cancel()
        return
    error = task.exception()
    if future.done():
        return
    if error is None:
        future.set_result(task.result())
    else:
        future.set_exception(error)


def _cancel(task: asyncio.Task[Any], future: asyncio.Future[Any]) -> None:
    if future.cancelled():
        task.cancel()


def queue_of_session(grid_file: Any, owner: Any) -> SerialQueue | None:
    """Where the calls of one of PyMongo's files have to wait for their session; None without one.

    - `owner`: the Motor object that the file came from
    """
    session = pymongo_internals.gridfs_session(grid_file)
    if session is None:
        return bound_queue.get()
    queue: SerialQueue | None = owner._wrap(session)._queue
    return queue


def refuse_transaction(session: Any) -> None:
    """Raise InvalidOperation if the PyMongo session, which may be None, is in a transaction."""
    if session is not None and session.in_transaction:
        raise InvalidOperation("GridFS does not support multi-document transactions")
