"""Other programs check the answers: curl, and the HTTP linter REDbot."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import PATIENCE

#: Begins as pictures of its type do, which REDbot looks at.
CONTENT = b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(299_992)


@pytest.fixture(autouse=True)
def _file(sync_bucket):
    sync_bucket.upload_from_stream("picture.png", CONTENT)


@pytest.fixture
def curl(site, tmp_path):
    """Run curl for the file, with these options; returns status, header and body."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")

    def run(*options, output="out", path="picture.png"):
        report = "%{http_code} %{header_json}"
        command = [program, "-q", "-sS", "--noproxy", "*", "-w", report, "-o", output]
        done = subprocess.run(
            [*command, *options, site.url + path],
            cwd=tmp_path,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        status, _, header = done.stdout.decode().partition(" ")
        file = tmp_path / output
        return int(status), json.loads(header), file.read_bytes() if file.exists() else b""

    return run


def test_curl_downloads(curl):
    status, _, body = curl()
    assert (status, body) == (200, CONTENT)


def test_curl_takes_ranges(curl):
    for text, expected in (
        ("0-0", CONTENT[:1]),
        ("100-299999", CONTENT[100:]),
        ("-500", CONTENT[-500:]),
        ("299000-", CONTENT[299000:]),
    ):
        status, header, body = curl("-r", text)
        assert (status, body) == (206, expected)
        assert header["content-range"][0].startswith("bytes ")
    assert curl("-r", "300000-")[0] == 416
    status, header, body = curl("-r", "0-9,100000-100009")
    assert status == 206
    assert header["content-type"][0].startswith("multipart/byteranges")
    assert CONTENT[100000:100010] in body


def test_curl_goes_on_with_a_download(curl, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:123_456])
    status, _, body = curl("--continue-at", "-", output="part")
    assert (status, body) == (206, CONTENT)


def test_curl_sees_that_a_download_is_complete(curl, tmp_path):
    (tmp_path / "whole").write_bytes(CONTENT)
    status, _, body = curl("--continue-at", "-", output="whole")
    assert (status, body) == (416, CONTENT)


def test_curl_asks_for_newer_files_only(curl):
    past, future = "Mon, 01 Jan 2001 00:00:00 GMT", "Wed, 01 Jan 2070 00:00:00 GMT"
    assert curl("-z", future)[0] == 304
    assert curl("-z", past)[0] == 200
    # With a minus: only if it is not newer.
    assert curl("-z", "-" + past)[0] == 412
    assert curl("-z", "-" + future)[0] == 200


def test_curl_keeps_files_by_tag(curl, tmp_path):
    assert curl("--etag-save", "tag")[0] == 200
    assert (tmp_path / "tag").read_text().startswith('"')
    assert curl("--etag-compare", "tag")[0] == 304
    (tmp_path / "tag").write_text('"other"\n')
    assert curl("--etag-compare", "tag")[0] == 200


def test_curl_sends_head(curl):
    status, header, _ = curl("-I")
    assert (status, header["content-length"]) == (200, [str(len(CONTENT))])


def test_curl_does_not_get_out_of_the_bucket(curl):
    for path in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "picture.png%0d%0aX:y"):
        assert curl("--path-as-is", path=path)[0] in (400, 404)


# REDbot -------------------------------------------------------------------------------------


@pytest.fixture
def redbot():
    """Have REDbot check a URL, by requests of its own: its findings, {level: {name: summary}}."""
    beside_python = Path(sys.executable).with_name("redbot")
    program = beside_python if beside_python.exists() else shutil.which("redbot")
    if program is None:
        pytest.skip("REDbot is not installed: pip install redbot")

    def check(url):
        done = subprocess.run(
            [program, "--output-format", "har", url],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        findings = {}
        for note in json.loads(done.stdout)["log"]["entries"][0]["_red_messages"]:
            if note["note_id"] == "DATE_INCORRECT":
                # The time is the server's; on a busy machine, REDbot looks at its own much later.
                continue
            findings.setdefault(note["level"], {})[note["note_id"]] = note["summary"]
        return findings

    return check


def test_redbot_has_nothing_to_object(start_site, redbot):
    site = start_site(get_cache_time=lambda path, modified, mime_type: 3600)
    findings = redbot(site.url + "picture.png")
    assert {"INM_304", "IMS_304", "RANGE_CORRECT", "CL_CORRECT"} <= set(findings["GOOD"])
    assert not findings.get("BAD")
    assert not findings.get("WARN")


def test_redbot_objects_only_to_what_motor_3_said_to_caches(site, redbot):
    findings = redbot(site.url + "picture.png")
    assert {"INM_304", "IMS_304", "RANGE_CORRECT", "CL_CORRECT"} <= set(findings["GOOD"])
    assert not findings.get("BAD")
    assert set(findings.get("WARN", {})) <= {"FRESHNESS_HEURISTIC", "STORE_PUBLIC_UNNECESSARY"}
