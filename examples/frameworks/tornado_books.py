"""A shelf of books with Tornado. Run it with: python tornado_books.py"""

import asyncio
import os

from tornado import gen
from tornado.escape import json_decode, json_encode
from tornado.web import Application, HTTPError, RequestHandler

from motor.motor_tornado import MotorClient

client = MotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookstore").books


class JSONHandler(RequestHandler):
    def write_error(self, status_code, **kwargs):
        self.finish({"error": self._reason})


class BooksHandler(JSONHandler):
    async def get(self):
        try:
            before = int(self.get_query_argument("before", "9999"))
        except ValueError:
            raise HTTPError(400, reason="'before' has to be a year") from None
        cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
        self.set_header("Content-Type", "application/json")
        self.write(json_encode(await cursor.to_list(100)))

    @gen.coroutine
    def post(self):  # The older kind of coroutine works as well.
        try:
            data = json_decode(self.request.body)
            book = {"title": str(data["title"]), "year": int(data["year"])}
        except (KeyError, TypeError, ValueError):
            raise HTTPError(400, reason="a book has a title and a year") from None
        result = yield books.insert_one(book)
        self.set_status(201)
        self.write({"id": str(result.inserted_id)})


class NothingHandler(JSONHandler):
    def prepare(self):
        raise HTTPError(404)


app = Application([("/books", BooksHandler)], default_handler_class=NothingHandler)


async def main():
    await books.create_index("year")
    app.listen(8000)
    try:
        await asyncio.Event().wait()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
