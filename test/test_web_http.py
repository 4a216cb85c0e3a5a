"""Files from GridFS over HTTP: one promise for Tornado, aiohttp and ASGI."""

from __future__ import annotations

import email.parser
import email.policy
import http.client
import json
import random
from email.utils import parsedate_to_datetime

import pytest
from bson import ObjectId

from motor.web.planner import FileFacts
from support import PATIENCE, run_python, wait_until

CHUNK = 1024
CONTENT = random.Random(1).randbytes(10 * CHUNK + 17)

#: What servers add of their own.
_OF_THE_SERVER = {"date", "server", "connection", "vary"}


@pytest.fixture
def file_id(sync_bucket):
    return sync_bucket.upload_from_stream("picture.png", CONTENT, chunk_size_bytes=CHUNK)


def fields(answer):
    return {k.lower(): v for k, v in answer.headers.items() if k.lower() not in _OF_THE_SERVER}


def test_get_sends_the_file_and_what_describes_it(site, sync_bucket, file_id):
    answer = site.get("picture.png")
    stored = sync_bucket.open_download_stream(file_id)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert fields(answer) == {
        "content-type": "image/png",
        "content-length": str(len(CONTENT)),
        "content-disposition": 'inline; filename="picture.png"',
        "accept-ranges": "bytes",
        "cache-control": "public",
        "etag": FileFacts(file_id, len(CONTENT), stored.upload_date).etag,
        "last-modified": answer.headers["Last-Modified"],
        "x-content-type-options": "nosniff",
    }
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert modified.replace(tzinfo=None) == stored.upload_date.replace(microsecond=0)


@pytest.mark.usefixtures("file_id")
def test_head_sends_the_same_without_the_file(site):
    got, headed = site.get("picture.png"), site.head("picture.png")
    assert (headed.status, headed.body) == (200, b"")
    assert fields(headed) == fields(got)


@pytest.mark.usefixtures("file_id")
def test_what_is_not_there_is_not_found(site):
    for path in ("nothing.png", "", "picture.png/", "PICTURE.PNG", "pictur"):
        for answer in (site.get(path), site.head(path)):
            assert answer.status == 404, path
            assert "ETag" not in answer.headers or b"picture" not in answer.body


@pytest.mark.usefixtures("file_id")
def test_other_methods_are_not_allowed(site, commands):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
        answer = site.request(method, "picture.png")
        assert answer.status == 405
        assert answer.headers["Allow"].replace(" ", "") == "GET,HEAD"
    assert not commands.named("find")


@pytest.mark.usefixtures("file_id")
def test_a_client_that_has_the_file_is_told_so(site):
    first = site.get("picture.png")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for method in ("GET", "HEAD"):
        for condition in (
            {"If-None-Match": tag},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": date},
        ):
            answer = site.request(method, "picture.png", condition)
            assert (answer.status, answer.body) == (304, b""), condition
            assert answer.headers["ETag"] == tag
            assert answer.headers["Cache-Control"] == "public"
            assert "Content-Type" not in answer.headers
            assert answer.headers["Content-Length"] is None


@pytest.mark.usefixtures("file_id")
def test_a_client_that_has_another_file_gets_this_one(site):
    old = "Thu, 01 Jan 1970 00:00:00 GMT"
    date = site.head("picture.png").headers["Last-Modified"]
    for condition in (
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": old},
        {"If-None-Match": '"other"', "If-Modified-Since": date},
        {"If-Modified-Since": "garbage"},
    ):
        answer = site.request("GET", "picture.png", condition)
        assert (answer.status, answer.body) == (200, CONTENT), condition


