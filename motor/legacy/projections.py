"""``fields=``: which fields of a document to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["projection_of"]


def projection_of(fields: Any) -> Any:
    """The projection for `fields`: a mapping, or a list of names; None for the whole document.

    No names at all stand for ``_id`` alone. Raises TypeError for anything else.
    """
    if fields is None:
        return None
    if isinstance(fields, Mapping):
        return fields or {"_id": 1}
    if isinstance(fields, (str, bytes)) or not isinstance(fields, Iterable):
        raise TypeError(f"fields must be a dict or a list of field names, not {fields!r}")
    return dict.fromkeys(fields, 1) or {"_id": 1}
