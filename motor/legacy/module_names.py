"""Old names of Motor's modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo.errors import WaitQueueTimeoutError

from motor.legacy.registry import bridges, refuses

__all__: list[str] = []


def _front(module: str, name: str) -> Any:
    from motor.legacy import fronts

    return fronts.front_class(f"AsyncIO{name}" if module == "motor.motor_asyncio" else name)


@bridges("module", "motor", "MotorReplicaSetClient", "use MotorClient with replicaSet=")
def replica_set_client(module: str) -> Any:
    return _front(module, "MotorReplicaSetClient")


@bridges("module", "motor", "MotorBulkOperationBuilder", "pass a list to bulk_write()")
def bulk_operation_builder(module: str) -> Any:
    from motor.legacy.bulk import MotorBulkOperationBuilder

    return MotorBulkOperationBuilder


# Of Motor 0.1 and the versions before it, which were for Tornado only.


@bridges("module", "motor", "MotorConnection", "use MotorClient", tornado_only=True)
def motor_connection(module: str) -> Any:
    return _front(module, "MotorClient")


@bridges(
    "module",
    "motor",
    "MotorReplicaSetConnection",
    "use MotorClient with replicaSet=",
    tornado_only=True,
)
def motor_replica_set_connection(module: str) -> Any:
    return _front(module, "MotorReplicaSetClient")


@bridges(
    "module",
    "motor",
    "MotorPoolTimeout",
    "catch pymongo.errors.WaitQueueTimeoutError",
    tornado_only=True,
)
def pool_timeout(module: str) -> Any:
    return WaitQueueTimeoutError


_NO_YIELD_POINTS = "it waited for a gen.Callback, which Tornado 6 does not have"

refuses(
    "module",
    "motor",
    "WaitOp",
    _NO_YIELD_POINTS,
    "call the method without a callback, and yield its future where you waited",
    tornado_only=True,
)
refuses(
    "module",
    "motor",
    "WaitAllOps",
    _NO_YIELD_POINTS,
    "call the methods without callbacks, and yield a list of their futures",
    tornado_only=True,
)


@bridges(
    "module",
    "motor",
    "Op",
    "await or yield the future that the method returns",
    tornado_only=True,
)
def op(module: str) -> Any:
    return run_op


def run_op(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``function(*args, **kwargs)`` and return its future: ``yield motor.Op(function, ...)``.

    Raises TypeError when `function` cannot be called.
    """
    if not callable(function):
        raise TypeError(f"Op takes a method and its arguments, not {function!r}")
    return function(*args, **kwargs)
