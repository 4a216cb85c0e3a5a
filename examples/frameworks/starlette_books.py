"""A shelf of books with Starlette. Run it with: uvicorn starlette_books:app"""

import asyncio
import os
from contextlib import asynccontextmanager

from bson import json_util
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute

from motor.motor_asyncio import AsyncIOMotorClient
from motor.web.asgi import GridFSApp

client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
db = client.get_default_database("bookstore")
books = db.books


@asynccontextmanager
async def lifespan(app):
    await books.create_index("year")
    yield
    await client.close()


async def find(request):
    before = int(request.query_params.get("before", 9999))
    cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
    return JSONResponse(await cursor.to_list(100))


async def add(request):
    book = await request.json()
    result = await books.insert_one({"title": str(book["title"]), "year": int(book["year"])})
    return JSONResponse({"id": str(result.inserted_id)}, status_code=201)


async def changes(websocket):
    async with books.watch() as stream, asyncio.TaskGroup() as tasks:
        await websocket.accept()
        sending = tasks.create_task(send(websocket, stream))
        # Ends when the browser closes the socket, and when the server does at Ctrl-C.
        async for _ in websocket.iter_text():
            pass
        sending.cancel()


async def send(websocket, stream):
    async for change in stream:
        await websocket.send_text(json_util.dumps(change["fullDocument"]))


async def http_error(request, error):
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def bad_request(request, error):
    return JSONResponse({"error": f"bad request: {error}"}, status_code=400)


app = Starlette(
    lifespan=lifespan,
    exception_handlers={
        HTTPException: http_error,
        **dict.fromkeys([KeyError, TypeError, ValueError], bad_request),
    },
    routes=[
        Route("/books", find, methods=["GET"]),
        Route("/books", add, methods=["POST"]),
        WebSocketRoute("/changes", changes),
        # The files of the bucket "fs", by name.
        Mount("/files", GridFSApp(db)),
    ],
)
