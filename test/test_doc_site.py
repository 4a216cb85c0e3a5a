"""The built documentation, as a reader's browser shows it: `tox -e docs` runs this."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import PATIENCE

DOC = Path(__file__).parent.parent / "doc"
CHROMIUM = shutil.which("chromium")

pytest.importorskip("sphinx", reason="Sphinx is installed by tox -e docs")
pytest.importorskip("furo", reason="Furo is installed by tox -e docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with few of its pages."""
    folder = tmp_path_factory.mktemp("site")
    source, built = folder / "doc", folder / "html"
    shutil.copytree(DOC, source, ignore=shutil.ignore_patterns("_build", "*.rst", "performance"))
    for page in ("api/collection.rst", "howto/transactions.rst"):
        (source / page).parent.mkdir(exist_ok=True)
        # Links to pages that are left out are not the matter here.
        (source / page).write_text(re.sub(r":(doc|ref):`[^`]+`", "there", (DOC / page).read_text()))
    pages = "api/collection\n   howto/transactions"
    (source / "index.rst").write_text(f"Home\n====\n\n.. toctree::\n\n   {pages}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(built)]
    subprocess.run(command, check=True, timeout=5 * PATIENCE)
    return built


def found_for(site: Path, query: str) -> str:
    """What the page with the results of a search shows."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    profile = f"--user-data-dir={site.parent / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *options, profile, "--dump-dom", f"{(site / 'search.html').as_uri()}?q={query}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.partition('id="search-results"')[2]


@pytest.mark.parametrize(
    ("query", "meant"),
    [("agregate", "aggregate"), ("find_oen", "find_one"), ("transcation", "transact")],
)
def test_search_forgives_a_slip(site: Path, query: str, meant: str) -> None:
    shown = found_for(site, query)
    assert f"“{query}”" in shown
    assert f"“{meant}" in shown
    assert "<li" in shown


@pytest.mark.parametrize("query", ["aggregate", "transactions", "insert_one+session"])
def test_search_takes_known_words_as_they_are(site: Path, query: str) -> None:
    shown = found_for(site, query)
    assert "search-spelling" not in shown
    assert "<li" in shown


def test_search_finds_nothing_like_an_unknown_word(site: Path) -> None:
    shown = found_for(site, "xylophone")
    assert "search-spelling" not in shown
    assert "<li" not in shown


def test_site_has_an_icon(site: Path) -> None:
    page = (site / "index.html").read_text()
    assert re.search(r'<link rel="icon" href="_static/favicon\.svg', page) or re.search(
        r'<link rel="shortcut icon" href="_static/favicon\.svg', page
    )
