"""The programs of the page about frameworks, each run on the server of the tests."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import motor
from support import wait_until
from support.snippets import snippets
from support.uris import with_database
from support.web import Site, aiohttp_server, asgi_server, tornado_server

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "frameworks"
PAGE = ROOT / "doc" / "frameworks.rst"
#: Seconds that a loaded machine may take.
PATIENCE = 120.0
MOMO = {"title": "Momo", "year": 1973}
JIM = {"title": "Jim Button", "year": 1960}
PATH_TO_MOTOR = str(Path(motor.__file__).parent.parent)


def asgi(app: Any) -> Any:
    return asgi_server(app, lifespan="on")


#: The programs that serve books over HTTP: how, and the packages that they need. None: in a process
#: of its own, as Litestar leaves a thread behind.
SITES: dict[str, tuple[Callable[[Any], Any] | None, tuple[str, ...]]] = {
    "fastapi": (asgi, ("fastapi", "uvicorn")),
    "starlette": (asgi, ("starlette", "uvicorn")),
    "litestar": (None, ("litestar", "uvicorn")),
    "quart": (asgi, ("quart", "uvicorn")),
    "aiohttp": (aiohttp_server, ("aiohttp",)),
    "tornado": (tornado_server, ("tornado",)),
}


@pytest.fixture
def uri(mongo_uri: str, db_name: str) -> str:
    """The server of the tests, with the database that the programs are to use."""
    return with_database(mongo_uri, db_name)


@pytest.fixture
def load(uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import one of the programs: `load("fastapi_books")`."""
    monkeypatch.setenv("MONGODB_URI", uri)
    loaded: list[ModuleType] = []

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Litestar looks for the types of annotations there.
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        loaded.append(module)
        return module

    yield load
    for module in loaded:
        if hasattr(module, "client"):
            module.client.close()


@pytest.fixture
def start(load: Any, start_server: Any, uri: str) -> Iterator[Callable[[str], Site]]:
    with contextlib.ExitStack() as processes:

        def start(name: str) -> Site:
            serve, packages = SITES[name]
            for package in packages:
                pytest.importorskip(package)
            if serve is None:
                return processes.enter_context(uvicorn_running(f"{name}_books", uri))[1]
            site: Site = start_server(serve(load(f"{name}_books").app))
            return site

        yield start


