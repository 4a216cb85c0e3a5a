"""The two frameworks that Motor serves, asyncio and Tornado, behind one protocol."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Any, Protocol

__all__ = ["Framework"]


class Framework(Protocol):
    """What a framework module answers. Both frameworks run on asyncio's loops and futures."""

    CLASS_PREFIX: str
    FRONT: str

    @staticmethod
    def get_event_loop() -> Any:
        """The framework's loop that runs now, or else the one that is set for this thread.

        Raises RuntimeError when there is neither.
        """

    @staticmethod
    def is_event_loop(loop: object) -> bool:
        """Whether `loop` is an event loop of this framework."""

    @staticmethod
    def check_event_loop(loop: object) -> None:
        """Raise TypeError unless `loop` is an event loop of this framework."""

    @staticmethod
    def asyncio_loop(loop: Any) -> AbstractEventLoop:
        """The asyncio loop that this framework's `loop` is, or runs on."""

    @staticmethod
    def framework_loop(loop: AbstractEventLoop) -> Any:
        """The framework's loop that is, or runs on, the asyncio `loop`, which runs here."""

    @staticmethod
    def platform_info() -> str:
        """The framework's name and version, as the server's log shows it."""
