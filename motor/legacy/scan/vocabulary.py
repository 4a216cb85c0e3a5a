"""What the scanner says about each old name: the text of the registry, and a few of its own.

Its own are for code that the bridge cannot notice: it is valid today and means something else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from motor.legacy import guide, registry
from motor.legacy.registry import Entry
from motor.legacy.scan.kinds import Guess, Kind
from motor.legacy.scan.shapes import keywords

__all__ = [
    "Advice",
    "assignment",
    "gone_attribute",
    "gone_import",
    "is_distinctive",
    "item",
    "kinds_with",
    "member",
    "old_arguments",
    "old_client_arguments",
    "property_of",
    "truth",
]

#: Old names that many other objects have, too.
_COMMON = frozenset(
    """
    add_user alive authenticate connection count current_op delete disconnect document_class
    end_request error eval exists find find_one fsync get get_version group host hosts in_request
    insert is_locked list logout max_pool_size open open_sync options port put refresh reindex
    remove remove_user save seeds start_request sync_client tail tz_aware unlock update
    """.split()  # noqa: SIM905
)
#: Keywords of find() that tell of a collection by themselves.
_TELLING_KEYWORDS = frozenset({"as_class", "await_data", "max_scan", "slave_okay", "spec_or_id"})
#: Methods that take a callback today as well.
_TAKE_CALLBACKS = frozenset({"each", "with_transaction"})
#: Methods that tell of MongoDB by themselves: with these, "callback=" is a bridged one.
_TELLING_METHODS = frozenset(
    """
    bulk_write create_index delete_many delete_one drop_index find_one find_one_and_delete
    find_one_and_replace find_one_and_update index_information insert_many insert_one replace_one
    to_list update_many update_one
    """.split()  # noqa: SIM905
)
#: The positional arguments of find() after this many mean something else today.
_FIND_POSITIONAL = 4
#: Where max_pool_size was among a client's positional arguments.
_MAX_POOL_SIZE = 2
_SON_MANIPULATORS = "pymongo.son_manipulator"


@dataclass(frozen=True)
class Advice:
    """What a finding says: what it is, what to do instead, and where to read on."""

    what: str
    replacement: str
    link: str


def _said(what: str, entry: Entry) -> Advice:
    text = entry.advice
    if entry.reason is not None:
        text = f"gone, as {entry.reason}; {text}"
    return Advice(what, text, entry.link)


def _own(what: str, text: str, anchor: str) -> Advice:
    return Advice(what, text, guide.link(anchor))


# Methods and attributes -----------------------------------------------------------------------


def kinds_with(name: str) -> tuple[Kind, ...]:
    """The kinds of objects that had a method of that name, which is gone."""
    kinds = (each for each in Kind if registry.find("method", each.value, name) is not None)
    return tuple(kinds)


def member(kind: Kind, name: str) -> Advice:
    """What to say about an old method."""
    entry = registry.find("method", kind.value, name)
    assert entry is not None
    return _said(f"{kind.value}.{name}()", entry)


def is_distinctive(name: str) -> bool:
    """Whether an old name is MongoDB's alone."""
    return name not in _COMMON


def property_of(owner: Guess, name: str) -> Advice | None:
    """What to say about an attribute that is read."""
    if not owner.sure and name in _COMMON:
        return None
    entry = registry.find("attribute", owner.kind.value, name)
    if entry is None and owner.kind is Kind.CLIENT:
        entry = registry.find("attribute", "replica_set_client", name)
    return None if entry is None else _said(f"{owner.kind.value}.{name}", entry)


def assignment(owner: Guess, name: str) -> Advice | None:
    """What to say about an attribute that is assigned to."""
    if name == "safe" and not owner.sure:
        # Other objects called "client" have that, too.
        return None
    entry = registry.find("setting", owner.kind.value, name)
    return None if entry is None else _said(f"{owner.kind.value}.{name} = …", entry)


def truth(owner: Guess) -> Advice | None:
    """What to say where an object is tested for being true."""
    entry = registry.find("use", owner.kind.value, "bool")
    return None if entry is None else _said(f"bool({owner.kind.value})", entry)


