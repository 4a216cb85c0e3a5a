"""A condition on which threads and strands wait alike."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from motor.strands import current_strand

__all__ = ["Condition"]


class Condition(threading.Condition):
    """Like ``threading.Condition``, but a strand that waits gives way to its loop.

    - `lock`: a ``threading.Lock``
    """

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self._lock_itself = lock
        # What wakes those that wait, in the order they came.
        self._wake: deque[Callable[[], object]] = deque()

    def __enter__(self) -> bool:
        return bool(self._lock_itself.__enter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock_itself.__exit__(kind, error, traceback)

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait for `notify`, `timeout` seconds at most, and take the lock again.

        Returns whether there was a `notify`.
        """
        strand = current_strand()
        if strand is None:
            waiter = threading.Lock()
            waiter.acquire()
            wake: Callable[[], object] = waiter.release
        else:
            wake = strand.runner.waker(strand)
        self._wake.append(wake)
        self.release()
        notified = False
        try:
            if strand is None:
                notified = waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
            else:
                notified = strand.pause(timeout)
        finally:
            self.acquire()
            if not notified:
                self._give_up(wake)
        return notified

    def _give_up(self, wake: Callable[[], object]) -> None:
        try:
            self._wake.remove(wake)
        except ValueError:
            # Notified since: that is for somebody else, then.
            self.notify()

    def notify(self, n: int = 1) -> None:
        """Wake `n` of those that wait. The lock must be held."""
        for _ in range(min(n, len(self._wake))):
            self._wake.popleft()()

    def notify_all(self) -> None:
        """Wake all that wait. The lock must be held."""
        self.notify(len(self._wake))
