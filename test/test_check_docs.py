"""The check of the built documentation: it loads nothing from elsewhere, and has no dead links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support import PATIENCE

TOOL = Path(__file__).parent.parent / "tools" / "check_docs.py"


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    "line",
    [
        '<script src="https://example.com/a.js"></script>',
        '<link rel="stylesheet" href="//example.com/a.css">',
        '<img src="http://example.com/a.png">',
        '<style>@import "https://example.com/a.css";</style>',
        "<style>p { background: url('https://example.com/a.png') }</style>",
    ],
)
def test_page_that_loads_from_elsewhere_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(line)
    done = check(tmp_path)
    assert done.returncode == 1
    assert "index.html loads" in done.stdout
    assert "example.com/a" in done.stdout


def test_style_that_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "a.css").write_text("@font-face { src: url(https://example.com/a.woff2) }")
    assert check(tmp_path).returncode == 1


def test_links_and_own_files_are_all_right(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<link rel="canonical" href="https://example.com/"><link rel="stylesheet" href="a.css">'
        '<a href="https://example.com/">read on</a><img src="a.png"><script src="a.js"></script>'
        '<p id="here"><a href="#here">here</a><a href="index.html?q=1#here">as well</a></p>'
    )
    (tmp_path / "a.css").write_text("p { background: url(a.png) }")
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("link", ["no.html", "../no.rst", "#nowhere", "index.html#nowhere"])
def test_dead_link_is_found(link: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f'<a href="{link}">read on</a>')
    done = check(tmp_path)
    assert done.returncode == 1
    assert f"index.html links to {link}," in done.stdout


def test_folder_without_pages_is_refused(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 2
