"""One thread of a pool."""

from __future__ import annotations

import threading
import time

from motor.execution.jobs import Job

__all__ = ["Worker"]


class Worker:
    """One thread: what wakes it, since when it is busy (0: it is not), and what it has done."""

    __slots__ = ("calls", "came", "since", "started", "wait_seconds", "waits", "wake")

    def __init__(self) -> None:
        self.wake = threading.Lock()
        self.wake.acquire()
        self.since = 0.0
        #: When its job came.
        self.came = 0.0
        self.started = False
        self.calls = self.waits = 0
        self.wait_seconds = 0.0

    def take(self, job: Job) -> None:
        """Know that it is busy with `job` from now on."""
        self.since = now = time.monotonic()
        self.came = job.queued_at or now
        if job.queued_at:
            self.waits += 1
            self.wait_seconds += now - job.queued_at
