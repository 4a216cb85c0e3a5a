"""Copies of installed packages in which something is different, for tests in other processes."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

__all__ = ["copy_of", "rename_everywhere"]


def copy_of(package: str, target: Path, change: Callable[[str], str] | None = None) -> Path:
    """Copy an installed package below `target`, with each of its Python files as `change` has it.

    Returns the copy's folder. Files that stay the same are links.
    """
    source = Path(importlib.import_module(package).__path__[0])
    for path in source.rglob("*"):
        copy = target / package / path.relative_to(source)
        if path.is_dir():
            if path.name != "__pycache__":
                copy.mkdir(parents=True, exist_ok=True)
            continue
        if "__pycache__" in path.parts:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py" and change is not None:
            text = path.read_text("utf-8")
            changed = change(text)
            if changed != text:
                copy.write_text(changed, "utf-8")
                continue
        if path.suffix == ".py":
            # Python looks for a package's other files beside the file itself.
            shutil.copy(path, copy)
        else:
            copy.symlink_to(path)
    return target / package


def rename_everywhere(name: str, new: str) -> Callable[[str], str]:
    """A change that renames an identifier consistently, as a new release might."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return lambda text: word.sub(new, text)
