"""The header of a file, made from stored data."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from bson import ObjectId

from motor.web.headers import (
    content_disposition,
    guess_content_type,
    is_content_type,
    may_run,
)
from motor.web.planner import FileFacts, standard_headers

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
UPLOADED = datetime(2020, 1, 2, 3, 4, 5, 678000)
ID = ObjectId("5e0d5c8c0000000000000000")

HOSTILE = [
    "a\r\nSet-Cookie: x=1",
    "a\nb",
    'a"; filename="evil.exe',
    "a\\",
    "a\x00b.png",
    "\x7f\x1b[31m",
    "\ud800.png",
    "; filename*=UTF-8''evil.exe",
    "a%0d%0ab",
    "../../etc/passwd",
    "..\\..\\boot.ini",
]


def facts(**changes):
    known = {"file_id": ID, "length": 5, "upload_date": UPLOADED, "filename": "a.png"}
    return FileFacts(**{**known, **changes})


def headers(cache_time=0, disposition="inline", content_type="image/png", now=NOW, **changes):
    return standard_headers(
        facts(**changes),
        content_type=content_type,
        cache_time=cache_time,
        disposition=disposition,
        now=now,
    )


def test_standard_fields():
    tag = hashlib.sha256(f"{ID}52020-01-02 03:04:05.678000".encode()).hexdigest()
    assert headers() == {
        "Content-Type": "image/png",
        "ETag": f'"{tag}"',
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public",
        "Last-Modified": "Thu, 02 Jan 2020 03:04:05 GMT",
        "Content-Disposition": 'inline; filename="a.png"',
    }


def test_the_tag_depends_on_id_length_and_date_only():
    tag = facts().etag
    assert facts(filename="b", content_type="x/y", metadata={"a": 1}).etag == tag
    assert facts(length=6).etag != tag
    assert facts(file_id=1).etag != tag
    assert facts(upload_date=UPLOADED + timedelta(milliseconds=1)).etag != tag


def test_clients_with_and_without_time_zones_make_the_same_fields():
    east = timezone(timedelta(hours=5, minutes=30))
    aware = UPLOADED.replace(tzinfo=UTC).astimezone(east)
    assert headers(upload_date=aware) == headers()


def test_cache_time():
    fields = headers(cache_time=3600)
    assert fields["Cache-Control"] == "max-age=3600"
    assert fields["Expires"] == "Mon, 06 May 2024 08:08:09 GMT"
    assert headers(cache_time=1.9)["Cache-Control"] == "max-age=1"
    assert headers(cache_time=float("inf"))["Cache-Control"] == "max-age=2147483647"
    assert "Expires" not in headers(cache_time=-1)


@pytest.mark.parametrize("cache_time", [None, "3600", float("nan")])
def test_a_cache_time_that_is_no_number_is_an_error(cache_time):
    with pytest.raises(TypeError, match="get_cache_time"):
        headers(cache_time=cache_time)


def test_a_file_from_the_future_is_dated_now():
    fields = headers(upload_date=datetime(2999, 1, 1))
    assert fields["Last-Modified"] == "Mon, 06 May 2024 07:08:09 GMT"


def test_a_file_without_a_date_has_no_last_modified():
    fields = headers(upload_date=None)
    assert "Last-Modified" not in fields
    assert fields["ETag"].startswith('"')


def test_content_disposition_can_be_left_out():
    assert "Content-Disposition" not in headers(disposition=None)
    assert headers(disposition="attachment")["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b.png", 'inline; filename="a b.png"'),
        ("dir/sub/a.png", 'inline; filename="a.png"'),
        ("dir\\a.png", 'inline; filename="a.png"'),
        ("naïve.txt", "inline; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ("€.txt", "inline; filename=\"_.txt\"; filename*=UTF-8''%E2%82%AC.txt"),
        ("100%.txt", "inline; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ('a"b', "inline; filename=\"a_b\"; filename*=UTF-8''a%22b"),
        ("gnp\u202egpj.exe", 'inline; filename="gnpgpj.exe"'),
        ("", "inline"),
        ("a;b.c", "inline; filename=\"a_b.c\"; filename*=UTF-8''a%3Bb.c"),
        ("..", "inline"),
        ("a/", "inline"),
        (None, "inline"),
        (b"bytes", "inline"),
    ],
)
def test_names_in_content_disposition(name, expected):
    assert content_disposition("inline", name) == expected


def test_another_parser_reads_the_name_in_utf_8():
    multipart = pytest.importorskip("aiohttp.multipart")
    name = "Übung — 100% (日本語) 'x'; y=\"z\" 🎉.pdf"
    kind, parameters = multipart.parse_content_disposition(content_disposition("attachment", name))
    assert kind == "attachment"
    assert parameters["filename*"] == name
    assert parameters["filename"] == "_bung _ 100_ (___) 'x'_ y=_z_ _.pdf"


def test_a_very_long_name_is_cut_and_keeps_its_ending():
    field = content_disposition("inline", "x" * 100_000 + ".jpeg")
    assert len(field) < 300
    assert field.endswith('xxx.jpeg"')
    assert len(content_disposition("inline", "日" * 100_000)) < 3000


@pytest.mark.parametrize("stored", HOSTILE)
def test_no_stored_value_breaks_out_of_its_field(stored):
    fields = headers(filename=stored, content_type=stored)
    sent_as_it_is = stored.isascii() and stored.isprintable()
    assert fields["Content-Type"] == (stored if sent_as_it_is else "application/octet-stream")
    for value in fields.values():
        value.encode("ascii")
        assert value.isprintable()
    disposition = fields["Content-Disposition"]
    assert disposition.count('"') in (0, 2)
    assert "\\" not in disposition
    plain, _, encoded = disposition.partition("; filename*=UTF-8''")
    assert "/" not in plain
    assert not set(encoded) & set("\"';, /")


@pytest.mark.parametrize(
    "value",
    [
        *["image/png", "text/html; charset=utf-8", 'multipart/x;a="b; c";d=e', "a/b+c ;x=y"],
        # Not as they should be, and sent all the same: a client makes of them what it likes.
        *["my type", "text/html; charset=utf-8;", "text/plain; charset = utf-8", "image/png "],
        *["video", "image/", "a/b;", "image/png, text/html", "a/" + "b" * 300, "text/plain;\tx"],
        *['"', "é/x", ";"],
    ],
)
def test_content_types(value):
    assert is_content_type(value)
    assert headers(content_type=value)["Content-Type"] == value.strip()
    assert facts(content_type=value).best_content_type("x.css") == value


@pytest.mark.parametrize(
    "value",
    [
        *["", " ", "image/png\r\nX: y", "日/x", "a/b\x00", "a/b\x7f", "a/b\x85", "\ud800"],
        *['a/b;c="d\r\n"', "a/" + "b" * 5000, "a/b\n", None, 1],
    ],
)
def test_what_cannot_be_sent_as_content_type(value):
    assert not is_content_type(value)
    assert headers(content_type=value)["Content-Type"] == "application/octet-stream"
    assert facts(content_type=value).best_content_type("x.css") == "text/css"


@pytest.mark.parametrize(
    "value",
    [
        *["text/html", "TEXT/HTML", "text/html; charset=utf-8;", " text/html", "text/html ;x"],
        *["image/svg+xml", "application/xhtml+xml", "text/xml", "application/xml;charset=x"],
        *["application/rss+xml", "text/xsl", "multipart/x-mixed-replace", "message/rfc822"],
        # What browsers may see something else in than is written.
        *["image/png, text/html", "image/png;a,text/html", "video", "my type", "", "a/b/c", "é/x"],
    ],
)
def test_what_may_run_in_a_browser_is_put_in_a_sandbox(value):
    assert may_run(value)
    if is_content_type(value):
        assert headers(content_type=value)["Content-Security-Policy"] == "sandbox"


@pytest.mark.parametrize(
    "value",
    [
        *["image/png", "image/png ", "video/mp4", "audio/ogg", "text/plain; charset = utf-8"],
        *["text/css", "text/javascript", "application/pdf", "application/octet-stream"],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ],
)
def test_what_runs_nothing_needs_no_sandbox(value):
    assert not may_run(value)
    assert "Content-Security-Policy" not in headers(content_type=value)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.png"], "image/png"),
        (["5e0d5c8c", "a.png"], "image/png"),
        (["a.css", "b.png"], "text/css"),
        ([None, "b.png"], "image/png"),
        (["a.PNG"], "image/png"),
        (["a.tar.gz"], "application/gzip"),
        (["a.txt.bz2"], "application/octet-stream"),
        (["nothing"], "application/octet-stream"),
        (["dir.png/nothing"], "application/octet-stream"),
        (["data:text/html,x"], "application/octet-stream"),
        ([], "application/octet-stream"),
    ],
)
def test_guessed_content_types(names, expected):
    assert guess_content_type(*names) == expected


def test_the_stored_type_comes_first():
    assert facts(content_type="a/b").best_content_type("x.css") == "a/b"
    assert facts(metadata={"contentType": "c/d"}).best_content_type("x.css") == "c/d"
    assert facts(content_type="a/b", metadata={"contentType": "c/d"}).best_content_type() == "a/b"
    assert facts(metadata={"contentType": 5}).best_content_type("x.css") == "text/css"
    assert facts(content_type="bad\r\n").best_content_type() == "image/png"