@pytest.mark.usefixtures("file_id")
def test_a_condition_that_does_not_hold_stops_the_request(site):
    for condition in (
        {"If-Match": '"other"'},
        {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        answer = site.request("GET", "picture.png", condition)
        assert answer.status == 412
        assert "Cache-Control" not in answer.headers
    assert site.get("picture.png", if_match="*").status == 200
    # What is not there has no condition to fail.
    assert site.get("nothing.png", if_match="*").status == 404


@pytest.mark.usefixtures("file_id")
def test_ranges_on_and_across_the_borders_of_chunks(site):
    length = len(CONTENT)
    for first, last in (
        (0, 0),
        (0, CHUNK - 1),
        (CHUNK, 2 * CHUNK - 1),
        (CHUNK - 1, CHUNK),
        (100, 5 * CHUNK + 1),
        (10 * CHUNK, length - 1),
        (length - 1, length - 1),
        (0, length - 1),
    ):
        answer = site.get("picture.png", range=f"bytes={first}-{last}")
        assert answer.status == 206
        assert answer.body == CONTENT[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{length}"
        assert answer.headers["Content-Length"] == str(last - first + 1)
        assert answer.headers["Content-Type"] == "image/png"
    assert site.get("picture.png", range="bytes=-20").body == CONTENT[-20:]
    assert site.get("picture.png", range="bytes=5000-").body == CONTENT[5000:]


@pytest.mark.usefixtures("file_id")
def test_a_range_reads_its_chunks_only(site, commands):
    site.get("picture.png", range=f"bytes={5 * CHUNK}-{6 * CHUNK - 1}")
    replies = [e.reply for e in commands.succeeded_events if e.command_name in ("find", "getMore")]
    chunks = [
        chunk["n"]
        for reply in replies
        if reply["cursor"]["ns"].endswith(".fs.chunks")
        for chunk in reply["cursor"].get("firstBatch", reply["cursor"].get("nextBatch"))
    ]
    assert chunks == [5]


@pytest.mark.usefixtures("file_id")
def test_several_ranges_come_as_parts(site):
    answer = site.get("picture.png", range="bytes=0-9,5000-6999,-10")
    assert answer.status == 206
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.body)
    assert message.get_content_type() == "multipart/byteranges"
    length = len(CONTENT)
    ranges = [(0, 9), (5000, 6999), (length - 10, length - 1)]
    boundary = message.get_boundary().encode()
    parts = answer.body.split(b"--" + boundary)[1:-1]
    for part, (first, last) in zip(parts, ranges, strict=True):
        head, body = part.split(b"\r\n\r\n", 1)
        assert head.decode().split("\r\n")[1:] == [
            "Content-Type: image/png",
            f"Content-Range: bytes {first}-{last}/{length}",
        ]
        assert body == CONTENT[first : last + 1] + b"\r\n"


@pytest.mark.usefixtures("file_id")
def test_a_range_outside_the_file_is_not_satisfiable(site):
    for text in (f"bytes={len(CONTENT)}-", f"bytes={'9' * 1000}-", "bytes=-0"):
        answer = site.get("picture.png", range=text)
        assert (answer.status, answer.body) == (416, b"")
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.usefixtures("file_id")
def test_a_download_goes_on_only_with_the_same_file(site):
    first = site.head("picture.png")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for same in (tag, date):
        assert site.get("picture.png", range="bytes=9-", if_range=same).body == CONTENT[9:]
    for other in ('"x"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        answer = site.get("picture.png", range="bytes=9-", if_range=other)
        assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.usefixtures("file_id")
def test_absurd_ranges_are_answered(site):
    asked = {
        "bytes=" + ",".join(["0-"] * 1000): (206, CONTENT),
        "bytes=" + ",".join(f"{n * 200}-{n * 200}" for n in range(60)): (200, CONTENT),
        f"bytes=0-{'9' * 4000}": (206, CONTENT),
        "bytes=-" + "9" * 4000: (206, CONTENT),
        "bytes=9-1": (200, CONTENT),
        "bytes=--1": (200, CONTENT),
        "bytes=-1-2": (200, CONTENT),
        "pages=1-2": (200, CONTENT),
        "bytes=" + "," * 4000: (200, CONTENT),
        "bytes=" + " " * 4000 + "0-1": (206, CONTENT[:2]),
    }
    for text, expected in asked.items():
        answer = site.get("picture.png", range=text)
        assert (answer.status, answer.body) == expected, text[:50]


def test_empty_files(site, sync_bucket):
    sync_bucket.upload_from_stream("empty.txt", b"")
    for answer in (
        site.get("empty.txt"),
        site.get("empty.txt", range="bytes=0-"),
        site.get("empty.txt", range="bytes=-1"),
        site.head("empty.txt"),
    ):
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == "0"
        assert answer.headers["Content-Type"] == "text/plain"
    tag = site.head("empty.txt").headers["ETag"]
    assert site.get("empty.txt", if_none_match=tag).status == 304


def test_the_newest_file_of_a_name(site, sync_bucket):
    for content in (b"old", b"new"):
        sync_bucket.upload_from_stream("a", content)
    assert site.get("a").body == b"new"
    # Choosing another is something that the application allows or does not.
    assert site.get("a?revision=0").body == b"new"


def test_revisions_of_a_name(start_site, sync_bucket):
    site = start_site(revisions=True)
    for content in (b"first", b"second", b"third"):
        sync_bucket.upload_from_stream("a b", content)
    expected = {
        "": b"third",
        "?revision=0": b"first",
        "?revision=1": b"second",
        "?revision=-1": b"third",
        "?revision=-2": b"second",
        "?other=1&revision=-3": b"first",
    }
    assert {query: site.get("a%20b" + query).body for query in expected} == expected
    for absent in ("3", "-4", "999999999", "9" * 30, "-" + "9" * 5000):
        assert site.get(f"a%20b?revision={absent}").status == 404, absent
    for bad in ("x", "", "1.5", "--1", "1&revision=2", "%00", "%D9%A1", "1%0d%0aX:%20y"):
        answer = site.get(f"a%20b?revision={bad}")
        assert answer.status == 400, bad
        assert "X" not in answer.headers


def test_caching_as_the_application_says(start_site, sync_bucket):
    asked = []

    def get_cache_time(path, modified, mime_type):
        asked.append((path, modified, mime_type))
        return 3600 if mime_type.startswith("image/") else 0

    site = start_site(get_cache_time=get_cache_time)
    picture = sync_bucket.upload_from_stream("dir/a.png", b"1")
    sync_bucket.upload_from_stream("b", b"2")
    answer = site.get("dir/a.png")
    assert answer.headers["Cache-Control"] == "max-age=3600"
    life = parsedate_to_datetime(answer.headers["Expires"]) - parsedate_to_datetime(
        answer.headers["Date"]
    )
    assert abs(life.total_seconds() - 3600) <= 1
    assert site.get("b").headers["Cache-Control"] == "public"
    uploaded = sync_bucket.open_download_stream(picture).upload_date
    assert asked[0] == ("dir/a.png", uploaded.replace(microsecond=0), "image/png")
    assert asked[1][2] == "application/octet-stream"
    assert site.get("b", range="bytes=5-").headers["Cache-Control"] is None


def test_files_by_id(start_site, sync_bucket, file_id):
    def by_id(bucket, filename, request):
        return bucket.open_download_stream(ObjectId(filename))

    site = start_site(get_gridfs_file=by_id)
    answer = site.get(str(file_id))
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "image/png"
    assert site.get(str(ObjectId())).status == 404
    for no_id in ("picture.png", "x" * 24, "%00"):
        assert site.get(no_id).status == 404


def test_a_file_need_not_be_open(start_site, front, file_id):
    async def unopened(bucket, filename, request):
        async for grid_out in bucket.find({"filename": filename}):
            return type(grid_out)(bucket.collection, grid_out._id)
        return type(bucket).nothing

    site = start_site(get_gridfs_file=unopened)
    assert site.get("picture.png").body == CONTENT


@pytest.mark.usefixtures("expects_server_errors")
def test_a_get_gridfs_file_that_gives_no_file_is_an_error_that_says_so(start_site, server_errors):
    async def wrong(bucket, filename, request):
        return b"content"

    assert start_site(get_gridfs_file=wrong).get("x").status == 500
    wait_until(
        lambda: any("must be a GridOut of a Motor bucket" in error for error in server_errors())
    )


@pytest.mark.usefixtures("file_id")
def test_the_application_may_change_the_header(start_site):
    changes = {
        "Content-Type": "x/y",
        "ETag": '"mine"',
        "X-More": "1",
        "Cache-Control": "private",
        "Content-Disposition": "attachment",
    }
    site = start_site(extra_headers=changes)
    answer = site.get("picture.png", range="bytes=0-0,5000-5000")
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    assert b"Content-Type: x/y\r\n" in answer.body
    answer = site.get("picture.png")
    for name, value in changes.items():
        assert answer.headers.get_all(name) == [value]
    assert site.get("picture.png", if_none_match='"mine"').status == 304
    assert site.get("picture.png", range="bytes=0-0", if_range='"mine"').status == 206


@pytest.mark.usefixtures("file_id")
def test_files_to_be_saved(start_site):
    site = start_site(disposition="attachment")
    disposition = site.get("picture.png").headers["Content-Disposition"]
    assert disposition == 'attachment; filename="picture.png"'
    site = start_site(disposition=None)
    assert "Content-Disposition" not in site.get("picture.png").headers


def test_another_bucket(start_site, sync_db, sync_bucket):
    sync_bucket.upload_from_stream("a", b"in fs")
    type(sync_bucket)(sync_db, "pictures").upload_from_stream("a", b"in pictures")
    assert start_site(root_collection="pictures").get("a").body == b"in pictures"


def test_names_in_urls_are_names_and_nothing_else(site, sync_db, sync_bucket, commands):
    sync_db["secret"].insert_one({"filename": "secret", "length": 6})
    type(sync_bucket)(sync_db, "secret").upload_from_stream("secret", b"secret")
    # These exist, with names that mean something elsewhere.
    for name in ("../secret", "a/../b", "{'$gt': ''}", "a%2Fb", "a?b", "a\x00b", "日本"):
        sync_bucket.upload_from_stream(name, name.encode())
    commands.clear()
    paths = {
        "..%2Fsecret": b"../secret",
        "a%2F..%2Fb": b"a/../b",
        "%7B%27%24gt%27%3A%20%27%27%7D": b"{'$gt': ''}",
        "a%252Fb": b"a%2Fb",
        "a%3Fb": b"a?b",
        "a%00b": b"a\x00b",
        "%E6%97%A5%E6%9C%AC": "日本".encode(),
    }
    for path, expected in paths.items():
        answer = site.get(path)
        if answer.status == 200:
            assert answer.body == expected, path
        else:
            # aiohttp resolves ".." before it routes.
            assert (answer.status, ".." in expected.decode()) == (404, True), path
    for path in (
        "secret",
        "secret.files",
        "fs.files",
        "$where",
        '{"$gt":""}',
        "%7B%22%24gt%22%3A%22%22%7D",
        "%ff%fe",
        "%ed%a0%80",
        "%0d%0aSet-Cookie:%20x=1",
        "%",
        "%zz",
        "..",
        "%2e%2e%2f%2e%2e%2fsecret",
        "x" * 5000,
    ):
        if '"' in path:
            path = path.replace('"', "%22")
        answer = site.get(path)
        assert answer.status in (400, 404), path
        assert "Set-Cookie" not in answer.headers
    for command in commands.named("find"):
        assert command.command["find"] in ("fs.files", "fs.chunks")
        if command.command["find"] == "fs.files":
            assert type(command.command["filter"]["filename"]) is str
    assert set(commands.names) <= {"find", "getMore", "killCursors"}


# aiohttp logs a path that is not ASCII as an error.
@pytest.mark.usefixtures("file_id", "expects_server_errors")
def test_paths_that_no_client_would_send(site):
    for path in (b"/files/../files/picture.png", b"/files//picture.png", b"/files/\xff\xfe"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = site.raw(request)
        status = int(answer.split(b" ", 2)[1])
        assert status in (200, 400, 404)
        assert status != 200 or answer.endswith(CONTENT)


@pytest.mark.usefixtures("file_id")
def test_http_1_0(site):
    answer = site.raw(b"GET /files/picture.png HTTP/1.0\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b" 200 " in head.split(b"\r\n")[0]
    assert body == CONTENT


@pytest.mark.usefixtures("file_id")
def test_one_connection_serves_one_request_after_the_other(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    tag = site.head("picture.png").headers["ETag"]
    for method, headers, status, body in (
        ("GET", {}, 200, CONTENT),
        ("HEAD", {}, 200, b""),
        ("GET", {"If-None-Match": tag}, 304, b""),
        ("GET", {"If-Match": '"x"'}, 412, b""),
        ("GET", {"Range": "bytes=99999-"}, 416, b""),
        ("GET", {"Range": "bytes=1-2"}, 206, CONTENT[1:3]),
        ("GET", {}, 200, CONTENT),
    ):
        connection.request(method, "/files/picture.png", headers=headers)
        sock = connection.sock
        response = connection.getresponse()
        assert (response.status, response.read()) == (status, body)
        assert connection.sock is sock is not None
    connection.close()


def test_clients_aware_of_time_zones_send_the_same(
    mongo_uri, db_name, file_id, start_server, web_client, sync_bucket
):
    pytest.importorskip("aiohttp")
    from motor.motor_asyncio import AsyncIOMotorClient
    from support.web import Options, aiohttp_front

    plain = start_server(aiohttp_front(web_client("aiohttp")[db_name], Options()))
    aware_client = AsyncIOMotorClient(mongo_uri, tz_aware=True, serverMonitoringMode="poll")
    aware = start_server(aiohttp_front(aware_client[db_name], Options()))
    assert fields(aware.get("picture.png")) == fields(plain.get("picture.png"))
    aware_client.close()


def test_each_front_can_be_imported_without_the_others():
    for wanted, blocked in {
        "motor.web.asgi": ["tornado", "aiohttp", "starlette", "fastapi"],
        "motor.aiohttp": ["tornado", "starlette"],
        "motor.web.handler": ["aiohttp", "starlette"],
    }.items():
        run_python(
            f"""
            import sys
            for name in {json.dumps(blocked)}:
                sys.modules[name] = None
            import {wanted}
            """
        )


def test_nothing_of_the_web_is_imported_at_start_up():
    run_python(
        """
        import sys
        import motor.motor_asyncio, motor.motor_tornado
        assert not [name for name in sys.modules if name.startswith("motor.web")]
        assert "aiohttp" not in sys.modules
        """
    )
