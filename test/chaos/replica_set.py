"""Three members, and their faults."""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from motor.testing import EmbeddedMongo
from motor.testing.mongod import direct_client, wait_until

_ANSWER_SECONDS = 5.0
_PRIMARY_SECONDS = 20.0
_SET = "chaos"
#: More than a member uses: enough to answer, but not for the stack of another thread.
_SPARE_BYTES = 256 * 1024


class NoPrimary(Exception):
    """The set has had no primary for some time."""


class ReplicaSet:
    """A replica set with three members, at 127.0.0.1: a context manager."""

    def __init__(self) -> None:
        self._mongo = EmbeddedMongo(nodes=3, replica_set=_SET)
        self._stopped: set[int] = set()

    def __enter__(self) -> ReplicaSet:
        self._mongo.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number in [*self._stopped]:
            self.go_on(number)
        self._mongo.stop()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where each member listens."""
        return [*self._mongo.addresses]

    @property
    def numbers(self) -> list[int]:
        """Each member's number."""
        return [*range(len(self._mongo.pids))]

    @property
    def version(self) -> str:
        """The server's version."""
        return self._mongo.version

    def client(self, **options: Any) -> pymongo.MongoClient[dict[str, Any]]:
        """A client of the harness's own, which goes past the proxies."""
        return pymongo.MongoClient(
            self._mongo.uri, serverSelectionTimeoutMS=30_000, appname="chaos-harness", **options
        )

    def direct(self, number: int) -> pymongo.MongoClient[dict[str, Any]]:
        """A client for one member."""
        return direct_client(self.addresses[number][1], _ANSWER_SECONDS)

    # Finding members -----------------------------------------------------------------------

    def primary(self) -> int:
        """The number of the primary; NoPrimary when there is none for some time."""
        deadline = time.monotonic() + _PRIMARY_SECONDS
        while time.monotonic() < deadline:
            for number in self.numbers:
                if number not in self._stopped and self._hello(number).get("isWritablePrimary"):
                    return number
            time.sleep(0.05)
        raise NoPrimary

    def secondaries(self) -> list[int]:
        """The numbers of the others."""
        primary = self.primary()
        return [number for number in self.numbers if number != primary]

    def wait_healthy(self, seconds: float) -> None:
        """Return when one member is primary and the others are secondaries; else TimeoutError."""
        deadline = time.monotonic() + seconds
        wait_until(self._is_healthy, deadline, "all members are up")

    def _is_healthy(self) -> bool:
        hellos = [self._hello(number) for number in self.numbers]
        primaries = [h for h in hellos if h.get("isWritablePrimary")]
        return len(primaries) == 1 and sum(h.get("secondary", False) for h in hellos) == 2

    def _hello(self, number: int) -> dict[str, Any]:
        # Short: a member that is stopped accepts connections and does not answer.
        try:
            with direct_client(self.addresses[number][1], 0.5) as client:
                return dict(client.admin.command("hello"))
        except PyMongoError:
            return {}

    # Harm ------------------------------------------------------------------------------------

    def kill(self, number: int) -> None:
        """End a member at once."""
        os.kill(self._pid(number), signal.SIGKILL)

    def end(self, number: int) -> None:
        """Ask a member to end."""
        os.kill(self._pid(number), signal.SIGTERM)

    def restart(self, number: int) -> None:
        """Start a member that has ended; return when it answers."""
        self._mongo.restart(number)

    def stop(self, number: int) -> None:
        """Stop a member: it keeps its connections and does not answer."""
        self._stopped.add(number)
        os.kill(self._pid(number), signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """Have a member that was stopped go on."""
        os.kill(self._pid(number), signal.SIGCONT)
        self._stopped.discard(number)

    def step_down(self, number: int, seconds: int) -> None:
        """Have the primary step down, and not stand for election for some seconds."""
        with self.direct(number) as client, suppress(ConnectionFailure, OperationFailure):
            client.admin.command(
                "replSetStepDown", seconds, secondaryCatchUpPeriodSecs=1, force=True
            )

    def freeze(self, number: int, seconds: int) -> None:
        """Keep a secondary from standing for election for some seconds; 0: no more."""
        with self.direct(number) as client, suppress(ConnectionFailure, OperationFailure):
            client.admin.command("replSetFreeze", seconds)

    def limit_memory(self, number: int) -> None:
        """Leave a member no memory for more threads, of which each connection needs one."""
        statm = Path(f"/proc/{self._pid(number)}/statm").read_text()
        used = int(statm.split()[0]) * resource.getpagesize()
        limits = used + _SPARE_BYTES, resource.RLIM_INFINITY
        resource.prlimit(self._pid(number), resource.RLIMIT_AS, limits)

    def unlimit_memory(self, number: int) -> None:
        """Take the limit away, and start the member again if it did not survive."""
        try:
            limits = resource.RLIM_INFINITY, resource.RLIM_INFINITY
            resource.prlimit(self._pid(number), resource.RLIMIT_AS, limits)
        except ProcessLookupError:
            pass
        self.revive()

    def revive(self) -> None:
        """Start all members that have ended."""
        for number in self.numbers:
            if self._has_ended(number):
                self.restart(number)

    def _has_ended(self, number: int) -> bool:
        stat = Path(f"/proc/{self._pid(number)}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"

    def _pid(self, number: int) -> int:
        return self._mongo.pids[number]
