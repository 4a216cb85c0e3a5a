"""GridFSResponse as the answer of a FastAPI route."""

# No `from __future__ import annotations`: FastAPI evaluates the annotations of local functions.

import gridfs
import pytest

from support import wait_until
from support.web import asgi_server

fastapi = pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

TEXT = b"All work and no play makes Jack a dull boy.\n" * 200


@pytest.fixture
def done():
    """The names of the files whose answers' background tasks have run."""
    return []


@pytest.fixture
def site(web_client, start_server, db_name, sync_bucket, done):
    from motor.motor_asyncio import AsyncIOMotorGridFSBucket
    from motor.web.asgi import GridFSApp, GridFSResponse

    sync_bucket.upload_from_stream("a.txt", TEXT)
    app = fastapi.FastAPI()
    db = web_client("asgi")[db_name]
    bucket = AsyncIOMotorGridFSBucket(db)
    app.mount("/files/mounted", GridFSApp(db))

    @app.api_route("/files/{name}", methods=["GET", "HEAD", "POST"])
    async def send_file(name: str, tasks: fastapi.BackgroundTasks) -> GridFSResponse:
        try:
            grid_out = await bucket.open_download_stream_by_name(name)
        except gridfs.NoFile:
            raise fastapi.HTTPException(404) from None
        tasks.add_task(done.append, name)
        response = GridFSResponse(grid_out, cache_time=60, headers={"X-More": "1"})
        response.set_cookie("seen", name)
        return response

    return start_server(asgi_server(app))


def test_the_request_decides_on_the_answer(site):
    answer = site.get("a.txt", range="bytes=0-9")
    assert (answer.status, answer.body) == (206, TEXT[:10])
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert site.head("a.txt").headers["Content-Length"] == str(len(TEXT))
    assert site.get("a.txt", if_none_match=answer.headers["ETag"]).status == 304
    assert site.get("nothing").status == 404


def test_fields_and_cookies_are_sent(site):
    answer = site.get("a.txt")
    assert answer.body == TEXT
    assert answer.headers["X-More"] == "1"
    assert "seen=a.txt" in answer.headers["Set-Cookie"]


def test_tasks_run_after_the_answer(site, done):
    site.get("a.txt")
    wait_until(lambda: done == ["a.txt"])


def test_what_a_post_gives_back_is_sent_whole(site):
    tag = site.head("a.txt").headers["ETag"]
    answer = site.request("POST", "a.txt", {"If-None-Match": tag, "Range": "bytes=0-9"})
    assert (answer.status, answer.body) == (200, TEXT)


def test_the_app_can_be_mounted(site):
    assert site.get("mounted/a.txt").body == TEXT
    assert site.get("mounted/nothing").status == 404
