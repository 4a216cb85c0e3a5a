"""A shelf of books over HTTP. Run it with: python books_tornado.py"""

import asyncio
import os

from bson import json_util
from pymongo.errors import DuplicateKeyError
from tornado.escape import json_decode
from tornado.web import Application, HTTPError, RequestHandler

from motor.motor_tornado import MotorClient


class JSONHandler(RequestHandler):
    """Its errors are JSON."""

    def write_error(self, status_code, **kwargs):
        self.finish({"error": self._reason})


class BooksHandler(JSONHandler):
    """All books: GET lists them, POST adds one."""

    def initialize(self, books):
        self.books = books

    async def get(self):
        before = self.get_query_argument("before", "9999")
        if not before.isdecimal():
            raise HTTPError(400, reason="'before' has to be a year")
        cursor = self.books.find({"year": {"$lt": int(before)}}, {"_id": False}).sort("year")
        self.write({"books": await cursor.to_list(length=20)})

    async def post(self):
        try:
            data = json_decode(self.request.body)
            book = {"title": str(data["title"]), "year": int(data["year"])}
        except (KeyError, TypeError, ValueError):
            raise HTTPError(400, reason="a book has a title and a year") from None
        try:
            result = await self.books.insert_one(book)
        except DuplicateKeyError:
            raise HTTPError(409, reason="that book is on the shelf already") from None
        self.set_status(201)
        self.write({"id": str(result.inserted_id)})


class ChangesHandler(JSONHandler):
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


class NothingHandler(JSONHandler):
    """Every other address."""

    def prepare(self):
        raise HTTPError(404, reason="there is nothing here")


async def main():
    client = MotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
    books = client.get_default_database("bookshelf").books
    await books.create_index("title", unique=True)
    app = Application(
        [
            ("/books", BooksHandler, {"books": books}),
            ("/changes", ChangesHandler, {"books": books}),
        ],
        default_handler_class=NothingHandler,
    )
    app.listen(int(os.environ.get("PORT", "8000")))
    try:
        await asyncio.Event().wait()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
