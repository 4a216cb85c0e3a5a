"""Check that the built documentation loads nothing from other sites: ``tox -e docs`` runs this.

    python tools/check_docs_offline.py doc/_build/html

Links that a reader may follow are all right; scripts, styles, fonts and pictures from elsewhere are
not. Exits with 1, and names them, when there are any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

#: What a browser fetches by itself: the tags, and the attributes that say from where.
LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
#: Links in a page's head that say what it is, which nobody fetches.
DESCRIPTIVE = {"author", "canonical", "help", "index", "next", "prev", "search"}
_ELSEWHERE = re.compile(r"(?i)\s*(?:https?:)?//")
_IN_STYLES = re.compile(r"""(?ix) (?: url\( \s* | @import \s+ ) ["']? ((?:https?:)?//[^"')\s]+)""")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and set((values.get("rel") or "").split()) <= DESCRIPTIVE:
            return
        address = values.get(LOADED.get(tag, "")) or ""
        if _ELSEWHERE.match(address):
            self.fetched.append(f"<{tag}> {address}")


def fetched_from_elsewhere(folder: Path) -> Iterator[tuple[Path, str]]:
    """The pages and styles below `folder` that make a browser ask other sites, and for what."""
    for path in sorted(folder.rglob("*.html")):
        page = _Page()
        text = path.read_text()
        page.feed(text)
        yield from ((path, found) for found in page.fetched)
        styles = re.findall(r"(?s)<style.*?</style>", text)
        yield from ((path, found) for found in _IN_STYLES.findall("".join(styles)))
    for path in sorted(folder.rglob("*.css")):
        yield from ((path, found) for found in _IN_STYLES.findall(path.read_text()))


def main(arguments: list[str]) -> int:
    """Check the folder named on the command line. Returns the exit code."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "index.html").is_file():
        print("usage: check_docs_offline.py FOLDER, with the built documentation in it")
        return 2
    found = list(fetched_from_elsewhere(Path(arguments[0])))
    for path, what in found:
        print(f"{path} loads {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
