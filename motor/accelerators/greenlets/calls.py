"""A call in a greenlet, which lets the thread's event loop go on wherever it would block."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from greenlet import getcurrent, greenlet

from motor.execution.completions import resolve
from motor.execution.lifecycle import after_fork_in_child
from motor.execution.pool import WorkerPool
from motor.execution.serial_queue import InTurn

if TYPE_CHECKING:
    from motor.execution.call import Call

__all__ = ["GreenletCall", "call_of", "current_call"]

T = TypeVar("T")


class GreenletCall(greenlet):
    """Runs one job after the other on the thread of an event loop.

    It is kept for the next job, because a new greenlet costs more than all the rest of a job's
    beginning. It goes back to the greenlet that resumed it, and never asks greenlet for its
    `parent`: other packages have greenlets of their own on this thread.

    - `scheduler`: that of the loop
    """

    def __init__(self, scheduler: Any) -> None:
        super().__init__()
        self.scheduler: Any = scheduler
        #: What it runs; None: it is free.
        self.job: Call | InTurn | None = None
        #: What took the job.
        self.pool: Any = None
        #: The socket that it waits for; None: it does not.
        self.receiving: Any = None
        self._resumer: Any = None
        self._interrupt: BaseException | None = None

    # For the loop.

    def resume(self) -> None:
        """Let it run until it waits again, or has ended its job. On its own thread only.

        Raises KeyboardInterrupt or SystemExit if that was raised in it.
        """
        self._resumer = getcurrent()
        # Without an argument: a greenlet keeps the first for life.
        self.switch()
        if self._interrupt is not None:
            interrupt, self._interrupt = self._interrupt, None
            try:
                raise interrupt
            finally:
                # Its traceback refers to this frame.
                del interrupt

    def run(self) -> None:
        """Run jobs for as long as there is one."""
        while self.job is not None:
            self._run_job(self.job)
            self.scheduler.ended(self)
            self.pause()

    def _run_job(self, job: Call | InTurn) -> None:
        call = call_of(job)
        job.run()
        if isinstance(call.error, KeyboardInterrupt | SystemExit):
            # It is for those who run the loop.
            self._interrupt, call.error = call.error, None
            call.future.cancel()
        if not self.scheduler.closing:
            # On a closed loop, no future can be resolved.
            call.hand_over = resolve
        job.deliver()

    def end(self) -> None:
        """End a free greenlet."""
        self.parent = getcurrent()
        self.resume()

    # For the code that runs in it.

    def pause(self) -> None:
        """Let the loop go on until this is resumed."""
        resumer, self._resumer = self._resumer, None
        resumer.switch()

    def run_in_thread(self, function: Callable[[], T]) -> T:
        """Run a function that blocks on another thread, in this context. Returns its result."""
        context = contextvars.copy_context()
        try:
            future: Future[T] = _threads().submit(context.run, function)
        except RuntimeError:
            # No thread can be started: then it blocks.
            return function()
        future.add_done_callback(lambda _: self.scheduler.resume_soon(self))
        self.pause()
        try:
            # It is there, unless the loop was closed: then this waits for it.
            return future.result()
        finally:
            # An error's traceback refers to this frame.
            del future

    def sleep(self, seconds: float) -> None:
        """Let the loop go on for a time, or until it is closed."""
        if self.scheduler.closing:
            time.sleep(seconds)
        else:
            self.scheduler.loop.call_later(seconds, self.scheduler.resume, self)
            self.pause()


def call_of(job: Call | InTurn) -> Any:
    """The call that a job runs, also if that had to wait for its turn."""
    return job.job if isinstance(job, InTurn) else job


def current_call() -> GreenletCall | None:
    """The call that this code runs in; None in ordinary code."""
    current = getcurrent()
    return current if type(current) is GreenletCall else None


_pool: WorkerPool | None = None


def _threads() -> WorkerPool:
    # Not the workers of the calls: all of those may wait for connections that greenlets have.
    global _pool
    if _pool is None:
        _pool = WorkerPool(100, recent_limit=4, name="motor-greenlets")
    return _pool


def _forget() -> None:
    global _pool
    _pool = None


after_fork_in_child(_forget)
