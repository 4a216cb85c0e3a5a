"""A shelf of books with aiohttp. Run it with: python aiohttp_books.py"""

import os

from aiohttp import web

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection

BOOKS = web.AppKey("books", AsyncIOMotorCollection)
routes = web.RouteTableDef()


async def database(app):
    client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
    app[BOOKS] = client.get_default_database("bookstore").books
    await app[BOOKS].create_index("year")
    yield
    await client.close()


@web.middleware
async def errors_as_json(request, handler):
    try:
        return await handler(request)
    except web.HTTPError as error:
        return web.json_response({"error": error.reason}, status=error.status)
    except (KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": f"bad request: {error}"}, status=400)


@routes.get("/books")
async def find(request):
    before = int(request.query.get("before", 9999))
    cursor = request.app[BOOKS].find({"year": {"$lt": before}}, {"_id": False}).sort("year")
    return web.json_response(await cursor.to_list(100))


@routes.post("/books")
async def add(request):
    book = await request.json()
    document = {"title": str(book["title"]), "year": int(book["year"])}
    result = await request.app[BOOKS].insert_one(document)
    return web.json_response({"id": str(result.inserted_id)}, status=201)


app = web.Application(middlewares=[errors_as_json])
app.cleanup_ctx.append(database)
app.add_routes(routes)

if __name__ == "__main__":
    web.run_app(app, port=8000)
