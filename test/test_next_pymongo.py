"""A new release of PyMongo works on the day it appears: members, keywords, annotations."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pymongo
import pytest
from pymongo.cursor import Cursor

from motor import core
from motor.metaprogramming import create_class_with_framework
from motor.operation import OperationFuture
from support import Framework, class_names, run_python
from support.next_pymongo import (
    AsyncNextClient,
    AsyncNextCollection,
    NextClient,
    NextCollection,
)
from support.no_server import NoServer

PREFIX = "AsyncIOMotor"
CLASSES = class_names()


class AgnosticNextCollection(core.AgnosticCollection):
    __motor_class_name__ = "MotorNextCollection"
    __delegate_class__ = NextCollection
    __async_class__ = AsyncNextCollection


class AgnosticNextClient(core.AgnosticClient):
    __motor_class_name__ = "MotorNextClient"
    __delegate_class__ = NextClient
    __async_class__ = AsyncNextClient


@pytest.fixture
def framework_module(framework: Framework) -> ModuleType:
    """`motor.frameworks.asyncio`, or its counterpart for Tornado."""
    return importlib.import_module(f"motor.frameworks.{framework.name}")


@pytest.fixture
def next_class(framework_module: ModuleType) -> Any:
    return create_class_with_framework(AgnosticNextCollection, framework_module, __name__)


@pytest.fixture
def next_collection(next_class: Any, db: Any, sync_db: Any) -> Any:
    sync_db["next"].insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}])
    return next_class(db, "next", _delegate=NextCollection(db.delegate, "next"))


# New members --------------------------------------------------------------------------------------


async def test_coroutine_function_runs_on_a_worker(next_collection: Any) -> None:
    future = next_collection.count_twice(factor=3)
    assert isinstance(future, OperationFuture)
    assert await future == 9
    method = type(next_collection).count_twice
    assert inspect.iscoroutinefunction(method)
    assert str(inspect.signature(method)).startswith("(self, factor: ")
    assert method.__doc__.startswith("Like :meth:`~")


@pytest.mark.parametrize("name", ["list_newest", "list_by_class", "list_by_text", "list_by_kind"])
async def test_cursor_is_latent_however_it_is_annotated(
    framework: Framework, next_collection: Any, name: str
) -> None:
    cursor = getattr(next_collection, name)(2)
    assert isinstance(cursor, framework.LatentCommandCursor)
    assert not cursor.started
    assert [document["_id"] async for document in cursor] == [3, 2]
    again = await getattr(next_collection, name)(limit=1)
    assert await again.to_list() == [{"_id": 3}]


@pytest.mark.parametrize("name", ["follow", "follow_by_text"])
async def test_change_stream_is_latent_however_it_is_annotated(
    framework: Framework, next_collection: Any, name: str
) -> None:
    stream = getattr(next_collection, name)(max_await_time_ms=1)
    assert isinstance(stream, framework.ChangeStream)
    assert stream.delegate is None
    async with stream:
        assert await stream.try_next() is None
        await next_collection.insert_one({"_id": 4})
        assert (await stream.next())["documentKey"] == {"_id": 4}


async def test_plain_members_run_in_place(framework: Framework, next_collection: Any) -> None:
    assert isinstance(next_collection.sibling("other"), framework.Collection)
    assert next_collection.sibling("other").name == "other"
    assert isinstance(next_collection.parent, framework.Database)
    assert next_collection.parent == next_collection.database


async def test_async_property_is_a_future(next_collection: Any) -> None:
    assert await next_collection.size == 3


async def test_class_method_is_one(next_class: Any, next_collection: Any, db: Any) -> None:
    assert isinstance(inspect.getattr_static(next_class, "named"), classmethod)
    for owner in (next_class, next_collection):
        found = owner.named(db, name="next")
        assert isinstance(found, core.AgnosticCollection)
        assert (found.full_name, found.database) == (f"{db.name}.next", db)
        assert await owner.count_in(db, "next") == 3
    assert inspect.iscoroutinefunction(next_class.count_in)
    assert not inspect.iscoroutinefunction(next_class.named)
    assert list(inspect.signature(next_class.named).parameters) == ["database", "name"]
    assert next_class.named.__name__ == "named"
    assert next_class.named.__qualname__ == f"{next_class.__name__}.named"
    assert next_class.named.__doc__.startswith("Like :meth:`~")
    # It may block, for all that is known.
    assert await next_class.without_twin() == "NextCollection"


async def test_static_method_is_one(next_class: Any, next_collection: Any, db: Any) -> None:
    assert isinstance(inspect.getattr_static(next_class, "is_good_name"), staticmethod)
    for owner in (next_class, next_collection):
        assert owner.is_good_name("a1") is True
        assert owner.is_good_name("a1", strict=True) is False
        assert (await owner.first_of(db, "next"))["_id"] == 1
    assert inspect.iscoroutinefunction(next_class.first_of)
    assert list(inspect.signature(next_class.is_good_name).parameters) == ["name", "strict"]


async def test_class_method_that_makes_a_client_makes_motors(
    framework: Framework, framework_module: ModuleType
) -> None:
    cls = create_class_with_framework(AgnosticNextClient, framework_module, __name__)
    client = cls.on_port(1)
    assert type(client) is cls
    assert isinstance(client.delegate, NextClient)
    await client.close()


def test_members_that_there_were_are_those_of_the_base(
    framework: Framework, next_class: Any
) -> None:
    assert issubclass(next_class, framework.Collection)
    made = set(vars(next_class))
    assert {"count_twice", "list_newest", "named", "parent", "sibling", "size"} <= made
    assert "insert_one" not in made


def test_the_same_class_is_made_once(framework_module: ModuleType) -> None:
    create = create_class_with_framework
    first = create(AgnosticNextCollection, framework_module, __name__)
    assert create(AgnosticNextCollection, framework_module, __name__) is first
    # There is one class to wrap results in, for all that make it.
    assert create(AgnosticNextCollection, framework_module, "elsewhere") is first


# New keywords -------------------------------------------------------------------------------------

#: Methods that Motor does itself: PyMongo's are not called, so there is nothing to pass on to.
#: Those of GridFS that are written by hand are tested where they are.
MOTORS_OWN = {
    "aclose": "closes what Motor has as well",
    "aconnect": "PyMongo has it only in its async API",
    "clone": "takes nothing",
    "close": "closes what Motor has as well",
    "next": "takes from the batch at hand",
    "rewind": "begins with a new cursor",
    "to_list": "takes from the batch at hand",
    "try_next": "takes from the batch at hand",
    "with_transaction": "runs its function on the event loop: see below",
}


class ReachedPyMongo(Exception):
    """A call has come to PyMongo's method."""


