"""Finds what a test leaves behind: threads, child processes, connections."""

from __future__ import annotations

import gc
import glob
import os
import socket
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

from pymongo.monitoring import ConnectionPoolListener

from support.wait import PATIENCE

_POLL_SECONDS = 0.005
_COLLECT_SECONDS = 1.0
# Motor's shared pool is made once and stays. PyMongo's threads notice only after half a second
# that their client was closed, too long to wait for after each test; a client that was not closed
# shows by its connections.
_EXPECTED_THREADS = ("motor-", "pymongo_")
# multiprocessing keeps these helpers, one each, for as long as the process lives.
_HELPER_PROCESSES = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


class PooledConnections(ConnectionPoolListener):
    """Counts the pooled connections of the session's own client, which are no test's fault."""

    def __init__(self) -> None:
        self.count = 0

    def connection_created(self, event: object) -> None:
        self.count += 1

    def connection_closed(self, event: object) -> None:
        self.count -= 1

    def _ignore(self, event: object) -> None:
        pass

    pool_created = pool_ready = pool_cleared = pool_closed = connection_ready = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore
    connection_checked_out = connection_checked_in = _ignore


class LeakCheck:
    """Compares now with the time of its making."""

    def __init__(self, ports: set[int], own: PooledConnections) -> None:
        self._ports = ports
        self._own = own
        self._threads = set(threading.enumerate())
        self._children = child_processes()
        self._connections = self._count_connections()

    def leaks(self, timeout: float = PATIENCE) -> list[str]:
        """Return what is left over, a sentence each, once `timeout` seconds did not clear it."""
        deadline = time.monotonic() + timeout
        while True:
            # Also brings the complaints of objects found dead now to the test that made them.
            # Again and again, because PyMongo before 4.20 leaves a monitor's connection to the
            # garbage collector if the client is closed while the monitor is connecting.
            gc.collect()
            found = self._find()
            if not found or time.monotonic() >= deadline:
                return found
            self._wait_for_less(until=min(deadline, time.monotonic() + _COLLECT_SECONDS))

    def _wait_for_less(self, until: float) -> None:
        while self._find() and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def _find(self) -> list[str]:
        found = [
            f"thread {thread.name} still runs"
            for thread in set(threading.enumerate()) - self._threads
            if not thread.name.startswith(_EXPECTED_THREADS)
        ]
        children = child_processes() - self._children
        found += [f"child process {pid} still runs or was not waited for" for pid in children]
        more = self._count_connections() - self._connections
        if more > 0:
            found.append(f"{more} more connections to the server are open than before")
        return found

    def _count_connections(self) -> int:
        return count_connections(self._ports) - self._own.count


def child_processes() -> set[int]:
    """Return the process ids of this process's children; empty where Linux does not list them."""
    children = set()
    # Each thread has a list of those that it started.
    for tasks in glob.iglob("/proc/self/task/*/children"):
        with suppress(FileNotFoundError, ProcessLookupError), open(tasks) as listed:
            children.update(map(int, listed.read().split()))
    return {pid for pid in children if not _is_helper(pid)}


def _is_helper(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(name in command for name in _HELPER_PROCESSES)


def count_connections(ports: set[int]) -> int:
    """Return how many TCP connections to one of `ports` this process has open."""
    if not ports or not os.path.isdir("/dev/fd"):
        return 0
    return sum(_peer_port(int(name)) in ports for name in os.listdir("/dev/fd"))


def _peer_port(descriptor: int) -> int | None:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        # A duplicate, because closing the socket object closes its descriptor.
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            peer = connection.getpeername()
    except OSError:
        # Not connected, or closed by another thread since it was listed.
        return None
    return peer[1] if isinstance(peer, tuple) else None
