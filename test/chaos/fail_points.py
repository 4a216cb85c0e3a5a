"""Commands that the server fails on purpose, for the drivers under test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pymongo.errors import PyMongoError

from chaos.plan import APP_NAME
from chaos.replica_set import ReplicaSet

COMMANDS = [
    *("insert", "update", "delete", "findAndModify"),
    *("find", "getMore", "aggregate", "distinct", "killCursors"),
    *("commitTransaction", "abortTransaction"),
]

#: All but the ends of transactions: these errors say that the transaction is gone, which is false
#: if the end is repeated because its first answer was lost.
COMMANDS_BEFORE_THE_END = COMMANDS[:-2]

#: What a driver may try again: the specification of retryable reads and writes names them.
RETRYABLE = {
    6: "HostUnreachable",
    7: "HostNotFound",
    89: "NetworkTimeout",
    91: "ShutdownInProgress",
    134: "ReadConcernMajorityNotAvailableYet",
    189: "PrimarySteppedDown",
    262: "ExceededTimeLimit",
    9001: "SocketException",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
}

#: What it must not try again: one error of each family that the server has.
NOT_RETRYABLE = {
    1: "InternalError",
    2: "BadValue",
    8: "UnknownError",
    13: "Unauthorized",
    20: "IllegalOperation",
    43: "CursorNotFound",
    50: "MaxTimeMSExpired",
    59: "CommandNotFound",
    112: "WriteConflict",
    133: "FailedToSatisfyReadPreference",
    136: "CappedPositionLost",
    146: "ExceededMemoryLimit",
    175: "QueryPlanKilled",
    237: "CursorKilled",
    251: "NoSuchTransaction",
    286: "ChangeStreamHistoryLost",
    11601: "Interrupted",
    17280: "KeyTooLong",
    24: "LockTimeout",
    79: "UnknownReplWriteConcern",
}

#: Errors that come with the answer to a write that was done.
WRITE_CONCERN = {
    64: "WriteConcernFailed",
    91: "ShutdownInProgress",
    100: "UnsatisfiableWriteConcern",
    189: "PrimarySteppedDown",
}


@contextmanager
def failing(replica_set: ReplicaSet, probability: float, data: dict[str, Any]) -> Iterator[None]:
    """Fail commands of the clients under test for the length of the block, at every member.

    `data` is that of MongoDB's fail point `failCommand`; `probability` says how often it strikes.
    """
    mode = {"activationProbability": probability} if probability < 1 else "alwaysOn"
    data = {"failCommands": COMMANDS, "appName": APP_NAME, **data}
    try:
        _configure(replica_set, mode, data)
        yield
    finally:
        _configure(replica_set, "off", {})


def _configure(replica_set: ReplicaSet, mode: Any, data: dict[str, Any]) -> None:
    command = {"configureFailPoint": "failCommand", "mode": mode, "data": data}
    for number in replica_set.numbers:
        # A member that is down has no fail points, and none when it comes back.
        with replica_set.direct(number) as client, suppress(PyMongoError):
            client.admin.command(command)
