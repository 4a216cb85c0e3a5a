"""The programs in the page about serving files, as users run them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from support import run_python, start_python
from support.process import free_port, wait_until_serves
from support.web import Site

PAGE = (Path(__file__).parent.parent / "doc" / "web.rst").read_text()
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE, re.MULTILINE)
]
PROGRAMS = {
    name: next(block for block in BLOCKS if f"import {name}" in block and "8000" in block)
    for name in ("AIOHTTPGridFS", "GridFSHandler", "GridFSApp", "GridFSResponse")
}
REQUIRES = {
    "AIOHTTPGridFS": ["aiohttp"],
    "GridFSHandler": ["tornado"],
    "GridFSApp": ["starlette", "uvicorn"],
    "GridFSResponse": ["fastapi", "uvicorn"],
}


@pytest.fixture
def as_run_here(mongo_uri, db_name):
    def adapt(code, port=8000):
        assert ".library" in code
        code = code.replace("mongodb://localhost:27017", mongo_uri)
        return code.replace(".library", f'["{db_name}"]').replace("8000", str(port))

    return adapt


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, as_run_here):
    for package in REQUIRES[name]:
        pytest.importorskip(package)
    run_python(as_run_here(next(block for block in BLOCKS if "upload_from_stream" in block)))
    site = Site(free_port())
    with start_python(as_run_here(PROGRAMS[name], site.port)) as process:
        answer = wait_until_serves(process, lambda: site.get("hello.txt"))
    assert (answer.status, answer.body) == (200, b"Hello!")
