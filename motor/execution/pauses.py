"""Lets the event loop run while a worker computes for long."""

from __future__ import annotations

import time

__all__ = ["Pauses"]

#: How long (in seconds) a worker computes between two pauses.
EVERY = 0.002

#: How long (in seconds) a pause is: long enough for a thread that waits to wake up.
PAUSE = 0.00005


class Pauses:
    """Called again and again by code that computes: it gives the interpreter lock away in time.

    Python itself takes the lock away when another thread has waited for five milliseconds. Between
    two callbacks an event loop gives it away, too, and so a request that needs a few callbacks
    would wait as many times.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last > EVERY:
            time.sleep(PAUSE)
            self._last = time.monotonic()
