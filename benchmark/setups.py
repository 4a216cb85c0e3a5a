"""With what a case is measured: the event loop and the Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """One event loop on one Python."""

    loop: str
    python: str

    def __str__(self) -> str:
        return f"{self.loop}, Python {self.python}"
