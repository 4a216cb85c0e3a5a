"""Tells the core where the bridge for old code is, and imports nothing of it."""

from __future__ import annotations

from importlib import resources

from motor.core.legacy_hooks import install, module_attribute

__all__ = ["module_attribute"]


def _refused_keywords() -> frozenset[str]:
    # Read as a file, so that new code does not import the package that it belongs to.
    listed = resources.files("motor").joinpath("legacy", "keywords.txt")
    try:
        lines = listed.read_text("utf-8").splitlines()
    except OSError:
        # In an application that is packed without data files, the server refuses the keywords.
        return frozenset()
    return frozenset(line for line in lines if line and not line.startswith("#"))


install("motor.legacy.hooks", _refused_keywords)
