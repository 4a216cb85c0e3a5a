"""A typical application: FastAPI, its dependencies, and a client in its state."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from bson import ObjectId
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)


class Book(BaseModel):
    title: str
    year: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    app.state.client = AsyncIOMotorClient("mongodb://localhost:27017", tz_aware=True)
    yield
    app.state.client.close()


app = FastAPI(lifespan=lifespan)


def get_db(request: Request) -> AsyncIOMotorDatabase:
    client: AsyncIOMotorClient = request.app.state.client
    return client.get_default_database("library")


def get_books(db: Annotated[AsyncIOMotorDatabase, Depends(get_db)]) -> AsyncIOMotorCollection:
    return db["books"]


async def get_session(
    db: Annotated[AsyncIOMotorDatabase, Depends(get_db)],
) -> AsyncIterator[AsyncIOMotorClientSession]:
    async with await db.client.start_session() as session:
        yield session


Books = Annotated[AsyncIOMotorCollection, Depends(get_books)]
Session = Annotated[AsyncIOMotorClientSession, Depends(get_session)]


@app.post("/books")
async def create(book: Book, books: Books, session: Session) -> dict[str, str]:
    async with session.start_transaction():
        result = await books.insert_one(book.model_dump(), session=session)
    return {"id": str(result.inserted_id)}


@app.get("/books/{book_id}")
async def read(book_id: str, books: Books) -> Book:
    found = await books.find_one({"_id": ObjectId(book_id)})
    if found is None:
        raise HTTPException(404)
    return Book(**found)


@app.get("/books")
async def search(books: Books, year: int | None = None, limit: int = 100) -> list[Book]:
    query: dict[str, Any] = {} if year is None else {"year": year}
    cursor = books.find(query).sort("title").limit(limit)
    return [Book.model_validate(document) async for document in cursor]
