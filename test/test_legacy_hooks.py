"""Where the core asks the bridge, and how the bridge's names are declared."""

from __future__ import annotations

import ast
import asyncio
import graphlib
import inspect
import io
import re
import tokenize
from pathlib import Path
from typing import Any

import pytest
from bson.codec_options import CodecOptions
from bson.son import SON
from pymongo import WriteConcern
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.cursor import Cursor
from pymongo.database import Database
from pymongo.mongo_client import MongoClient
from pymongo.monitoring import CommandListener

import motor.legacy
from motor.core import legacy_hooks
from motor.legacy import registry
from support.errors import raises_as
from support.jobs import Gauge
from support.old_style import old

#: The keywords that PyMongo would pass on, or takes still, and no server takes any more.
LISTED = {
    line
    for line in Path(motor.legacy.__file__).with_name("keywords.txt").read_text().splitlines()
    if line and not line.startswith("#")
}


def test_listed_keywords_are_those_that_pymongo_would_pass_on() -> None:
    declared = {
        (entry.owner, entry.name) for entry in registry.entries("keyword") if entry.applies is None
    }
    passing_on = {
        name
        for owner, name in declared
        if "." not in owner
        or owner in ("database.command", "collection.create_index", "collection.aggregate")
    }
    # These are PyMongo's still, but no server's.
    find_options = {"max_scan", "snapshot"}
    assert passing_on | find_options == LISTED
    assert find_options <= set(inspect.signature(Cursor).parameters)


@pytest.mark.parametrize("cls", [MongoClient, Database, Collection, Cursor])
def test_listed_keywords_are_none_of_pymongos(cls: type) -> None:
    for name, member in inspect.getmembers(cls, inspect.isroutine):
        # A cursor's class is what `find` hands its keywords on to.
        if name.startswith("_") and name != "__init__":
            continue
        parameters = set(inspect.signature(member).parameters)
        assert not LISTED & parameters - {"callback", "max_scan", "snapshot"}, name


def test_core_knows_no_old_keyword() -> None:
    """Old names are known to the bridge alone."""
    core = Path(legacy_hooks.__file__).parent
    words = {
        token.string.strip("\"'")
        for path in [*core.glob("*.py"), *core.parent.glob("*.py")]
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type in (tokenize.NAME, tokenize.STRING)
    }
    # What some of Motor's own functions are called with is no keyword of PyMongo 2's.
    assert words & LISTED <= {"callback", "snapshot"}


