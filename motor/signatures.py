"""What functions and classes of others are declared to take, hold and return, on every Python.

From Python 3.14 on, annotations are evaluated when they are asked for. They may name what is
imported for type checkers only; as text they are always to be had.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["annotations_of", "signature_of"]


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function or class.

    Raises TypeError for what cannot be called, and ValueError where there is none to be had, as
    with some functions that are written in C.
    """
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.STRING)
    return inspect.signature(function)


def annotations_of(owner: Any) -> dict[str, Any]:
    """The annotations of a function or class, as text where Python has it."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(owner, format=annotationlib.Format.STRING)
    return inspect.get_annotations(owner)
