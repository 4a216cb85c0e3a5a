"""Blocking code on an event loop's own thread, which gives way to the loop while it waits.

A *strand* is a greenlet that runs one call after the other. Wherever PyMongo would block, the
strand leaves the loop to go on and is resumed there when what it waits for has come: no other
thread takes part, and changing threads costs more than a whole small operation.

How a strand waits is here; which calls become strands, and when they begin, is in
`motor.loop_runner`.
"""

from __future__ import annotations

import contextvars
import errno
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from motor.worker_pool import WorkerPool

if TYPE_CHECKING:
    from motor.loop_runner import LoopRunner

    class _GreenletExit(BaseException):
        """What ends a greenlet: greenlet has no annotations of its own."""

    class _Greenlet:
        """What is used of greenlet's class."""

        dead: bool
        gr_context: contextvars.Context | None
        parent: _Greenlet | None

        def __init__(self, run: Callable[..., Any] | None = None) -> None: ...

        def switch(self, *args: Any) -> Any: ...

        def throw(self, kind: type[BaseException]) -> Any: ...

    def _getcurrent() -> _Greenlet: ...

else:
    try:
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            # It might switch the lock on, and without it threads are quick.
            raise ImportError
        from greenlet import GreenletExit as _GreenletExit
        from greenlet import getcurrent as _getcurrent
        from greenlet import greenlet as _base
    except ImportError:
        # All calls go to workers.
        _base, _getcurrent, _GreenletExit = object, object, GeneratorExit

    class _Greenlet(_base):
        """A greenlet."""


__all__ = [
    "ENDS",
    "READABLE",
    "WRITABLE",
    "GivenUp",
    "LeftToWorker",
    "Strand",
    "current_strand",
    "strands_available",
]

T = TypeVar("T")

READABLE: int = 1
WRITABLE: int = 4


def strands_available() -> bool:
    """Whether calls can run as strands in this process.

    Not without greenlet, nor on Windows, whose event loop does not watch sockets. The environment
    variable ``MOTOR_GREENLETS`` set to ``0`` says no for all.
    """
    return (
        _Greenlet.__base__ is not object
        and sys.platform != "win32"
        and sys.implementation.name == "cpython"
        and os.environ.get("MOTOR_GREENLETS", "1").strip() != "0"
    )


def current_strand() -> Strand | None:
    """The strand that the caller runs in; None in a thread's ordinary code."""
    current = _getcurrent()
    return current if type(current) is Strand else None


class GivenUp(BaseException):
    """Raised in a strand that cannot go on, as its event loop was closed."""


class LeftToWorker(GivenUp):
    """Raised in a strand whose call begins anew somewhere else."""


#: What ends a strand from outside: somebody who gives it up, or the garbage collector.
ENDS: tuple[type[BaseException], ...] = (GivenUp, _GreenletExit)


class StrandCall(Protocol):
    """What a strand runs, in its context; it can also run on a worker."""

    context: contextvars.Context

    def __call__(self) -> object: ...

    def run_on_loop(self) -> object:
        """Run in a strand. When one of `ENDS` was raised, the call is as it was before."""


class Strand(_Greenlet):
    """Calls on the thread of an event loop, one after the other.

    It is kept for the next one because Python gets memory for a new greenlet from the operating
    system, which takes longer than all the rest of beginning a call. All methods are for its own
    code, except those that begin, resume and end it.
    """

    #: What it runs. None: it is free for the next.
    call: StrandCall | None = None
    #: How many calls it has begun.
    calls: int = 0
    #: How often the strand has paused: a wake-up is for one pause.
    pauses: int = 0
    #: When its call began (``time.monotonic()``), and whether that was just now.
    began: float = 0.0
    young: bool = False
    #: When what it waits for is too late (``time.monotonic()``).
    deadline: float = 0.0
    #: Whether its call has sent anything to a server.
    sent: bool = False
    #: What frees what the strand holds when it can never run again.
    forsake: Callable[[], object] | None = None
    # Greenlet's own, which the methods set.
    gr_context: contextvars.Context | None
    parent: _Greenlet | None

    def __init__(self, runner: LoopRunner) -> None:
        super().__init__()
        self.runner: LoopRunner = runner

    def begin(self, call: StrandCall) -> None:
        """Take `call`, to be run by the next `resume`, or by several. Only when it is free."""
        self.call = call
        self.calls += 1
        self.began = time.monotonic()
        self.young = True
        self.sent = False
        self.gr_context = call.context

    def run(self, ready: bool) -> None:
        """Run calls until somebody ends the strand."""
        while self.call is not None:
            self.call.run_on_loop()
            self.call = None
            # What is meant to wake it from a pause does so no more.
            self.pauses += 1
            loop: Any = self.parent
            loop.switch()

    def end(self) -> None:
        """Let it end, which is free, or has never begun."""
        self.throw(_GreenletExit)

    def resume(self, ready: bool) -> None:
        """Let the strand run to its next pause, or to its call's end. On its loop's thread only.

        - `ready`: what the pause returns: whether what it waits for has come
        """
        if self.runner.thread != threading.get_ident():
            # The loop goes on in another thread, and greenlets cannot.
            self.runner.forsake(self)
            return
        here = _getcurrent()
        if self.parent is not here:
            self.parent = here
        try:
            self.switch(ready)
        finally:
            if self.call is None or self.dead:
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
        if fd < 0:
            raise OSError(errno.EBADF, "the socket was closed")
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
            blocking = _Greenlet(function)
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
    # Not the pool of the calls: those may wait for connections that strands hold. Of those that
    # decode, not many are to run at once.
    global _errand_pool
    with _errand_lock:
        if _errand_pool is None:
            _errand_pool = WorkerPool(100, young_limit=4, name="motor-errand")
        return _errand_pool


def _after_fork_in_child() -> None:
    global _errand_lock
    _errand_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
