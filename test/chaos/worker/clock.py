"""Sets the process's wall clock forward. The monotonic clock does not change."""

from __future__ import annotations

import os
import threading
import time


def set_forward(seconds: float) -> None:
    """Set what `time.time` says forward, for all that asks it in this process."""
    before = time.time

    def later() -> float:
        return before() + seconds

    time.time = later


def sleep_beside_faketime() -> None:
    """Let `time.sleep` work where libfaketime keeps this process's clock.

    Python sleeps until a moment on the clock that counts seconds. libfaketime 0.9.10, told to leave
    that clock alone, compares the moment with the other clock, and refuses.
    """
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        time.sleep = _sleep


def _sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    threading.Event().wait(seconds)
