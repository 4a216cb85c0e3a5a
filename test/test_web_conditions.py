"""Preconditions, in the order of RFC 9110, section 13.2.2."""

from __future__ import annotations

import pytest

from motor.web.conditions import if_range_holds, unmet_precondition

TAG = '"abc"'
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"


def unmet(**headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return unmet_precondition(fields, TAG, DATE)


def test_without_conditions_the_answer_goes_on():
    assert unmet() is None


@pytest.mark.parametrize(
    "text",
    [
        TAG,
        f"W/{TAG}",
        f' "x" , {TAG}',
        f'"x",W/{TAG},"y"',
        '"a,b", "abc"',
        "*",
        " * ",
        f",, {TAG}",
        # The byte 0x80, and two of UTF-8, as servers decode them.
        *(f'"{other}", {TAG}' for other in ("\x80", "\udc80", "\u0142")),
    ],
)
def test_a_tag_that_the_client_has_means_not_modified(text):
    assert unmet(if_none_match=text) == 304


@pytest.mark.parametrize(
    "text",
    ["", '"x"', '"ABC"', "abc", '"x,"abc""', '"*"', 'w/"abc"', 'W/ "abc"', "'", ",", "*, *"],
)
def test_other_tags_mean_send_it(text):
    assert unmet(if_none_match=text) is None


@pytest.mark.parametrize(
    "text",
    [
        *[
            '"abc" "x',
            '"abc" "x"',
            '"abc", x',
            'x, "abc"',
            '"abc',
            'abc"',
            '"abc"; "x"',
            '*, "abc"',
        ],
        *['"abc", *', '"abc"\n', '"abc"W/"x"', '"abc", W/', "*" * 5000, '"abc",' * 900 + "x"],
    ],
)
def test_a_malformed_list_matches_nothing(text):
    assert unmet(if_none_match=text) is None
    assert unmet(if_match=text) == 412


@pytest.mark.parametrize(
    ("date", "status"), [(EARLIER, None), (DATE, 304), (LATER, 304), ("yesterday", None)]
)
def test_if_modified_since(date, status):
    assert unmet(if_modified_since=date) == status


@pytest.mark.parametrize(
    "date",
    [
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        DATE,
    ],
)
def test_dates_come_in_three_formats(date):
    assert unmet(if_modified_since=date) == 304
    assert unmet(if_unmodified_since=date) is None


@pytest.mark.parametrize(
    "date",
    [
        "",
        "0",
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, 99 Nov 2094 08:49:37 GMT",
        f"{LATER}, {LATER}",
        f"{LATER}x",
        f"x{LATER}",
        f"{LATER}; length=5",
        LATER.replace("GMT", "CET"),
        "\x00",
        "9" * 5000,
        "Fri, 31 Dec 9999 23:59:59 -2359",
    ],
)
def test_what_is_no_date_is_ignored(date):
    assert unmet(if_modified_since=date) is None
    assert unmet(if_unmodified_since=date) is None


def test_the_tag_decides_over_the_date():
    assert unmet(if_none_match='"x"', if_modified_since=LATER) is None
    assert unmet(if_none_match=TAG, if_modified_since=EARLIER) == 304
    assert unmet(if_match=TAG, if_unmodified_since=EARLIER) is None


@pytest.mark.parametrize("text", [TAG, f'"x", {TAG}', "*"])
def test_if_match_holds(text):
    assert unmet(if_match=text) is None


@pytest.mark.parametrize("text", ['"x"', f"W/{TAG}", "", "garbage"])
def test_if_match_fails(text):
    assert unmet(if_match=text) == 412


@pytest.mark.parametrize(("date", "status"), [(EARLIER, 412), (DATE, None), (LATER, None)])
def test_if_unmodified_since(date, status):
    assert unmet(if_unmodified_since=date) == status


def test_if_match_comes_before_if_none_match():
    assert unmet(if_match='"x"', if_none_match=TAG) == 412
    assert unmet(if_match=TAG, if_none_match=TAG) == 304
    assert unmet(if_unmodified_since=EARLIER, if_none_match=TAG) == 412


def test_a_weak_tag_is_never_strongly_the_same():
    weak = f"W/{TAG}"
    assert unmet_precondition({"if-match": weak}, weak, None) == 412
    assert unmet_precondition({"if-none-match": TAG}, weak, None) == 304
    assert not if_range_holds(weak, weak, None)


def test_a_file_without_date_or_tag_is_sent():
    conditions = {"if-none-match": TAG, "if-modified-since": LATER}
    assert unmet_precondition(conditions, None, None) is None
    assert unmet_precondition({"if-modified-since": LATER}, None, None) is None
    assert unmet_precondition({"if-unmodified-since": EARLIER}, None, None) is None
    assert not if_range_holds(DATE, None, None)
    assert not if_range_holds(TAG, None, None)


@pytest.mark.parametrize("text", [TAG, f" {TAG} ", DATE, "Sunday, 06-Nov-94 08:49:37 GMT"])
def test_if_range_holds_for_the_same_tag_or_date(text):
    assert if_range_holds(text, TAG, DATE)


@pytest.mark.parametrize(
    "text", ['"x"', f"W/{TAG}", EARLIER, LATER, "", "*", f'{TAG}, "x"', "abc", "garbage"]
)
def test_if_range_fails_for_all_else(text):
    assert not if_range_holds(text, TAG, DATE)
