"""Derived members look like hand-written ones."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import re
import traceback
import types
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from motor import core
from motor.originals import own_part
from support import Framework, class_names

PREFIX = "AsyncIOMotor"
CLASSES = class_names()


def classes(framework: Framework) -> list[type]:
    return [getattr(framework, name) for name in CLASSES]


def generated(cls: type, kind: type) -> Iterator[tuple[str, Any]]:
    """The members of one kind that were made for this very class."""
    return ((name, member) for name, member in vars(cls).items() if isinstance(member, kind))


def test_generated_methods_carry_their_own_names(framework: Framework) -> None:
    insert_one = framework.Collection.insert_one
    prefix = "AsyncIO" if framework.name == "asyncio" else ""
    assert insert_one.__name__ == "insert_one"
    assert insert_one.__qualname__ == f"{prefix}MotorCollection.insert_one"
    assert insert_one.__module__ == f"motor.motor_{framework.name}"
    for cls in classes(framework):
        for name, method in generated(cls, types.FunctionType):
            assert method.__name__ == name
            assert method.__qualname__ == f"{cls.__name__}.{name}"
            assert method.__module__ == framework.module.__name__
            assert method.__code__.co_name == name
            assert method.__code__.co_qualname == method.__qualname__


def test_generated_properties_carry_their_own_names(framework: Framework) -> None:
    for cls in classes(framework):
        for name, attribute in generated(cls, property):
            assert attribute.fget.__name__ == name
            assert attribute.fget.__qualname__ == f"{cls.__name__}.{name}"
            assert attribute.fget.__module__ == framework.module.__name__


def test_classes_carry_their_public_names(framework: Framework) -> None:
    prefix = "AsyncIOMotor" if framework.name == "asyncio" else "Motor"
    for cls, name in zip(classes(framework), CLASSES, strict=True):
        assert cls.__name__ == cls.__qualname__ == prefix + name
        assert cls.__module__ == framework.module.__name__
        assert getattr(framework.module, cls.__name__) is cls


def test_generated_methods_take_the_arguments_of_pymongos(framework: Framework) -> None:
    names = list(inspect.signature(framework.Collection.update_one).parameters)
    assert names[:4] == ["self", "filter", "update", "upsert"]
    seen = 0
    for cls in classes(framework):
        for name, method in generated(cls, types.FunctionType):
            original = inspect.getattr_static(cls.__delegate_class__, name)
            twin = inspect.getattr_static(cls.__async_class__, name, original)
            # A coroutine function, for what unwraps those that are awaited.
            assert method.__wrapped__ is (twin if method.is_async_method else original)
            expected, found = inspect.signature(original), inspect.signature(method)
            assert list(found.parameters) == list(expected.parameters)
            for parameter in expected.parameters.values():
                assert found.parameters[parameter.name].kind == parameter.kind
                assert found.parameters[parameter.name].default == parameter.default
            seen += 1
    assert seen > 50


def test_methods_that_pass_arguments_on_show_which_they_take(framework: Framework) -> None:
    def names(function: Any) -> list[str]:
        return list(inspect.signature(function).parameters)

    client, original = framework.Client, pymongo.MongoClient
    added = ["io_loop", "executor"]
    assert names(client) == [*names(original)[:-1], *added, names(original)[-1]]
    assert names(client.start_session) == names(original.start_session)
    assert names(client.watch) == names(original.watch)
    assert names(framework.Database.with_options) == names(Database.with_options)
    assert names(framework.Collection.with_options) == names(Collection.with_options)
    assert "full_document" in help_on(framework.Collection.watch)


def test_everything_public_is_documented(framework: Framework) -> None:
    undocumented = [
        f"{cls.__name__}.{name}"
        for cls in classes(framework)
        for name in dir(cls)
        if not name.startswith("_") and not inspect.getattr_static(cls, name).__doc__
    ]
    assert undocumented == []
    assert all(cls.__doc__ for cls in classes(framework))


def test_docstrings_name_the_original_and_the_difference(framework: Framework) -> None:
    collection = framework.Collection
    target = "~pymongo.collection.Collection"
    options = own_part(collection.options.__doc__)
    assert options.startswith(f"Like :meth:`{target}.options`")
    assert "future" in options
    raw = own_part(collection.aggregate_raw_batches.__doc__)
    assert raw.startswith(f"Like :meth:`{target}.aggregate_raw_batches`")
    assert "returns at once" in raw
    assert own_part(collection.find_raw_batches.__doc__) == (
        f"Like :meth:`{target}.find_raw_batches`."
    )
    assert own_part(collection.full_name.__doc__) == f"Like :attr:`{target}.full_name`."


def test_docstrings_refer_to_what_exists(framework: Framework) -> None:
    for cls in classes(framework):
        members = [*generated(cls, types.FunctionType), *generated(cls, property)]
        for name, member in members:
            doc = own_part(member.__doc__)
            reference = doc.partition("`~")[2].partition("`")[0]
            role = "meth" if callable(pydoc.locate(reference)) else "attr"
            assert f"Like :{role}:" in doc or f"arguments are those of :{role}:" in doc
            assert pydoc.locate(reference) is not None, reference
            assert reference.endswith(f".{name}")
            assert ".synchronous." not in reference


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_classes_and_methods_pickle_by_reference(framework: Framework, protocol: int) -> None:
    for cls in classes(framework):
        pickled = pickle.dumps(cls, protocol)
        assert len(pickled) < 100
        assert pickle.loads(pickled) is cls
    method = framework.Collection.insert_one
    assert pickle.loads(pickle.dumps(method, protocol)) is method


def test_dir_is_complete(framework: Framework) -> None:
    for cls in classes(framework):
        public = {name for name in dir(cls.__async_class__) if not name.startswith("_")}
        # Only to say that there is no such thing, in PyMongo's clients, databases and collections.
        left_out = {"next"} if issubclass(cls, core.AgnosticBaseProperties) else set()
        assert public - set(dir(cls)) == left_out


async def test_dir_of_an_object_has_its_attributes(framework: Framework, collection: Any) -> None:
    assert {"insert_one", "database", "delegate", "full_name"} <= set(dir(collection))
    assert {"list_collections", "client"} <= set(dir(collection.database))
    assert {"sort", "to_list", "collection"} <= set(dir(collection.find()))


def help_on(thing: Any) -> str:
    """What `help(thing)` shows, on one line: Pythons differ in where they break it."""
    return " ".join(pydoc.render_doc(thing, renderer=pydoc.plaintext).replace("|", " ").split())


def test_help_is_readable(framework: Framework) -> None:
    text = help_on(framework.Collection)
    assert re.search(r"insert_one\( ?self, document: ", text)
    assert "Insert one document. Returns a future" in text
    assert "Like :meth:`~pymongo.collection.Collection.options`, but runs on a worker" in text
    assert "*args, **kwargs) Like" not in text
    assert re.search(r"find_one\( ?self, filter: ", help_on(framework.Collection.find_one))


async def test_traceback_of_an_awaited_call_shows_who_called_what(
    framework: Framework, collection: Any
) -> None:
    with pytest.raises(TypeError) as caught:
        await collection.insert_one("no document")
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[0].line == 'await collection.insert_one("no document")'
    assert frames[0].filename == __file__
    assert [frame.name for frame in frames].count("insert_one") == 1
    assert frames[-1].filename.startswith(pymongo.__path__[0])


async def test_traceback_of_a_plain_call_shows_who_called_what(
    framework: Framework, collection: Any
) -> None:
    with pytest.raises(TypeError) as caught:
        collection.find("no filter")
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[0].line == 'collection.find("no filter")'
    # Motor's method, and PyMongo's.
    assert [frame.name for frame in frames].count("find") == 2


async def test_traceback_of_a_latent_cursor_shows_where_it_was_awaited(
    framework: Framework, collection: Any
) -> None:
    cursor = collection.aggregate([{"$nope": 1}])
    with pytest.raises(OperationFailure) as caught:
        await cursor
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[0].line == "await cursor"
    assert "aggregate" in [frame.name for frame in frames]


def test_classes_of_a_framework_are_the_core_classes_kind(framework: Framework) -> None:
    for name, cls in zip(CLASSES, classes(framework), strict=True):
        assert issubclass(cls, getattr(core, f"Agnostic{name}"))
        assert issubclass(cls, core.AgnosticBase)
    assert issubclass(framework.RawBatchCursor, framework.Cursor)
    assert issubclass(framework.RawBatchCommandCursor, framework.CommandCursor)
    assert issubclass(framework.LatentCommandCursor, framework.CommandCursor)
    assert not issubclass(framework.CommandCursor, framework.Cursor)


def test_frameworks_are_not_each_others_kind() -> None:
    one, other = (classes(Framework(name)) for name in Framework.names)
    assert not any(issubclass(a, b) or issubclass(b, a) for a in one for b in other)


async def test_results_are_instances_of_the_public_classes(
    framework: Framework, client: Any, db: Any, collection: Any
) -> None:
    made = {
        framework.Database: [client.x, client["x"], client.get_database("x"), db.with_options()],
        framework.Collection: [db.x, db["x"], db.get_collection("x"), collection.with_options()],
        framework.Cursor: [collection.find().limit(1), collection.find().clone()],
        framework.RawBatchCursor: [collection.find_raw_batches().sort("x")],
        framework.LatentCommandCursor: [collection.aggregate([]), db.list_collections()],
        framework.ChangeStream: [client.watch(), db.watch(), collection.watch()],
        framework.ClientSession: [client.start_session(), await client.start_session()],
    }
    for cls, objects in made.items():
        assert [type(each) for each in objects] == [cls] * len(objects)
