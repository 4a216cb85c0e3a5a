"""The HTTP fronts against those who mean harm when they store files, or when they ask for them."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import tracemalloc
from urllib.parse import quote, unquote

import pytest

from motor.executor import default_executor
from support import PATIENCE, wait_until
from support.streaming import stalled_client, wait_until_quiet, wait_until_same
from support.web import FRONTS, Options

CONTENT = bytes(range(256)) * 40

#: What is ours in a header; servers add more.
_FIELDS = {
    *("content-type", "content-length", "content-disposition", "accept-ranges", "cache-control"),
    *("etag", "last-modified", "x-content-type-options", "content-security-policy"),
    *("date", "server", "connection", "vary"),
}

HOSTILE = [
    "a\r\nSet-Cookie: stolen=1\r\n\r\n<script>",
    'x"; filename="evil.exe',
    "a\x00b",
    "\x7f\x1b\u2028é\u202e",
    "../../../etc/passwd",
    "x" * 100_000,
]


# Names and types ----------------------------------------------------------------------------


def test_stored_names_and_types_cannot_break_the_header(start_site, sync_bucket):
    def by_id(bucket, filename, request):
        return bucket.open_download_stream(int(filename))

    site = start_site(get_gridfs_file=by_id)
    for number, text in enumerate(HOSTILE):
        sync_bucket.upload_from_stream_with_id(
            number, text, b"content", metadata={"contentType": text}
        )
        answer = site.get(str(number))
        assert (answer.status, answer.body) == (200, b"content"), text[:50]
        assert {name.lower() for name in answer.headers} <= _FIELDS
        assert "\n" not in text or answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ('a "quoted" name.txt', 'a "quoted" name.txt'),
        ("it's; a=b, c.txt", "it's; a=b, c.txt"),
        ("line\r\nend\n.txt", "lineend.txt"),
        ("up/../../etc/passwd", "passwd"),
        ("\\\\host\\share\\a.txt", "a.txt"),
        ("..", None),
        ("Привет, мир.txt", "Привет, мир.txt"),
        ("שלום.txt", "שלום.txt"),
        ("日本語 🦊.txt", "日本語 🦊.txt"),
        ("e\u0301.txt", "e\u0301.txt"),
        ("%0d%0aX: y.txt", "%0d%0aX: y.txt"),
    ],
)
def test_any_name_is_found_and_saved_as_its_last_part(
    start_site, sync_bucket, front, name, saved_as
):
    sync_bucket.upload_from_stream(name, CONTENT)
    answer = start_site(disposition="attachment").get(quote(name, safe=""))
    if front != "tornado" and (".." in name or "\n" in name) and answer.status == 404:
        # aiohttp resolves ".." before it routes, and Starlette's routes have no line ends.
        return
    assert (answer.status, answer.body) == (200, CONTENT)
    assert {field.lower() for field in answer.headers} <= _FIELDS
    kind, _, parameters = answer.headers["Content-Disposition"].partition("; ")
    assert kind == "attachment"
    plain, _, encoded = parameters.partition("; filename*=UTF-8''")
    found = unquote(encoded) if encoded else plain.removeprefix("filename=").strip('"')
    assert (found or None) == saved_as


@pytest.mark.parametrize(
    "content_type",
    [
        *["my type", "text/html; charset=utf-8;", "text/plain; charset = utf-8", "image/png "],
        *["video", "text/html", "IMAGE/SVG+XML", "a/b;\tc=d", '";,='],
    ],
)
def test_the_stored_type_is_sent_as_it_is(site, sync_db, sync_bucket, content_type):
    file_id = sync_bucket.upload_from_stream("a.png", CONTENT)
    sync_db["fs.files"].update_one({"_id": file_id}, {"$set": {"contentType": content_type}})
    answer = site.get("a.png")
    # Space around a field is no part of it.
    assert answer.headers["Content-Type"].strip() == content_type.strip()
    runs = content_type in ("my type", "video", '";,=') or "ml" in content_type.lower()
    assert answer.headers["Content-Security-Policy"] == ("sandbox" if runs else None)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = site.get("a.png", if_none_match=answer.headers["ETag"])
    assert again.status == 304
    assert again.headers["Content-Security-Policy"] == ("sandbox" if runs else None)


def test_the_application_may_let_its_own_pages_run(start_site, sync_bucket):
    sync_bucket.upload_from_stream("page.html", b"<script>1</script>")
    policy = "script-src 'self'"
    site = start_site(extra_headers={"Content-Security-Policy": policy})
    assert site.get("page.html").headers.get_all("Content-Security-Policy") == [policy]


# Ranges and conditions ----------------------------------------------------------------------


# aiohttp logs what it refuses as an error.
@pytest.mark.usefixtures("expects_server_errors")
def test_thousands_of_ranges_cost_one_file_at_most(site, sync_bucket, commands):
    content = CONTENT * 30
    length = len(content)
    sync_bucket.upload_from_stream("a", content, chunk_size_bytes=1024)
    whole, part = (200, content), (206, content)
    asked = {
        "bytes=" + ",".join(f"{n * 300}-{n * 300}" for n in range(1000)): whole,
        "bytes=" + ",".join(f"{n * 100}-{n * 100}" for n in range(600)): whole,
        "bytes=" + ",".join(f"{n}-{n + 500}" for n in range(1000)): (206, content[:1500]),
        "bytes=" + ",".join(f"-{n + 1}" for n in range(1500)): (206, content[-1500:]),
        "bytes=" + ",".join(["0-"] * 2000): part,
        "bytes=" + ",".join(f"{n}-" for n in reversed(range(1000))): part,
        "bytes=" + ",".join(f"{length + n}-{length + n}" for n in range(700)): (416, b""),
        "bytes=0-0," + ",".join(f"{length + n}-" for n in range(700)): (206, content[:1]),
        f"bytes=0-{length * 9},5-6": part,
        f"bytes={length - 1}-{'9' * 3000}": (206, content[-1:]),
    }
    for text, expected in asked.items():
        commands.clear()
        answer = site.get("a", range=text)
        if len(text) > 8000 and answer.status in (400, 431):
            # The server takes no field of this length.
            continue
        assert (answer.status, answer.body) == expected, text[:40]
        # However many ranges, the file is read once.
        found = [c.command for c in commands.named("find") if c.command["find"] == "fs.chunks"]
        assert len(found) < 10, text[:40]


def test_fifty_scattered_ranges_are_sent_and_no_more(site, sync_bucket):
    content = CONTENT * 30
    sync_bucket.upload_from_stream("a", content)
    ranges = [f"{n * 5000}-{n * 5000 + 9}" for n in range(50)]
    answer = site.get("a", range="bytes=" + ",".join(ranges))
    assert answer.status == 206
    assert len(answer.body) < 50 * 200
    assert site.get("a", range="bytes=1-2,50-," + ",".join(ranges[1:])).body == content[1:]
    more = site.get("a", range="bytes=" + ",".join([*ranges, "300000-300009"]))
    assert (more.status, more.body) == (200, content)


@pytest.mark.parametrize(
    "condition",
    [
        # A tag of another file, or none, with a date that would do.
        {"If-None-Match": '"other"', "If-Modified-Since": "{date}"},
        {"If-None-Match": "{tag} x", "If-Modified-Since": "{date}"},
        {"If-None-Match": "{bare}"},
        {"If-None-Match": '"{bare}'},
        {"If-None-Match": "{tag}\t, \x85"},
        {"If-None-Match": ""},
        # A date from the future is none that this server has sent.
        {"If-Modified-Since": "not {date}"},
        {"If-Modified-Since": "Thu, 32 Jan 2970 00:00:00 GMT"},
        {"If-Modified-Since": "{date}", "If-None-Match": '"*"'},
        {"If-Range": '"other"', "Range": "bytes=1-2"},
        {"If-Range": "W/{tag}", "Range": "bytes=1-2"},
        {"If-Range": "{tag}, {tag}", "Range": "bytes=1-2"},
        {"If-Range": "{date}x", "Range": "bytes=1-2"},
    ],
)
def test_a_condition_that_lies_gets_the_whole_file(site, sync_bucket, condition):
    sync_bucket.upload_from_stream("a", CONTENT)
    first = site.get("a")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    known = {"tag": tag, "bare": tag.strip('"'), "date": date}
    answer = site.request(
        "GET", "a", {name: text.format(**known) for name, text in condition.items()}
    )
    assert (answer.status, answer.body) == (200, CONTENT)


# Slow readers, and files that change --------------------------------------------------------

#: What a connection whose client does not read may take, as doc/web.rst says.
_STATED = 4 * 2**20
_CLIENTS = 12


@pytest.fixture
def unwatched_client(front, mongo_uri):
    """A client that nothing listens to: a listener would keep what is read."""
    module, name = FRONTS[front].client.split(":")
    client = getattr(importlib.import_module(module), name)(mongo_uri)
    yield client
    default_executor().drain()
    client.close()


# The client comes before the server, so that it is closed after it.
def test_memory_of_a_slow_reader_is_bounded(
    unwatched_client, start_server, front, db_name, sync_bucket
):
    sync_bucket.upload_from_stream("large.bin", bytes(30 * 2**20))
    site = start_server(FRONTS[front].serve(unwatched_client[db_name], Options()))
    with contextlib.ExitStack() as connections:
        # What is made once is no connection's.
        connections.enter_context(stalled_client(site.port))
        tracemalloc.start()
        try:
            for _ in range(_CLIENTS):
                connections.enter_context(stalled_client(site.port))
            kept = 2**20 * wait_until_same(lambda: tracemalloc.get_traced_memory()[0] // 2**20)
        finally:
            tracemalloc.stop()
    # Something of each connection is in memory: the measurement sees it.
    assert _CLIENTS * 2**18 < kept < _CLIENTS * _STATED


def read_on(connection):
    """All that comes, of an answer that another has begun to read."""
    received = 0
    while piece := connection.recv(2**20):
        received += len(piece)
    return received


def test_another_file_of_the_name_does_not_change_the_answer(site, sync_bucket):
    old, new = bytes(20 * 2**20), b"new"
    sync_bucket.upload_from_stream("large.bin", old)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    connection.request("GET", "/files/large.bin")
    response = connection.getresponse()
    beginning = response.read(1000)
    sync_bucket.upload_from_stream("large.bin", new)
    assert beginning + response.read() == old
    connection.close()
    assert site.get("large.bin").body == new


@pytest.mark.parametrize("then", ["gone", "replaced", "being replaced"])
@pytest.mark.usefixtures("expects_server_errors")
def test_a_file_that_changes_while_it_is_sent_breaks_the_answer(
    site, sync_db, sync_bucket, commands, then, server_errors
):
    content = bytes(30 * 2**20)
    sync_bucket.upload_from_stream_with_id(1, "large.bin", content)
    with stalled_client(site.port) as connection:
        wait_until_quiet(commands)
        sync_bucket.delete(1)
        if then != "gone":
            # Of the same length, in chunks of the same size.
            sync_bucket.upload_from_stream_with_id(1, "large.bin", b"x" * len(content))
        if then == "being replaced":
            sync_db["fs.files"].delete_one({"_id": 1})
        received = read_on(connection)
    assert received < len(content)
    wait_until(lambda: any("CorruptGridFile" in error for error in server_errors()))


@pytest.mark.usefixtures("expects_server_errors")
def test_a_file_that_goes_before_its_content_is_read_is_an_error(start_site, sync_bucket):
    async def delete_it(bucket, filename, request):
        grid_out = await bucket.open_download_stream_by_name(filename)
        await bucket.delete(grid_out._id)
        return grid_out

    sync_bucket.upload_from_stream("a", CONTENT)
    answer = start_site(get_gridfs_file=delete_it).get("a")
    assert answer.status == 500
    assert CONTENT[:10] not in answer.body
