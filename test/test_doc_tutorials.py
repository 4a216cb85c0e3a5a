"""The applications that the tutorials end with, run as their readers run them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import motor
from support import PATIENCE
from support.process import free_port, wait_until_serves
from support.snippets import Runner, programs
from support.uris import with_database

TUTORIAL = Path(__file__).parent.parent / "doc" / "tutorial"
COMMANDS = {
    "fastapi": ["-m", "uvicorn", "books_fastapi:app", "--port"],
    "tornado": ["books_tornado.py"],
}
MOMO = {"title": "Momo", "year": 1973}


class Site:
    """A server at a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            # Errors, too, are JSON.
            return response.status, json.loads(text)
        finally:
            connection.close()

    def is_up(self) -> bool:
        return self.ask("GET", "/books")[0] == 200


@contextmanager
def running(name: str, mongo_uri: str, db_name: str) -> Iterator[Site]:
    port = free_port()
    command = [sys.executable, *COMMANDS[name]]
    if command[-1] == "--port":
        command.append(str(port))
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(motor.__file__).parent.parent),
        "MONGODB_URI": with_database(mongo_uri, db_name),
        "PORT": str(port),
    }
    with subprocess.Popen(command, cwd=TUTORIAL, env=environment) as process:
        try:
            site = Site(port)
            wait_until_serves(process, site.is_up)
            yield site
        finally:
            process.terminate()


@pytest.fixture
def start(mongo_uri: str, db_name: str) -> Iterator[Callable[[str], Any]]:
    return lambda name: running(name, mongo_uri, db_name)


def test_tutorials_run_again_and_after_one_another(mongo_uri: str, db_name: str) -> None:
    pytest.importorskip("tornado")
    tutorials = [programs(TUTORIAL / f"{name}.rst") for name in ("asyncio", "tornado")]
    for program in (*tutorials[0], *tutorials[1]) * 2:
        Runner(mongo_uri, db_name).run(program)


def test_applications_take_each_others_books(start: Any) -> None:
    for package in ("fastapi", "uvicorn", "tornado"):
        pytest.importorskip(package)
    with start("fastapi") as site:
        assert site.ask("POST", "/books", MOMO)[0] == 201
    with start("tornado") as site:
        assert site.ask("GET", "/books") == (200, {"books": [MOMO]})
        assert site.ask("POST", "/books", MOMO)[0] == 409
    with start("fastapi") as site:
        assert [book["title"] for book in site.ask("GET", "/books")[1]] == ["Momo"]


def test_fastapi_application_works(start: Any) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    with start("fastapi") as site:
        status, momo = site.ask("POST", "/books", MOMO)
        assert (status, momo) == (201, {"id": momo["id"], **MOMO})
        there = {"detail": "that book is on the shelf already"}
        assert site.ask("POST", "/books", MOMO) == (409, there)
        assert site.ask("POST", "/books", {"title": "no year"})[0] == 422
        assert site.ask("POST", "/books", {"title": "Jim Button", "year": 1960})[0] == 201
        assert [book["year"] for book in site.ask("GET", "/books")[1]] == [1960, 1973]
        assert [book["year"] for book in site.ask("GET", "/books?before=1970")[1]] == [1960]
        assert site.ask("GET", f"/books/{momo['id']}") == (200, momo)
        for name in ("none", "0" * 24):
            assert site.ask("GET", f"/books/{name}") == (404, {"detail": "no such book"})
        assert site.ask("GET", "/decades")[1] == [
            {"decade": 1960, "books": 1},
            {"decade": 1970, "books": 1},
        ]


def test_tornado_application_works(start: Any) -> None:
    pytest.importorskip("tornado")
    with start("tornado") as site:
        watching = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
        try:
            watching.request("GET", "/changes")
            changes = watching.getresponse()
            assert changes.readline() == b"watching\n"
            assert site.ask("POST", "/books", MOMO)[0] == 201
            assert json.loads(changes.readline())["title"] == "Momo"
        finally:
            watching.close()
        there = {"error": "that book is on the shelf already"}
        assert site.ask("POST", "/books", MOMO) == (409, there)
        for wrong in ({"title": "no year"}, {**MOMO, "year": "last"}, ["Momo"], None):
            incomplete = {"error": "a book has a title and a year"}
            assert site.ask("POST", "/books", wrong) == (400, incomplete)
        assert site.ask("GET", "/books?before=x") == (400, {"error": "'before' has to be a year"})
        assert site.ask("GET", "/nothing") == (404, {"error": "there is nothing here"})
        assert site.ask("GET", "/books") == (200, {"books": [MOMO]})
        assert site.ask("GET", "/books?before=1970") == (200, {"books": []})
