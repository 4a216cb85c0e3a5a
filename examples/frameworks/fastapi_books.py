"""A shelf of books with FastAPI. Run it with: uvicorn fastapi_books:app"""

import asyncio
import os
from contextlib import asynccontextmanager
from typing import Annotated

from bson import json_util
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from gridfs import NoFile
from pydantic import BaseModel

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorGridFSBucket
from motor.web.asgi import GridFSResponse

client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
db = client.get_default_database("bookstore")
covers = AsyncIOMotorGridFSBucket(db, "covers")


@asynccontextmanager
async def lifespan(app: FastAPI):
    await db.books.create_index("year")
    yield
    await client.close()


app = FastAPI(lifespan=lifespan)


def get_books() -> AsyncIOMotorCollection:
    return db.books


# A dependency, so that tests can give the endpoints another collection.
Books = Annotated[AsyncIOMotorCollection, Depends(get_books)]


class Book(BaseModel):
    title: str
    year: int


@app.post("/books", status_code=201)
async def add(book: Book, books: Books, tasks: BackgroundTasks):
    result = await books.insert_one(book.model_dump())
    tasks.add_task(note, books.database.log, book.title)
    return {"id": str(result.inserted_id)}


async def note(log: AsyncIOMotorCollection, title: str):
    # A background task: it runs when the answer is on its way.
    await log.insert_one({"added": title})


@app.get("/books")
async def find(books: Books, before: int = 9999) -> list[Book]:
    cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
    return await cursor.to_list(100)


@app.get("/count")
def count(books: Books) -> int:
    # FastAPI runs a `def` on a thread. Use PyMongo's own collection there, which has the same
    # connections.
    return books.delegate.count_documents({})


@app.put("/covers/{name}", status_code=201)
async def upload(name: str, request: Request):
    await covers.upload_from_stream(name, request.stream())


@app.get("/covers/{name}")
async def download(name: str):
    try:
        return GridFSResponse(await covers.open_download_stream_by_name(name))
    except NoFile:
        raise HTTPException(404, "no such cover") from None


@app.websocket("/changes")
async def changes(websocket: WebSocket, books: Books):
    async with books.watch() as stream, asyncio.TaskGroup() as tasks:
        await websocket.accept()
        sending = tasks.create_task(send(websocket, stream))
        # Ends when the browser closes the socket, and when the server does at Ctrl-C. A handler
        # that only sends would never notice.
        async for _ in websocket.iter_text():
            pass
        sending.cancel()


async def send(websocket, stream):
    async for change in stream:
        await websocket.send_text(json_util.dumps(change["fullDocument"]))
