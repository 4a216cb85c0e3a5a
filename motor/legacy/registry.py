"""The names of the PyMongo 2 era, and what to do instead: one declaration for each name.

The modules with declarations are imported when the registry is first asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from motor.legacy import guide

__all__ = ["Entry", "EntryKind", "bridges", "entries", "find", "find_in_module", "refuses"]

F = TypeVar("F", bound=Callable[..., Any])

#: What a name was. Of an object: a method that was called, an attribute that was read, a setting
#: that was assigned to, a use such as ``bool(db)``, which has no name in the code. Or a keyword of
#: a method that still exists, an option of a client, a module's name.
EntryKind = (
    Literal["method", "attribute", "setting", "use"] | Literal["keyword", "option", "module"]
)

#: The modules with declarations.
_MODULES = [
    "bulk",
    "callback_keyword",
    "client_attributes",
    "client_methods",
    "client_options",
    "collection_keywords",
    "collection_reads",
    "collection_writes",
    "cursor_methods",
    "database_keywords",
    "database_methods",
    "find_and_modify",
    "find_keywords",
    "gridfs",
    "indexes",
    "map_reduce",
    "module_names",
    "serving",
    "settings",
    "truth",
    "users",
]


@dataclass(frozen=True)
class Entry:
    """One old name.

    - `kind`: what it was
    - `owner`: whose it was: "client", "database", "collection", "cursor", "gridfs", or "motor" for
      a name of a module. Of a keyword: its method, as in "collection.find", or "collection" if
      all methods took it
    - `name`: the name itself
    - `advice`: what to do instead, a clause such as "use insert_one() or insert_many()"
    - `function`: what the bridge calls. None: the name is refused
    - `reason`: why it is refused, a clause such as "MongoDB 4.2 removed the command". None: it is
      not
    - `in_place`: of a method: whether `function` runs at once and returns the result itself,
      instead of running on a worker
    - `applies`: of a keyword or an option that still exists, and of a setting: whether a value is
      an old one
    - `tornado_only`: of a module's name: whether there was none with "AsyncIO" before it
    - `said`: of a use: what a message calls it
    """

    kind: EntryKind
    owner: str
    name: str
    advice: str
    function: Callable[..., Any] | None = None
    reason: str | None = None
    in_place: bool = False
    applies: Callable[[Any], bool] | None = None
    tornado_only: bool = False
    said: str | None = None

    @property
    def anchor(self) -> str:
        """The place in the guide: "collection-insert", "collection-find-spec"."""
        return f"{self.owner}-{self.name}".replace(".", "-").replace("_", "-").lower()

    @property
    def link(self) -> str:
        """The page of the guide, and the place in it."""
        return guide.link(self.anchor)

    @property
    def subject(self) -> str:
        """The name as a sentence calls it."""
        if self.said is not None:
            return self.said
        if self.kind == "method":
            return f"{self.owner}.{self.name}()"
        if self.kind == "keyword":
            # It may be passed by position, too.
            method = f"{self.owner}()" if "." in self.owner else f"{self.owner} methods"
            text = f"The argument {self.name!r} of {method}"
        elif self.kind == "option":
            text = f"The client option {self.name!r}"
        elif self.kind == "setting":
            return f"Assigning to {self.owner}.{self.name}"
        else:
            return f"{self.owner}.{self.name}"
        return text if self.applies is None else f"This value of {text[0].lower()}{text[1:]}"

    @property
    def message(self) -> str:
        """The text of the warning, or of the error."""
        see = f"See 'From Motor 0.x', {self.link}."
        if self.reason is not None:
            advice = self.advice[0].upper() + self.advice[1:]
            return f"{self.subject} is gone: {self.reason}. {advice}. {see}"
        return f"{self.subject} is deprecated: {self.advice}. {see}"


_entries: dict[tuple[str, str, str], Entry] = {}
_loaded = False


def _add(entry: Entry) -> None:
    key = (entry.kind, entry.owner, entry.name)
    if key in _entries:
        raise ValueError(f"declared twice: {entry.subject}")
    _entries[key] = entry


def bridges(
    kind: EntryKind,
    owner: str | tuple[str, ...],
    name: str,
    advice: str,
    *,
    in_place: bool = False,
    applies: Callable[[Any], bool] | None = None,
    tornado_only: bool = False,
    said: str | None = None,
) -> Callable[[F], F]:
    """Declare that the decorated function does what an old name did, for one owner or several.

    The function of

    - a method is called with the Motor object and the call's arguments, on a worker: it may block,
      and its result is wrapped. With `in_place` on the caller's thread, where it must not block
    - an attribute gets the Motor object
    - a setting gets the Motor object and the value
    - a use gets the Motor object
    - a keyword gets a `motor.legacy.calls.OldCall` to change, and the argument's value
    - an option gets a `motor.legacy.client_options.Options` to change, and the option's value
    - a name of a module gets the name of the module that was asked

    See :class:`Entry` for the arguments; "{owner}" in `said` stands for the owner. Raises
    ValueError for a name that was declared before.
    """

    def declare(function: F) -> F:
        for each in (owner,) if isinstance(owner, str) else owner:
            text = said and said.format(owner=each)
            how = (in_place, applies, tornado_only, text)
            _add(Entry(kind, each, name, advice, function, None, *how))
        return function

    return declare


def refuses(
    kind: EntryKind,
    owner: str | tuple[str, ...],
    name: str,
    reason: str,
    advice: str,
    *,
    applies: Callable[[Any], bool] | None = None,
    tornado_only: bool = False,
    said: str | None = None,
) -> None:
    """Declare that the bridge refuses a name. See :class:`Entry` for the arguments."""
    for each in (owner,) if isinstance(owner, str) else owner:
        how = (False, applies, tornado_only, said)
        _add(Entry(kind, each, name, advice, None, reason, *how))


def _load() -> None:
    global _loaded
    if not _loaded:
        for module in _MODULES:
            importlib.import_module(f"motor.legacy.{module}")
        _loaded = True


def find(kind: EntryKind, owner: str, name: str) -> Entry | None:
    """The declaration of a name, or None."""
    _load()
    return _entries.get((kind, owner, name))


def find_in_module(name: str) -> Entry | None:
    """The declaration of a name of Motor's modules, which may begin with "AsyncIO"; or None."""
    found = find("module", "motor", name.removeprefix("AsyncIO"))
    if found is None or not name.startswith("AsyncIO"):
        return found
    return None if found.tornado_only else found


def entries(kind: EntryKind | None = None, owner: str | None = None) -> Iterator[Entry]:
    """All declarations; of one kind, of one owner, if these are given."""
    _load()
    for entry in list(_entries.values()):
        if kind in (None, entry.kind) and owner in (None, entry.owner):
            yield entry
