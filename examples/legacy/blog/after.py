"""The same blog, rewritten by the guide: ``python after.py DATABASE [PORT]``."""

import asyncio
import datetime
import os
import re
import sys

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.log import app_log
from tornado.netutil import bind_sockets

from motor.motor_tornado import MotorClient


class Handler(web.RequestHandler):
    @property
    def db(self):
        return self.settings["db"]

    async def find_post(self, slug):
        post = await self.db.posts.find_one({"slug": slug})
        if post is None:
            raise web.HTTPError(404)
        return post


class Home(Handler):
    async def get(self):
        cursor = self.db.posts.find(projection=["title"]).sort("published", -1).limit(10)
        titles = [post["title"] async for post in cursor]
        total = await self.db.posts.count_documents({})
        self.write({"newest": titles, "total": total})


class NewPost(Handler):
    async def post(self):
        title = self.get_body_argument("title")
        post = {
            "title": title,
            "slug": re.sub(r"\W+", "-", title.lower()),
            "body": self.get_body_argument("body"),
            "tags": self.get_body_arguments("tag"),
            "published": datetime.datetime.now(datetime.UTC),
            "number": await self.next_number(),
            "views": 0,
            "comments": [],
        }
        await self.db.posts.insert_one(post)
        self.set_status(201)
        self.write({"slug": post["slug"], "number": post["number"]})

    async def next_number(self):
        counter = await self.db.counters.find_one_and_update(
            {"_id": "posts"},
            {"$inc": {"n": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return counter["n"]


class Post(Handler):
    async def get(self, slug):
        post = await self.find_post(slug)
        # It has started, and need not be awaited.
        counted = self.db.posts.update_one({"_id": post["_id"]}, {"$inc": {"views": 1}})
        counted.add_done_callback(self.on_counted)
        comments = [comment["text"] for comment in post["comments"]]
        self.write({"title": post["title"], "body": post["body"], "comments": comments})

    def on_counted(self, future):
        try:
            future.result()
        except PyMongoError as error:
            app_log.error("could not count a view: %s", error)

    async def put(self, slug):
        post = await self.find_post(slug)
        body = self.get_body_argument("body")
        await self.db.posts.update_one({"_id": post["_id"]}, {"$set": {"body": body}})
        self.write({"slug": slug})

    async def delete(self, slug):
        result = await self.db.posts.delete_many({"slug": slug})
        self.write({"deleted": result.deleted_count})


class Comment(Handler):
    async def post(self, slug):
        comment = {"text": self.get_body_argument("text")}
        result = await self.db.posts.update_one({"slug": slug}, {"$push": {"comments": comment}})
        if not result.matched_count:
            raise web.HTTPError(404)
        self.set_status(201)


class Tags(Handler):
    async def get(self):
        pipeline = [{"$unwind": "$tags"}, {"$group": {"_id": "$tags", "posts": {"$sum": 1}}}]
        self.write({each["_id"]: each["posts"] async for each in self.db.posts.aggregate(pipeline)})


class Feed(Handler):
    async def get(self):
        self.set_header("Content-Type", "text/plain")
        async for post in self.db.posts.find().sort("published", 1):
            self.write(f"{post['title']}: {post['views']} views\n")


async def set_up(client, name):
    db = client[name]
    await db.posts.create_index([("published", -1)])
    if "counters" not in await db.list_collection_names():
        await db.counters.insert_one({"_id": "posts", "n": 0})
    await db.posts.create_index("slug", unique=True)
    return db


def make_app(db):
    return web.Application(
        [
            (r"/", Home),
            (r"/posts", NewPost),
            (r"/posts/([\w-]+)", Post),
            (r"/posts/([\w-]+)/comments", Comment),
            (r"/tags", Tags),
            (r"/feed", Feed),
        ],
        db=db,
    )


async def main():
    uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017")
    async with MotorClient(uri, maxPoolSize=10) as client:
        server = HTTPServer(make_app(await set_up(client, sys.argv[1])))
        sockets = bind_sockets(int(sys.argv[2]) if len(sys.argv) > 2 else 8888, "127.0.0.1")
        server.add_sockets(sockets)
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
