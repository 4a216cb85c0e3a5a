"""Serve files from GridFS with Tornado."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any

from tornado import httputil
from tornado.iostream import StreamClosedError
from tornado.web import GZipContentEncoding, HTTPError, RequestHandler

from motor.motor_tornado import MotorGridFSBucket
from motor.web.headers import check_disposition
from motor.web.planner import (
    ALLOW,
    ALLOWED_METHODS,
    FileFacts,
    expect_encoding,
    plan_response,
    standard_headers,
)
from motor.web.source import BadRevision, find_file, open_by_name, parse_revision, read_body

__all__ = ["GridFSHandler"]


class GridFSHandler(RequestHandler):
    """A Tornado handler that serves the files of a GridFS bucket, by name unless told otherwise.

    ::

        Application([(r"/files/(.*)", GridFSHandler, {"database": client.library})])

    It answers GET and HEAD, with whole files or ranges of them, and with 304 if the client has the
    file already. The third item of the route has options, see `initialize`; for more, override
    `get_gridfs_file`, `get_content_type`, `get_cache_time` and `set_extra_headers` in a subclass.
    """

    database: Any
    root_collection: str = "fs"
    revisions: bool = False
    disposition: str | None = "inline"

    def initialize(
        self,
        database: Any,
        root_collection: str = "fs",
        get_gridfs_file: Callable[[Any, str, httputil.HTTPServerRequest], Any] | None = None,
        get_cache_time: Callable[[str, datetime | None, str], float] | None = None,
        *,
        revisions: bool = False,
        disposition: str | None = "inline",
    ) -> None:
        """Take the options of the route.

        - `database`: a ``MotorDatabase``
        - `root_collection`: the name of the bucket
        - `get_gridfs_file`, `get_cache_time`: functions in place of the methods of that name
        - `revisions`: let ``?revision=-2`` choose among the files of one name: 0 is the oldest, -1
          the newest
        - `disposition`: "inline" to have the browser show the file, "attachment" to have it saved;
          None to leave out the Content-Disposition field, and with it the file's name

        Requests fail with ValueError, and thus status 500, for another `disposition`, and for
        `revisions` together with `get_gridfs_file`.
        """
        self.database = database
        self.root_collection = root_collection
        self.revisions = revisions
        self.disposition = disposition
        given = {"get_gridfs_file": get_gridfs_file, "get_cache_time": get_cache_time}
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)

    # For subclasses to override -------------------------------------------------------------

    def get_gridfs_file(
        self, bucket: Any, filename: str, request: httputil.HTTPServerRequest
    ) -> Awaitable[Any]:
        """Choose the file to serve. By default, the newest one with the name in the URL.

        - `bucket`: a ``MotorGridFSBucket``
        - `filename`: what the group in the route's pattern matched
        - `request`: Tornado's request

        Returns an awaitable, such as a future, of an open ``MotorGridOut``. If it raises
        gridfs.NoFile, or bson.errors.InvalidId for a malformed id, the answer is 404. By id::

            def get_gridfs_file(self, bucket, filename, request):
                return bucket.open_download_stream(ObjectId(filename))
        """
        values = request.query_arguments.get("revision", []) if self.revisions else []
        revision = parse_revision(value.decode("latin-1") for value in values)
        return open_by_name(bucket, filename, revision)

    def get_content_type(self, path: str, gridout: Any) -> str:
        """The Content-Type to send for an open ``MotorGridOut``.

        By default, the type stored with the file, or `contentType` of its metadata, or a guess from
        the ending of the name in the URL or of the file's name, or "application/octet-stream".
        """
        return FileFacts.of(gridout).best_content_type(path)

    def get_cache_time(self, path: str, modified: datetime | None, mime_type: str) -> float:
        """The number of seconds for which a cache need not ask whether the file has changed.

        With 0, the default, it may keep the file, and decides when to ask.
        """
        return 0

    def set_extra_headers(self, path: str, gridout: Any) -> None:
        """Add to the answer's header, or change it, with `set_header`. By default, do nothing."""

    # Answering ------------------------------------------------------------------------------

    async def get(self, path: str, include_body: bool = True) -> None:
        """Answer with the file that `path` names; with its header only without `include_body`."""
        self._check_options()
        bucket = MotorGridFSBucket(self.database, self.root_collection)
        try:
            gridout = await find_file(self.get_gridfs_file, bucket, path, self.request)
        except BadRevision as exc:
            raise HTTPError(400, str(exc)) from None
        if gridout is None:
            raise HTTPError(404)
        facts = FileFacts.of(gridout)
        self._describe(path, gridout, facts)
        request_headers = {name.lower(): value for name, value in self.request.headers.items()}
        method = "GET" if include_body else "HEAD"
        # Tornado has public ways to set a field, but none to read those that a subclass has set.
        plan = plan_response(method, request_headers, self._headers, facts.length)
        self.set_status(plan.status)
        plan.apply_to(self._headers)
        try:
            async with aclosing(read_body(gridout, plan.body)) as pieces:
                async for piece in pieces:
                    self.write(piece)
                    # The next piece is read after the client has taken this one.
                    await self.flush()
            if plan.status != 304:
                # Sends the header of an answer without a body, before Tornado makes a tag for it.
                await self.flush()
            await self.finish()
        except StreamClosedError:
            # The client has disconnected, so it cannot be told.
            pass

    async def head(self, path: str) -> None:
        """Answer as `get` does, without the file's content."""
        await self.get(path, include_body=False)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell what other methods there are when the request's is not allowed."""
        if status_code == 405:
            self.set_header("Allow", self._allowed_methods())
        super().write_error(status_code, **kwargs)

    def _allowed_methods(self) -> str:
        added = [
            method
            for method in self.SUPPORTED_METHODS
            if method not in ALLOWED_METHODS
            and getattr(type(self), method.lower()) is not getattr(RequestHandler, method.lower())
        ]
        return ", ".join([ALLOW, *added])

    def _check_options(self) -> None:
        # Not in `initialize`: Tornado would close the connection without an answer.
        check_disposition(self.disposition)
        if self.revisions and "get_gridfs_file" in vars(self):
            raise ValueError(
                "revisions=True is for files by name: a get_gridfs_file of your own has to look at "
                "request.query_arguments itself"
            )

    def _describe(self, path: str, gridout: Any, facts: FileFacts) -> None:
        """Set the fields that describe the file, and let a subclass have its say."""
        content_type = self.get_content_type(path, gridout)
        fields = standard_headers(
            facts,
            content_type=content_type,
            cache_time=self.get_cache_time(path, facts.modified, content_type),
            disposition=self.disposition,
        )
        for name, value in fields.items():
            self.set_header(name, value)
        self.set_extra_headers(path, gridout)
        if self._will_be_compressed():
            expect_encoding(self._headers)

    def _will_be_compressed(self) -> bool:
        """Whether Tornado compresses this answer, because of `compress_response`."""
        if not self.settings.get("compress_response") or "Content-Encoding" in self._headers:
            return False
        content_type = self._headers.get("Content-Type", "").split(";")[0]
        compressible = GZipContentEncoding.CONTENT_TYPES
        return content_type.startswith("text/") or content_type in compressible


# Where users import it from, and where Motor 3 had it.
GridFSHandler.__module__ = "motor.web"
