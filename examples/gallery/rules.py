"""What the gallery takes: which names, types and sizes."""

from __future__ import annotations

import re
import unicodedata

from starlette.exceptions import HTTPException

LONGEST_NAME = 255
MEDIA_TYPE = re.compile(r"(image|video)/[a-z0-9][a-z0-9.+-]{0,99}")


def check_name(name: str) -> str:
    """`name` without spaces around it, or HTTPException 400. Any script will do, and emoji."""
    name = name.strip()
    if not name:
        raise HTTPException(400, "This file has no name.")
    if len(name) > LONGEST_NAME:
        raise HTTPException(
            400, f"This name is too long: {LONGEST_NAME} characters at most, not {len(name)}."
        )
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise HTTPException(400, "This name has control characters in it.")
    return name


def check_type(content_type: str) -> str:
    """`content_type` without its parameters, or HTTPException 415."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not MEDIA_TYPE.fullmatch(media_type):
        given = media_type[:100] or "of no known type"
        raise HTTPException(415, f"Only pictures and videos can be stored here. This is {given}.")
    return media_type


def check_size(size: int, max_bytes: int) -> None:
    """HTTPException 413 if `size` is more than `max_bytes`."""
    if size > max_bytes:
        raise HTTPException(
            413, f"This file is too large: {max_bytes / 1_000_000:,.4g} MB at most."
        )
