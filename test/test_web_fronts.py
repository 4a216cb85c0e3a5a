"""The features of each way to serve GridFS."""

from __future__ import annotations

import asyncio
import gzip
import pickle
import zlib

import pytest
from bson import ObjectId
from pymongo.errors import InvalidOperation

from support import run_python
from support.web import (
    Options,
    aiohttp_front,
    aiohttp_server,
    tornado_server,
)

TEXT = b"All work and no play makes Jack a dull boy.\n" * 200


@pytest.fixture(autouse=True)
def _files(sync_bucket):
    sync_bucket.upload_from_stream("a.txt", TEXT)


# Tornado ------------------------------------------------------------------------------------


@pytest.fixture
def tornado_site(web_client, start_server, db_name):
    web = pytest.importorskip("tornado.web")

    def start(handler, settings=None, **options):
        options = {"database": web_client("tornado")[db_name], **options}
        app = web.Application([(r"/files/(.*)", handler, options)], **(settings or {}))
        return start_server(tornado_server(app))

    return start


def test_tornado_handlers_are_made_by_subclassing(tornado_site, sync_bucket):
    from motor.web import GridFSHandler

    file_id = sync_bucket.upload_from_stream("b", b"content")
    seen = []

    class Handler(GridFSHandler):
        def get_gridfs_file(self, bucket, filename, request):
            seen.append((type(bucket).__name__, filename, request is self.request))
            return bucket.open_download_stream(ObjectId(filename))

        def get_content_type(self, path, gridout):
            return "text/" + gridout.filename

        def get_cache_time(self, path, modified, mime_type):
            seen.append((path, modified.microsecond, mime_type))
            return 60

        def set_extra_headers(self, path, gridout):
            seen.append((path, gridout.filename))
            self.set_header("X-Name", gridout.filename)

    path = str(file_id)
    answer = tornado_site(Handler).get(path)
    assert (answer.status, answer.body) == (200, b"content")
    assert answer.headers["Content-Type"] == "text/b"
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert answer.headers["X-Name"] == "b"
    assert seen == [("MotorGridFSBucket", path, True), (path, 0, "text/b"), (path, "b")]


def test_tornado_subclasses_may_wrap_get(tornado_site):
    from tornado.web import HTTPError

    from motor.web import GridFSHandler

    class Handler(GridFSHandler):
        async def get(self, path, include_body=True):
            if "Authorization" not in self.request.headers:
                raise HTTPError(403)
            await super().get(path, include_body)

    site = tornado_site(Handler)
    assert site.get("a.txt").status == site.head("a.txt").status == 403
    assert site.get("a.txt", authorization="x").body == TEXT
    assert site.head("a.txt", authorization="x").headers["Content-Length"] == str(len(TEXT))


def test_tornado_subclasses_may_keep_an_initialize_of_their_own(tornado_site, db_name, web_client):
    from motor.web import GridFSHandler

    class Handler(GridFSHandler):
        def initialize(self, database):
            self.database = database

    assert tornado_site(Handler).get("a.txt").body == TEXT


def test_tornado_lists_the_methods_that_a_subclass_adds(tornado_site):
    from motor.web import GridFSHandler

    class Handler(GridFSHandler):
        def delete(self, path):
            self.set_status(204)

    site = tornado_site(Handler)
    assert site.request("DELETE", "a.txt").status == 204
    assert site.request("PUT", "a.txt").headers["Allow"] == "GET, HEAD, DELETE"
    assert site.request("BREW", "a.txt").headers["Allow"] == "GET, HEAD, DELETE"


