"""What Motor 3's modules had in common, and other packages import."""

from __future__ import annotations

__all__ = ["callback_type_error"]

#: The error for a callback that cannot be called.
callback_type_error: TypeError = TypeError("callback must be a callable")
