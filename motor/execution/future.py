"""The future of an operation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from motor.execution.unawaited import Unawaited

__all__ = ["OperationFuture"]

T = TypeVar("T")


if TYPE_CHECKING:

    class _FutureAndCoroutine(asyncio.Future[T], Coroutine[Any, Any, T]):
        """For type checkers: at run time, the abstract class only checks for the methods."""

else:
    _FutureAndCoroutine = asyncio.Future

#: Motor's own files, which are not where an operation was called.
_MOTOR = os.path.dirname(os.path.dirname(__file__)) + os.sep


class _Named(Unawaited):
    """The part of a future that says which operation it is: in what asyncio logs, for one."""

    __slots__ = ()

    #: The method that was called, with its class. Known when it has failed; else None.
    operation: str | None = None

    def __repr__(self) -> str:
        kind, _, state = super().__repr__().partition(" ")
        of = "" if self.operation is None else f" of {self.operation}()"
        return f"{kind}{of}{self._called_at()} {state}"

    def _called_at(self) -> str:
        """Where the operation was called; empty unless asyncio's debug mode keeps that."""
        stack = getattr(self, "_source_traceback", None) or ()
        for frame in reversed(stack):
            if not frame.filename.startswith(_MOTOR):
                return f" called at {frame.filename}:{frame.lineno}"
        return ""


class OperationFuture(_Named, _FutureAndCoroutine[T]):
    """The future of an operation that has already started.

    It is an ``asyncio.Future`` in all respects, and a coroutine as well, because code written for
    PyMongo's async API hands operations to ``asyncio.create_task`` and ``TaskGroup.create_task``,
    which take nothing but coroutines.

    ``asyncio.wait``, on the other hand, takes futures and refuses coroutines. First of all, it puts
    them in a set. So an operation that is put in a set, or is a dictionary's key, is only a future
    from then on.

    asyncio logs the error of an operation that failed and was never awaited, and the operation's
    name with it. In asyncio's debug mode (``python -X dev``) it also says where that was called.
    """

    def send(self, value: None) -> Any:
        """Run up to the next suspension: the coroutine protocol's first half."""
        return self._iterator().send(value)

    def throw(
        self,
        kind: Any,
        value: Any = None,
        traceback: TracebackType | None = None,
        /,
    ) -> Any:
        """Raise an exception where the coroutine is suspended: the second half."""
        if isinstance(kind, type):
            kind = kind() if value is None else value
        raise kind.with_traceback(traceback) if traceback is not None else kind

    def close(self) -> None:
        """Do nothing: the operation has started, and closing a coroutine does not undo it."""

    def _iterator(self) -> Generator[Any, None, T]:
        return iter(self)

    def __hash__(self) -> int:
        self.__class__ = _HashedOperationFuture  # type: ignore[assignment]
        return object.__hash__(self)

    if not TYPE_CHECKING:
        # Type checkers expect an inherited `__hash__`.
        __eq__ = asyncio.Future.__eq__


class _HashedOperationFuture(_Named, asyncio.Future[T]):
    """What an :class:`OperationFuture` becomes in a set: a future that is not a coroutine too."""

    __hash__ = asyncio.Future.__hash__


_HashedOperationFuture.__name__ = _HashedOperationFuture.__qualname__ = "OperationFuture"