def test_tornado_may_compress_what_it_serves(tornado_site):
    from motor.web import GridFSHandler

    site = tornado_site(GridFSHandler, {"compress_response": True})
    plain = site.get("a.txt")
    assert plain.body == TEXT
    answer = site.get("a.txt", accept_encoding="gzip", range="bytes=0-9")
    # A part of the compressed file would not fit any other part.
    assert answer.status == 200
    assert gzip.decompress(answer.body) == TEXT
    assert answer.headers["Accept-Ranges"] == "none"
    tag = answer.headers["ETag"]
    assert tag.startswith('W/"')
    assert site.get("a.txt", accept_encoding="gzip", if_none_match=tag).status == 304
    assert site.head("a.txt", accept_encoding="gzip").status == 200


def test_tornado_leaves_what_cannot_be_compressed_in_ranges(tornado_site, sync_bucket):
    from motor.web import GridFSHandler

    sync_bucket.upload_from_stream("a.mp4", TEXT)
    site = tornado_site(GridFSHandler, {"compress_response": True})
    answer = site.get("a.mp4", accept_encoding="gzip", range="bytes=0-9")
    assert (answer.status, answer.body) == (206, TEXT[:10])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"disposition": "download"}, "disposition must be"),
        ({"revisions": True, "get_gridfs_file": print}, "revisions=True is for files by name"),
    ],
)
@pytest.mark.usefixtures("expects_server_errors")
def test_tornado_says_which_option_is_wrong(tornado_site, server_errors, options, error):
    from motor.web import GridFSHandler

    assert tornado_site(GridFSHandler, **options).get("a.txt").status == 500
    assert any(error in logged for logged in server_errors())


def test_motor_web_has_the_name_it_always_had():
    pytest.importorskip("tornado")
    import motor.web
    from motor.web import GridFSHandler

    assert motor.web.GridFSHandler is GridFSHandler
    assert pickle.loads(pickle.dumps(GridFSHandler)) is GridFSHandler
    assert GridFSHandler.__module__ == "motor.web"
    assert "GridFSHandler" in dir(motor.web)
    with pytest.raises(AttributeError, match="nope"):
        _ = motor.web.nope


# aiohttp ------------------------------------------------------------------------------------


def test_aiohttp_takes_the_handler_as_a_coroutine_function(web_client, start_server, db_name):
    web = pytest.importorskip("aiohttp.web")
    from motor.aiohttp import AIOHTTPGridFS

    app = web.Application()
    # With a warning about bare functions if it did not, and warnings are errors here.
    app.router.add_get("/files/{filename}", AIOHTTPGridFS(web_client("aiohttp")[db_name]))
    site = start_server(aiohttp_server(app))
    assert site.get("a.txt").body == TEXT
    assert site.head("a.txt").status == 200
    answer = site.request("POST", "a.txt")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.usefixtures("expects_server_errors")
def test_aiohttp_route_without_a_filename(web_client, start_server, db_name):
    web = pytest.importorskip("aiohttp.web")
    from motor.aiohttp import AIOHTTPGridFS

    app = web.Application()
    app.router.add_get("/files/{name}", AIOHTTPGridFS(web_client("aiohttp")[db_name]))
    answer = start_server(aiohttp_server(app)).get("a.txt")
    assert answer.status == 500
    assert b'Bad AIOHTTPGridFS route "/files/{name}"' in answer.body
    assert b"{filename}" in answer.body


def test_aiohttp_functions_get_what_they_always_got(web_client, start_server, db_name):
    pytest.importorskip("aiohttp")
    import aiohttp.web

    import motor.aiohttp

    seen = []

    def get_gridfs_file(bucket, filename, request):
        seen.append((type(bucket).__name__, filename, type(request)))
        return motor.aiohttp.get_gridfs_file(bucket, filename, request)

    def get_cache_time(filename, modified, mime_type):
        seen.append((filename, mime_type))
        return motor.aiohttp.get_cache_time(filename, modified, mime_type)

    def get_content_type(filename, gridout):
        seen.append(filename)
        return motor.aiohttp.get_content_type(filename, gridout)

    options = Options(
        {
            "get_gridfs_file": get_gridfs_file,
            "get_cache_time": get_cache_time,
            "get_content_type": get_content_type,
        }
    )
    site = start_server(aiohttp_front(web_client("aiohttp")[db_name], options))
    assert site.get("a.txt").body == TEXT
    assert seen == [
        ("AsyncIOMotorGridFSBucket", "a.txt", aiohttp.web.Request),
        "a.txt",
        ("a.txt", "text/plain"),
    ]


