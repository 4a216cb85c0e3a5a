"""The names that are gone from Motor's modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motor.legacy.registry import bridges

__all__: list[str] = []


def _front(module: str, name: str) -> Any:
    from motor.legacy import fronts

    return fronts.find(f"AsyncIO{name}" if module == "motor.motor_asyncio" else name)


@bridges("module", "motor", "MotorReplicaSetClient", "use MotorClient with replicaSet=")
def replica_set_client(module: str) -> Any:
    return _front(module, "MotorReplicaSetClient")


@bridges("module", "motor", "MotorBulkOperationBuilder", "pass a list to bulk_write()")
def bulk_operation_builder(module: str) -> Any:
    from motor.legacy.bulk import MotorBulkOperationBuilder

    return MotorBulkOperationBuilder


@bridges("module", "motor", "Op", "await or yield the future that the method returns")
def op(module: str) -> Any:
    return run_op


def run_op(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``function(*args, **kwargs)`` and return its future: ``yield motor.Op(function, ...)``.

    Raises TypeError when `function` cannot be called.
    """
    if not callable(function):
        raise TypeError(f"Op takes a method and its arguments, not {function!r}")
    return function(*args, **kwargs)
