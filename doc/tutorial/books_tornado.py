"""A shelf of books over HTTP. Run it with: python books_tornado.py"""

import asyncio
import os

from bson import json_util
from pymongo.errors import DuplicateKeyError
from tornado.escape import json_decode
from tornado.web import Application, HTTPError, RequestHandler

from motor.motor_tornado import MotorClient


class BooksHandler(RequestHandler):
    """All books: GET lists them, POST adds one."""

    def initialize(self, books):
        self.books = books

    async def get(self):
        before = int(self.get_query_argument("before", "9999"))
        cursor = self.books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
        self.write({"books": await cursor.to_list(length=20)})

    async def post(self):
        book = json_decode(self.request.body)
        try:
            result = await self.books.insert_one({"title": book["title"], "year": book["year"]})
        except KeyError as error:
            raise HTTPError(400, f"a book has a {error}") from None
        except DuplicateKeyError:
            raise HTTPError(409) from None
        self.set_status(201)
        self.write({"id": str(result.inserted_id)})


class ChangesHandler(RequestHandler):
    """GET answers a line for each new book, as it comes, until the client goes away."""

    def initialize(self, books):
        self.books = books
        self.stream = None

    async def get(self):
        async with self.books.watch([{"$match": {"operationType": "insert"}}]) as self.stream:
            self.write("watching\n")
            await self.flush()
            async for change in self.stream:
                self.write(json_util.dumps(change["fullDocument"]) + "\n")
                await self.flush()

    def on_connection_close(self):
        if self.stream is not None:
            self.stream.close()


async def main():
    client = MotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
    books = client[os.environ.get("MONGODB_DATABASE", "library")].books
    await books.create_index("title", unique=True)
    app = Application(
        [("/books", BooksHandler, {"books": books}), ("/changes", ChangesHandler, {"books": books})]
    )
    app.listen(int(os.environ.get("PORT", "8000")))
    try:
        await asyncio.Event().wait()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