def test_aiohttp_response_may_be_compressed(web_client, start_server, db_name):
    web = pytest.importorskip("aiohttp.web")
    from motor.aiohttp import AIOHTTPGridFS

    def set_extra_headers(response, gridout):
        response.enable_compression(web.ContentCoding.deflate)

    app = web.Application()
    handler = AIOHTTPGridFS(web_client("aiohttp")[db_name], set_extra_headers=set_extra_headers)
    app.router.add_get("/files/{filename}", handler)
    answer = start_server(aiohttp_server(app)).get("a.txt", range="bytes=0-9")
    assert answer.status == 200
    assert zlib.decompress(answer.body) == TEXT
    assert answer.headers["ETag"].startswith("W/")
    assert answer.headers["Accept-Ranges"] == "none"


@pytest.mark.parametrize("name", ["motor.aiohttp:AIOHTTPGridFS", "motor.web.asgi:GridFSApp"])
def test_wrong_arguments_are_refused_at_once(name, web_client, db_name, sync_db):
    module = pytest.importorskip(name.split(":")[0])
    serve = getattr(module, name.split(":")[1])
    db = web_client("asgi")[db_name]
    for no_database in (sync_db, db.client, "fs", None):
        with pytest.raises(TypeError, match="must be AsyncIOMotorDatabase"):
            serve(no_database)
    with pytest.raises(ValueError, match="disposition must be"):
        serve(db, disposition="download")
    with pytest.raises(ValueError, match="revisions=True is for files by name"):
        serve(db, revisions=True, get_gridfs_file=print)


# ASGI ---------------------------------------------------------------------------------------


def test_the_app_can_be_all_that_a_server_serves(web_client, start_server, db_name, sync_bucket):
    sync_bucket.upload_from_stream("files/b.txt", b"b")
    uvicorn = pytest.importorskip("uvicorn")
    from motor.web.asgi import GridFSApp

    app = GridFSApp(web_client("asgi")[db_name])

    async def serve(listening, ready, stop):
        config = uvicorn.Config(app, log_config=None, lifespan="on")
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.001)
        ready()
        await stop.wait()
        server.should_exit = True
        await serving

    site = start_server(serve)
    assert site.get("b.txt").body == b"b"
    assert site.head("nothing").body == b""


async def test_without_a_path_below_the_mount_there_is_no_file(web_client, db_name):
    from motor.web.asgi import GridFSApp

    app = GridFSApp(web_client("asgi")[db_name])
    for path, root, expected in (
        ("/files/a.txt", "/files", 200),
        ("/a.txt", "", 200),
        ("/a.txt", "/files", 200),
        ("/files/a.txt", "/files/", 200),
        ("/files", "/files", 404),
        ("/filesa.txt", "/files", 404),
        ("/files//a.txt", "/files", 404),
    ):
        sent = await ask(app, path=path, root_path=root)
        assert sent[0]["status"] == expected, path


async def test_the_app_asks_the_application_for_the_type(web_client, db_name):
    from motor.web.asgi import GridFSApp

    seen = []

    def get_content_type(filename, grid_out):
        seen.append((filename, grid_out.filename))
        return "x/y"

    def get_cache_time(filename, modified, content_type):
        seen.append((filename, content_type))
        return 0

    app = GridFSApp(
        web_client("asgi")[db_name],
        get_content_type=get_content_type,
        get_cache_time=get_cache_time,
    )
    sent = await ask(app)
    assert dict(sent[0]["headers"])[b"content-type"] == b"x/y"
    assert seen == [("a.txt", "a.txt"), ("a.txt", "x/y")]


