"""The bridge is complete: each old name is bridged, or refused with a reason."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient

from motor.legacy import guide, registry
from motor.legacy.registry import Entry

ROOT = Path(__file__).parent.parent
NAMES: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "data" / "legacy_names.toml").read_text()
)
OWNERS = (
    "client",
    "database",
    "collection",
    "cursor",
    "gridfs",
    "grid_fs_handler",
    "replica_set_client",
)
TODAYS_CLASSES = {
    "client": AsyncMongoClient,
    "database": AsyncDatabase,
    "collection": AsyncCollection,
    "cursor": AsyncCursor,
}

pytest.importorskip("tornado")


def members() -> Iterator[tuple[str, str]]:
    for owner in OWNERS:
        for name in NAMES[owner]["members"]:
            yield owner, name
    for owner in ("grid_in", "grid_out"):
        for name in NAMES["gridfs"][owner]:
            yield owner, name


def keywords() -> Iterator[tuple[str, str, str]]:
    for owner in ("client", "database", "collection", "cursor"):
        for method, names in NAMES[owner]["keywords"].items():
            for name in names:
                yield owner, method, name


def explained(entry: Entry | None) -> bool:
    """Whether a name is bridged, or refused with a reason, and says what to do."""
    return (
        entry is not None
        and bool(entry.advice)
        and (entry.function is not None) == (entry.reason is None)
    )


@pytest.mark.parametrize(("owner", "name"), list(members()))
def test_member_is_bridged_or_refused(owner: str, name: str) -> None:
    kinds: tuple[registry.EntryKind, ...] = ("method", "attribute", "setting")
    assert any(explained(registry.find(kind, owner, name)) for kind in kinds)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, n) for owner in TODAYS_CLASSES for n in NAMES[owner].get("assigned", ())],
)
def test_assignment_is_bridged(owner: str, name: str) -> None:
    assert explained(registry.find("setting", owner, name))


@pytest.mark.parametrize(("owner", "method", "name"), list(keywords()))
def test_keyword_is_bridged_or_refused(owner: str, method: str, name: str) -> None:
    # Those of all methods are declared once for their owner.
    entry = registry.find("keyword", f"{owner}.{method}", name)
    assert explained(entry or registry.find("keyword", owner, name))


OLDEST = NAMES["motor_0_1"]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (owner, n)
        for owner in ("client", "database", "collection", "cursor", "gridfs")
        for n in OLDEST[owner]
    ],
)
def test_method_of_motor_0_1_is_bridged_or_refused(owner: str, name: str) -> None:
    assert explained(registry.find("method", owner, name))


@pytest.mark.parametrize("owner", ["client", "database", "collection"])
@pytest.mark.parametrize("name", OLDEST["assigned"])
def test_assignment_of_motor_0_1_is_bridged(owner: str, name: str) -> None:
    assert explained(registry.find("setting", owner, name))


@pytest.mark.parametrize("name", OLDEST["module"])
def test_name_of_motor_0_1_is_bridged_or_refused(name: str) -> None:
    entry = registry.find_in_module(name)
    assert explained(entry)
    assert entry is not None
    assert entry.tornado_only


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, n) for owner, names in OLDEST["uses"].items() for n in names]
)
def test_use_of_an_object_is_bridged_or_refused(owner: str, name: str) -> None:
    assert explained(registry.find("use", owner, name))


@pytest.mark.parametrize("name", NAMES["client"]["options"] + OLDEST["options"])
def test_client_option_is_bridged_or_refused(name: str) -> None:
    assert explained(registry.find("option", "client", name))


@pytest.mark.parametrize("name", NAMES["module"]["classes"] + NAMES["module"]["functions"])
@pytest.mark.parametrize("module", ["motor", "motor.motor_tornado", "motor.motor_asyncio"])
def test_name_of_a_module_is_found(module: str, name: str) -> None:
    assert explained(registry.find("module", "motor", name))
    if module == "motor.motor_asyncio":
        if name in NAMES["module"]["functions"]:
            pytest.skip("only Tornado's half ever had it")
        name = f"AsyncIO{name}"
    with pytest.warns(DeprecationWarning, match=re.escape("doc/migrate-from-motor-0/")):
        found = getattr(importlib.import_module(module), name)
    assert callable(found)


def test_members_of_bulk_builders_are_there() -> None:
    bulk = importlib.import_module("motor.legacy.bulk")
    with pytest.warns(DeprecationWarning, match="bulk_write"):
        builder = importlib.import_module("motor.motor_tornado").MotorBulkOperationBuilder
    assert builder is bulk.MotorBulkOperationBuilder
    assert [n for n in NAMES["bulk_builder"]["members"] if not callable(getattr(builder, n))] == []


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, n) for owner, names in NAMES["refused"].items() for n in names]
)
def test_what_no_server_can_do_has_a_reason(owner: str, name: str) -> None:
    entry = registry.find("method", owner, name)
    assert entry is not None
    assert entry.reason


# The list itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", TODAYS_CLASSES)
def test_list_has_as_many_members_as_are_gone(owner: str) -> None:
    listed = NAMES[owner]["members"]
    assert len(listed) == len(set(listed)) == NAMES[owner]["gone"]


@pytest.mark.parametrize("owner", TODAYS_CLASSES)
def test_no_bridged_member_is_one_of_todays(owner: str) -> None:
    # A method that PyMongo has would never come to the bridge.
    methods = {entry.name for entry in registry.entries("method", owner)}
    assert methods & set(dir(TODAYS_CLASSES[owner])) == set()


# The guide ------------------------------------------------------------------------------------

PAGES = sorted((ROOT / guide.INDEX).parent.glob("*.rst"))

#: What the bridge cannot notice, and the scanner can.
UNNOTICED = {"collection-find-positional"}


def places() -> list[str]:
    """The places in the guide, as links lead to them."""
    return [
        f"{page.relative_to(ROOT).as_posix()}#{anchor}"
        for page in PAGES
        for anchor in re.findall(r"\.\. _([\w-]+):$", page.read_text(), re.MULTILINE)
    ]


def test_guide_has_the_place_that_each_warning_leads_to() -> None:
    found = places()
    assert len(found) == len(set(found))
    assert {entry.link for entry in registry.entries()} - set(found) == set()


def test_guide_has_no_place_that_nothing_leads_to() -> None:
    links = {entry.link for entry in registry.entries()} | set(map(guide.link, UNNOTICED))
    assert set(places()) - links == set()


def test_each_page_of_the_guide_is_short() -> None:
    assert {page.name for page in PAGES if len(page.read_text().splitlines()) > 500} == set()
