"""Why Motor's objects cannot be pickled, said in Motor's words."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["NotPicklable"]


class NotPicklable:
    """An object that belongs to a client, whose connections cannot leave the process."""

    def __copy__(self) -> Any:
        """Another object for the same delegate."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: Any) -> Any:
        self._refuse()

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} objects cannot be pickled or deep-copied: they hold "
            "connections, which cannot leave the process, and locks. Hand on the connection "
            "string and the names instead, and make a client from them where they arrive. Within "
            "the process, use the object itself, from any thread and event loop, or copy.copy() "
            "of it."
        )
