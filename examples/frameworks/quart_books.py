"""A shelf of books with Quart. Run it with: hypercorn quart_books:app"""

import os

from quart import Quart, request
from werkzeug.exceptions import HTTPException

from motor.motor_asyncio import AsyncIOMotorClient

client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookstore").books
app = Quart(__name__)


@app.before_serving
async def prepare():
    await books.create_index("year")


@app.after_serving
async def finish():
    await client.close()


@app.get("/books")
async def find():
    before = request.args.get("before", 9999, type=int)
    cursor = books.find({"year": {"$lt": before}}, {"_id": False}).sort("year")
    return await cursor.to_list(100)


@app.post("/books")
async def add():
    book = await request.get_json()
    result = await books.insert_one({"title": str(book["title"]), "year": int(book["year"])})
    return {"id": str(result.inserted_id)}, 201


@app.errorhandler(HTTPException)
async def http_error(error):
    return {"error": error.name}, error.code


@app.errorhandler(KeyError)
@app.errorhandler(TypeError)
@app.errorhandler(ValueError)
async def bad_request(error):
    return {"error": f"bad request: {error}"}, 400
