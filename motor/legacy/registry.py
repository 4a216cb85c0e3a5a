"""What there was in the PyMongo 2 era and what became of it: one declaration for each name.

The modules that declare are imported when the registry is first asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = ["GUIDE", "Entry", "Kind", "bridges", "entries", "find", "refuses"]

F = TypeVar("F", bound=Callable[..., Any])

GUIDE = "doc/migrate-from-motor-0.rst"

#: What a name was. Of an object: a method that was called, an attribute that was read, a setting
#: that was assigned to. Or a keyword of a method that still exists, an option of a client, a
#: module's name.
Kind = Literal["method", "attribute", "setting"] | Literal["keyword", "option", "module"]

#: The modules with declarations.
_MODULES = [
    "bulk",
    "callbacks",
    "client_attributes",
    "client_methods",
    "client_options",
    "collection_keywords",
    "cursors",
    "database_keywords",
    "database_methods",
    "find_and_modify",
    "find_keywords",
    "gridfs",
    "indexes",
    "map_reduce",
    "names",
    "reads",
    "serving",
    "settings",
    "users",
    "writes",
]


@dataclass(frozen=True)
class Entry:
    """One name of old.

    - `kind`: what it was
    - `owner`: whose it was: "client", "database", "collection", "cursor", "gridfs", or "motor" for
      a name of a module. Of a keyword: its method, as in "collection.find", or "collection" if it
      is one of all methods
    - `name`: the name itself
    - `advice`: what to do instead, a clause such as "use insert_one() or insert_many()"
    - `function`: what the bridge leads to. None: to nothing, the name is refused
    - `reason`: why it is refused, a clause such as "MongoDB 4.2 removed the command". None: it is
      not
    - `in_place`: of a method: whether `function` runs at once and gives the result itself, instead
      of running on a worker
    - `applies`: of a keyword or an option that is still there: whether a value is one of old
    """

    kind: Kind
    owner: str
    name: str
    advice: str
    function: Callable[..., Any] | None = None
    reason: str | None = None
    in_place: bool = False
    applies: Callable[[Any], bool] | None = None

    @property
    def anchor(self) -> str:
        """The place in the guide: "collection-insert", "collection-find-spec"."""
        return f"{self.owner}-{self.name}".replace(".", "-").replace("_", "-").lower()

    @property
    def guide(self) -> str:
        """Where the guide has it."""
        return f"See 'From Motor 0.x', {GUIDE}#{self.anchor}."

    @property
    def subject(self) -> str:
        """The name as a sentence calls it."""
        if self.kind == "method":
            return f"{self.owner}.{self.name}()"
        if self.kind == "keyword":
            dot = "." in self.owner
            return f"The keyword {self.name!r} of {self.owner}{'()' if dot else ' methods'}"
        if self.kind == "option":
            return f"The client option {self.name!r}"
        if self.kind == "setting":
            return f"Assigning to {self.owner}.{self.name}"
        return f"{self.owner}.{self.name}"

    @property
    def message(self) -> str:
        """What whoever uses the name is told."""
        if self.reason is not None:
            advice = self.advice[0].upper() + self.advice[1:]
            return f"{self.subject} is gone: {self.reason}. {advice}. {self.guide}"
        return f"{self.subject} is deprecated: {self.advice}. {self.guide}"


_entries: dict[tuple[str, str, str], Entry] = {}
_loaded = False


def _add(entry: Entry) -> None:
    key = (entry.kind, entry.owner, entry.name)
    if key in _entries:
        raise ValueError(f"declared twice: {entry.subject}")
    _entries[key] = entry


def bridges(
    kind: Kind,
    owner: str | tuple[str, ...],
    name: str,
    advice: str,
    *,
    in_place: bool = False,
    applies: Callable[[Any], bool] | None = None,
) -> Callable[[F], F]:
    """Declare that the decorated function is what became of a name, of one owner or of several.

    The function of

    - a method is called with the Motor object and the call's arguments, on a worker: it may block,
      and its result is wrapped. With `in_place` on the caller's thread, where it must not
    - an attribute gets the Motor object
    - a setting gets the Motor object and the value
    - a keyword gets a `motor.legacy.calls.OldCall` to change, and the keyword's value
    - an option gets a `motor.legacy.client_options.Options` to change, and the option's value
    - a name of a module gets the name of the module that was asked

    See :class:`Entry` for the arguments. Raises ValueError for a name that was declared before.
    """

    def declare(function: F) -> F:
        for each in (owner,) if isinstance(owner, str) else owner:
            _add(Entry(kind, each, name, advice, function, None, in_place, applies))
        return function

    return declare


def refuses(
    kind: Kind,
    owner: str | tuple[str, ...],
    name: str,
    reason: str,
    advice: str,
    *,
    applies: Callable[[Any], bool] | None = None,
) -> None:
    """Declare that a name cannot be bridged. See :class:`Entry` for the arguments."""
    for each in (owner,) if isinstance(owner, str) else owner:
        _add(Entry(kind, each, name, advice, reason=reason, applies=applies))


def _load() -> None:
    global _loaded
    if not _loaded:
        for module in _MODULES:
            importlib.import_module(f"motor.legacy.{module}")
        _loaded = True


def find(kind: Kind, owner: str, name: str) -> Entry | None:
    """The declaration of a name, or None."""
    _load()
    return _entries.get((kind, owner, name))


def entries(kind: Kind | None = None, owner: str | None = None) -> Iterator[Entry]:
    """All declarations; of one kind, of one owner, if these are given."""
    _load()
    for entry in list(_entries.values()):
        if kind in (None, entry.kind) and owner in (None, entry.owner):
            yield entry