def ask(site: Site, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    try:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        is_json = response.getheader("Content-Type", "").startswith("application/json")
        return response.status, json.loads(content) if is_json else content
    finally:
        connection.close()


@contextlib.contextmanager
def uvicorn_running(name: str, uri: str) -> Iterator[tuple[subprocess.Popen[bytes], Site]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        site = Site(free.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", f"{name}:app", "--port", str(site.port)]
    environment = {**os.environ, "MONGODB_URI": uri, "PYTHONPATH": PATH_TO_MOTOR}
    with subprocess.Popen(command, cwd=EXAMPLES, env=environment) as process:
        try:
            wait_until(lambda: is_up(site), timeout=PATIENCE, what="uvicorn serves")
            yield process, site
        finally:
            process.kill()


def is_up(site: Site) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        return ask(site, "GET", "/books")[0] == 200
    return False


# HTTP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SITES)
def test_books_are_stored_and_found(name: str, start: Any, sync_db: Any) -> None:
    site = start(name)
    for book in (MOMO, JIM):
        status, added = ask(site, "POST", "/books", book)
        assert status == 201
        assert len(added["id"]) == 24
    assert ask(site, "GET", "/books") == (200, [JIM, MOMO])
    assert ask(site, "GET", "/books?before=1970") == (200, [JIM])
    assert sync_db.books.count_documents({}) == 2


@pytest.mark.parametrize("name", SITES)
def test_errors_are_json(name: str, start: Any) -> None:
    site = start(name)
    for body in ({"title": "no year"}, {**MOMO, "year": "last"}, ["Momo"], b"{"):
        status, error = ask(site, "POST", "/books", body)
        assert status in (400, 422), body
        assert isinstance(error, dict), error
    for method, path, expected in (("GET", "/nothing", 404), ("DELETE", "/books", 405)):
        status, error = ask(site, method, path)
        assert status == expected
        assert isinstance(error, dict), error
    assert ask(site, "GET", "/books") == (200, [])


def test_fastapi_runs_background_tasks_and_plain_functions(start: Any, sync_db: Any) -> None:
    site = start("fastapi")
    assert ask(site, "POST", "/books", {"title": "no year"})[0] == 422
    ask(site, "POST", "/books", MOMO)
    wait_until(lambda: sync_db.log.find_one({"added": "Momo"}), PATIENCE, "the background task ran")
    assert ask(site, "GET", "/count") == (200, 1)


def test_fastapi_streams_files_both_ways(start: Any) -> None:
    site = start("fastapi")
    picture = os.urandom(700_000)
    assert ask(site, "PUT", "/covers/momo.png", picture)[0] == 201
    assert ask(site, "GET", "/covers/momo.png") == (200, picture)
    assert ask(site, "GET", "/covers/jim.png") == (404, {"detail": "no such cover"})


def test_starlette_serves_files(start: Any, sync_bucket: Any) -> None:
    sync_bucket.upload_from_stream("momo.png", b"picture")
    assert ask(start("starlette"), "GET", "/files/momo.png") == (200, b"picture")


# A websocket on a change stream -------------------------------------------------------------


@pytest.mark.parametrize("name", ["fastapi", "starlette"])
def test_websocket_tells_of_new_books(name: str, start: Any) -> None:
    client = pytest.importorskip("websockets.sync.client")
    site = start(name)
    with client.connect(f"ws://127.0.0.1:{site.port}/changes") as websocket:
        ask(site, "POST", "/books", MOMO)
        assert json.loads(websocket.recv(timeout=PATIENCE))["title"] == "Momo"


@pytest.mark.parametrize("name", ["fastapi", "starlette"])
def test_websocket_ends_with_the_server(name: str, uri: str) -> None:
    pytest.importorskip(name)
    pytest.importorskip("uvicorn")
    client = pytest.importorskip("websockets.sync.client")
    with (
        uvicorn_running(f"{name}_books", uri) as (process, site),
        client.connect(f"ws://127.0.0.1:{site.port}/changes") as websocket,
    ):
        process.send_signal(signal.SIGINT)
        # Without the receiving half of the handler, this would wait for ever.
        assert process.wait(PATIENCE) in (0, -signal.SIGINT)
        with pytest.raises(Exception, match="1012"):
            websocket.recv(timeout=PATIENCE)


# Workers, notebooks, tests -------------------------------------------------------------------

WORKER = """
import sys

from celery_books import app, count

folder = sys.argv[1]
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + ".control"
    },
    broker_connection_retry_on_startup=True,
    worker_proc_alive_timeout=120,
)
if sys.argv[2] == "send":
    for _ in range(4):
        count.delay("Momo")
else:
    options = ["--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle"]
    app.worker_main(["worker", *options, "--without-heartbeat", "--loglevel=INFO"])
"""


def test_celery_tasks_run_in_forked_workers(uri: str, tmp_path: Path, sync_db: Any) -> None:
    pytest.importorskip("celery")
    sync_db.books.insert_many([dict(MOMO), dict(MOMO)])
    path = f"{PATH_TO_MOTOR}{os.pathsep}{EXAMPLES}"
    environment = {**os.environ, "MONGODB_URI": uri, "PYTHONPATH": path}
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    subprocess.run([*command, "send"], env=environment, check=True, timeout=PATIENCE)
    assert len(list(tmp_path.iterdir())) == 4
    log = tmp_path.with_suffix(".log")
    with log.open("w") as file:
        worker = subprocess.Popen([*command, "work"], env=environment, stderr=file, cwd=tmp_path)
    try:
        wait_until(
            lambda: log.read_text().count("succeeded in") == 4, timeout=PATIENCE, what="it works"
        )
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
    assert "before fork" not in log.read_text()
    assert [book["copies"] for book in sync_db.books.find()] == [2, 2]


def test_the_tests_of_the_application_pass(mongo_uri: str, tmp_path: Path) -> None:
    for package in ("fastapi", "httpx2", "pytest_asyncio"):
        pytest.importorskip(package)
    for name in ("fastapi_books.py", "test_fastapi_books.py"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "MONGODB_URI": mongo_uri, "PYTHONPATH": PATH_TO_MOTOR},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_notebook_cells_run(uri: str, sync_db: Any) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    # All that is no program of its own is for notebooks.
    cells = [snippet.code for snippet in snippets(PAGE)]
    assert len(cells) == 2
    notebook = nbformat.v4.new_notebook()
    for cell in cells:
        cell = cell.replace("mongodb://localhost:27017", uri)
        cell = cell.replace("client.library", "client.get_default_database()")
        notebook.cells.append(nbformat.v4.new_code_cell(cell))
    nbclient.NotebookClient(notebook, timeout=int(PATIENCE), kernel_name="python3").execute()
    [shown] = [out["text"] for cell in notebook.cells for out in cell.outputs if "text" in out]
    assert "Momo" in shown
    assert sync_db.books.count_documents({}) == 1


# The page -----------------------------------------------------------------------------------


def test_page_shows_every_program() -> None:
    shown = set(re.findall(r"literalinclude:: \.\./examples/frameworks/(\S+)", PAGE.read_text()))
    assert shown == {path.name for path in EXAMPLES.glob("*.py")}
