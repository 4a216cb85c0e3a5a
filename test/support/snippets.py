"""The Python in the documentation's pages: taken out of the reST, and run against a server.

A page's ``.. code-block:: python`` blocks run as they stand: with ``await`` in them they run on an
event loop, as the body of a coroutine; without, as a plain program. They find some names defined
(see `Runner`), and a ``:class:`` option says what is special about them:

- ``tornado``: the loop is Tornado's, and so are the Motor classes of the given names
- ``pymongo-async``, ``pymongo``: the given names are PyMongo's, not Motor's
- ``dialects``: runs twice, with Motor's names and with those of PyMongo's async API
- ``legacy``: has to raise a DeprecationWarning; without this class, warnings are errors
- ``legacy-client``: likewise, and the given client is one of ``motor.legacy``
- ``continued``: runs in the names of the block before it
- ``not-run``: does not run; a comment ``.. Not run: <reason>`` stands before it. A further class
  tells the test that runs it which one it is

A comment ``.. Needs: <names>`` before a block names what it needs that may not be installed:
modules, or dotted names in them. A comment ``.. Before each snippet:`` holds code that runs before
every block of its page.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfs import AsyncGridFSBucket, GridFSBucket
from pymongo import AsyncMongoClient, MongoClient

from motor.core import AgnosticClient
from support.framework import Framework

#: The URI in the pages, as on a machine with a newly installed MongoDB.
PAGE_URI = "mongodb://localhost:27017"
#: The databases' names in the pages: for each of these words, a snippet gets a fresh database.
PAGE_DATABASES = ("library", "shop")

_BLOCK = re.compile(r"^(?P<indent>[ ]*)(?P<lead>(?:\* - |- )?)\.\. code-block:: python$")
_OPTION = re.compile(r"^\s+:(?P<name>[\w-]+):\s*(?P<value>.*)$")
_NOT_RUN = re.compile(r"^\s*(?:\* - |- )?\.\. Not run: (?P<reason>.+)$")
_NEEDS = re.compile(r"^\s*(?:\* - |- )?\.\. Needs: (?P<names>.+)$")
_SETUP = ".. Before each snippet:"
KNOWN_CLASSES = frozenset(
    [
        "tornado",
        "pymongo-async",
        "pymongo",
        "dialects",
        "legacy",
        "legacy-client",
        "continued",
        "not-run",
    ]
)


@dataclass(frozen=True)
class Snippet:
    """One block of code in a page."""

    page: Path
    #: Where its code begins, counted from 1.
    line: int
    code: str
    classes: frozenset[str] = frozenset()
    #: Why it is not run, where the page says so.
    reason: str | None = None
    #: Dotted names of what has to be there for it to run.
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Which of what it needs is not installed, or not in the version that is."""
        return [name for name in self.needs if not _is_there(name)]

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def compiled(self, names: dict[str, str]) -> Any:
        """The code object, with the page's lines; `names` are words to replace."""
        code = self.code
        for old, new in names.items():
            code = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _, new=new: new, code)
        tree = ast.increment_lineno(ast.parse(code), self.line - 1)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return compile(tree, str(self.page), "exec", flags=flags, dont_inherit=True)


def snippets(page: Path) -> Iterator[Snippet]:
    """The Python blocks of a page, in order."""
    lines = page.read_text().splitlines()
    reason = None
    needs: tuple[str, ...] = ()
    for number, line in enumerate(lines):
        if found := _NOT_RUN.match(line):
            reason = found["reason"]
        if found := _NEEDS.match(line):
            needs = tuple(name.strip() for name in found["names"].split(","))
        if not (found := _BLOCK.match(line)):
            continue
        column = len(found["indent"]) + len(found["lead"])
        body = list(_indented(lines, number + 1, column))
        options: dict[str, str] = {}
        while body and (option := _OPTION.match(body[0])):
            options[option["name"]] = option["value"]
            del body[0]
            number += 1
        while body and not body[0].strip():
            del body[0]
            number += 1
        classes = frozenset(options.get("class", "").split())
        code = textwrap.dedent("\n".join(body)).rstrip() + "\n"
        yield Snippet(page, number + 2, code, classes, reason, needs)
        reason, needs = None, ()


