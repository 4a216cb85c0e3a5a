"""Choosing the file to serve over HTTP, with ``MotorGridFS``."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from motor.core.legacy_hooks import NOT_BRIDGED
from motor.legacy.gridfs import AgnosticGridFS
from motor.legacy.registry import bridges, find
from motor.metaprogramming import create_class_with_framework
from motor.signatures import signature_of

__all__ = ["choose_file"]


@bridges(
    "method",
    "grid_fs_handler",
    "get_gridfs_file",
    "let it take (self, bucket, filename, request), and return "
    "bucket.open_download_stream_by_name(filename)",
)
def call_old(function: Callable[..., Any], bucket: Any, filename: str) -> Any:
    """What ``get_gridfs_file(fs, path)`` returns: a future of a file."""
    cls = create_class_with_framework(AgnosticGridFS, bucket._framework, bucket.__module__)
    return function(cls(bucket.collection.database, bucket.collection.name), filename)


def choose_file(function: Callable[..., Any], bucket: Any, filename: str, request: Any) -> Any:
    """Call a `get_gridfs_file` that has refused three arguments with the two of earlier versions.

    Returns its result, or `NOT_BRIDGED` if it takes the three, so that the refusal was its own.
    """
    signature = signature_of(function)
    if _accepts(signature, bucket, filename, request) or not _accepts(signature, bucket, filename):
        return NOT_BRIDGED
    entry = find("method", "grid_fs_handler", "get_gridfs_file")
    assert entry is not None
    # At its definition, because Motor calls it.
    code = inspect.unwrap(function).__code__
    warnings.warn_explicit(entry.message, DeprecationWarning, code.co_filename, code.co_firstlineno)
    return call_old(function, bucket, filename)


def _accepts(signature: inspect.Signature, *args: Any) -> bool:
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True
