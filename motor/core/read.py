"""One read of a cursor."""

from __future__ import annotations

from typing import Any

from motor.operation import OperationFuture

__all__ = ["Read"]


class Read:
    """One read: who waits for it, and what it has brought until whoever waits has it."""

    __slots__ = ("documents", "error", "future")

    def __init__(self) -> None:
        self.future: OperationFuture[Any] | None = None
        self.documents: list[Any] = []
        self.error: BaseException | None = None

    @property
    def over(self) -> bool:
        """Whether whoever waited has been answered, or is gone."""
        future = self.future
        return future is not None and (future.done() or future.get_loop().is_closed())

    @property
    def abandoned(self) -> bool:
        """Of a read that is over: whether nobody has taken what it has brought."""
        assert self.future is not None
        return self.future.cancelled() or not self.future.done()
