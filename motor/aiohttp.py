"""Serve files from GridFS with aiohttp.

``AIOHTTPGridFS`` is a request handler. The functions beside it are its defaults. Replace each by an
argument of the same name.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NoReturn

from aiohttp import web

from motor.core.redaction import shown
from motor.motor_asyncio import AsyncIOMotorDatabase, AsyncIOMotorGridFSBucket
from motor.web.headers import check_disposition
from motor.web.planner import (
    ALLOWED_METHODS,
    FileFacts,
    expect_encoding,
    plan_response,
    standard_headers,
)
from motor.web.source import BadRevision, begun_body, find_file, open_by_name, parse_revision

__all__ = [
    "AIOHTTPGridFS",
    "get_cache_time",
    "get_content_type",
    "get_gridfs_file",
    "set_extra_headers",
]


def get_gridfs_file(bucket: Any, filename: str, request: web.Request) -> Awaitable[Any]:
    """Choose the file to serve: the newest one with the name in the URL.

    - `bucket`: an ``AsyncIOMotorGridFSBucket``
    - `filename`: what ``{filename}`` in the route matched
    - `request`: aiohttp's request

    Returns an awaitable of an open ``AsyncIOMotorGridOut``. If your own function raises
    gridfs.NoFile, or bson.errors.InvalidId for a malformed id, the answer is 404. By id::

        def by_id(bucket, filename, request):
            return bucket.open_download_stream(ObjectId(filename))

        handler = AIOHTTPGridFS(client.library, get_gridfs_file=by_id)
    """
    return open_by_name(bucket, filename)


def get_content_type(filename: str, gridout: Any) -> str:
    """The Content-Type to send for an open ``AsyncIOMotorGridOut``.

    The type stored with the file, or `contentType` of its metadata, or a guess from the ending of
    the name in the URL or of the file's name, or "application/octet-stream".
    """
    return FileFacts.of(gridout).best_content_type(filename)


def get_cache_time(filename: str, modified: datetime | None, mime_type: str) -> float:
    """The number of seconds for which a cache need not ask whether the file has changed: 0.

    With 0 it may keep the file, and decides when to ask.
    """
    return 0


def set_extra_headers(response: web.StreamResponse, gridout: Any) -> None:
    """Add to ``response.headers``, or change them, before they are sent. Does nothing."""


class AIOHTTPGridFS:
    """An aiohttp handler that serves the files of a GridFS bucket, by name unless told otherwise.

    ::

        app = aiohttp.web.Application()
        app.router.add_get("/files/{filename:.+}", AIOHTTPGridFS(client.library))

    The route needs a ``{filename}``, here one that may contain slashes. `add_get` also serves HEAD.
    It answers with whole files or ranges of them, and with 304 if the client has the file already.

    - `database`: an ``AsyncIOMotorDatabase``
    - `root_collection`: the name of the bucket
    - `get_gridfs_file`, `get_cache_time`, `set_extra_headers`, `get_content_type`: functions in
      place of this module's functions of that name
    - `revisions`: let ``?revision=-2`` choose among the files of one name: 0 is the oldest, -1 the
      newest
    - `disposition`: "inline" to have the browser show the file, "attachment" to have it saved; None
      to leave out the Content-Disposition field, and with it the file's name

    Raises TypeError for a `database` of another class, and ValueError for another `disposition`, or
    for `revisions` together with `get_gridfs_file`.
    """

    def __init__(
        self,
        database: Any,
        root_collection: str = "fs",
        get_gridfs_file: Callable[[Any, str, web.Request], Any] = get_gridfs_file,
        get_cache_time: Callable[[str, datetime | None, str], float] = get_cache_time,
        set_extra_headers: Callable[[web.StreamResponse, Any], None] = set_extra_headers,
        *,
        get_content_type: Callable[[str, Any], str] = get_content_type,
        revisions: bool = False,
        disposition: str | None = "inline",
    ) -> None:
        if not isinstance(database, AsyncIOMotorDatabase):
            raise TypeError(
                f"First argument to AIOHTTPGridFS must be AsyncIOMotorDatabase, not "
                f"{shown(database)}"
            )
        check_disposition(disposition)
        if revisions:
            if get_gridfs_file is not _default_get_gridfs_file:
                raise ValueError(
                    "revisions=True is for files by name: a get_gridfs_file of your own has to "
                    "look at request.query itself"
                )
            get_gridfs_file = _get_revision
        self._bucket = AsyncIOMotorGridFSBucket(database, root_collection)
        self._get_gridfs_file = get_gridfs_file
        self._get_cache_time = get_cache_time
        self._set_extra_headers = set_extra_headers
        self._get_content_type = get_content_type
        self._disposition = disposition
        _mark_coroutine_function(self)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer the request for a file."""
        filename = request.match_info.get("filename")
        if filename is None:
            _refuse_route(request)
        if request.method not in ALLOWED_METHODS:
            raise web.HTTPMethodNotAllowed(request.method, ALLOWED_METHODS)
        try:
            gridout = await find_file(self._get_gridfs_file, self._bucket, filename, request)
        except BadRevision as exc:
            raise web.HTTPBadRequest(text=str(exc)) from None
        if gridout is None:
            raise web.HTTPNotFound
        facts = FileFacts.of(gridout)
        response = self._describe(filename, gridout, facts)
        plan = plan_response(
            request.method, _joined_headers(request), response.headers, facts.length
        )
        response.set_status(plan.status)
        plan.apply_to(response.headers)
        try:
            async with begun_body(gridout, plan.body) as pieces:
                await response.prepare(request)
                async for piece in pieces:
                    # Waits while the client is behind.
                    await response.write(piece)
            await response.write_eof()
        except ConnectionError:
            # The client has disconnected, so it cannot be told.
            pass
        return response

    def _describe(self, filename: str, gridout: Any, facts: FileFacts) -> web.StreamResponse:
        """A response with the fields that describe the file, after the application's changes."""
        content_type = self._get_content_type(filename, gridout)
        fields = standard_headers(
            facts,
            content_type=content_type,
            cache_time=self._get_cache_time(filename, facts.modified, content_type),
            disposition=self._disposition,
        )
        response = web.StreamResponse(headers=fields)
        self._set_extra_headers(response, gridout)
        if response.compression:
            expect_encoding(response.headers)
        return response


_default_get_gridfs_file = get_gridfs_file


def _get_revision(bucket: Any, filename: str, request: web.Request) -> Awaitable[Any]:
    revision = parse_revision(request.query.getall("revision", []))
    return open_by_name(bucket, filename, revision)


def _joined_headers(request: web.Request) -> dict[str, str]:
    names = {name.lower() for name in request.headers}
    return {name: ", ".join(request.headers.getall(name)) for name in names}


def _refuse_route(request: web.Request) -> NoReturn:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else request.path
    raise web.HTTPInternalServerError(
        text=f'Bad AIOHTTPGridFS route "{route}", requires a {{filename}} variable'
    )


def _mark_coroutine_function(handler: Any) -> None:
    """Mark an object with an async `__call__` as a coroutine function: aiohttp asks for it."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(handler)
    else:
        # What that does, where it is not there yet: Python 3.11.
        handler._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
