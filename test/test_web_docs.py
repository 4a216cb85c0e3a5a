"""The programs in the page about serving files, as somebody would run them."""

from __future__ import annotations

import http.client
import re
import socket
import textwrap
from pathlib import Path

import pytest

from support import run_python, start_python, wait_until

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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def get():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/files/hello.txt")
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    with start_python(as_run_here(PROGRAMS[name], port)):
        answer = wait_until(get, timeout=30, what="the program serves")
    assert answer == (200, b"Hello!")
