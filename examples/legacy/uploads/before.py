"""Store and serve files, in the style of Motor 0.x: ``python before.py DATABASE [PORT]``."""

import os
import sys

from bson import ObjectId
from gridfs.errors import NoFile
from tornado import gen, web
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

import motor


class Files(web.RequestHandler):
    @gen.coroutine
    def get(self):
        fs = self.settings["fs"]
        names = yield fs.list()
        cursor = fs.find({"author": {"$exists": True}}, timeout=False).sort("_id", 1)
        documents = yield cursor.to_list(length=100)
        signed = [document["filename"] for document in documents]
        self.write({"names": sorted(names), "signed": signed, "files": (yield cursor.count())})


class File(web.RequestHandler):
    @gen.coroutine
    def put(self, name):
        fs = self.settings["fs"]
        exists = yield fs.exists(filename=name)
        grid_in = yield fs.new_file(filename=name, contentType=self.request.headers["Content-Type"])
        yield grid_in.write(self.request.body)
        author = self.get_query_argument("author", None)
        if author:
            yield grid_in.set("author", author)
        yield grid_in.close()
        self.set_status(200 if exists else 201)
        self.write({"id": str(grid_in._id), "checksum": grid_in.md5})

    @gen.coroutine
    def get(self, name):
        fs = self.settings["fs"]
        try:
            version = int(self.get_query_argument("version", "-1"))
            grid_out = yield fs.get_version(name, version)
        except NoFile:
            raise web.HTTPError(404)
        self.set_header("Content-Type", grid_out.content_type)
        self.set_header("Content-Length", grid_out.length)
        self.set_header("Etag", '"%s"' % grid_out.md5)
        yield grid_out.stream_to_handler(self)

    @gen.coroutine
    def delete(self, file_id):
        yield self.settings["fs"].delete(ObjectId(file_id))
        self.set_status(204)


class Note(web.RequestHandler):
    """Short texts, without all the ceremony."""

    @gen.coroutine
    def post(self):
        fs = self.settings["fs"]
        text = self.get_body_argument("text")
        file_id = yield fs.put(text, encoding="utf-8", filename="note", contentType="text/plain")
        last = yield fs.get_last_version("note")
        self.write({"id": str(file_id), "text": (yield last.read()).decode("utf-8")})


def make_app(fs):
    handlers = [(r"/files", Files), (r"/files/([\w.]+)", File), (r"/notes", Note)]
    return web.Application(handlers, fs=fs)


def main():
    uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017")
    db = motor.MotorClient(uri)[sys.argv[1]]
    server = HTTPServer(make_app(motor.MotorGridFS(db, collection="uploads")))
    sockets = bind_sockets(int(sys.argv[2]) if len(sys.argv) > 2 else 8888, "127.0.0.1")
    loop = IOLoop.current()
    server.add_sockets(sockets)
    print("http://127.0.0.1:%d" % sockets[0].getsockname()[1], flush=True)
    loop.start()


if __name__ == "__main__":
    main()
