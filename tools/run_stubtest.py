"""Run ``mypy.stubtest`` with its arguments, on functions without their marks.

Motor marks functions that return a future as coroutine functions, for mocks and frameworks. The
stubs say what they return, so stubtest must see them as plain functions.
"""

from __future__ import annotations

import inspect
import sys

from mypy import stubtest

_iscoroutinefunction = inspect.iscoroutinefunction


def _is_async_def(function: object) -> bool:
    return _iscoroutinefunction(function) and not hasattr(function, "coroutine_annotation")


if __name__ == "__main__":
    inspect.iscoroutinefunction = _is_async_def  # type: ignore[assignment]
    sys.exit(stubtest.main())
