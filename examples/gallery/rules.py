"""What the gallery takes: which names, types, sizes and ids."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from starlette.exceptions import HTTPException

LONGEST_NAME = 255
MOST_AT_ONCE = 1000
#: How long an id is valid. With an old one, a new file would be at the end of the list.
ID_LIFE = timedelta(days=1)
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


def check_count(text: str) -> int:
    """The number of files that `text` names, or HTTPException 400."""
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= MOST_AT_ONCE:
        raise HTTPException(400, f"Between 1 and {MOST_AT_ONCE} files can be uploaded at once.")
    return int(text)


def check_new_id(text: str) -> ObjectId:
    """The id that `text` is, or HTTPException 400 if it was not made here a short time ago."""
    if ObjectId.is_valid(text):
        file_id = ObjectId(text)
        age = datetime.now(UTC) - file_id.generation_time
        if timedelta(seconds=-1) <= age < ID_LIFE:
            return file_id
    raise HTTPException(400, "This is not a valid id for a new file.")
