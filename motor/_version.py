"""The version, in the one place that packaging and Motor itself read."""

from __future__ import annotations

import re

__all__ = ["get_version_string", "get_version_tuple", "version", "version_tuple"]

version = "3.8.0"


def get_version_tuple(version: str) -> tuple[int | str, ...]:
    """The numbers of a `version`, and what follows them if anything does, as in "3.8.0b1".

    Raises ValueError for a text that does not begin with a number.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    if match is None:
        raise ValueError(f"a version such as '3.8.0' is needed, not {version!r}")
    numbers = tuple(map(int, match[0].split(".")))
    rest = version[match.end() :]
    return (*numbers, rest) if rest else numbers


def get_version_string() -> str:
    """The version, such as "3.8.0"."""
    return version


version_tuple: tuple[int | str, ...] = get_version_tuple(version)
