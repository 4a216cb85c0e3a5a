"""The event loop and the Python of a measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """One event loop on one Python."""

    loop: str
    python: str

    def __str__(self) -> str:
        return f"{self.loop}, Python {self.python}"