async def test_a_response_is_of_an_open_motor_file(web_client, db_name, sync_bucket):
    from motor.motor_asyncio import AsyncIOMotorGridFSBucket
    from motor.web.asgi import GridFSResponse

    for no_file in (sync_bucket.open_download_stream_by_name("a.txt"), b"content", None):
        with pytest.raises(TypeError, match="must be a GridOut of a Motor bucket"):
            GridFSResponse(no_file)
    bucket = AsyncIOMotorGridFSBucket(web_client("asgi")[db_name])
    grid_out = await bucket.open_download_stream_by_name("a.txt")
    with pytest.raises(ValueError, match="disposition must be"):
        GridFSResponse(grid_out, disposition="download")
    with pytest.raises(TypeError, match="number of seconds"):
        GridFSResponse(grid_out, cache_time="1")
    with pytest.raises(InvalidOperation, match="open"):
        GridFSResponse(type(grid_out)(bucket.collection, grid_out._id))


async def test_websockets_are_refused(web_client, db_name):
    from motor.web.asgi import GridFSApp

    sent = await ask(GridFSApp(web_client("asgi")[db_name]), type="websocket")
    assert sent == [{"type": "websocket.close", "code": 1000}]


async def test_a_server_that_says_at_send_that_the_client_has_gone(web_client, db_name):
    from motor.web.asgi import GridFSApp

    sent = []

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body":
            raise OSError("gone")

    await ask(GridFSApp(web_client("asgi")[db_name]), send=send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_a_client_that_has_gone_before_is_sent_nothing_more(web_client, db_name):
    from motor.web.asgi import GridFSApp

    async def receive():
        return {"type": "http.disconnect"}

    never = asyncio.Event()

    async def send(message):
        if message["type"] == "http.response.body":
            await never.wait()

    await ask(GridFSApp(web_client("asgi")[db_name]), send=send, receive=receive)


async def test_a_cancelled_answer_stops_reading(web_client, db_name):
    from motor.web.asgi import GridFSApp

    stuck = asyncio.Event()

    async def send(message):
        if message["type"] == "http.response.body":
            stuck.set()
            await asyncio.Event().wait()

    answer = asyncio.create_task(ask(GridFSApp(web_client("asgi")[db_name]), send=send))
    await stuck.wait()
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer


async def ask(app, *, send=None, receive=None, **scope):
    sent = []

    async def append(message):
        sent.append(message)

    async def wait():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/a.txt", "headers": [], **scope}
    await app(scope, receive or wait, send or append)
    return sent


def test_asgi_needs_no_package(mongo_uri, db_name):
    run_python(
        """
        import asyncio, sys
        for name in ("starlette", "fastapi", "tornado", "aiohttp", "uvicorn"):
            sys.modules[name] = None
        from motor.motor_asyncio import AsyncIOMotorClient
        from motor.web.asgi import GridFSApp

        def set_extra_headers(response, grid_out):
            del response.headers["Content-Disposition"]
            response.headers["X-Length"] = str(len(response.headers))
            assert "x-length" in response.headers and "nope" not in response.headers

        async def main():
            sent = []
            async def receive():
                await asyncio.Event().wait()
            async def send(message):
                sent.append(message)
            async with AsyncIOMotorClient(sys.argv[1]) as client:
                app = GridFSApp(client[sys.argv[2]], set_extra_headers=set_extra_headers)
                headers = [(b"range", b"bytes=1-2")]
                scope = {"type": "http", "method": "GET", "path": "/a.txt", "headers": headers}
                await app(scope, receive, send)
            start, *pieces = sent
            assert start["status"] == 206, start
            fields = dict(start["headers"])
            assert fields[b"content-length"] == b"2", fields
            assert fields[b"x-length"] == b"6", fields
            assert b"content-disposition" not in fields
            assert b"".join(piece.get("body", b"") for piece in pieces) == b"ll"

        asyncio.run(main())
        """,
        mongo_uri,
        db_name,
    )
