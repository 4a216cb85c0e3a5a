"""The API reference has every class and every member, and links to what is there."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from motor import motor_asyncio

DOC = Path(__file__).parent.parent / "doc"
CLASSES = {
    name: value
    for name in dir(motor_asyncio)
    if inspect.isclass(value := getattr(motor_asyncio, name))
    and value.__module__ == motor_asyncio.__name__
}


@pytest.fixture(scope="module")
def extension() -> Iterator[Any]:
    """What makes the reference, as far as it does without Sphinx."""
    sys.path.insert(0, str(DOC / "_ext"))
    try:
        yield SimpleNamespace(
            members=importlib.import_module("motor_members").members,
            address_of=importlib.import_module("motor_links").address_of,
        )
    finally:
        sys.path.remove(str(DOC / "_ext"))


@pytest.fixture(scope="module")
def members(extension: Any) -> Any:
    return extension.members


def public_names(cls: type) -> list[str]:
    return [
        name
        for name in dir(cls)
        if name[0] != "_"
        and (callable(getattr(cls, name)) or isinstance(getattr(cls, name), property))
    ]


def test_every_class_has_its_place() -> None:
    pages = "".join(page.read_text() for page in (DOC / "api").glob("*.rst"))
    described = re.findall(r"^\.\. motor-class:: motor\.motor_asyncio\.(\w+)$", pages, re.MULTILINE)
    assert len(described) == len(set(described))
    assert set(CLASSES) <= set(described)


def test_no_page_has_a_table_of_contents() -> None:
    # The theme has one beside the page, and shows an error where a page has its own.
    found = [page for page in DOC.rglob("*.rst") if ".. contents::" in page.read_text()]
    assert found == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_is_described_once(name: str, members: Any) -> None:
    found = list(members(CLASSES[name]))
    assert [member.name for member in found] == sorted(public_names(CLASSES[name]))
    assert not [member.name for member in found if not member.doc]


@pytest.mark.parametrize("name", CLASSES)
def test_members_lead_to_what_pymongo_has(name: str, members: Any, extension: Any) -> None:
    for member in members(CLASSES[name]):
        if member.pymongo is not None:
            pkgutil.resolve_name(member.pymongo)
            assert extension.address_of(member.pymongo).endswith(member.name)


@pytest.mark.parametrize(
    ("class_name", "member_name", "group"),
    [
        ("Collection", "watch", "LATENT"),
        ("ClientSession", "start_transaction", "OWN"),
        ("Client", "from_delegate", "OWN"),
        ("Collection", "find_one", "AWAITED"),
        ("ClientSession", "commit_transaction", "AWAITED"),
        ("Collection", "aggregate", "LATENT"),
        ("Collection", "aggregate_raw_batches", "LATENT"),
        ("Collection", "find", "IN_PLACE"),
        ("Cursor", "skip", "IN_PLACE"),
        ("Collection", "full_name", "VALUE"),
    ],
)
def test_members_say_how_they_differ(
    class_name: str, member_name: str, group: str, members: Any
) -> None:
    cls = CLASSES[f"AsyncIOMotor{class_name}"]
    [member] = [member for member in members(cls) if member.name == member_name]
    assert member.group.name == group


def test_arguments_are_shown_without_self_and_annotations(members: Any) -> None:
    collection = CLASSES["AsyncIOMotorCollection"]
    [member] = [member for member in members(collection) if member.name == "insert_one"]
    assert member.arguments.startswith("(document, bypass_document_validation=")
    assert ":" not in member.arguments


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (
            "pymongo.collection.Collection.find",
            "https://pymongo.readthedocs.io/en/stable/api/pymongo/collection.html"
            "#pymongo.collection.Collection.find",
        ),
        (
            "pymongo.timeout",
            "https://pymongo.readthedocs.io/en/stable/api/pymongo/index.html#pymongo.timeout",
        ),
        (
            "gridfs.grid_file.GridFSBucket.find",
            "https://pymongo.readthedocs.io/en/stable/api/gridfs/index.html"
            "#gridfs.GridFSBucket.find",
        ),
        (
            "asyncio.Future",
            "https://docs.python.org/3/library/asyncio-future.html#asyncio.Future",
        ),
        (
            "concurrent.futures.ThreadPoolExecutor",
            "https://docs.python.org/3/library/concurrent.futures.html"
            "#concurrent.futures.ThreadPoolExecutor",
        ),
        (
            "tornado.web.RequestHandler",
            "https://www.tornadoweb.org/en/stable/web.html#tornado.web.RequestHandler",
        ),
        ("motor.nothing", None),
    ],
)
def test_addresses(name: str, address: str | None, extension: Any) -> None:
    assert extension.address_of(name) == address
