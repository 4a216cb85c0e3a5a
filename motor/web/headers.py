"""Header fields of a file from GridFS, made from stored data, which cannot be trusted."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

__all__ = [
    "DEFAULT_CONTENT_TYPE",
    "as_utc",
    "check_disposition",
    "content_disposition",
    "guess_content_type",
    "http_date",
    "is_content_type",
    "may_run",
    "parse_http_date",
    "stored_content_type",
]

#: For files of unknown types: browsers save them, and never run them.
DEFAULT_CONTENT_TYPE = "application/octet-stream"

#: What a field may contain (RFC 9110, section 5.5), and all servers and clients accept.
_FIELD_VALUE = re.compile(r"[\t -~\xa0-\xff]*")
_LONGEST_CONTENT_TYPE = 4000

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: A type that all browsers read alike, and open as a document without scripts, or save. In a list
#: of types they take the last one, so a comma could hide another type.
_RUNS_NOTHING = re.compile(
    r"(?i)(?!(?:multipart|message)/|[^;]*html|[^;]*[/+]xml[\t ]*(?:;|$)|text/xsl)"
    rf"{_TOKEN}/{_TOKEN}[\t ]*(?:;[^,]*)?"
)

_DISPOSITIONS = ("inline", "attachment")
#: The longest name that file systems take.
_LONGEST_NAME = 255
#: The three formats of a date (RFC 9110, section 5.6.7).
_TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, [0-9]{{2}} [A-Z][a-z]{{2}} [0-9]{{4}} {_TIME} (?:GMT|UTC|[+-]0000)"
    rf"|[A-Z][a-z]{{5,8}}, [0-9]{{2}}-[A-Z][a-z]{{2}}-[0-9]{{2}} {_TIME} GMT"
    rf"|[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_TIME} [0-9]{{4}}"
)
#: Characters that turn the direction of writing, so that "exe.png" is shown for "gnp.exe".
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
#: Not ASCII, or misread by parsers of this field: quote, backslash, percent, semicolon.
_NOT_PLAIN = re.compile(r"[^ !#-$&-:<-\[\]-~]")
#: What RFC 8187 does not escape, besides letters and digits.
_UNESCAPED = "!#$&+-.^_`|~"


def as_utc(moment: datetime) -> datetime:
    """`moment` with the time zone UTC; a naive one, as MongoDB's are, is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def http_date(moment: datetime) -> str:
    """`moment` as HTTP writes it, to the second: "Sun, 06 Nov 1994 08:49:37 GMT"."""
    return format_datetime(as_utc(moment), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The moment that a request names, in any of HTTP's three formats; None if it is no date."""
    text = text.strip("\t ")
    if _DATE.fullmatch(text) is None:
        # Python's own parser takes much more, such as a field that is sent twice.
        return None
    try:
        return as_utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_content_type(value: object) -> bool:
    """Whether `value` can be sent as a Content-Type: no line breaks, no second header in it.

    What it says may be malformed: "my type", "video". It goes out as it was stored.
    """
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_CONTENT_TYPE
        and _FIELD_VALUE.fullmatch(value) is not None
        and not value.isspace()
        and value != ""
    )


def may_run(content_type: str) -> bool:
    """Whether a browser may run scripts in a file of this type when it opens the file by itself.

    They may in HTML, SVG and other XML, and in types that browsers read in several ways.
    """
    return _RUNS_NOTHING.fullmatch(content_type.strip("\t ")) is None


def stored_content_type(content_type: object, metadata: object) -> str | None:
    """The type that was stored with the file: its own, or `contentType` in its metadata."""
    candidates = [content_type]
    if isinstance(metadata, Mapping):
        candidates.append(metadata.get("contentType"))
    for candidate in candidates:
        if isinstance(candidate, str) and is_content_type(candidate):
            return candidate
    return None


def guess_content_type(*names: object) -> str:
    """The type that the first of the file names with a known ending stands for."""
    for name in names:
        if not isinstance(name, str):
            continue
        # With a slash in front: "data:text/html,x.png" would be read as a URL with a type.
        guess, encoding = mimetypes.guess_type("/" + _last_segment(name))
        if encoding == "gzip":
            return "application/gzip"
        if encoding is not None:
            return DEFAULT_CONTENT_TYPE
        if guess is not None:
            return guess
    return DEFAULT_CONTENT_TYPE


def check_disposition(disposition: object) -> None:
    """Raise ValueError unless `disposition` is "inline", "attachment" or None."""
    if disposition is not None and disposition not in _DISPOSITIONS:
        raise ValueError(f'disposition must be "inline", "attachment" or None, not {disposition!r}')


def content_disposition(disposition: str, filename: object) -> str:
    """The field for a file of this name, by RFC 6266.

    Only the last segment of a path counts. A name that is not plain ASCII is sent twice: with
    underscores for old clients, and in full, in UTF-8.
    """
    name = _safe_name(filename)
    if not name:
        return disposition
    plain = _NOT_PLAIN.sub("_", name)
    field = f'{disposition}; filename="{plain}"'
    if plain != name:
        field += f"; filename*=UTF-8''{quote(name, safe=_UNESCAPED)}"
    return field


def _last_segment(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _safe_name(filename: object) -> str:
    if not isinstance(filename, str):
        return ""
    name = _TURNING.sub("", _last_segment(filename))
    # Control characters, and halves of surrogate pairs, which UTF-8 has no bytes for.
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if len(name) > _LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        keep = dot + ending if stem and len(ending) < 20 else ""
        name = name[: _LONGEST_NAME - len(keep)] + keep
    return "" if name in (".", "..") else name
