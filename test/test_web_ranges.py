"""The ranges that a Range field asks for, and the ones that are refused."""

from __future__ import annotations

import random

import pytest

from motor.web.ranges import MAX_RANGES, parse_range

LENGTH = 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-499", range(500)),
        ("bytes=500-", range(500, 1000)),
        ("bytes=999-", range(999, 1000)),
        ("bytes=-1", range(999, 1000)),
        ("bytes=-1000", range(1000)),
        ("bytes=-5000", range(1000)),
        ("bytes=900-5000", range(900, 1000)),
        ("bytes=007-008", range(7, 9)),
        ("BYTES=3-4", range(3, 5)),
        ("bytes=, 3-4 ,,", range(3, 5)),
        ("  bytes=3-4\t", range(3, 5)),
        (f"bytes=3-{'9' * 30}", range(3, 1000)),
        (f"bytes=3-{'9' * 6000}", range(3, 1000)),
        (f"bytes=-{'9' * 6000}", range(1000)),
        (f"bytes={'0' * 6000}3-4", range(3, 5)),
    ],
)
def test_one_range(text, expected):
    assert parse_range(text, LENGTH) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "bytes=1000-",
        "bytes=1000-2000",
        "bytes=-0",
        f"bytes={'9' * 30}-",
        f"bytes={'9' * 6000}-{'9' * 6001}",
        "bytes=5000-,-0",
    ],
)
def test_what_lies_outside_the_file_cannot_be_satisfied(text):
    assert parse_range(text, LENGTH) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=5-2",
        "bytes=0-1,5-2",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=1.0-2",
        "bytes=\u0661-\u0662",
        "bytes=\u00b2-3",
        "bytes =0-1",
        "bytes:0-1",
        "0-1",
        "items=0-1",
        "bytes=0-1,bytes=2-3",
        "bytes=0-1;2-3",
        "bytes=0-1\r\nX: y",
        "bytes=0-1\x00",
    ],
)
def test_what_is_no_byte_range_is_ignored(text):
    assert parse_range(text, LENGTH) is None


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=-1", "bytes=5-9", "bytes=-0"])
def test_an_empty_file_has_no_ranges(text):
    assert parse_range(text, 0) is None


def test_several_ranges_keep_the_order_of_the_request():
    assert parse_range("bytes=900-,0-9, 500-509", LENGTH) == [
        range(900, 1000),
        range(10),
        range(500, 510),
    ]


def test_ranges_outside_the_file_are_left_out():
    assert parse_range("bytes=5000-,0-9,-0", LENGTH) == [range(10)]


def test_ranges_that_overlap_or_nearly_touch_become_one():
    assert parse_range("bytes=500-599,0-9,550-700,10-19,30-39", LENGTH) == [
        range(500, 701),
        range(40),
    ]


def test_a_range_asked_for_a_thousand_times_is_sent_once():
    assert parse_range("bytes=" + ",".join(["0-"] * 1000), LENGTH) == [range(LENGTH)]


def test_more_pieces_than_any_client_needs_are_answered_with_the_whole_file():
    def asked(count):
        return "bytes=" + ",".join(f"{n * 1000}-{n * 1000}" for n in range(count))

    assert len(parse_range(asked(MAX_RANGES), 10**9)) == MAX_RANGES
    assert parse_range(asked(MAX_RANGES + 1), 10**9) is None
    assert parse_range(asked(10_000), 10**9) is None


def test_no_byte_is_sent_twice_and_no_requested_byte_is_missing():
    chance = random.Random(4)
    for _ in range(500):
        length = chance.randint(1, 2000)
        wanted = [
            range(first, first + chance.randint(1, 300))
            for first in (chance.randint(0, 2500) for _ in range(chance.randint(1, 8)))
        ]
        text = "bytes=" + ",".join(f"{r.start}-{r.stop - 1}" for r in wanted)
        pieces = parse_range(text, length)
        sent = [offset for piece in pieces for offset in piece]
        assert len(sent) == len(set(sent)), text
        assert {o for r in wanted for o in r if o < length} <= set(sent), text
        assert set(sent) <= set(range(length)), text
