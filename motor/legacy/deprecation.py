"""Warn of an old name, at the line that uses it."""

from __future__ import annotations

import inspect
import warnings

from pymongo.errors import InvalidOperation

from motor.core.errors import CallRefused, ImportRefused, NameRefused
from motor.legacy.registry import Entry

__all__ = ["check", "warn"]


_ERRORS: dict[str, type[InvalidOperation]] = {
    "attribute": NameRefused,
    "keyword": CallRefused,
    "method": CallRefused,
    "module": ImportRefused,
    "setting": NameRefused,
    "use": CallRefused,
}


def warn(message: str) -> None:
    """Give a DeprecationWarning for the line, outside of Motor, that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and _is_motors(frame.f_globals.get("__name__")):
        level, frame = level + 1, frame.f_back
    probed = frame is not None and frame.f_globals.get("__name__") == "importlib._bootstrap"
    # Where the warning is an error, its traceback holds this frame: the two would hold each other.
    del frame
    if probed:
        # "from motor import X" asks for X twice.
        return
    warnings.warn(message, DeprecationWarning, stacklevel=level)


def _is_motors(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == "motor"


def check(entry: Entry) -> None:
    """Warn of an old name that is used; raise InvalidOperation for one that is refused."""
    if entry.reason is not None:
        raise _ERRORS.get(entry.kind, InvalidOperation)(entry.message)
    warn(entry.message)