def item(owner: Guess, name: object) -> Advice | None:
    """What to say about ``owner[name]``."""
    if owner.kind is not Kind.COMMAND_CURSOR or name != "result":
        return None
    entry = registry.find("use", "collection.aggregate", "result")
    assert entry is not None
    return _said("collection.aggregate()['result']", entry)


# Arguments ------------------------------------------------------------------------------------


def old_arguments(node: ast.Call, name: str, owner: Guess) -> Iterator[Advice]:
    """What to say about the arguments of a call of one of today's methods."""
    given = keywords(node)
    for keyword in given:
        if keyword == "callback":
            if name not in _TAKE_CALLBACKS and _is_mongos(owner, name):
                kind = Kind.COLLECTION if owner.kind is Kind.UNKNOWN else owner.kind
                callback = registry.find("keyword", kind.value, "callback")
                if callback is not None:
                    yield _said(f"{name}(callback=…)", callback)
        elif (entry := _keyword(owner, name, keyword)) and _is_old(entry, given[keyword]):
            yield _said(f"{entry.owner}({keyword}=…)", entry)
    if owner.kind is Kind.COLLECTION and name == "aggregate" and node.args:
        yield from _pipeline(node.args[0])
    if owner.kind is Kind.COLLECTION and name == "find" and len(node.args) > _FIND_POSITIONAL:
        yield _own(
            f"find() with {len(node.args)} positional arguments",
            "those after the fourth mean something else today, so use keywords",
            "collection-find-positional",
        )


def _pipeline(node: ast.expr) -> Iterator[Advice]:
    if isinstance(node, ast.Dict | ast.Tuple):
        entry = registry.find("use", "collection.aggregate", "pipeline")
        assert entry is not None
        yield _said("collection.aggregate() without a list", entry)


def _is_mongos(owner: Guess, name: str) -> bool:
    if owner.kind is Kind.UNKNOWN:
        return name in _TELLING_METHODS
    return owner.sure or name in _TELLING_METHODS or owner.kind is not Kind.CLIENT


def _keyword(owner: Guess, name: str, keyword: str) -> Entry | None:
    kind = owner.kind
    if kind is Kind.UNKNOWN:
        if keyword not in _TELLING_KEYWORDS:
            return None
        kind = Kind.COLLECTION
    return registry.find("keyword", f"{kind.value}.{name}", keyword)


def _is_old(entry: Entry, value: ast.expr) -> bool:
    """Whether the value, as far as it can be read, is an old one."""
    if entry.applies is None:
        return True
    try:
        return entry.applies(ast.literal_eval(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        # Not a literal: its value is known when the code runs.
        return False


def old_client_arguments(node: ast.Call, name: str) -> Iterator[Advice]:
    """What to say about the arguments of a client's constructor."""
    for keyword, value in keywords(node).items():
        entry = registry.find("option", "client", keyword)
        if entry is not None and _is_old(entry, value):
            yield _said(f"{name}({keyword}=…)", entry)
    if len(node.args) > _MAX_POOL_SIZE:
        size = node.args[_MAX_POOL_SIZE]
        if isinstance(size, ast.Constant) and isinstance(size.value, int):
            yield _own(
                f"{name}(host, port, {size.value})",
                "use maxPoolSize=, as the third positional argument is document_class today",
                "client-max-pool-size",
            )


# Modules --------------------------------------------------------------------------------------


def gone_attribute(name: str) -> Advice | None:
    """What to say about a name that Motor's modules had."""
    entry = registry.find_in_module(name)
    return None if entry is None else _said(name, entry)


def gone_import(module: str, name: str | None) -> Advice | None:
    """What to say about ``import module``, or ``from module import name``."""
    if _SON_MANIPULATORS in (module, f"{module}.{name}"):
        return _own(
            _SON_MANIPULATORS,
            "PyMongo 4 removed the module, so change documents before and after the calls",
            "database-add-son-manipulator",
        )
    in_motor = module in ("motor", "motor.motor_tornado", "motor.motor_asyncio")
    return gone_attribute(name) if in_motor and name is not None else None
