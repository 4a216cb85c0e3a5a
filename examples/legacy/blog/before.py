"""A blog, in the style of Motor 0.x: ``python before.py DATABASE [PORT]``."""

import datetime
import os
import re
import sys

from tornado import gen, web
from tornado.concurrent import Future
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.log import app_log
from tornado.netutil import bind_sockets

import motor

COUNT_TAGS = "function () { this.tags.forEach(function (tag) { emit(tag, 1) }) }"
SUM = "function (tag, counts) { return Array.sum(counts) }"


class Handler(web.RequestHandler):
    @property
    def db(self):
        return self.settings["db"]

    @gen.coroutine
    def find_post(self, slug):
        post = yield self.db.posts.find_one(spec_or_id={"slug": slug})
        if post is None:
            raise web.HTTPError(404)
        raise gen.Return(post)


class Home(Handler):
    @gen.coroutine
    def get(self):
        titles = []
        cursor = self.db.posts.find(fields=["title"]).sort("published", -1).limit(10)
        while (yield cursor.fetch_next):
            titles.append(cursor.next_object()["title"])
        total = yield self.db.posts.find().count()
        self.write({"newest": titles, "total": total})


class NewPost(Handler):
    @gen.coroutine
    def post(self):
        title = self.get_body_argument("title")
        post = {
            "title": title,
            "slug": re.sub(r"\W+", "-", title.lower()),
            "body": self.get_body_argument("body"),
            "tags": self.get_body_arguments("tag"),
            "published": datetime.datetime.now(datetime.timezone.utc),
            "number": (yield self.next_number()),
            "views": 0,
            "comments": [],
        }
        yield self.db.posts.insert(post)
        self.set_status(201)
        self.write({"slug": post["slug"], "number": post["number"]})

    @gen.coroutine
    def next_number(self):
        counter = yield self.db.counters.find_and_modify(
            {"_id": "posts"}, {"$inc": {"n": 1}}, upsert=True, new=True
        )
        raise gen.Return(counter["n"])


class Post(Handler):
    @gen.coroutine
    def get(self, slug):
        post = yield self.find_post(slug)
        # It is not waited for.
        self.db.posts.update({"_id": post["_id"]}, {"$inc": {"views": 1}}, callback=self.on_counted)
        comments = [comment["text"] for comment in post["comments"]]
        self.write({"title": post["title"], "body": post["body"], "comments": comments})

    def on_counted(self, reply, error):
        if error is not None:
            app_log.error("could not count a view: %s", error)

    @gen.coroutine
    def put(self, slug):
        post = yield self.find_post(slug)
        post["body"] = self.get_body_argument("body")
        yield self.db.posts.save(post)
        self.write({"slug": slug})

    @gen.coroutine
    def delete(self, slug):
        reply = yield self.db.posts.remove({"slug": slug})
        self.write({"deleted": reply["n"]})


class Comment(Handler):
    @gen.coroutine
    def post(self, slug):
        comment = {"text": self.get_body_argument("text")}
        reply = yield self.db.posts.update({"slug": slug}, {"$push": {"comments": comment}})
        if not reply["updatedExisting"]:
            raise web.HTTPError(404)
        self.set_status(201)


class Tags(Handler):
    @gen.coroutine
    def get(self):
        counts = yield self.db.posts.inline_map_reduce(COUNT_TAGS, SUM)
        self.write({each["_id"]: int(each["value"]) for each in counts})


class Feed(Handler):
    @gen.coroutine
    def get(self):
        self.lines, self.done = [], Future()
        self.db.posts.find().sort("published", 1).each(self.on_post)
        yield self.done
        self.set_header("Content-Type", "text/plain")
        self.write("".join(self.lines))

    def on_post(self, post, error):
        if error is not None:
            self.done.set_exception(error)
        elif post is None:
            self.done.set_result(None)
        else:
            self.lines.append("%s: %s views\n" % (post["title"], post["views"]))


@gen.coroutine
def set_up(client, name):
    yield client.open()
    db = client[name]
    yield db.posts.ensure_index([("published", -1)])
    if "counters" not in (yield db.collection_names()):
        yield db.counters.save({"_id": "posts", "n": 0})
    yield db.posts.ensure_index("slug", unique=True)
    raise gen.Return(db)


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


def main():
    uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017")
    client = motor.MotorClient(uri, max_pool_size=10)
    loop = IOLoop.current()
    db = loop.run_sync(lambda: set_up(client, sys.argv[1]))
    server = HTTPServer(make_app(db))
    sockets = bind_sockets(int(sys.argv[2]) if len(sys.argv) > 2 else 8888, "127.0.0.1")
    server.add_sockets(sockets)
    print("http://127.0.0.1:%d" % sockets[0].getsockname()[1], flush=True)
    loop.start()


if __name__ == "__main__":
    main()
