"""Check the built documentation: ``tox -e docs`` runs this.

    python tools/check_docs.py doc/_build/html

It must load nothing from other sites: links to them are allowed; scripts, styles, fonts and
pictures from them are not. And links within the documentation must have a target. Exits with 1, and
names what is wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself: the tags, and the attributes with the addresses.
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
#: Links in a page's head that browsers do not fetch.
DESCRIPTIVE = {"author", "canonical", "help", "index", "next", "prev", "search"}
_ELSEWHERE = re.compile(r"(?i)\s*(?:https?:)?//")
_IN_STYLES = re.compile(r"""(?ix) (?: url\( \s* | @import \s+ ) ["']? ((?:https?:)?//[^"')\s]+)""")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        if tag == "a":
            self.links.append(values.get("href") or "")
        if tag == "link" and set((values.get("rel") or "").split()) <= DESCRIPTIVE:
            return
        address = values.get(LOADED.get(tag, "")) or ""
        if _ELSEWHERE.match(address):
            self.fetched.append(f"<{tag}> {address}")


def fetched_from_elsewhere(folder: Path) -> Iterator[tuple[Path, str]]:
    """The pages and styles below `folder` that load from other sites, and what they load."""
    for path in sorted(folder.rglob("*.html")):
        page = _Page()
        text = path.read_text()
        page.feed(text)
        yield from ((path, found) for found in page.fetched)
        styles = re.findall(r"(?s)<style.*?</style>", text)
        yield from ((path, found) for found in _IN_STYLES.findall("".join(styles)))
    for path in sorted(folder.rglob("*.css")):
        yield from ((path, found) for found in _IN_STYLES.findall(path.read_text()))


def dead_links(folder: Path) -> Iterator[tuple[Path, str]]:
    """The pages below `folder` with links to a page, or a place in one, that does not exist."""
    pages: dict[Path, _Page] = {}
    for path in sorted(folder.resolve().rglob("*.html")):
        pages[path] = _Page()
        pages[path].feed(path.read_text())
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists() or (target in pages and anchor not in pages[target].anchors):
                yield path, link


def main(arguments: list[str]) -> int:
    """Check the folder named on the command line. Returns the exit code."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "index.html").is_file():
        print("usage: check_docs.py FOLDER, with the built documentation in it")
        return 2
    folder = Path(arguments[0])
    wrong = [f"{path} loads {what}" for path, what in fetched_from_elsewhere(folder)]
    wrong += [f"{path} links to {link}, which is not there" for path, link in dead_links(folder)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
