"""The bridge is complete: each name of old is led somewhere, or refused with a reason."""

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

from motor.legacy import registry
from motor.legacy.registry import GUIDE, Entry

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
    """Whether a name leads somewhere, or is refused with a reason, and says what to do."""
    return (
        entry is not None
        and bool(entry.advice)
        and (entry.function is not None) == (entry.reason is None)
    )


@pytest.mark.parametrize(("owner", "name"), list(members()))
def test_member_is_bridged_or_refused(owner: str, name: str) -> None:
    kinds: tuple[registry.Kind, ...] = ("method", "attribute", "setting")
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


@pytest.mark.parametrize("name", NAMES["client"]["options"])
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
    with pytest.warns(DeprecationWarning, match=re.escape(GUIDE)):
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


def test_guide_has_the_place_that_each_warning_leads_to() -> None:
    page = (ROOT / GUIDE).read_text()
    anchors = re.findall(r"\.\. _([\w-]+):$", page, re.MULTILINE)
    assert len(anchors) == len(set(anchors))
    assert {entry.anchor for entry in registry.entries()} - set(anchors) == set()


def test_guide_has_no_place_that_nothing_leads_to() -> None:
    page = (ROOT / GUIDE).read_text()
    anchors = set(re.findall(r"\.\. _([\w-]+):$", page, re.MULTILINE))
    # What no bridge can notice, and the scanner can.
    unnoticed = {"collection-find-positional"}
    assert anchors - {entry.anchor for entry in registry.entries()} == unnoticed
