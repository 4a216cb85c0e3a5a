"""The threads of a pool: what wakes each, and what they have done."""

from __future__ import annotations

import threading
import time

__all__ = ["Worker", "counters_of"]


class Worker:
    """One thread: what wakes it, since when it is busy (0: it is not), and what it has done."""

    __slots__ = ("calls", "came", "since", "started", "wait_seconds", "waits", "wake")

    def __init__(self) -> None:
        self.wake: threading.Lock = threading.Lock()
        self.wake.acquire()
        self.since: float = 0.0
        #: When its job came.
        self.came: float = 0.0
        self.started: bool = False
        self.calls: int = 0
        self.waits: int = 0
        self.wait_seconds: float = 0.0


def counters_of(workers: list[Worker], queued: list[float]) -> tuple[int, int, float]:
    """How many calls have come, how many times one had to wait, and for how long (in seconds).

    - `queued`: when the calls that are in the queue began to wait; 0 if they need not
    """
    now = time.monotonic()
    calls = sum(worker.calls + (worker.since > 0) for worker in workers) + len(queued)
    waits = sum(worker.waits for worker in workers) + sum(map(bool, queued))
    waited = sum(worker.wait_seconds for worker in workers)
    return calls, waits, waited + sum(now - since for since in queued if since)
