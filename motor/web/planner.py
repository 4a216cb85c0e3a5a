"""Decide what the answer to a request for a file is. No I/O, no framework: only RFC 9110.

A front does three steps: `standard_headers` makes the header fields that describe the file, the
application may change them, and `plan_response` decides, from these fields and the request, on the
status, further fields and the bytes to send.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from motor.web.conditions import if_range_holds, unmet_precondition
from motor.web.headers import (
    DEFAULT_CONTENT_TYPE,
    as_utc,
    content_disposition,
    guess_content_type,
    http_date,
    is_content_type,
    may_run,
    stored_content_type,
)
from motor.web.ranges import parse_range

__all__ = [
    "ALLOW",
    "ALLOWED_METHODS",
    "FileFacts",
    "ResponsePlan",
    "expect_encoding",
    "plan_response",
    "standard_headers",
]

ALLOWED_METHODS = ("GET", "HEAD")
#: The same as the field of an answer with status 405.
ALLOW = ", ".join(ALLOWED_METHODS)

#: Fields that an error must not have: no cache may keep it, and no client may save it as the file.
_FIELDS_OF_CONTENT = ("Content-Type", "Content-Disposition", "Content-Encoding")
_FIELDS_OF_CACHING = ("Cache-Control", "Expires", "ETag", "Last-Modified")

#: The largest time that caches must support: RFC 9111, section 1.2.2.
_LONGEST_CACHE_TIME = 2**31 - 1


class HeaderFields(Protocol):
    """A framework's header, in which the names of fields may be in any case."""

    def __contains__(self, name: object, /) -> bool: ...

    def __getitem__(self, name: str, /) -> str: ...

    def __setitem__(self, name: str, value: str, /) -> None: ...

    def __delitem__(self, name: str, /) -> None: ...


@dataclass(frozen=True)
class FileFacts:
    """What is stored about a file and matters to HTTP."""

    file_id: Any
    #: Bytes.
    length: int
    #: Naive ones are in UTC, as PyMongo gives them.
    upload_date: datetime | None = None
    filename: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, grid_out: Any) -> FileFacts:
        """The facts of an open ``GridOut``."""
        return cls(
            file_id=grid_out._id,
            length=int(grid_out.length),
            upload_date=grid_out.upload_date,
            filename=grid_out.filename,
            content_type=grid_out.content_type,
            metadata=grid_out.metadata,
        )

    @property
    def etag(self) -> str:
        """A strong entity tag, with its quotes. Motor 3 gave a file the same one.

        GridFS never changes a file: other content gets another ``_id`` and ``uploadDate``. So these
        identify the content, and no byte of it needs to be read.
        """
        date = self.upload_date
        if isinstance(date, datetime):
            # As a client without time zones reads it, so that all clients make the same tag.
            date = as_utc(date).replace(tzinfo=None)
        facts = f"{self.file_id}{self.length}{date}"
        return f'"{hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()}"'

    @property
    def modified(self) -> datetime | None:
        """The date of the upload to the second, which is as fine as HTTP's dates are."""
        date = self.upload_date
        return date.replace(microsecond=0) if isinstance(date, datetime) else None

    def best_content_type(self, requested_name: str | None = None) -> str:
        """The type stored with the file, or what the ending of a name says.

        `requested_name` is the one in the URL; the file's own is asked next.
        """
        stored = stored_content_type(self.content_type, self.metadata)
        return stored or guess_content_type(requested_name, self.filename)


