"""Files over HTTP with Tornado, aiohttp, Starlette and FastAPI, and the numbers of the pool."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, assert_type

import aiohttp.web
import fastapi
from bson import ObjectId
from starlette.applications import Starlette
from starlette.routing import Mount
from tornado import httputil, web

import motor.executor
from motor.aiohttp import AIOHTTPGridFS
from motor.executor import PoolStatistics
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket, AsyncIOMotorGridOut
from motor.motor_tornado import MotorClient, MotorGridFSBucket, MotorGridOut
from motor.web import GridFSHandler
from motor.web.asgi import GridFSApp, GridFSResponse

client = AsyncIOMotorClient()


class ById(GridFSHandler):
    """With Tornado."""

    def get_gridfs_file(
        self, bucket: MotorGridFSBucket, filename: str, request: httputil.HTTPServerRequest
    ) -> Awaitable[MotorGridOut]:
        return bucket.open_download_stream(ObjectId(filename))

    def get_cache_time(self, path: str, modified: datetime | None, mime_type: str) -> float:
        return 60 if mime_type == "image/png" else 0

    def set_extra_headers(self, path: str, gridout: MotorGridOut) -> None:
        self.set_header("X-Length", gridout.length)


tornado_application = web.Application(
    [
        (r"/files/(.*)", GridFSHandler, {"database": MotorClient().library, "revisions": True}),
        (r"/by-id/(.*)", ById, {"database": MotorClient().library}),
    ]
)


def get_gridfs_file(
    bucket: AsyncIOMotorGridFSBucket, filename: str, request: aiohttp.web.Request
) -> Awaitable[AsyncIOMotorGridOut]:
    return bucket.open_download_stream(ObjectId(filename))


def set_extra_headers(response: aiohttp.web.StreamResponse, gridout: AsyncIOMotorGridOut) -> None:
    response.headers["X-Length"] = str(gridout.length)


handler = AIOHTTPGridFS(
    client.library, get_gridfs_file=get_gridfs_file, set_extra_headers=set_extra_headers
)
aiohttp_application = aiohttp.web.Application()
aiohttp_application.router.add_get("/files/{filename}", handler)

asgi_files = GridFSApp(client.library, "covers", disposition="attachment")
starlette_application = Starlette(routes=[Mount("/files", asgi_files)])
api = fastapi.FastAPI()
api.mount("/files", asgi_files)


@api.get("/covers/{name}")
async def cover(name: str) -> GridFSResponse:
    bucket = AsyncIOMotorGridFSBucket(client.library, "covers")
    grid_out = await bucket.open_download_stream_by_name(name)
    response = GridFSResponse(grid_out, cache_time=60)
    assert_type(response.status_code, int)
    response.headers["X-Length"] = str(grid_out.length)
    return response


def metrics() -> dict[str, Any]:
    """What an exporter of metrics asks for."""
    numbers = motor.executor.statistics()
    assert_type(numbers, PoolStatistics)
    assert_type(numbers.in_flight, int)
    assert_type(numbers.wait_seconds, float)
    waiting = motor.executor.statistics(client, waiting=True)
    return {"workers": numbers.workers, "waiting": waiting.workers}