def methods(cls: Any) -> Iterator[str]:
    """The methods of a Motor class that PyMongo's class has as well."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        theirs = inspect.getattr_static(cls.__delegate_class__, name, None)
        if name.startswith("_") or not (inspect.isfunction(member) and inspect.isfunction(theirs)):
            continue
        by_hand = not hasattr(member, "pymongo_method_name")
        if by_hand and ("Grid" in cls.__name__ or name in MOTORS_OWN):
            continue
        if (cls.__motor_class_name__, name) != ("MotorLatentCommandCursor", "batch_size"):
            yield name


def with_novelty(method: Callable[..., Any], seen: list[Any]) -> Callable[..., Any]:
    """PyMongo's method, with a keyword more."""

    def newer(*args: Any, novelty: Any = None, **kwargs: Any) -> Any:
        seen.append(novelty)
        raise ReachedPyMongo

    signature = inspect.signature(method)
    novelty = inspect.Parameter("novelty", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = sorted([*signature.parameters.values(), novelty], key=lambda p: p.kind)
    newer.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    newer.__name__ = method.__name__
    return newer


@pytest.mark.parametrize("name", CLASSES)
async def test_new_keywords_reach_pymongo(
    framework: Framework, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = getattr(framework, name)
    # What a bucket's find() returns has the cursor of a collection.
    delegate_class = Cursor if name == "GridOutCursor" else cls.__delegate_class__
    checked = list(methods(cls))
    for method in checked:
        server = NoServer(framework)
        owner = server.make(name)
        original = getattr(delegate_class, method)
        seen: list[Any] = []
        with monkeypatch.context() as patch:
            patch.setattr(delegate_class, method, with_novelty(original, seen))
            with pytest.raises((ReachedPyMongo, pymongo.errors.InvalidOperation)):
                await server.call_on(owner, method, getattr(cls, method), novelty="new")
        # On Python 3.12, a client calls a method of its own before the first operation.
        assert seen[-1:] == ["new"], f"{name}.{method}"
    assert checked or name in ("ChangeStream", "GridOut", "LatentCommandCursor")


async def test_new_keywords_wait_for_the_command_of_a_latent_cursor(
    framework: Framework, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    cursor_class = framework.CommandCursor.__delegate_class__
    original = cursor_class.batch_size

    def newer(self: Any, batch_size: int, novelty: Any = None) -> Any:
        seen.append(novelty)
        return original(self, batch_size)

    monkeypatch.setattr(cursor_class, "batch_size", newer)
    await collection.aggregate([]).batch_size(10, novelty="new")
    assert seen[-1] == "new"


async def test_new_keywords_of_with_transaction_are_those_of_the_transaction(
    framework: Framework, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    session_class = framework.ClientSession.__delegate_class__
    newer = with_novelty(session_class.start_transaction, seen)
    monkeypatch.setattr(session_class, "start_transaction", newer)

    async def nothing(session: Any) -> None:
        """Never called."""

    async with client.start_session() as session:
        with pytest.raises(ReachedPyMongo):
            await session.with_transaction(nothing, novelty="new")
    assert seen == ["new"]


async def test_unknown_keywords_are_told_by_pymongo(client: Any) -> None:
    async with client.start_session() as session:
        with pytest.raises(TypeError, match="nope"):
            session.start_transaction(nope=1)
        with pytest.raises(TypeError, match="nope"):
            await session.with_transaction(print, nope=1)
        assert not session.in_transaction


# Annotations that are evaluated when they are asked for -------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 14), reason="they are, from Python 3.14 on")
def test_pymongo_may_leave_its_annotations_to_python() -> None:
    """They name what is imported for type checkers only: evaluating them is a NameError."""
    run_python(
        """
        import importlib.machinery, inspect, sys, warnings

        class Loader(importlib.machinery.SourceFileLoader):
            def get_code(self, name):
                source = self.get_data(self.path).decode()
                source = source.replace("from __future__ import annotations", "", 1)
                return compile(source, self.path, "exec", dont_inherit=True)

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] not in ("bson", "gridfs", "pymongo"):
                    return None
                spec = importlib.machinery.PathFinder.find_spec(name, path)
                if spec is not None and spec.origin.endswith(".py"):
                    spec.loader = Loader(name, spec.origin)
                return spec

        sys.meta_path.insert(0, Finder())

        from pymongo.collection import Collection

        try:
            inspect.signature(Collection.with_options)
        except NameError:
            pass
        else:
            raise AssertionError("they can be evaluated")

        from motor import accelerators, motor_asyncio, motor_tornado

        for front in (motor_asyncio, motor_tornado):
            for name in dir(front):
                getattr(front, name)
        for name in accelerators.BY_DEFAULT:
            assert accelerators.reason_unusable(name) is None
        client = motor_asyncio.AsyncIOMotorClient()
        collection = client.shop.orders
        assert type(collection.aggregate([])) is motor_asyncio.AsyncIOMotorLatentCommandCursor
        assert type(collection.watch()) is motor_asyncio.AsyncIOMotorChangeStream
        assert type(collection.find({}, limit=1)) is motor_asyncio.AsyncIOMotorCursor
        shown = inspect.signature(motor_asyncio.AsyncIOMotorCollection.with_options)
        assert "codec_options: 'bson.CodecOptions" in str(shown), shown
        try:
            collection.aggregate([], nope=1, cursor=7)
        except TypeError:
            pass
        else:
            raise AssertionError("nothing was checked")
        bucket = motor_asyncio.AsyncIOMotorGridFSBucket(client.shop)
        bucket.open_upload_stream("name")
        bucket.find({})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            collection.find({}, slave_okay=True)
        import motor.legacy
        motor.legacy.AsyncIOMotorClient().shop.orders.find({}, {"_id": 0}, 1, 2)
        """
    )