def _is_there(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def setup_code(page: Path) -> str:
    """What runs before each of the page's snippets."""
    lines = page.read_text().splitlines()
    if _SETUP not in lines:
        return ""
    return textwrap.dedent("\n".join(_indented(lines, lines.index(_SETUP) + 1, 0)))


def _indented(lines: list[str], start: int, column: int) -> Iterator[str]:
    for line in lines[start:]:
        if line.strip() and len(line) - len(line.lstrip()) <= column:
            return
        yield line


def programs(page: Path) -> list[list[Snippet]]:
    """The page's snippets that run, each with those that continue it."""
    found: list[list[Snippet]] = []
    for snippet in snippets(page):
        if "not-run" in snippet.classes:
            continue
        if "continued" in snippet.classes:
            found[-1].append(snippet)
        else:
            found.append([snippet])
    return found


class Runner:
    """Runs snippets in a fresh database.

    They find these names: `uri`, and, connected to the server, `client`, `db`, `books`,
    `collection` and `bucket`; and the name of the client's class.
    """

    def __init__(self, uri: str, db_name: str) -> None:
        # The monitors of polled servers end at once when a client is closed.
        self._uri = f"{uri}{'&' if '?' in uri else '?'}serverMonitoringMode=poll"
        self._db_name = db_name

    def run(self, program: list[Snippet]) -> None:
        """Run a snippet and those that continue it. Raises what they raise."""
        classes = program[0].classes
        if "dialects" in classes:
            self._run(program, Framework("asyncio"), AsyncMongoClient)
        framework = Framework("tornado" if "tornado" in classes else "asyncio")
        self._run(program, framework, self._client_class(classes, framework))

    def _client_class(self, classes: frozenset[str], framework: Framework) -> Callable[..., Any]:
        if "pymongo" in classes:
            return MongoClient
        if "pymongo-async" in classes:
            return AsyncMongoClient
        if "legacy-client" in classes:
            from motor import legacy

            name: str = framework.Client.__name__
            client_class: Callable[..., Any] = getattr(legacy, name)
            return client_class
        return framework.Client

    def _run(
        self, program: list[Snippet], framework: Framework, client_class: Callable[..., Any]
    ) -> None:
        given = client_class(self._uri)
        # Also under a name of its own, as snippets make clients called "client".
        names = {"__name__": "__main__", "uri": self._uri, "client": given, "_given": given}
        names[type(given).__name__] = type(given)
        names["db"] = given[self._db_name]
        names |= {"books": names["db"].books, "collection": names["db"].things}
        names["bucket"] = _bucket_class(given, framework)(names["db"])
        setup = Snippet(program[0].page, 1, setup_code(program[0].page))
        replaced = dict.fromkeys(PAGE_DATABASES, self._db_name)
        replaced[f'"{PAGE_URI}"'] = repr(self._uri)
        compiled = [(snippet, snippet.compiled(replaced)) for snippet in (setup, *program)]
        if any(_is_coroutine(code) for _, code in compiled):
            framework.run(_run_on_loop(compiled, names))
            return
        try:
            for snippet, code in compiled:
                with _checking_warnings(snippet):
                    exec(code, names)
        finally:
            framework.run(_close_clients(names))


def _bucket_class(client: Any, framework: Framework) -> Any:
    if isinstance(client, AgnosticClient):
        return framework.GridFSBucket
    return AsyncGridFSBucket if isinstance(client, AsyncMongoClient) else GridFSBucket


def _is_coroutine(code: Any) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


async def _run_on_loop(compiled: list[tuple[Snippet, Any]], names: dict[str, Any]) -> None:
    try:
        for snippet, code in compiled:
            with _checking_warnings(snippet):
                if _is_coroutine(code):
                    await eval(code, names)
                else:
                    exec(code, names)
    finally:
        await _close_clients(names)


@contextmanager
def _checking_warnings(snippet: Snippet) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # PyMongo 4.13 advises a session with cursors that must not time out; later ones do not.
        warnings.filterwarnings("ignore", "use an explicit session with no_cursor_timeout")
        yield
    _check_warnings(snippet, caught)


def _check_warnings(snippet: Snippet, caught: list[warnings.WarningMessage]) -> None:
    wanted = bool({"legacy", "legacy-client"} & snippet.classes)
    deprecations = [w for w in caught if wanted and w.category is DeprecationWarning]
    others = [str(w.message) for w in caught if w not in deprecations]
    assert not others, f"{snippet} warns: {others}"
    assert deprecations or not wanted, f"{snippet} runs without a DeprecationWarning"
    for warning in deprecations:
        # It has to lead to the line of the page.
        where = f"{warning.filename}:{warning.lineno}: {warning.message}"
        assert warning.filename == str(snippet.page), f"{snippet} warns at {where}"


async def _close_clients(names: dict[str, Any]) -> None:
    for client in list(names.values()):
        if isinstance(client, AsyncMongoClient | AgnosticClient):
            await client.close()
        elif isinstance(client, MongoClient):
            client.close()
