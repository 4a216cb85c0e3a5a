"""Whether PyMongo's private names are as an accelerator expects them."""

from __future__ import annotations

import inspect
import types

from motor.signatures import annotations_of

__all__ = ["lacking", "sets"]


def lacking(owner: object, *names: str) -> str | None:
    """A sentence on the first of `names` that `owner` does not have; None: it has them all."""
    for name in names:
        if not hasattr(owner, name):
            return f"{getattr(owner, '__qualname__', owner)} has no {name!r} in this PyMongo"
    return None


def sets(cls: type, *names: str) -> str | None:
    """A sentence on the first attribute that making a `cls` does not set; None: it sets all."""
    found: set[str] = set()
    for base in cls.__mro__:
        made = inspect.getattr_static(base, "__init__", None)
        if isinstance(made, types.FunctionType):
            found.update(made.__code__.co_names)
        found.update(annotations_of(base))
    for name in names:
        if name not in found and not hasattr(cls, name):
            return f"{cls.__qualname__} has no {name!r} in this PyMongo"
    return None
