"""A shelf of books over HTTP. Run it with: uvicorn books_fastapi:app"""

import os
from contextlib import asynccontextmanager
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError

from motor.motor_asyncio import AsyncIOMotorClient

client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookshelf").books


class Book(BaseModel):
    title: str
    year: int


@asynccontextmanager
async def lifespan(app: FastAPI):
    await books.create_index("title", unique=True)
    yield
    await client.close()


app = FastAPI(lifespan=lifespan)


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """The document as JSON can have it: with its ObjectId as a string."""
    return {"id": str(document.pop("_id")), **document}


@app.post("/books", status_code=201)
async def add(book: Book):
    document = book.model_dump()
    try:
        await books.insert_one(document)
    except DuplicateKeyError:
        raise HTTPException(409, "that book is on the shelf already") from None
    return shown(document)


@app.get("/books")
async def find(before: int = 9999, limit: int = 20):
    cursor = books.find({"year": {"$lt": before}}).sort("year").limit(limit)
    return [shown(document) async for document in cursor]


@app.get("/books/{book_id}")
async def get(book_id: str):
    try:
        document = await books.find_one({"_id": ObjectId(book_id)})
    except InvalidId:
        document = None
    if document is None:
        raise HTTPException(404, "no such book")
    return shown(document)


@app.get("/decades")
async def decades():
    decade = {"$subtract": ["$year", {"$mod": ["$year", 10]}]}
    pipeline = [{"$group": {"_id": decade, "books": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    return [{"decade": d["_id"], "books": d["books"]} async for d in books.aggregate(pipeline)]
