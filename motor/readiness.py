"""Tells strands when their sockets are ready."""

from __future__ import annotations

import asyncio
import select
import socket
import weakref
from typing import TYPE_CHECKING, Protocol

from motor.strands import READABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from motor.strands import Strand

__all__ = ["Readiness", "watch_sockets"]

#: How many strands may run at most before the loop's other callbacks have their turn.
AT_ONCE = 8


class Readiness(Protocol):
    """Watches the sockets that strands of one loop wait for, one strand for a socket."""

    def expect(self, fd: int, events: int, strand: Strand) -> None:
        """Resume `strand`, once, when `fd` is ready."""

    def forget(self, fd: int) -> None:
        """Do not, after all."""

    def turn(self, timeout: float) -> None:
        """Resume strands without the loop, those that are ready within `timeout` seconds."""

    def close(self) -> None:
        """Watch no more."""


def watch_sockets(
    loop: asyncio.AbstractEventLoop, after_each_turn: Callable[[], object], sentinel: object
) -> Readiness:
    """Begin to watch sockets for `loop`, from whose thread this is called.

    - `after_each_turn`: called when some strands have been resumed
    - `sentinel`: an object to which the loop is to refer until it is closed

    Raises NotImplementedError when the loop does not watch sockets.
    """
    if hasattr(select, "epoll"):
        return _Epoll(loop, after_each_turn, sentinel)
    return LoopReaders(loop, after_each_turn, sentinel)


class _Epoll:
    """Watches with an epoll of its own, which the loop watches.

    That takes one system call for each wait, and what is left over, when the socket is closed or
    used by another thread, is the kernel's to forget. With the loop's own methods it would be two
    and some Python code for each wait, or else the loop would wake up for connections that others
    are using.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        after_each_turn: Callable[[], object],
        sentinel: object,
    ) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, Strand] = {}
        self._after_each_turn = after_each_turn
        try:
            loop.add_reader(self._epoll.fileno(), self._ready, sentinel)
        except BaseException:
            self._epoll.close()
            raise

    def expect(self, fd: int, events: int, strand: Strand) -> None:
        self._waiting[fd] = strand
        # EPOLLIN and EPOLLOUT are the numbers of READABLE and WRITABLE.
        try:
            self._epoll.modify(fd, events | select.EPOLLONESHOT)
        except FileNotFoundError:
            self._epoll.register(fd, events | select.EPOLLONESHOT)

    def forget(self, fd: int) -> None:
        # It may still become ready, which is of no interest then.
        self._waiting.pop(fd, None)

    def _ready(self, sentinel: object) -> None:
        self.turn(0)
        self._after_each_turn()

    def turn(self, timeout: float) -> None:
        for fd, _ in self._epoll.poll(timeout, AT_ONCE):
            strand = self._waiting.pop(fd, None)
            if strand is not None:
                strand.resume(True)

    def close(self) -> None:
        self._epoll.close()


class LoopReaders:
    """Watches with the loop's own methods, where there is no epoll."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        after_each_turn: Callable[[], object],
        sentinel: object,
    ) -> None:
        self._waiting: dict[int, tuple[Strand, int]] = {}
        self._after_each_turn = after_each_turn
        # Watched for nothing but to have the loop refer to the sentinel.
        self._pair = socket.socketpair()
        self._loop = weakref.ref(loop)
        try:
            loop.add_reader(self._pair[0].fileno(), lambda: sentinel)
        except BaseException:
            self.close()
            raise

    def expect(self, fd: int, events: int, strand: Strand) -> None:
        loop = self._loop()
        assert loop is not None
        self._waiting[fd] = strand, events
        add = loop.add_reader if events == READABLE else loop.add_writer
        add(fd, self._ready, fd)

    def forget(self, fd: int) -> None:
        self._take(fd)

    def _take(self, fd: int) -> Strand | None:
        loop = self._loop()
        found = self._waiting.pop(fd, None)
        if found is None:
            return None
        strand, events = found
        if loop is not None and not loop.is_closed():
            (loop.remove_reader if events == READABLE else loop.remove_writer)(fd)
        return strand

    def _ready(self, fd: int) -> None:
        strand = self._take(fd)
        if strand is not None:
            strand.resume(True)
        self._after_each_turn()

    def turn(self, timeout: float) -> None:
        poll = select.poll()
        for fd, (_, events) in self._waiting.items():
            poll.register(fd, select.POLLIN if events == READABLE else select.POLLOUT)
        for fd, _ in poll.poll(timeout * 1000):
            strand = self._take(fd)
            if strand is not None:
                strand.resume(True)

    def close(self) -> None:
        for end in self._pair:
            end.close()
