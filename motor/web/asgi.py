"""Serve files from GridFS with Starlette, FastAPI, and other ASGI frameworks on asyncio.

``GridFSApp`` is an application to mount, ``GridFSResponse`` the answer of one route. Neither needs
any package; where Starlette is installed, ``GridFSResponse`` is one of its responses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from motor.core.redaction import shown
from motor.motor_asyncio import AsyncIOMotorDatabase, AsyncIOMotorGridFSBucket
from motor.web.headers import check_disposition
from motor.web.planner import (
    ALLOW,
    ALLOWED_METHODS,
    FileFacts,
    ResponsePlan,
    plan_response,
    standard_headers,
)
from motor.web.source import (
    BadRevision,
    begun_body,
    check_grid_out,
    find_file,
    open_by_name,
    parse_revision,
)

if TYPE_CHECKING:
    from starlette.responses import Response
else:
    try:
        # FastAPI takes a route's result as a response only if it is one of Starlette's.
        from starlette.responses import Response
    except ImportError:
        from motor.web.plain_response import Response

__all__ = ["GridFSApp", "GridFSResponse"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class GridFSResponse(Response):
    """An answer with a file from GridFS, or with the part of it that the request asks for.

    ::

        @app.get("/files/{name:path}")
        async def file(name: str):
            return GridFSResponse(await bucket.open_download_stream_by_name(name))

    - `grid_out`: an open ``AsyncIOMotorGridOut``
    - `content_type`: the type to send; by default the type stored with the file, or `contentType`
      of its metadata, or a guess from its name, or "application/octet-stream", which also replaces
      a value that cannot be a type
    - `cache_time`: seconds for which a cache need not ask whether the file has changed; with 0 it
      may keep the file, and decides when to ask
    - `disposition`: "inline" to have the browser show the file, "attachment" to have it saved; None
      to leave out the Content-Disposition field, and with it the file's name
    - `headers`: further fields, or replacements of the standard ones; you may also change
      `response.headers` until the response is sent
    - `background`: called and awaited after the response, as Starlette does

    The request decides on status and body when the response is sent: conditions, ranges, HEAD. The
    answer to a method other than GET and HEAD is the whole file.

    Raises TypeError for a `grid_out` of another class and a `cache_time` that is not a number,
    InvalidOperation for a `grid_out` that is not open, ValueError for another `disposition`.
    """

    def __init__(
        self,
        grid_out: Any,
        *,
        content_type: str | None = None,
        cache_time: float = 0,
        disposition: str | None = "inline",
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        check_grid_out(grid_out, "the first argument to GridFSResponse")
        check_disposition(disposition)
        self._grid_out = grid_out
        self._facts = facts = FileFacts.of(grid_out)
        self.status_code: int = 200
        self.background = background
        self.init_headers(
            standard_headers(
                facts,
                content_type=content_type or facts.best_content_type(),
                cache_time=cache_time,
                disposition=disposition,
            )
        )
        for name, value in (headers or {}).items():
            self.headers[name] = value

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer to the request of an ASGI `scope`."""
        plan = self._plan(scope)
        self.status_code = plan.status
        plan.apply_to(self.headers)
        if plan.body:
            await _until_disconnect(receive, self._send_body(plan, send))
        else:
            await self._send_start(plan, send)
            await send({"type": "http.response.body"})
        if self.background is not None:
            await self.background()

    def _plan(self, scope: Scope) -> ResponsePlan:
        length = self._facts.length
        if scope["method"] not in ALLOWED_METHODS:
            # Conditions and ranges apply only to GET and HEAD (RFC 9110).
            return plan_response("GET", {}, self.headers, length)
        return plan_response(
            scope["method"], _joined_headers(scope["headers"]), self.headers, length
        )

    async def _send_start(self, plan: ResponsePlan, send: Send) -> None:
        start = {"type": "http.response.start", "status": plan.status, "headers": self.raw_headers}
        await send(start)

    async def _send_body(self, plan: ResponsePlan, send: Send) -> None:
        async with begun_body(self._grid_out, plan.body) as pieces:
            await self._send_start(plan, send)
            async for piece in pieces:
                try:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                except OSError:
                    # Since ASGI 2.4, how servers say that the client has disconnected.
                    return
        await send({"type": "http.response.body"})


