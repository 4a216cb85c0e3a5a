"""Objects that return themselves when they are awaited: Motor 3 or PyMongo's async API returns a
coroutine for such an object, and Motor returns the object at once.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Self

__all__ = ["SelfAwaiting"]


class SelfAwaiting:
    """Awaiting the object gives the object.

    It counts as a coroutine, so ``asyncio.create_task`` takes it as well, and it can be hashed, so
    ``asyncio.gather`` does. It is equal to itself only: what it stands for may not exist yet.
    """

    _steps: Generator[Any, Any, Any] | None = None

    def __await__(self) -> Generator[Any, Any, Self]:
        """Return the object itself, as soon as it is ready."""
        yield from ()
        return self

    def send(self, value: None) -> Any:
        """Run up to the next suspension: what a task does with a coroutine."""
        return self._advance("send", value)

    def throw(self, *exception: Any) -> Any:
        """Raise an exception where the coroutine is suspended: what a cancelled task does."""
        return self._advance("throw", *exception)

    def close(self) -> Any:
        """Do nothing: every coroutine has this method, and here there is nothing to close."""

    def _advance(self, how: str, *arguments: Any) -> Any:
        if self._steps is None:
            self._steps = self.__await__()
        try:
            return getattr(self._steps, how)(*arguments)
        except BaseException:
            # At its end. Awaiting the object again starts again.
            self._steps = None
            raise

    if not TYPE_CHECKING:
        # Type checkers do not know of any other, and would wonder at these.
        __eq__ = object.__eq__
        __hash__ = object.__hash__
