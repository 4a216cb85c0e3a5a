"""What the errors of a transaction say: whether it may be tried again."""

from __future__ import annotations

import sys
import time

from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure, PyMongoError

from motor.core.deadline import remaining

__all__ = ["commit_unknown", "labelled", "late", "timeout_error"]

_MAX_TIME_EXPIRED = 50

#: The error labels of the specification of transactions. An error can be asked for each label, but
#: not for all of its labels.
_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")


def timeout_error(error: BaseException) -> PyMongoError:
    """The error that says that the time for retrying is over, with `error`'s labels."""
    labels = [label for label in _LABELS if labelled(error, label)]
    if remaining() is None:
        return NetworkTimeout(str(error), {"errorLabels": labels})
    details = {"ok": 0, "errmsg": str(error), "code": _MAX_TIME_EXPIRED, "errorLabels": labels}
    return ExecutionTimeout(str(error), _MAX_TIME_EXPIRED, details)


def labelled(error: BaseException, label: str) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label(label)


def commit_unknown(error: PyMongoError) -> bool:
    unknown = error.has_error_label("UnknownTransactionCommitResult")
    return unknown and not _max_time_expired_error(error)


def _max_time_expired_error(exc: BaseException) -> bool:
    """Whether the server stopped a commit because its time was over."""
    return isinstance(exc, OperationFailure) and exc.code == _MAX_TIME_EXPIRED


def _within_time_limit(start_time: float) -> bool:
    """Whether what has begun at `start_time` may be tried again."""
    limit: float = sys.modules["motor.core"]._WITH_TRANSACTION_RETRY_TIME_LIMIT
    return time.monotonic() - start_time < limit


def late(started: float, pause: float = 0.0) -> bool:
    """Whether the time for retries, or of ``pymongo.timeout()``, will be over after `pause`."""
    left = remaining()
    if left is not None and left <= pause:
        return True
    return not _within_time_limit(started - pause)
