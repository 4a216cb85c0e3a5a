"""The gallery of the examples, by HTTP; test_gallery_browser.py looks at it in a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import ObjectId

import motor
from support import PATIENCE, wait_until
from support.gallery import PROGRAM, GallerySite, error_in, make_gallery
from support.process import free_port, wait_until_serves

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

MB = 1_000_000
LIMIT = 3 * MB


@pytest.fixture
def gallery(web_client, start_server, db_name):
    from support.web import asgi_server

    app = make_gallery(web_client("asgi")[db_name], max_bytes=LIMIT, page_size=3)
    return GallerySite(start_server(asgi_server(app)).port, app)


@pytest.fixture
def stored(sync_db):
    """How many files and chunks there are."""

    def count():
        names = ("gallery.files", "gallery.chunks")
        return tuple(sync_db[name].count_documents({}) for name in names)

    return count


# Storing ------------------------------------------------------------------------------------


def test_upload_comes_back_as_it_was(gallery):
    body = os.urandom(2 * MB)
    described = gallery.upload("holiday.mp4", "video/mp4", body)
    answer = gallery.request("GET", f"/files/{described['id']}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert answer.body == body
    assert described["name"] == "holiday.mp4"
    assert described["size"] == len(body)
    assert described["uploaded"].endswith("+00:00")


@pytest.mark.parametrize(
    "name", ["海辺の夕焼け.png", "🦊 & <b>\"x'.png", "</script><img src=x>.png", "../../etc/x.png"]
)
def test_any_name_is_kept_as_it_is(gallery, name):
    gallery.upload(name)
    assert [file["name"] for file in gallery.listed()["files"]] == [name]


def test_file_is_saved_under_its_name(gallery):
    file_id = gallery.upload("海.png")["id"]
    shown = gallery.request("GET", f"/files/{file_id}").headers["Content-Disposition"]
    saved = gallery.request("GET", f"/files/{file_id}?download").headers["Content-Disposition"]
    assert shown.startswith("inline")
    assert saved == "attachment; filename=\"_.png\"; filename*=UTF-8''%E6%B5%B7.png"


def test_parameters_of_a_type_are_left_out(gallery):
    assert gallery.upload("v", "Video/WebM;codecs=vp9")["type"] == "video/webm"


@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        ("text/html", "text/html"),
        ("application/octet-stream", "application/octet-stream"),
        ("", "no known type"),
        ("image/", "image/"),
        ("image/png<script>", "image/png<script>"),
        ("ximage/png", "ximage/png"),
    ],
)
def test_other_types_are_refused(gallery, stored, content_type, named):
    answer = gallery.post("a.png", content_type, b"x")
    assert answer.status == 415
    assert error_in(answer).startswith("Only pictures and videos")
    assert named in error_in(answer)
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "This file has no name."),
        ("  ", "This file has no name."),
        ("x" * 256, "This name is too long: 255 characters at most, not 256."),
        ("a\nb", "This name has control characters in it."),
        ("a\0b", "This name has control characters in it."),
    ],
)
def test_bad_names_are_refused(gallery, stored, name, message):
    answer = gallery.post(name, "image/png", b"x")
    assert (answer.status, error_in(answer)) == (400, message)
    assert stored() == (0, 0)


def test_empty_file_is_refused(gallery, stored):
    answer = gallery.post("a.png", "image/png", b"")
    assert (answer.status, error_in(answer)) == (400, "This file is empty.")
    assert stored() == (0, 0)


def test_largest_file_is_taken(gallery):
    assert gallery.upload(body=b"x" * LIMIT)["size"] == LIMIT


@pytest.mark.parametrize("announced", [True, False])
def test_larger_file_is_refused(gallery, stored, announced):
    pieces = [b"x" * MB] * 3 + [b"x"]
    answer = gallery.post("a.png", "image/png", b"".join(pieces) if announced else iter(pieces))
    assert (answer.status, error_in(answer)) == (413, "This file is too large: 3 MB at most.")
    assert stored() == (0, 0)


def test_upload_is_stored_as_it_comes_and_a_broken_one_leaves_nothing(gallery, stored):
    head = (
        "POST /files?name=a.png HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        f"Content-Length: {LIMIT}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gallery.port)) as connection:
        connection.sendall(head.encode() + b"x" * (LIMIT - 1))
        wait_until(lambda: stored()[1] > 0, what="chunks are there before the upload has ended")
        assert stored()[0] == 0
    wait_until(lambda: stored() == (0, 0), what="the chunks of the broken upload are deleted")


def test_files_are_listed_in_the_order_of_the_ids_that_they_were_given(gallery):
    answer = gallery.request("POST", "/ids?count=3")
    assert answer.status == 200
    ids = json.loads(answer.body)["ids"]
    assert len(set(ids)) == 3
    # They are stored in another order.
    for number in (2, 0, 1):
        path = f"/files?name={number}.png&id={ids[number]}"
        assert gallery.request("POST", path, b"x", content_type="image/png").status == 201
    files = gallery.listed()["files"]
    assert [file["name"] for file in files] == ["0.png", "1.png", "2.png"]
    assert [file["id"] for file in files] == ids


@pytest.mark.parametrize("count", ["", "0", "1001", "-1", "x", "1.5", "%D9%A1", "9" * 5000])
def test_ids_are_made_for_a_number_of_files(gallery, count):
    answer = gallery.request("POST", f"/ids?count={count}")
    assert (answer.status, error_in(answer)) == (
        400,
        "Between 1 and 1000 files can be uploaded at once.",
    )


def test_an_id_that_is_taken_or_not_from_here_is_refused(gallery, stored):
    taken = gallery.upload()["id"]
    before = gallery.request("GET", f"/files/{taken}").body
    answer = gallery.request(
        "POST", f"/files?name=a.png&id={taken}", b"other", content_type="image/png"
    )
    assert (answer.status, error_in(answer)) == (409, "There is a file with this id.")
    assert gallery.request("GET", f"/files/{taken}").body == before
    now = datetime.now(UTC)
    for moment in (now + timedelta(minutes=1), now - timedelta(days=2)):
        other = ObjectId.from_datetime(moment)
        answer = gallery.request(
            "POST", f"/files?name=a.png&id={other}", b"x", content_type="image/png"
        )
        assert (answer.status, error_in(answer)) == (400, "This is not a valid id for a new file.")
    for no_id in ("", "x", "0" * 24, "%00"):
        answer = gallery.request(
            "POST", f"/files?name=a.png&id={no_id}", b"x", content_type="image/png"
        )
        assert answer.status == 400
    assert stored() == (1, 1)


# Looking ------------------------------------------------------------------------------------


def test_listing_goes_on_page_by_page_with_the_newest_first(gallery):
    for number in range(7):
        gallery.upload(f"{number}.png")
    names, query = [], ""
    for _ in range(3):
        page = gallery.listed(query)
        assert page["maxBytes"] == LIMIT
        names.append([file["name"][0] for file in page["files"]])
        query = f"?before={page['next']}"
    assert names == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert page["next"] is None


def test_full_page_that_is_the_last_has_none_after_it(gallery):
    for number in range(3):
        gallery.upload(f"{number}.png")
    assert gallery.listed()["next"] is None


def test_ranges_and_revalidation(gallery):
    path = f"/files/{gallery.upload(body=b'0123456789')['id']}"
    part = gallery.request("GET", path, range="bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    whole = gallery.request("GET", path)
    assert whole.headers["Cache-Control"] == "private, no-cache"
    again = gallery.request("GET", path, if_none_match=whole.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert gallery.request("HEAD", path).headers["Content-Length"] == "10"


def test_file_by_a_stranger_gets_neither_scripts_nor_another_type(gallery):
    file_id = gallery.upload("a.svg", "image/svg+xml", b"<svg/>")["id"]
    headers = gallery.request("GET", f"/files/{file_id}").headers
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
    assert "script" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


# Starlette's static files are opened on a thread, and left open when the server stops meanwhile.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_page_runs_no_scripts_but_its_own(gallery):
    headers = gallery.request("GET", "/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["Content-Type"].startswith("text/html")


def test_page_fetches_nothing_from_elsewhere():
    for path in (PROGRAM / "static").iterdir():
        urls = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", path.read_text()))
        assert urls <= {"http://www.w3.org/2000/svg"}, path


# Deleting, and what is not there --------------------------------------------------------------


def test_deleted_file_is_gone(gallery, stored):
    path = f"/files/{gallery.upload()['id']}"
    kept = gallery.upload("kept.png")["id"]
    assert gallery.request("DELETE", path).status == 204
    assert stored() == (1, 1)
    assert [file["id"] for file in gallery.listed()["files"]] == [kept]
    for method in ("GET", "DELETE"):
        answer = gallery.request(method, path)
        assert answer.status == 404
        assert error_in(answer) == "There is no such file; it may have been deleted."


@pytest.mark.parametrize("file_id", ["x", "0" * 24, "%00", "0" * 23 + "%E6%B5%B7"])
def test_what_is_no_file_is_not_found(gallery, file_id):
    for method in ("GET", "HEAD", "DELETE"):
        assert gallery.request(method, f"/files/{file_id}").status == 404


def test_listing_cannot_go_on_after_what_is_no_id(gallery):
    assert gallery.request("GET", "/files?before=x").status == 404


def test_other_methods_and_paths_are_refused(gallery):
    assert gallery.request("PUT", "/files").status == 405
    assert gallery.request("POST", f"/files/{'0' * 24}").status == 405
    for path in ("/nothing", "/..%2Fgallery_app.py", "/../gallery_app.py"):
        answer = gallery.request("GET", path)
        assert (answer.status, error_in(answer)) == (404, "Not Found")


# The program --------------------------------------------------------------------------------


def start_program(*arguments: str, **env: str) -> subprocess.Popen[str]:
    path = str(Path(motor.__file__).parent.parent)
    environment = {k: v for k, v in os.environ.items() if k != "MONGODB_URI"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(PROGRAM), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "PYTHONPATH": path, **env},
    )


def test_program_runs_with_a_server_of_its_own_until_it_is_interrupted():
    port = free_port()

    def page():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/files")
            return connection.getresponse().read()
        finally:
            connection.close()

    with start_program("--port", str(port), "--max-bytes", "77") as program:
        try:
            assert b'"maxBytes":77' in wait_until_serves(program, page)
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=PATIENCE)
        finally:
            program.kill()
    assert program.returncode == 0, err
    assert "Traceback" not in err
    assert out.startswith("Starting mongod; what you upload is gone when it stops.")


def test_program_says_that_the_server_cannot_be_reached():
    # Nothing listens on port 1.
    uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    with start_program(MONGODB_URI=uri) as program:
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 1
    assert out == "Using the server at MONGODB_URI.\n"
    assert "ServerSelectionTimeoutError: 127.0.0.1:1" in err
    assert "Traceback" not in err
