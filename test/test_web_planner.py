"""The decision on an answer, without a server."""

from __future__ import annotations

import email.parser
import email.policy
from datetime import UTC, datetime

import pytest

from motor.web.planner import FileFacts, expect_encoding, plan_response, standard_headers

CONTENT = bytes(range(256)) * 10
FACTS = FileFacts(
    file_id=1, length=len(CONTENT), upload_date=datetime(2020, 1, 2), filename="a.txt"
)
HEADERS = standard_headers(
    FACTS, content_type="text/plain", cache_time=60, now=datetime(2024, 1, 1, tzinfo=UTC)
)


LENGTH = len(CONTENT)


def plan(method="GET", headers=HEADERS, length=LENGTH, **request):
    fields = {name.replace("_", "-"): value for name, value in request.items()}
    return plan_response(method, fields, headers, length, boundary="BOUNDARY")


def sent(answer):
    return b"".join(
        CONTENT[part.start : part.stop] if isinstance(part, range) else part for part in answer.body
    )


def fields_of(answer):
    fields = dict(HEADERS)
    answer.apply_to(fields)
    return fields


def check_length(answer):
    assert int(answer.headers["Content-Length"]) == len(sent(answer))


def test_the_whole_file():
    answer = plan()
    assert answer.status == 200
    assert sent(answer) == CONTENT
    assert fields_of(answer) == {**HEADERS, "Content-Length": "2560"}


def test_head_has_the_same_fields_and_no_body():
    assert plan("HEAD").body == ()
    assert fields_of(plan("HEAD")) == fields_of(plan())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_not_allowed(method):
    answer = plan(method)
    assert (answer.status, answer.body) == (405, ())
    assert answer.headers["Allow"] == "GET, HEAD"


def test_one_range():
    answer = plan(range="bytes=100-199")
    assert answer.status == 206
    assert sent(answer) == CONTENT[100:200]
    assert fields_of(answer) == {
        **HEADERS,
        "Content-Range": "bytes 100-199/2560",
        "Content-Length": "100",
    }


def test_several_ranges_are_parts_that_a_mail_parser_can_read():
    answer = plan(range="bytes=0-9,1000-1099,-1")
    assert answer.status == 206
    check_length(answer)
    fields = fields_of(answer)
    assert "Content-Range" not in fields
    head = f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + sent(answer))
    assert message.get_content_type() == "multipart/byteranges"
    assert not message.defects
    parts = list(message.iter_parts())
    assert [part["content-range"] for part in parts] == [
        "bytes 0-9/2560",
        "bytes 1000-1099/2560",
        "bytes 2559-2559/2560",
    ]
    assert {part.get_content_type() for part in parts} == {"text/plain"}
    # The mail parser would take some bytes for line breaks: cut the raw body instead.
    bodies = [piece.split(b"\r\n\r\n", 1)[1] for piece in sent(answer).split(b"--BOUNDARY")[1:-1]]
    assert bodies == [CONTENT[:10] + b"\r\n", CONTENT[1000:1100] + b"\r\n", CONTENT[-1:] + b"\r\n"]


def test_each_answer_has_its_own_boundary():
    request = {"range": "bytes=0-0,1000-1000"}
    types = {
        plan_response("GET", request, HEADERS, 2560).headers["Content-Type"] for _ in range(10)
    }
    assert len(types) == 10


def test_head_ignores_ranges():
    assert plan("HEAD", range="bytes=0-1").status == 200
    assert plan("HEAD", range="bytes=9999-").status == 200


def test_a_range_outside_the_file():
    answer = plan(range="bytes=2560-")
    assert (answer.status, answer.body) == (416, ())
    fields = fields_of(answer)
    assert fields["Content-Range"] == "bytes */2560"
    # No cache may keep this as the file, and no client may save it.
    assert set(fields) == {
        "Accept-Ranges",
        "Content-Range",
        "Content-Length",
        "X-Content-Type-Options",
    }


def test_ranges_are_not_served_where_the_header_does_not_offer_them():
    assert plan(headers={**HEADERS, "Accept-Ranges": "none"}, range="bytes=0-1").status == 200
    assert plan(headers={}, range="bytes=0-1").status == 200


def test_a_body_that_will_be_compressed_has_a_weak_tag_and_no_ranges():
    fields = dict(HEADERS)
    expect_encoding(fields)
    expect_encoding(fields)
    assert fields["ETag"] == "W/" + HEADERS["ETag"]
    assert plan(headers=fields, range="bytes=0-1").status == 200
    assert plan(headers=fields, if_none_match=HEADERS["ETag"]).status == 304
    fields = {}
    expect_encoding(fields)
    assert fields == {"Accept-Ranges": "none"}


def test_an_empty_file():
    for request in ({}, {"range": "bytes=0-"}, {"range": "bytes=-5"}):
        answer = plan(length=0, **request)
        assert (answer.status, answer.body) == (200, ())
        assert answer.headers == {"Content-Length": "0"}


def test_not_modified_has_no_body_and_no_length():
    answer = plan(if_none_match=HEADERS["ETag"])
    assert (answer.status, answer.body) == (304, ())
    fields = fields_of(answer)
    assert {"ETag", "Cache-Control", "Expires", "Last-Modified"} <= set(fields)
    assert not {"Content-Type", "Content-Length", "Content-Disposition"} & set(fields)


def test_conditions_come_before_ranges():
    tag = HEADERS["ETag"]
    assert plan(range="bytes=0-1", if_none_match=tag).status == 304
    assert plan(range="bytes=9999-", if_none_match=tag).status == 304
    assert plan(range="bytes=0-1", if_match='"x"').status == 412
    assert plan(range="bytes=0-1", if_match=tag).status == 206
    assert plan("HEAD", if_none_match=tag).status == 304


def test_a_condition_that_failed_leaves_nothing_to_keep():
    answer = plan(if_match='"x"')
    assert (answer.status, answer.body) == (412, ())
    assert not {"ETag", "Cache-Control", "Expires", "Content-Type"} & set(fields_of(answer))


def test_if_range_sends_the_part_or_else_the_whole_file():
    tag, date = HEADERS["ETag"], HEADERS["Last-Modified"]
    for good in (tag, date):
        assert plan(range="bytes=0-1", if_range=good).status == 206
        assert plan(range="bytes=9999-", if_range=good).status == 416
        assert plan(if_range=good).status == 200
    for bad in ('"x"', "W/" + tag, "Thu, 02 Jan 2020 00:00:01 GMT", "x"):
        assert plan(range="bytes=0-1", if_range=bad).status == 200
        assert plan(range="bytes=9999-", if_range=bad).status == 200


def test_the_fields_that_the_application_changed_are_those_that_count():
    changed = {"etag": '"mine"', "accept-ranges": "bytes", "content-type": "x/y"}
    assert plan(headers=changed, if_none_match='"mine"').status == 304
    assert b"Content-Type: x/y\r\n" in sent(plan(headers=changed, range="bytes=0-0,1000-1000"))