@dataclass(frozen=True)
class ResponsePlan:
    """How the fields that describe the file become an answer.

    - `status`: of the answer
    - `headers`: fields to set beyond those
    - `without`: the names of fields to leave out
    - `body`: what to send, in order: bytes as they are, and ranges of the file's offsets
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    body: tuple[bytes | range, ...] = ()

    def apply_to(self, headers: HeaderFields) -> None:
        """Turn the fields that describe the file, names in any case, into those of the answer."""
        for name in self.without:
            if name in headers:
                del headers[name]
        for name, value in self.headers.items():
            headers[name] = value


def standard_headers(
    facts: FileFacts,
    *,
    content_type: str,
    cache_time: float = 0,
    disposition: str | None = "inline",
    now: datetime | None = None,
) -> dict[str, str]:
    """The header fields that describe a file, for any part of it.

    - `content_type`: replaced by "application/octet-stream" if it cannot be sent
    - `cache_time`: seconds for which caches need not ask again, or 0
    - `disposition`: "inline", "attachment", or None for no Content-Disposition
    - `now`: the time of the answer

    Raises TypeError if `cache_time` is not a number.
    """
    now = datetime.now(UTC) if now is None else as_utc(now)
    if not is_content_type(content_type):
        content_type = DEFAULT_CONTENT_TYPE
    # Space around a field is not part of it, and some servers refuse to send it.
    content_type = content_type.strip("\t ")
    headers = {
        "Content-Type": content_type,
        "ETag": facts.etag,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        **_cache_headers(cache_time, now),
    }
    if may_run(content_type):
        # A file must not act as the site, or as a user who is logged in there.
        headers["Content-Security-Policy"] = "sandbox"
    if facts.modified is not None:
        # HTTP has no dates in the future, which a wrong clock may have stored.
        headers["Last-Modified"] = http_date(min(as_utc(facts.modified), now))
    if disposition is not None:
        headers["Content-Disposition"] = content_disposition(disposition, facts.filename)
    return headers


def plan_response(
    method: str,
    request_headers: Mapping[str, str],
    headers: Mapping[str, str],
    length: int,
    *,
    boundary: str | None = None,
) -> ResponsePlan:
    """Decide on the answer to a request for a file that is there.

    - `method`: of the request, in capitals
    - `request_headers`: names in lower case; a repeated field's values joined with commas
    - `headers`: what describes the file, as of `standard_headers`; names in any case. Without an
      "Accept-Ranges: bytes" among them ranges are not served.
    - `length`: of the file, in bytes
    - `boundary`: what separates the parts of several ranges; random unless given
    """
    if method not in ALLOWED_METHODS:
        return _error(405, {"Allow": ALLOW})
    described = {name.lower(): value for name, value in headers.items()}
    etag, last_modified = described.get("etag"), described.get("last-modified")
    unmet = unmet_precondition(request_headers, etag, last_modified)
    if unmet == 304:
        return ResponsePlan(304, without=_FIELDS_OF_CONTENT)
    if unmet is not None:
        return _error(unmet)
    whole = ResponsePlan(
        200,
        {"Content-Length": str(length)},
        body=(range(length),) if method == "GET" and length else (),
    )
    wants_part = method == "GET" and "range" in request_headers
    if not wants_part or described.get("accept-ranges") != "bytes":
        return whole
    if "if-range" in request_headers and not if_range_holds(
        request_headers["if-range"], etag, last_modified
    ):
        return whole
    pieces = parse_range(request_headers["range"], length)
    if pieces is None:
        return whole
    content_type = described.get("content-type", DEFAULT_CONTENT_TYPE)
    return _partial(pieces, length, content_type, boundary or secrets.token_hex(16))


def expect_encoding(headers: HeaderFields) -> None:
    """Change the fields that describe a file for a front that compresses the body on its way.

    Ranges do not fit such a body, and the strong tag is for other bytes.
    """
    headers["Accept-Ranges"] = "none"
    if "ETag" in headers and not headers["ETag"].startswith("W/"):
        headers["ETag"] = "W/" + headers["ETag"]


def _error(status: int, fields: Mapping[str, str] | None = None) -> ResponsePlan:
    return ResponsePlan(
        status,
        {**(fields or {}), "Content-Length": "0"},
        without=(*_FIELDS_OF_CONTENT, *_FIELDS_OF_CACHING),
    )


def _partial(pieces: list[range], length: int, content_type: str, boundary: str) -> ResponsePlan:
    if not pieces:
        return _error(416, {"Content-Range": f"bytes */{length}"})
    if len(pieces) == 1:
        piece = pieces[0]
        fields = {"Content-Range": _content_range(piece, length), "Content-Length": str(len(piece))}
        return ResponsePlan(206, fields, body=(piece,))
    body: list[bytes | range] = []
    line_break = ""
    for piece in pieces:
        head = (
            f"{line_break}--{boundary}\r\n"
            f"Content-Type: {content_type}\r\n"
            f"Content-Range: {_content_range(piece, length)}\r\n\r\n"
        )
        body += [head.encode("latin-1"), piece]
        line_break = "\r\n"
    body.append(f"\r\n--{boundary}--\r\n".encode())
    fields = {
        "Content-Type": f"multipart/byteranges; boundary={boundary}",
        "Content-Length": str(sum(map(len, body))),
    }
    return ResponsePlan(206, fields, body=tuple(body))


def _content_range(piece: range, length: int) -> str:
    return f"bytes {piece.start}-{piece.stop - 1}/{length}"


def _cache_headers(cache_time: object, now: datetime) -> dict[str, str]:
    if not isinstance(cache_time, (int, float)) or math.isnan(cache_time):
        raise TypeError(
            "get_cache_time must give a number of seconds, or 0 to let caches decide when to ask, "
            f"not {cache_time!r}"
        )
    if cache_time <= 0:
        return {"Cache-Control": "public"}
    seconds = int(min(cache_time, _LONGEST_CACHE_TIME))
    return {
        "Cache-Control": f"max-age={seconds}",
        "Expires": http_date(now + timedelta(seconds=seconds)),
    }