def test_bridge_uses_public_names_of_pymongo() -> None:
    """What begins with an underscore belongs to Motor: it is asked of Motor's objects."""
    for path in Path(motor.legacy.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = [node.module, *(alias.name for alias in node.names)]
                assert "pymongo_internals" not in " ".join(names), path
                if node.module.partition(".")[0] in ("bson", "gridfs", "pymongo"):
                    assert not [name for name in names if re.search(r"(^|\.)_", name)], path
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                assert "delegate" not in ast.unparse(node.value), f"{path}:{node.lineno}"


def test_modules_of_the_bridge_import_one_another_one_way() -> None:
    root = Path(motor.legacy.__file__).parent
    names = {
        ".".join(["motor.legacy", *path.relative_to(root).with_suffix("").parts]): path
        for path in root.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for name, path in names.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    for imported in (node.module, f"{node.module}.{alias.name}"):
                        if imported in names:
                            graph.add(name, imported)
    # Raises CycleError.
    graph.prepare()


def test_keywords_of_find_are_those_of_pymongo() -> None:
    """Where they are not, `find_one` could not tell an old keyword from one of today."""
    for method in (Collection.find, Collection.find_one):
        kinds = {p.kind for p in inspect.signature(method).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD in kinds


def test_names_are_declared_once() -> None:
    with pytest.raises(ValueError, match=r"declared twice: collection\.insert\(\)"):
        registry.refuses("method", "collection", "insert", "reason", "advice")


def test_refusals_say_what_to_do() -> None:
    for entry in registry.entries():
        if entry.reason is not None:
            assert " is gone: " in entry.message
            assert entry.advice[0].upper() + entry.advice[1:] in entry.message
        assert entry.link in entry.message


async def test_old_method_acts_with_the_options_of_its_collection(db: Any) -> None:
    collection = db.get_collection(
        "test", CodecOptions(document_class=SON), write_concern=WriteConcern(w=0)
    )
    with old("collection.update()"):
        assert await collection.update({}, {"$set": {"x": 1}}) is None
    await db.test.insert_one({"_id": 1})
    with old("collection.find_and_modify()"):
        found = await collection.find_and_modify({"_id": 1}, {"$set": {"x": 1}})
    assert type(found) is SON


async def test_old_method_of_a_collection_with_a_dotted_name(db: Any) -> None:
    with old("collection.insert()", "collection.count()"):
        await db.parent.child.insert({"_id": 1})
        assert await db["parent.child"].count() == 1
    assert await db.list_collection_names() == ["parent.child"]


async def test_old_methods_run_side_by_side(collection: Any) -> None:
    with old(*["collection.insert()"] * 20):
        results = await asyncio.gather(*(collection.insert({"_id": i}) for i in range(20)))
    assert results == list(range(20))
    with old("collection.count()"):
        task = asyncio.create_task(collection.count())
        assert await task == 20


class InFlight(CommandListener):
    """The most commands of a name that were ever under way at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gauge = Gauge()

    def started(self, event: Any) -> None:
        if event.command_name == self.name:
            self.gauge.__enter__()

    def succeeded(self, event: Any) -> None:
        if event.command_name == self.name:
            self.gauge.__exit__()

    failed = succeeded


async def test_old_methods_wait_for_a_bound_session(
    client_factory: Any, db_name: str, fail_point: Any
) -> None:
    """PyMongo's sessions are not for two threads at once."""
    inserts = InFlight("insert")
    client = client_factory(event_listeners=[inserts], appName=db_name)
    collection = client[db_name].test
    if not hasattr(ClientSession, "bind"):
        pytest.skip("the sessions of PyMongo before 4.17 cannot be bound")
    await collection.create_index("x")
    slow = {"failCommands": ["insert"], "blockConnection": True, "blockTimeMS": 20}
    with fail_point(appName=db_name, **slow):
        async with client.start_session() as session, session.bind():
            with old(*["collection.insert()"] * 4):
                await asyncio.gather(*(collection.insert({"_id": i}) for i in range(4)))
    assert inserts.gauge.most == 1
    assert await collection.count_documents({}) == 4


async def test_errors_of_today_are_not_those_of_the_bridge(client: Any, collection: Any) -> None:
    with raises_as(MongoClient, nope=1):
        type(client)(nope=1)
    with pytest.raises(TypeError, match="'nope'"):
        await collection.insert_one({}, nope=1)
    with pytest.raises(TypeError, match="'nope'"):
        await collection.find().to_list(nope=1)
    with pytest.raises(TypeError, match="'pipeline'"):
        collection.aggregate([], pipeline=[])
    with pytest.raises(TypeError, match="nope") as caught:
        collection.find({}, nope=1)
    assert caught.value.__context__ is None


async def test_foreign_delegates_take_old_calls_too(framework: Any) -> None:
    mongomock = pytest.importorskip("mongomock")
    client = framework.Client.from_delegate(mongomock.MongoClient())
    collection = client.db.test
    with old("collection.insert()", "collection.update()", "collection.remove()"):
        assert await collection.insert({"_id": 1}) == 1
        assert (await collection.update({"_id": 1}, {"$set": {"x": 1}}))["n"] == 1
        assert (await collection.remove({"_id": 1}))["n"] == 1
    with old("database.collection_names()"):
        assert await client.db.collection_names() == await client.db.list_collection_names()
    client.close()
