"""Applications in the old style run as they are, and rewritten by the guide without warnings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import motor
from motor.legacy.scan import scan_file
from support import PATIENCE, wait_until

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "legacy"
VERSIONS = ("before", "after")
BRIDGE_WARNING = "migrate-from-motor-0/"

pytest.importorskip("tornado")


def command(name: str, version: str, db_name: str, *arguments: str) -> list[str]:
    # In the old one each warning is to be seen; in the new one a single one is an error.
    option = "-Walways" if version == "before" else "-Werror::DeprecationWarning"
    return [sys.executable, option, str(EXAMPLES / name / f"{version}.py"), db_name, *arguments]


def environment(uri: str) -> dict[str, str]:
    path = str(Path(motor.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": path, "MONGODB_URI": uri}


class Service:
    """A web application that runs in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """The status and body of a response; JSON is parsed."""
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body, doseq=True).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, names, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, self._parsed(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    @staticmethod
    def _parsed(response: Any) -> Any:
        data = response.read()
        kind = response.headers.get("Content-Type", "")
        return json.loads(data) if "json" in kind else data


@contextmanager
def service(name: str, version: str, db_name: str, uri: str, log: Path) -> Iterator[Service]:
    with log.open("w") as errors:
        process = subprocess.Popen(
            command(name, version, db_name, "0"),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(uri),
        )
        with process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().strip()
                assert url, log.read_text()
                yield Service(url)
            finally:
                process.terminate()


def check_log(name: str, version: str, log: Path, *names: str) -> None:
    """The old version warns of each of `names`; the new one of nothing.

    And what warns is what the scanner finds.
    """
    text = log.read_text()
    assert "Traceback" not in text
    if version == "after":
        assert "DeprecationWarning" not in text
        return
    warnings = [line for line in text.splitlines() if BRIDGE_WARNING in line]
    for each in names:
        found = [line for line in warnings if f"DeprecationWarning: {each}" in line]
        assert found, f"no warning of {each}"
    program = EXAMPLES / name / "before.py"
    # At the application's lines, not at Motor's.
    warned = {int(line.removeprefix(f"{program}:").partition(":")[0]) for line in warnings}
    assert warned - {finding.line for finding in scan_file(program)} == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_blog(version: str, mongo_uri: str, db_name: str, sync_db: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with service("blog", version, db_name, mongo_uri, log) as blog:
        assert blog.request("/") == (200, {"newest": [], "total": 0})
        first = {"title": "Hello, world", "body": "First!", "tag": ["news", "misc"]}
        assert blog.request("/posts", "POST", first) == (
            201,
            {"slug": "hello-world", "number": 1},
        )
        second = {"title": "More", "body": "Second.", "tag": "news"}
        assert blog.request("/posts", "POST", second)[1]["number"] == 2
        assert blog.request("/posts", "POST", second)[0] == 500  # The slug is taken.
        assert blog.request("/") == (200, {"newest": ["More", "Hello, world"], "total": 2})

        assert blog.request("/posts/more/comments", "POST", {"text": "Nice"})[0] == 201
        assert blog.request("/posts/less/comments", "POST", {"text": "Nice"})[0] == 404
        post = {"title": "More", "body": "Second.", "comments": ["Nice"]}
        assert blog.request("/posts/more") == (200, post)
        assert blog.request("/posts/less")[0] == 404
        wait_until(lambda: sync_db.posts.find_one({"slug": "more"})["views"] == 1)
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert blog.request("/posts/more", "PUT", {"body": "Better."}, **form)[0] == 200
        assert blog.request("/posts/more")[1]["body"] == "Better."
        wait_until(lambda: sync_db.posts.find_one({"slug": "more"})["views"] == 2)

        assert blog.request("/tags") == (200, {"news": 2, "misc": 1})
        assert blog.request("/feed") == (200, b"Hello, world: 0 views\nMore: 2 views\n")
        assert blog.request("/posts/hello-world", "DELETE") == (200, {"deleted": 1})
        assert blog.request("/posts/hello-world", "DELETE") == (200, {"deleted": 0})
        assert blog.request("/")[1]["total"] == 1
    # The duplicate slug is reported there, with a traceback: on purpose.
    text = log.read_text()
    assert text.count("DuplicateKeyError: ") >= 1
    log.write_text(text.replace("Traceback", ""))
    check_log(
        "blog",
        version,
        log,
        "The client option 'max_pool_size'",
        "client.open()",
        "collection.ensure_index()",
        "database.collection_names()",
        "collection.insert()",
        "collection.save()",
        "collection.update()",
        "collection.remove()",
        "collection.find_and_modify()",
        "collection.inline_map_reduce()",
        "The argument 'fields'",
        "The argument 'spec_or_id'",
        "cursor.count()",
    )


SALES = [
    {"_id": n, "shop": ("north", "south")[n % 2], "item": item, "count": n + 1, "price": price}
    for n, (item, price) in enumerate([("pen", 1.5), ("ink", 4.25), ("pen", 1.5), ("cap", 20.0)])
]
REPORT = """\
loaded 4 of 4 sales
items in stock: 3
cap: 80.00
ink: 8.50
pen: 6.00
north: 2 sales
south: 2 sales
most expensive: cap
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_loader(version: str, mongo_uri: str, db_name: str, sync_db: Any, tmp_path: Path) -> None:
    path = tmp_path / "sales.jsonl"
    path.write_text("".join(json.dumps(sale) + "\n" for sale in SALES))

    def load(*arguments: str, **options: Any) -> tuple[str, str]:
        done = subprocess.run(
            command("loader", version, db_name, *arguments),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment(mongo_uri),
            check=False,
            **options,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    output, errors = load(str(path))
    assert output == REPORT
    assert sync_db.stock.find_one({"_id": "pen"}) == {"_id": "pen", "sold": 4}
    log = tmp_path / "log"
    log.write_text(errors)
    check_log(
        "loader",
        version,
        log,
        "The client option 'j'",
        "collection.ensure_index()",
        "collection.count()",
        "collection.insert()",
        "collection.remove()",
        "collection.initialize_ordered_bulk_op()",
        "collection.map_reduce()",
        "collection.group()",
        "The argument 'spec'",
        "The argument 'timeout'",
        "client.disconnect()",
    )
    # Once more, with one new line among those that are there; from a pipe.
    new = {"_id": 9, "shop": "north", "item": "cap", "count": 1, "price": 20.0}
    lines = "\n".join([*path.read_text().splitlines(), json.dumps(new)])
    output, _ = load(input=lines)
    assert output.startswith("loaded 1 of 5 sales\n")
    assert "cap: 100.00" in output


@pytest.mark.parametrize("version", VERSIONS)
def test_uploads(version: str, mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    large = bytes(range(256)) * 4_000
    with service("uploads", version, db_name, mongo_uri, log) as uploads:
        text = {"Content_Type": "text/x-test"}
        status, first = uploads.request("/files/a.txt", "PUT", b"first", **text)
        assert (status, first["checksum"]) == (201, "8b04d5e3775d298e78455efc5ca404d5")
        status, _ = uploads.request("/files/a.txt?author=Ada", "PUT", large, **text)
        assert status == 200
        assert uploads.request("/files/a.txt") == (200, large)
        assert uploads.request("/files/a.txt?version=0") == (200, b"first")
        assert uploads.request("/files/a.txt?version=2")[0] == 404
        etag = f'"{first["checksum"]}"'
        cached = uploads.request("/files/a.txt?version=0", If_None_Match=etag)
        assert cached[0] in (200, 304)
        assert uploads.request("/notes", "POST", {"text": "na\u00efve"})[1]["text"] == "na\u00efve"
        listed = {"names": ["a.txt", "note"], "signed": ["a.txt"], "files": 1}
        assert uploads.request("/files") == (200, listed)
        for _ in range(2):
            assert uploads.request(f"/files/{first['id']}", "DELETE")[0] == 204
        assert uploads.request("/files/a.txt?version=0") == (200, large)
    check_log(
        "uploads",
        version,
        log,
        "motor.MotorGridFS",
        "gridfs.list()",
        "gridfs.find()",
        "gridfs.exists()",
        "gridfs.new_file()",
        "gridfs.get_version()",
        "gridfs.get_last_version()",
        "gridfs.put()",
        "gridfs.delete()",
        "cursor.count()",
        "grid_in.md5",
        "grid_out.md5",
    )


# What the scanner makes of them ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["blog", "loader", "uploads"])
def test_scanner_finds_nothing_in_what_was_rewritten(name: str) -> None:
    assert scan_file(EXAMPLES / name / "after.py") == []
