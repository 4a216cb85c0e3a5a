"""A shelf of books with Litestar. Run it with: uvicorn litestar_books:app"""

import os
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from litestar import Litestar, get, post
from litestar.params import FromQuery, JSONBody

from motor.motor_asyncio import AsyncIOMotorClient

client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookstore").books


@dataclass
class Book:
    title: str
    year: int


@asynccontextmanager
async def lifespan(app: Litestar):
    await books.create_index("year")
    yield
    await client.close()


@get("/books")
async def find(before: FromQuery[int] = 9999) -> list[Book]:
    cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
    return [Book(**document) async for document in cursor]


@post("/books")
async def add(data: JSONBody[Book]) -> dict[str, str]:
    result = await books.insert_one(asdict(data))
    return {"id": str(result.inserted_id)}


app = Litestar([find, add], lifespan=[lifespan])
