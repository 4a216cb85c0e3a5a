"""The preconditions of a request: whether it wants the file as it is (RFC 9110, section 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from motor.web.headers import parse_http_date

__all__ = ["if_range_holds", "unmet_precondition"]

#: Servers decode what is not ASCII in different ways, so it may be any character.
_TAG = re.compile(r'(?:W/)?"[^\x00-\x20"\x7f]*"')
#: Empty elements of a list are ignored (RFC 9110, section 5.6.1).
_TAGS = re.compile(rf"[ \t,]*(?:{_TAG.pattern}[ \t]*(?:,[ \t,]*|$))+")


def unmet_precondition(
    headers: Mapping[str, str], etag: str | None, last_modified: str | None
) -> Literal[304, 412] | None:
    """The status that a condition of a GET or HEAD request calls for; None to go on.

    `headers` are the request's, names in lower case; `etag` and `last_modified` the fields that the
    answer would have. The order is that of RFC 9110, section 13.2.2: dates count only where there
    is no condition on the tag.
    """
    if "if-match" in headers:
        if not _is_listed(headers["if-match"], etag, weakly=False):
            return 412
    elif _modified_after(headers.get("if-unmodified-since"), last_modified) is True:
        return 412
    if "if-none-match" in headers:
        if _is_listed(headers["if-none-match"], etag, weakly=True):
            return 304
    elif _modified_after(headers.get("if-modified-since"), last_modified) is False:
        return 304
    return None


def if_range_holds(text: str, etag: str | None, last_modified: str | None) -> bool:
    """Whether the file is still the one that an If-Range field names, by strong tag or exact date.

    If it is not, the client gets the whole file in place of a range that would not fit its part.
    """
    text = text.strip(" \t")
    if _TAG.fullmatch(text):
        return _same(text, etag, weakly=False)
    date = parse_http_date(text)
    return date is not None and last_modified is not None and date == parse_http_date(last_modified)


def _modified_after(text: str | None, last_modified: str | None) -> bool | None:
    """Whether the file is newer than the date in `text`; None if one of the two is not known."""
    if text is None or last_modified is None:
        return None
    date, modified = parse_http_date(text), parse_http_date(last_modified)
    if date is None or modified is None:
        return None
    return modified - date > timedelta(0)


def _is_listed(text: str, etag: str | None, *, weakly: bool) -> bool:
    if text.strip(" \t") == "*":
        # It matches any file, and there is one: a missing file is answered with 404 before.
        return True
    # A malformed list matches nothing: the client gets the file.
    tags = _TAG.findall(text) if _TAGS.fullmatch(text) else []
    return any(_same(tag, etag, weakly=weakly) for tag in tags)


def _same(tag: str, etag: str | None, *, weakly: bool) -> bool:
    if etag is None:
        return False
    if weakly:
        return tag.removeprefix("W/") == etag.removeprefix("W/")
    # In a strong comparison, a weak tag equals no tag, not even itself.
    return tag == etag and not tag.startswith("W/")
