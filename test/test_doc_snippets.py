"""The documentation: each snippet of its pages runs, against a server, as it stands."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from motor.accelerators import chosen
from support.snippets import KNOWN_CLASSES, Runner, Snippet, programs, snippets

DOC = Path(__file__).parent.parent / "doc"
# The pages about GridFS have tests of their own, with the names that they use.
ELSEWHERE = {DOC / "gridfs.rst", DOC / "web.rst"}
PAGES = [page for page in sorted(DOC.rglob("*.rst")) if page not in ELSEWHERE]
PROGRAMS = [program for page in PAGES for program in programs(page)]

pytest.importorskip("tornado")


@pytest.fixture(autouse=True)
def no_listeners_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no snippet listen to the clients of later tests: PyMongo has no ``unregister``."""
    listeners = monitoring._LISTENERS
    kept = [list(kind) for kind in listeners]
    monkeypatch.setattr(monitoring, "_LISTENERS", type(listeners)(*kept))


@pytest.fixture(autouse=True)
def no_collectors_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let several snippets register the same metrics with Prometheus."""
    if find_spec("prometheus_client") is not None:
        core = importlib.import_module("prometheus_client.core")
        monkeypatch.setattr(core, "REGISTRY", core.CollectorRegistry())


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program[0]))
def test_snippet_runs(program: list[Snippet], mongo_uri: str, db_name: str) -> None:
    if missing := [name for snippet in program for name in snippet.missing()]:
        pytest.skip(f"there is no {', '.join(missing)}")
    if "greenlets" in chosen() and any("executor=" in snippet.code for snippet in program):
        pytest.skip("with 'greenlets', clients take no executor")
    Runner(mongo_uri, db_name).run(program)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOC)))
def test_snippets_that_do_not_run_say_why(page: Path) -> None:
    for snippet in snippets(page):
        if "not-run" not in snippet.classes:
            assert snippet.classes <= KNOWN_CLASSES, f"{snippet} has classes of its own"
        else:
            assert snippet.reason, f"{snippet} needs a comment '.. Not run: <reason>' before it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOC)))
def test_no_block_of_python_escapes(page: Path) -> None:
    # With any indentation, and after any text.
    assert len(list(snippets(page))) == page.read_text().count(".. code-block:: python")


# The runner itself ----------------------------------------------------------------------------


def page_with(tmp_path: Path, code: str, options: str = "") -> Path:
    page = tmp_path / "page.rst"
    body = "\n".join(f"    {line}" for line in [*options.splitlines(), "", *code.splitlines()])
    page.write_text(f"Title\n=====\n\n.. code-block:: python\n{body}\n\nText again.\n")
    return page


def run(page: Path, mongo_uri: str, db_name: str) -> None:
    [program] = programs(page)
    Runner(mongo_uri, db_name).run(program)


def test_failing_snippet_fails_at_its_line(tmp_path: Path, mongo_uri: str, db_name: str) -> None:
    page = page_with(tmp_path, "await collection.insert_one({})\nassert False", ":class: tornado")
    with pytest.raises(AssertionError) as caught:
        run(page, mongo_uri, db_name)
    lines = page.read_text().splitlines()
    assert caught.traceback[-1].lineno == lines.index("    assert False")
    assert str(caught.traceback[-1].path) == str(page)


def test_snippet_that_warns_fails(tmp_path: Path, mongo_uri: str, db_name: str) -> None:
    page = page_with(tmp_path, "import warnings\nwarnings.warn('beware', UserWarning)")
    with pytest.raises(AssertionError, match="beware"):
        run(page, mongo_uri, db_name)


def test_legacy_snippet_has_to_warn(tmp_path: Path, mongo_uri: str, db_name: str) -> None:
    page = page_with(tmp_path, "await collection.insert_one({})", ":class: legacy")
    with pytest.raises(AssertionError, match="without a DeprecationWarning"):
        run(page, mongo_uri, db_name)


def test_snippets_use_the_tests_database(
    tmp_path: Path, mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    page = page_with(tmp_path, "client.library.books.insert_one({})", ":class: pymongo")
    run(page, mongo_uri, db_name)
    assert sync_db.books.count_documents({}) == 1


def test_snippet_of_both_dialects_runs_twice(
    tmp_path: Path, mongo_uri: str, db_name: str, sync_db: Any
) -> None:
    code = "await collection.insert_one({'client': type(client).__name__})"
    page = page_with(tmp_path, code, ":class: dialects")
    run(page, mongo_uri, db_name)
    names = {document["client"] for document in sync_db.things.find()}
    assert names == {"AsyncMongoClient", "AsyncIOMotorClient"}


def test_snippet_says_what_it_needs(tmp_path: Path) -> None:
    page = page_with(tmp_path, "pass")
    needs = ".. Needs: pymongo, pymongo.MongoClient, pymongo.no_such, no_such_module\n\n"
    page.write_text(needs + page.read_text() * 2)
    first, second = snippets(page)
    assert first.missing() == ["pymongo.no_such", "no_such_module"]
    assert second.missing() == []
