"""Blocking code on an event loop's own thread, which gives way to the loop while it waits.

A *strand* is a greenlet that runs one call. Wherever PyMongo would block, the strand leaves the
loop to go on and is resumed there when what it waits for has come: no other thread takes part, and
changing threads costs more than a whole small operation.

How a strand waits is here; which calls become strands, and when they begin, is in
`motor.loop_runner`.
"""

from __future__ import annotations

import contextvars
import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from motor.worker_pool import WorkerPool

if TYPE_CHECKING:
    from motor.loop_runner import LoopRunner

try:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        # It might switch the lock on, and without it threads are quick.
        raise ImportError
    from greenlet import getcurrent, greenlet
except ImportError:
    # All calls go to workers.
    greenlet = object  # type: ignore[assignment, misc]

    def getcurrent() -> greenlet:
        """Stand in for greenlet's function: there are none."""
        return greenlet()


__all__ = ["READABLE", "WRITABLE", "GivenUp", "Strand", "current_strand", "strands_available"]

T = TypeVar("T")

READABLE, WRITABLE = 1, 4


def strands_available() -> bool:
    """Whether calls can run as strands in this process.

    Not without greenlet, nor on Windows, whose event loop does not watch sockets. The environment
    variable ``MOTOR_GREENLETS`` set to ``0`` says no for all.
    """
    return (
        greenlet is not object
        and sys.platform != "win32"
        and sys.implementation.name == "cpython"
        and os.environ.get("MOTOR_GREENLETS", "1").strip() != "0"
    )


def current_strand() -> Strand | None:
    """The strand that the caller runs in; None in a thread's ordinary code."""
    current = getcurrent()
    return current if type(current) is Strand else None


class GivenUp(BaseException):
    """Raised in a strand that cannot go on, as its event loop was closed."""


class StrandCall(Protocol):
    """What a strand runs, in its context; it can also run on a worker."""

    context: contextvars.Context

    def __call__(self) -> object: ...

    def run_on_loop(self) -> None:
        """Run in a strand. When `GivenUp` was raised, the call is as it was before."""


class Strand(greenlet):
    """A call on the thread of an event loop. All methods are for its own code, except `resume`."""

    runner: LoopRunner
    call: StrandCall
    #: How often the strand has paused: a wake-up is for one pause.
    pauses: int = 0
    #: When what it waits for is too late (``time.monotonic()``).
    deadline: float = 0.0
    #: Whether it has sent anything to a server.
    sent: bool = False
    #: What frees what the strand holds when it can never run again.
    forsake: Callable[[], object] | None = None

    def __init__(self, runner: LoopRunner, call: StrandCall) -> None:
        super().__init__()
        self.gr_context = call.context
        self.runner = runner
        self.call = call

    def run(self, ready: bool) -> None:
        """Run the call, from the first `resume` to the strand's end."""
        self.call.run_on_loop()

    def resume(self, ready: bool) -> None:
        """Let the strand run to its next pause, or to its end. On its loop's thread only.

        - `ready`: what the pause returns: whether what it waits for has come
        """
        if self.runner.thread != threading.get_ident():
            # The loop goes on in another thread, and greenlets cannot.
            self.runner.forsake(self)
            return
        here = getcurrent()
        if self.parent is not here:
            self.parent = here
        try:
            self.switch(ready)
        finally:
            if self.dead:
                self.runner.ended(self)

    def pause(self, timeout: float | None = None) -> bool:
        """Give way until somebody resumes the strand, for `timeout` seconds at most.

        Returns whether what it waits for has come. Raises `GivenUp` when it never will.
        """
        self.pauses += 1
        loop: Any = self.parent
        if timeout is None:
            return bool(loop.switch())
        self.runner.watch(self, timeout)
        try:
            return bool(loop.switch())
        finally:
            self.runner.unwatch(self)

    def wait_for(self, fd: int, events: int, timeout: float | None) -> bool:
        """Wait until a socket is ready, `timeout` seconds at most. Returns whether it is.

        - `events`: `READABLE` or `WRITABLE`
        """
        self.runner.readiness.expect(fd, events, self)
        ready = False
        try:
            ready = self.pause(timeout)
        finally:
            if not ready:
                self.runner.readiness.forget(fd)
        return ready

    def elsewhere(
        self, function: Callable[[], T], discard: Callable[[T], object] | None = None
    ) -> T:
        """Run a function that blocks on another thread, in this strand's context, and wait for it.

        - `discard`: what to do with the result if the strand is given up in the meantime
        """
        errand = _Errand(self, function, discard)
        try:
            _errands().submit(errand)
        except RuntimeError:
            # No thread can be started, as at the end of the process. Then it blocks, in a greenlet
            # that is no strand.
            blocking = greenlet(function)
            blocking.gr_context = contextvars.copy_context()
            return blocking.switch()  # type: ignore[no-any-return]
        try:
            self.pause()
        except GivenUp:
            errand.disown()
            raise
        if errand.error is not None:
            try:
                raise errand.error
            finally:
                # Which has this frame in its traceback.
                del errand
        return errand.result  # type: ignore[no-any-return]


class _Errand:
    """What another thread does for a strand."""

    def __init__(
        self,
        strand: Strand,
        function: Callable[[], Any],
        discard: Callable[[Any], object] | None,
    ) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._wake = strand.runner.waker(strand)
        self._context = contextvars.copy_context()
        self._function = function
        self._discard = discard
        self._lock = threading.Lock()
        self._over = self._disowned = False

    def __call__(self) -> None:
        try:
            self.result = self._context.run(self._function)
        except BaseException as exc:
            self.error = exc
        with self._lock:
            self._over = True
            unwanted = self._disowned
        if unwanted:
            self._drop()
        else:
            self._wake()

    def disown(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._disowned = True
            unwanted = self._over
        if unwanted:
            self._drop()

    def _drop(self) -> None:
        if self.error is None and self._discard is not None:
            self._discard(self.result)


_errand_pool: WorkerPool | None = None
_errand_lock = threading.Lock()


def _errands() -> WorkerPool:
    # Not the pool of the calls: those may wait for connections that strands hold.
    global _errand_pool
    with _errand_lock:
        if _errand_pool is None:
            _errand_pool = WorkerPool(100, name="motor-errand")
        return _errand_pool


def _after_fork_in_child() -> None:
    global _errand_lock
    _errand_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
