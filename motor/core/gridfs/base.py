"""What the classes of GridFS have in common."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pymongo import ReadPreference
from pymongo.errors import InvalidOperation

from motor import signatures
from motor.core.arguments import bind
from motor.core.base import AgnosticBase, bound_queue
from motor.core.loops import needs_loop
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue

__all__ = [
    "MISSING",
    "GridFSObject",
    "arguments_of",
    "chunks_of",
    "collections_of",
    "future_of",
    "queue_of",
    "refuse_transaction",
    "signature_of",
]

T = TypeVar("T")

#: How many chunks a batch has at most.
MOST_CHUNKS = 1000

#: In place of the value of a field that a document does not have.
MISSING: Final = object()


class GridFSObject(AgnosticBase):
    """A bucket or a file. It is equal to itself only."""

    if not TYPE_CHECKING:
        # Type checkers do not expect a `__hash__` beside an `__eq__`.
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    @property
    def io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running."""
        return self.get_io_loop()

    @needs_loop
    def _start(
        self, name: str, operation: Callable[[], Coroutine[Any, Any, T]]
    ) -> OperationFuture[T]:
        """Start an operation that takes several steps, a coroutine function.

        - `name`: the method that was called

        Returns its future. Cancelling it cancels the coroutine.
        """
        return future_of(self._loop().create_task(operation()), f"{type(self).__name__}.{name}")


def chunks_of(size: int, chunk_size: int) -> int:
    """How many chunks make a batch of about `size` bytes."""
    return min(max(1, size // chunk_size), MOST_CHUNKS)


def future_of(task: asyncio.Task[T], name: str, *, cancels: bool = True) -> OperationFuture[T]:
    """The future of an operation that `task` carries out.

    - `name`: the method that was called, with its class
    - `cancels`: whether cancelling the future cancels the task
    """
    future: OperationFuture[T] = OperationFuture(loop=task.get_loop())
    future.operation = name
    _tasks.add(task)
    task.add_done_callback(partial(_resolve, future))
    if cancels:
        future.add_done_callback(partial(_cancel, task))
    return future


#: The tasks that run. The loop alone does not keep them from the garbage collector.
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


def queue_of(session: Any, owner: AgnosticBase) -> SerialQueue | None:
    """Where the calls of a file have to wait for its session; None without one.

    - `session`: a Motor session, a PyMongo session, or None
    - `owner`: the Motor object that the file belongs to

    Raises ValueError for what is no session.
    """
    if session is None:
        return bound_queue.get()
    _check_session(session)
    if not isinstance(session, AgnosticBase):
        session = owner._wrap(session)
    queue: SerialQueue | None = getattr(session, "_queue", None)
    return queue


def collections_of(root: Any, *, primary: bool = False) -> tuple[Any, Any]:
    """PyMongo's collections of a bucket's files and chunks, as GridFS uses them.

    They do not use the user's own types. They are kept with `root`, because making them takes
    longer than everything else for a file.

    - `root`: the Motor collection that the bucket is named after
    - `primary`: whether to read from the primary, with any read preference
    """
    kept = "_primary_collections" if primary else "_file_collections"
    found: tuple[Any, Any] | None = vars(root).get(kept)
    if found is None:
        delegate = root.delegate
        codec_options = delegate.codec_options.with_options(type_registry=None)
        preference = ReadPreference.PRIMARY if primary else None
        own = delegate.with_options(codec_options, read_preference=preference)
        found = vars(root)[kept] = (own.files, own.chunks)
    return found


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of one of PyMongo's functions or classes."""
    return _signature_of(function)


#: Kept, because it takes a while to find.
_signature_of = functools.cache(signatures.signature_of)


def arguments_of(
    what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The given arguments of a call of one of PyMongo's functions, by name.

    - `what`: the function's name, for the error

    Raises TypeError for those that it would refuse.
    """
    bound = bind(what, signature_of(function), args, kwargs)
    given = dict(bound.arguments)
    for parameter in bound.signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(parameter.name, {})
    return given


def _check_session(session: Any) -> None:
    if not hasattr(type(session), "in_transaction"):
        raise ValueError(f"'session' argument must be a ClientSession or None, not {session!r}")


def refuse_transaction(session: Any) -> None:
    """Raise InvalidOperation if the session, which may be None, is in a transaction.

    Raises ValueError for what is no session.
    """
    if session is None:
        return
    _check_session(session)
    if session.in_transaction:
        raise InvalidOperation("GridFS does not support multi-document transactions")
