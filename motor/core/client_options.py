"""What Motor does with a client's options before PyMongo gets them."""

from __future__ import annotations

import copy
from typing import Any

from motor.core.base import unwrap
from motor.core.redaction import shown

__all__ = ["check_host", "unwrapped"]


def unwrapped(options: Any) -> Any:
    """`options` with PyMongo's client of the key vault in place of Motor's."""
    changed = {name: unwrap(value) for name, value in vars(options).items()}
    if all(value is changed[name] for name, value in vars(options).items()):
        return options
    options = copy.copy(options)
    vars(options).update(changed)
    return options


def check_host(host: object) -> None:
    if not isinstance(host, str | list | tuple | set | frozenset | None) or not all(
        isinstance(each, str) for each in host or ()
    ):
        raise TypeError(
            f"host must be a host name, a connection string, or a list of these, not {shown(host)}"
        ) from None
