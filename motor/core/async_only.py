"""What is read with ``async for`` says so where it is read with a plain "for"."""

from __future__ import annotations

from typing import ClassVar, NoReturn

__all__ = ["AsyncOnly", "NotIterable"]


class NotIterable:
    """An object that ``for`` and ``list()`` cannot be used with."""

    #: What to write instead.
    _instead: ClassVar[str] = "'async for'"

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__!r} object is not iterable: use {self._instead}")


class AsyncOnly(NotIterable):
    """An object that ``len()`` cannot be used with, either.

    It is always true: whether it is empty, only the server knows.
    """

    def __len__(self) -> NoReturn:
        raise TypeError(f"object of type {type(self).__name__!r} has no len(): use {self._instead}")

    def __bool__(self) -> bool:
        return True
