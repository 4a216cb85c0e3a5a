"""The future that operations return."""

from motor.execution.future import OperationFuture

__all__ = ["OperationFuture"]
