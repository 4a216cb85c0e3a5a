"""A shelf of books with Tornado. Run it with: python tornado_books.py"""

import asyncio
import os

from tornado import gen
from tornado.escape import json_decode, json_encode
from tornado.web import Application, RequestHandler

from motor.motor_tornado import MotorClient

client = MotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookshelf").books


class BooksHandler(RequestHandler):
    async def get(self):
        before = int(self.get_query_argument("before", "9999"))
        cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
        self.set_header("Content-Type", "application/json")
        self.write(json_encode(await cursor.to_list(100)))

    @gen.coroutine
    def post(self):  # The older kind of coroutine works as well.
        book = json_decode(self.request.body)
        result = yield books.insert_one({"title": book["title"], "year": book["year"]})
        self.set_status(201)
        self.write({"id": str(result.inserted_id)})


app = Application([("/books", BooksHandler)])


async def main():
    await books.create_index("year")
    app.listen(8000)
    try:
        await asyncio.Event().wait()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
