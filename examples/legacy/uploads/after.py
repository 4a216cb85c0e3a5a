"""Store and serve files: the same, rewritten by the guide. ``python after.py DATABASE [PORT]``."""

import asyncio
import hashlib
import os
import sys
from contextlib import suppress

from bson import ObjectId
from gridfs.errors import NoFile
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from motor.motor_tornado import MotorClient, MotorGridFSBucket


class Handler(web.RequestHandler):
    @property
    def bucket(self):
        return self.settings["bucket"]

    @property
    def documents(self):
        """The collection of the files' documents."""
        return self.settings["db"].uploads.files


class Files(Handler):
    async def get(self):
        names = await self.documents.distinct("filename")
        signed_by_anyone = {"metadata.author": {"$exists": True}}
        cursor = self.documents.find(signed_by_anyone, no_cursor_timeout=True).sort("_id", 1)
        signed = [document["filename"] for document in await cursor.to_list(length=100)]
        total = await self.documents.count_documents(signed_by_anyone)
        self.write({"names": sorted(names), "signed": signed, "files": total})


class File(Handler):
    async def put(self, name):
        exists = await self.documents.find_one({"filename": name}, ["_id"]) is not None
        checksum = hashlib.md5(self.request.body, usedforsecurity=False).hexdigest()
        metadata = {"contentType": self.request.headers["Content-Type"], "checksum": checksum}
        author = self.get_query_argument("author", None)
        if author:
            metadata["author"] = author
        async with self.bucket.open_upload_stream(name, metadata=metadata) as grid_in:
            await grid_in.write(self.request.body)
        self.set_status(200 if exists else 201)
        self.write({"id": str(grid_in._id), "checksum": checksum})

    async def get(self, name):
        version = int(self.get_query_argument("version", "-1"))
        try:
            grid_out = await self.bucket.open_download_stream_by_name(name, version)
        except NoFile:
            raise web.HTTPError(404) from None
        self.set_header("Content-Type", grid_out.metadata["contentType"])
        self.set_header("Content-Length", grid_out.length)
        self.set_header("Etag", f'"{grid_out.metadata["checksum"]}"')
        await grid_out.stream_to_handler(self)

    async def delete(self, file_id):
        with suppress(NoFile):
            await self.bucket.delete(ObjectId(file_id))
        self.set_status(204)


class Note(Handler):
    """Short texts, without all the ceremony."""

    async def post(self):
        text = self.get_body_argument("text").encode()
        metadata = {"contentType": "text/plain"}
        file_id = await self.bucket.upload_from_stream("note", text, metadata=metadata)
        last = await self.bucket.open_download_stream_by_name("note")
        self.write({"id": str(file_id), "text": (await last.read()).decode()})


def make_app(db):
    handlers = [(r"/files", Files), (r"/files/([\w.]+)", File), (r"/notes", Note)]
    return web.Application(handlers, db=db, bucket=MotorGridFSBucket(db, "uploads"))


async def main():
    uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017")
    async with MotorClient(uri) as client:
        server = HTTPServer(make_app(client[sys.argv[1]]))
        sockets = bind_sockets(int(sys.argv[2]) if len(sys.argv) > 2 else 8888, "127.0.0.1")
        server.add_sockets(sockets)
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
