"""The code that newcomers run first: the examples, and the README."""

from __future__ import annotations

import configparser
import functools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import motor
from motor.testing import EmbeddedMongo
from support import PATIENCE

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.rst").read_text()
# The other files hold parts of these.
PROGRAMS = sorted(
    path
    for path in EXAMPLES.rglob("*.py")
    # These are services, or want a file: test_legacy_examples.py runs them, or
    # test_doc_frameworks.py.
    if not {"legacy", "frameworks"} & set(path.relative_to(EXAMPLES).parts)
    and '__name__ == "__main__"' in path.read_text()
)
SNIPPETS = [
    textwrap.dedent(block)
    for block in re.findall(
        r"\.\. code-block:: python\n\n((?: {10}.*\n|\n)+)", README, re.MULTILINE
    )
]
# The code for Tornado has a client that lives as long as its process, as web servers have, and
# starts the loop as Tornado's documentation does, at which Tornado uses a deprecated function.
TOLERATED = (
    "-Wignore::ResourceWarning",
    "-Wignore:There is no current event loop:DeprecationWarning",
)

pytest.importorskip("tornado")


def run(*arguments: str, uri: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the same `motor` as here; warnings are errors."""
    path = str(Path(motor.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": path, "MONGODB_URI": uri},
        check=False,
    )


@functools.cache
def run_once(program: Path, uri: str) -> subprocess.CompletedProcess[str]:
    return run(str(program), uri=uri)


def with_options(uri: str, options: str) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{options}"


def leftovers(sync_client: Any) -> list[str]:
    return [name for name in sync_client.list_database_names() if "quickstart" in name]


# Examples -----------------------------------------------------------------------------------


def test_quickstart_is_among_the_programs() -> None:
    assert EXAMPLES / "quickstart.py" in PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_example_runs(program: Path, mongo_uri: str) -> None:
    done = run_once(program, mongo_uri)
    assert (done.returncode, done.stderr) == (0, "")


def test_quickstart_shows_both_frameworks_and_cleans_up(mongo_uri: str, sync_client: Any) -> None:
    done = run_once(EXAMPLES / "quickstart.py", mongo_uri)
    assert "asyncio: async def and await" in done.stdout
    assert "100,000 of 100,000" in done.stdout
    assert "Tornado: @gen.coroutine and yield" in done.stdout
    assert done.stdout.endswith("Everything came back as expected.\n")
    assert leftovers(sync_client) == []


# Changes what the quickstart begins with, so that what comes back later is not what it expects.
WRONG = """
import sys
sys.path.insert(0, sys.argv[1])
import quickstart, quickstart_{part} as part
part.FRUIT[0]["kilos"] = 1000
sys.exit(quickstart.main())
"""


IMPATIENT = """
import sys
sys.path.insert(0, sys.argv[1])
import quickstart
quickstart.PATIENCE = 0
sys.exit(quickstart.main())
"""


@pytest.mark.parametrize("part", ["asyncio", "tornado"])
def test_quickstart_fails_when_a_result_is_wrong(
    part: str, mongo_uri: str, sync_client: Any
) -> None:
    done = run("-c", WRONG.replace("{part}", part), str(EXAMPLES), uri=mongo_uri)
    assert done.returncode == 1
    assert "The quickstart failed. UnexpectedResult: " in done.stderr
    assert "Traceback" not in done.stderr
    assert leftovers(sync_client) == []


def test_quickstart_fails_when_the_server_reports_an_error(
    mongo_uri: str, sync_client: Any, fail_point: Any
) -> None:
    uri = with_options(mongo_uri, "appName=quickstart-fails")
    with fail_point(failCommands=["aggregate"], errorCode=8000, appName="quickstart-fails"):
        done = run(str(EXAMPLES / "quickstart.py"), uri=uri)
    assert done.returncode == 1
    assert "The quickstart failed. OperationFailure" in done.stderr
    assert leftovers(sync_client) == []


def test_quickstart_says_that_the_server_cannot_be_reached() -> None:
    # Nothing listens on port 1.
    uri = "mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=100"
    done = run("-c", IMPATIENT, str(EXAMPLES), uri=uri)
    assert done.returncode == 1
    assert "Waiting for MongoDB at 127.0.0.1:1. Does it run there?\n" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    assert "ServerSelectionTimeoutError: 127.0.0.1:1" in done.stderr


def test_quickstart_says_what_a_standalone_server_lacks() -> None:
    with EmbeddedMongo(replica_set=None) as standalone:
        done = run(str(EXAMPLES / "quickstart.py"), uri=standalone.uri)
    assert done.returncode == 1
    assert "start mongod with --replSet" in done.stderr


# README -------------------------------------------------------------------------------------


def test_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 110
    assert max(map(len, lines)) <= 100


def test_readme_shows_each_framework_in_ten_lines() -> None:
    asyncio_code, tornado_code = SNIPPETS
    assert "AsyncIOMotorClient" in asyncio_code
    assert "import MotorClient" in tornado_code
    for code in SNIPPETS:
        assert len([line for line in code.splitlines() if line]) <= 10


def test_readme_links_to_files_that_exist() -> None:
    linked = re.findall(r"<((?!https?:)[^<>\s]+\.\w+|LICENSE)>`_", README)
    assert "doc/performance.rst" in linked
    assert [path for path in linked if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("number", [0, 1], ids=["asyncio", "tornado"])
def test_readme_code_runs(number: int, mongo_uri: str, db_name: str, sync_db: Any) -> None:
    code = SNIPPETS[number]
    assert "client.library" in code
    code = re.sub(r"(MotorClient)\(\)", rf"\1({mongo_uri!r})", code)
    assert mongo_uri in code
    code = code.replace("client.library", f"client.{db_name}")
    done = run(*TOLERATED, "-c", code, uri=mongo_uri)
    assert (done.returncode, done.stderr) == (0, "")
    document = sync_db.books.find_one()
    assert document["title"] == "Momo"
    assert str(document) in done.stdout


def tox_environments() -> set[str]:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    names = set()
    for section in tox.sections():
        name = section.removeprefix("testenv:")
        start, *rest = re.split(r"[{}]", name)
        # py{311,312} stands for py311 and py312.
        names |= {start + choice for choice in rest[0].split(",")} if rest else {name}
    return names


def test_readme_names_tox_environments_that_exist() -> None:
    named = set(re.findall(r"\btox -e ([\w-]+)", README))
    assert "quickstart" in named
    assert named - tox_environments() == set()