class GridFSApp:
    """An ASGI application that serves the files of a GridFS bucket, by name unless told otherwise.

    ::

        app = Starlette(routes=[Mount("/files", GridFSApp(client.library))])
        app.mount("/files", GridFSApp(client.library))  # FastAPI

    It answers GET and HEAD, with whole files or ranges of them, and with 304 if the client has the
    file already.

    - `database`: an ``AsyncIOMotorDatabase``
    - `root_collection`: the name of the bucket
    - `get_gridfs_file(bucket, filename, scope)`: returns an awaitable of the open
      ``AsyncIOMotorGridOut`` to serve; by default the newest one with the name. If it raises
      gridfs.NoFile, or bson.errors.InvalidId for a malformed id, the answer is 404.
    - `get_content_type(filename, grid_out)`: returns the Content-Type to send
    - `get_cache_time(filename, modified, content_type)`: returns the seconds for which a cache need
      not ask whether the file has changed; with 0, the default, it decides when to ask
    - `set_extra_headers(response, grid_out)`: adds to ``response.headers`` or changes them
    - `revisions`: let ``?revision=-2`` choose among the files of one name: 0 is the oldest, -1 the
      newest
    - `disposition`: as for `GridFSResponse`

    `filename` is the path below the mount. Raises TypeError for a `database` of another class, and
    ValueError for another `disposition`, or for `revisions` together with `get_gridfs_file`.
    """

    def __init__(
        self,
        database: Any,
        root_collection: str = "fs",
        *,
        get_gridfs_file: Callable[[Any, str, Scope], Any] | None = None,
        get_content_type: Callable[[str, Any], str] | None = None,
        get_cache_time: Callable[[str, datetime | None, str], float] | None = None,
        set_extra_headers: Callable[[GridFSResponse, Any], None] | None = None,
        revisions: bool = False,
        disposition: str | None = "inline",
    ) -> None:
        if not isinstance(database, AsyncIOMotorDatabase):
            raise TypeError(
                f"First argument to GridFSApp must be AsyncIOMotorDatabase, not {shown(database)}"
            )
        check_disposition(disposition)
        if revisions and get_gridfs_file is not None:
            raise ValueError(
                "revisions=True is for files by name: a get_gridfs_file of your own has to look "
                'at scope["query_string"] itself'
            )
        self._bucket = AsyncIOMotorGridFSBucket(database, root_collection)
        self._revisions = revisions
        self._get_gridfs_file = get_gridfs_file or self._open_by_name
        self._get_content_type = get_content_type or _best_content_type
        self._get_cache_time = get_cache_time
        self._set_extra_headers = set_extra_headers
        self._disposition = disposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["method"] not in ALLOWED_METHODS:
            await _send_text(scope, send, 405, "Method Not Allowed", {"Allow": ALLOW})
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        filename = _path_below_mount(scope).removeprefix("/")
        try:
            grid_out = await find_file(self._get_gridfs_file, self._bucket, filename, scope)
        except BadRevision as exc:
            await _send_text(scope, send, 400, str(exc))
            return
        if grid_out is None:
            await _send_text(scope, send, 404, "Not Found")
            return
        response = self._response(filename, grid_out)
        await response(scope, receive, send)

    def _response(self, filename: str, grid_out: Any) -> GridFSResponse:
        content_type = self._get_content_type(filename, grid_out)
        cache_time: float = 0
        if self._get_cache_time is not None:
            modified = FileFacts.of(grid_out).modified
            cache_time = self._get_cache_time(filename, modified, content_type)
        response = GridFSResponse(
            grid_out,
            content_type=content_type,
            cache_time=cache_time,
            disposition=self._disposition,
        )
        if self._set_extra_headers is not None:
            self._set_extra_headers(response, grid_out)
        return response

    def _open_by_name(self, bucket: Any, filename: str, scope: Scope) -> Awaitable[Any]:
        values: list[str] = []
        if self._revisions:
            query = scope.get("query_string", b"").decode("latin-1")
            values = parse_qs(query, keep_blank_values=True).get("revision", [])
        return open_by_name(bucket, filename, parse_revision(values))


def _best_content_type(filename: str, grid_out: Any) -> str:
    return FileFacts.of(grid_out).best_content_type(filename)


def _path_below_mount(scope: Scope) -> str:
    """The part of the path that the mount, or the proxy in front, has not used up."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    # Old servers and frameworks remove the root themselves.
    return path[len(root) :] if path == root or path.startswith(root + "/") else path


def _joined_headers(raw_headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _send_text(
    scope: Scope, send: Send, status: int, text: str, headers: Mapping[str, str] | None = None
) -> None:
    body = text.encode()
    fields = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _until_disconnect(receive: Receive, sending: Awaitable[None]) -> None:
    """Await `sending`, but cancel it if the client disconnects: some servers say so only here."""
    sender = asyncio.ensure_future(sending)
    watcher = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((sender, watcher), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sender, watcher):
            task.cancel()
        outcomes = await asyncio.gather(sender, watcher, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    """Answer a server's start and stop, for a server that serves only this application."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
