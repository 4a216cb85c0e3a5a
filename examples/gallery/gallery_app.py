"""A gallery of pictures and videos: an ASGI application whose files are in GridFS.

=========================  =====================================================================
``GET /``                  the page, from the directory ``static``
``POST /ids?count=…``      so many ids for files to come, as JSON, in the order of the list
``POST /files?name=…``     stores the body of the request, which is the file; its type is the
                           Content-Type; with ``&id=…`` under that id
``GET /files``             what there is, as JSON, the newest first; ``?before=<id>`` goes on
``GET /files/<id>``        the file, or the range of it that is asked for; with ``?download`` to be
                           saved
``DELETE /files/<id>``     deletes it
=========================  =====================================================================

Errors are JSON, ``{"error": "…"}``, in words for the person at the page.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from gridfs.errors import FileExists, NoFile
from rules import check_count, check_name, check_new_id, check_size, check_type
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from motor.motor_asyncio import AsyncIOMotorDatabase, AsyncIOMotorGridFSBucket
from motor.web.asgi import GridFSResponse

__all__ = ["DEFAULT_MAX_BYTES", "create_app"]

DEFAULT_MAX_BYTES = 500_000_000
STATIC = Path(__file__).parent / "static"
PAGE_SIZE = 48

#: Nothing is loaded from other sites, and only scripts in our own files run.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A picture may be an SVG from a stranger. Opened by itself, it gets no scripts and no origin.
FILE_POLICY = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'"
)


def create_app(
    database: AsyncIOMotorDatabase,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    page_size: int = PAGE_SIZE,
) -> Starlette:
    """Return the application.

    - `database`: where its bucket, ``gallery``, is
    - `max_bytes`: the largest file that is taken
    - `page_size`: how many files one answer lists
    """
    gallery = Gallery(AsyncIOMotorGridFSBucket(database, "gallery"), max_bytes, page_size)
    return Starlette(
        routes=[
            Route("/files", gallery.list_files, methods=["GET"]),
            Route("/files", gallery.upload, methods=["POST"]),
            Route("/ids", gallery.reserve, methods=["POST"]),
            Route("/files/{file_id}", gallery.send, methods=["GET"]),
            Route("/files/{file_id}", gallery.delete, methods=["DELETE"]),
            Mount("/", Page(directory=STATIC, html=True)),
        ],
        exception_handlers={HTTPException: error_answer, NoFile: missing_answer},
    )


class Gallery:
    """The answers to requests for files."""

    def __init__(
        self, bucket: AsyncIOMotorGridFSBucket, max_bytes: int, page_size: int = PAGE_SIZE
    ) -> None:
        self._bucket = bucket
        self._max_bytes = max_bytes
        self._page_size = page_size

    async def reserve(self, request: Request) -> Response:
        # The list is sorted by id, the newest first. Files that are uploaded together, several at
        # a time, are stored in any order, and listed in that of their ids.
        count = check_count(request.query_params.get("count", ""))
        ids = sorted((str(ObjectId()) for _ in range(count)), reverse=True)
        return JSONResponse({"ids": ids})

    async def upload(self, request: Request) -> Response:
        name = check_name(request.query_params.get("name", ""))
        given = request.query_params.get("id")
        file_id = ObjectId() if given is None else check_new_id(given)
        content_type = check_type(request.headers.get("content-type", ""))
        # The body is the file itself, not a form: it goes to GridFS as it comes in. Another site
        # cannot make a browser send such a type here without asking (CORS), which we never allow.
        announced = request.headers.get("content-length", "")
        check_size(int(announced) if announced.isdecimal() else 0, self._max_bytes)
        metadata = {"contentType": content_type}
        try:
            async with self._bucket.open_upload_stream_with_id(
                file_id, name, metadata=metadata
            ) as grid_in:
                received = 0
                async for piece in request.stream():
                    received += len(piece)
                    check_size(received, self._max_bytes)
                    await grid_in.write(piece)
                if not received:
                    raise HTTPException(400, "This file is empty.")
        except ClientDisconnect:
            # The end of the block has deleted the stored part. No client waits for an answer.
            return Response(status_code=400)
        except FileExists:
            raise HTTPException(409, "There is a file with this id.") from None
        return JSONResponse(describe(grid_in), 201)

    async def list_files(self, request: Request) -> Response:
        before = request.query_params.get("before")
        query = {"_id": {"$lt": parse_id(before)}} if before else {}
        # One more than is shown, to see whether there are more.
        cursor = self._bucket.find(query).sort("_id", -1).limit(self._page_size + 1)
        files = [describe(grid_out) async for grid_out in cursor]
        shown = files[: self._page_size]
        after = shown[-1]["id"] if len(files) > len(shown) else None
        return JSONResponse(
            {"files": shown, "next": after, "maxBytes": self._max_bytes},
            headers={"Cache-Control": "no-store"},
        )

    async def send(self, request: Request) -> Response:
        grid_out = await self._bucket.open_download_stream(parse_id(request.path_params["file_id"]))
        return GridFSResponse(
            grid_out,
            disposition="attachment" if "download" in request.query_params else "inline",
            headers={
                # Browsers keep the file, and ask each time whether it still exists: mostly 304.
                "Cache-Control": "private, no-cache",
                "Content-Security-Policy": FILE_POLICY,
                "Cross-Origin-Resource-Policy": "same-origin",
            },
        )

    async def delete(self, request: Request) -> Response:
        await self._bucket.delete(parse_id(request.path_params["file_id"]))
        return Response(status_code=204)


class Page(StaticFiles):
    """The page's own files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def describe(file: Any) -> dict[str, Any]:
    """What the page shows of a stored file."""
    return {
        "id": str(file._id),
        "name": file.filename,
        "type": (file.metadata or {}).get("contentType", ""),
        "size": file.length,
        "uploaded": file.upload_date.replace(tzinfo=UTC).isoformat(),
    }


def parse_id(text: str) -> ObjectId:
    """The `_id` in a URL. Raises NoFile for what cannot be one."""
    try:
        return ObjectId(text)
    except InvalidId:
        raise NoFile(text) from None


async def error_answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def missing_answer(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "There is no such file; it may have been deleted."}, 404)
