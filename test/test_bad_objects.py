"""Objects and functions of the user's that raise, block, or call Motor again."""

from __future__ import annotations

import asyncio
import collections
import gc
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pymongo
import pytest
from bson.codec_options import CodecOptions, TypeDecoder, TypeEncoder, TypeRegistry
from pymongo import monitoring

from support import PATIENCE, Framework, async_wait_until

#: What no driver expects, beside ordinary errors.
BASE = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, MemoryError)
ERRORS = (ValueError, StopIteration, StopAsyncIteration, RecursionError, *BASE)


class Boom(Exception):
    """What the objects of these tests raise."""


# Objects whose special methods raise ------------------------------------------------------------


def boom(*args: Any, **kwargs: Any) -> Any:
    raise Boom


def hostile(base: type, *names: str) -> Any:
    """An object of a subclass of `base`, of which the methods of these names raise."""
    return type(f"Hostile{base.__name__}", (base,), dict.fromkeys(names, boom))()


SPECIAL = ("__iter__", "__len__", "__bool__", "__hash__", "__eq__", "__getitem__", "__repr__")
OBJECTS: dict[str, Callable[[], Any]] = {
    **{f"dict.{name}": lambda name=name: hostile(dict, name) for name in SPECIAL},
    **{f"list.{name}": lambda name=name: hostile(list, name) for name in SPECIAL},
    **{f"object.{name}": lambda name=name: hostile(object, name) for name in SPECIAL},
    "dict.items": lambda: hostile(dict, "items", "keys", "__getitem__", "__iter__"),
    "dict.__contains__": lambda: hostile(dict, "__contains__", "get", "setdefault"),
    "__getattribute__": lambda: hostile(object, "__getattribute__"),
    "__class__": lambda: type("Liar", (), {"__class__": property(boom)})(),
    "everything": lambda: hostile(dict, *SPECIAL, "items", "keys", "get", "__contains__"),
}

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "insert_one": lambda c, value: c.insert_one(value),
    "insert_one of": lambda c, value: c.insert_one({"_id": 1, "a": value}),
    "insert_many": lambda c, value: c.insert_many(value),
    "find_one": lambda c, value: c.find_one(value),
    "find_one projection": lambda c, value: c.find_one({}, value),
    "update_one": lambda c, value: c.update_one({"_id": 5}, value),
    "bulk_write": lambda c, value: c.bulk_write(value),
    "bulk_write of": lambda c, value: c.bulk_write([value]),
    "aggregate": lambda c, value: c.aggregate([value]),
    "create_index": lambda c, value: c.create_index(value),
    "distinct": lambda c, value: c.distinct(value),
    "sort": lambda c, value: c.find().sort(value),
    "limit": lambda c, value: c.find().limit(value),
    "command": lambda c, value: c.database.command({"ping": 1, "comment": value}),
    "collection": lambda c, value: c.database[value],
}


@pytest.fixture
def twins(client: Any, sync_client: Any, db_name: str) -> Iterator[tuple[Any, Any]]:
    """A collection for PyMongo, and one for Motor, with three documents each."""
    other = sync_client[f"{db_name}_too"]
    for collection in (other.test, sync_client[db_name].test):
        collection.insert_many({"_id": n, "a": n} for n in range(10, 13))
    yield other.test, client[db_name].test
    sync_client.drop_database(other)


async def works_on(collection: Any) -> None:
    """The pool, the loop and the client do."""
    await collection.replace_one({"_id": "works"}, {"n": 1}, upsert=True)
    assert await collection.find({"_id": "works"}).to_list() == [{"_id": "works", "n": 1}]
    many = await asyncio.gather(*(collection.find_one({"_id": n % 3 + 10}) for n in range(20)))
    assert [found["_id"] for found in many] == [n % 3 + 10 for n in range(20)]


# PyMongo's cursors cannot be deleted where they could not be made.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
async def test_objects_that_raise_get_what_pymongo_gives(
    twins: tuple[Any, Any], call: Callable[[Any, Any], Any]
) -> None:
    sync_collection, collection = twins
    for name, make in OBJECTS.items():
        try:
            result = call(sync_collection, make())
            expected: Any = list(result) if "Cursor" in type(result).__name__ else None
        except Exception as error:
            expected = error
        try:
            result = call(collection, make())
            if "Cursor" in type(result).__name__:
                result = await result.to_list()
            elif asyncio.isfuture(result):
                result = await result
            found: Any = None
        except Exception as error:
            found = error
        if isinstance(expected, Exception) or isinstance(found, Exception):
            # What Motor looks at first may differ; that there is an error may not.
            assert isinstance(found, (type(expected), Boom, TypeError, ValueError)), (
                name,
                expected,
                found,
            )
            assert isinstance(expected, Exception), (name, found)
    gc.collect()
    await works_on(collection)


async def test_a_destructor_that_raises_is_reported_and_no_more(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: reported.append(info.exc_type))

    class Document(dict):  # type: ignore[type-arg]
        def __del__(self) -> None:
            # Not for the reply around the documents, which is of this class, too.
            if "_id" in self:
                raise Boom

    for _ in range(3):
        await collection.insert_one(Document())
    documents = collection.with_options(codec_options=CodecOptions(document_class=Document))
    assert len(await documents.find().to_list()) == 3
    gc.collect()
    await async_wait_until(lambda: len(reported) == 6, what="the destructors ran")
    assert set(reported) == {Boom}


# Codecs, document classes and listeners -----------------------------------------------------------


class Text:
    """What a codec makes BSON of."""


def registry(to_bson: Callable[[Any], Any], to_python: Callable[[Any], Any]) -> Any:
    class Encoder(TypeEncoder):
        python_type = Text

        def transform_python(self, value: Any) -> Any:
            return to_bson(value)

    class Decoder(TypeDecoder):
        bson_type = str

        def transform_bson(self, value: Any) -> Any:
            return to_python(value)

    return CodecOptions(type_registry=TypeRegistry([Encoder(), Decoder()]))


def raising(error: type[BaseException]) -> Callable[[Any], Any]:
    def raise_it(value: Any) -> Any:
        raise error

    return raise_it


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
async def test_a_codec_that_raises(twins: tuple[Any, Any], error: type[BaseException]) -> None:
    sync_collection, collection = twins
    for each in (sync_collection, collection.delegate):
        each.insert_one({"_id": 1, "text": "x"})
    options = registry(raising(error), raising(error))
    with pytest.raises(BaseException) as expected:  # noqa: PT011
        sync_collection.with_options(options).find_one({"_id": 1})
    # A coroutine cannot raise StopIteration.
    accepted = (RuntimeError, expected.type, error)
    broken = collection.with_options(codec_options=options)
    for call in (
        lambda: broken.insert_one({"text": Text()}),
        lambda: broken.find_one({"_id": 1}),
        lambda: broken.find({"_id": 1}).to_list(),
        lambda: broken.aggregate([{"$match": {"_id": 1}}]).to_list(),
        lambda: broken.find_one_and_update({"_id": 1}, {"$set": {"a": 1}}),
        lambda: broken.find({"_id": 1}).next(),
    ):
        with pytest.raises(accepted):
            await call()
    await works_on(collection)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
async def test_a_document_class_that_raises(
    twins: tuple[Any, Any], error: type[BaseException]
) -> None:
    sync_collection, collection = twins

    class Document(collections.UserDict):  # type: ignore[type-arg]
        def __setitem__(self, key: Any, value: Any) -> None:
            raise error

    options = CodecOptions(document_class=Document)
    with pytest.raises(BaseException) as expected:  # noqa: PT011
        sync_collection.with_options(options).find_one({"_id": 10})
    broken = collection.with_options(codec_options=options)
    for call in (
        lambda: broken.find_one({"_id": 10}),
        lambda: broken.find().to_list(),
        lambda: broken.find().next(),
    ):
        with pytest.raises((expected.type, RuntimeError)):
            await call()
    await works_on(collection)


async def test_a_codec_that_blocks_keeps_one_call_and_not_the_loop(twins: tuple[Any, Any]) -> None:
    _, collection = twins
    began, end = threading.Event(), threading.Event()

    def block(value: Any) -> Any:
        began.set()
        assert end.wait(PATIENCE)
        return value

    await collection.insert_one({"_id": 1, "text": "x"})
    slow = collection.with_options(codec_options=registry(str, block))
    reading = slow.find_one({"_id": 1})
    await async_wait_until(began.is_set)
    await works_on(collection)
    assert not reading.done()
    end.set()
    assert await reading == {"_id": 1, "text": "x"}


async def test_a_codec_and_a_document_class_that_call_motor_again(
    twins: tuple[Any, Any], framework: Framework
) -> None:
    _, collection = twins
    loop = framework.current_loop()
    started: list[Any] = []

    def ask_again(value: Any) -> Any:
        # On a worker: PyMongo's client may be asked at once, Motor's goes on by itself.
        call = lambda: started.append(collection.find_one({"_id": 10}))  # noqa: E731
        (loop.call_soon_threadsafe if framework.name == "asyncio" else loop.add_callback)(call)
        return value + str(collection.delegate.find_one({"_id": 11})["a"])

    await collection.insert_one({"_id": 1, "text": "x"})
    again = collection.with_options(codec_options=registry(str, ask_again))
    assert (await again.find_one({"_id": 1}))["text"] == "x11"
    await async_wait_until(lambda: started)
    assert (await started[0])["_id"] == 10
    await works_on(collection)


class Listener(monitoring.CommandListener):
    def __init__(self, what: Callable[[], Any]) -> None:
        self.what = what
        self.calls = 0

    def _called(self, event: Any) -> None:
        if event.command_name == "find":
            self.calls += 1
            self.what()

    started = succeeded = failed = _called


@pytest.mark.parametrize("error", [ValueError, StopIteration, MemoryError, RecursionError])
async def test_a_listener_that_raises_is_reported_by_pymongo(
    client_factory: Any,
    twins: tuple[Any, Any],
    capsys: pytest.CaptureFixture[str],
    error: type[Exception],
) -> None:
    def raise_it() -> None:
        raise error

    listener = Listener(raise_it)
    collection = client_factory(event_listeners=[listener])[twins[1].database.name].test
    assert (await collection.find_one({"_id": 10}))["a"] == 10
    assert len(await collection.find().to_list()) == 3
    assert listener.calls >= 4
    assert error.__name__ in capsys.readouterr().err
    await works_on(collection)


@pytest.mark.parametrize("error", BASE, ids=lambda error: error.__name__)
async def test_a_listener_that_ends_everything_ends_the_call(
    client_factory: Any, twins: tuple[Any, Any], error: type[BaseException]
) -> None:
    listener = Listener(lambda: None)
    collection = client_factory(event_listeners=[listener])[twins[1].database.name].test

    def raise_it() -> None:
        listener.what = lambda: None
        raise error

    for call in (lambda: collection.find_one({}), lambda: collection.find().to_list()):
        listener.what = raise_it
        try:
            await call()
        except error:
            pass
        except pymongo.errors.AutoReconnect:
            # The connection is of no use any more.
            assert error is not MemoryError
        await works_on(collection)


async def test_a_listener_that_calls_pymongo_again(
    client_factory: Any, twins: tuple[Any, Any]
) -> None:
    sync_collection, _ = twins
    listener = Listener(lambda: sync_collection.find_one({"_id": 10}))
    collection = client_factory(event_listeners=[listener])[twins[1].database.name].test
    await asyncio.gather(*(collection.find_one({"_id": 10}) for _ in range(20)))
    assert listener.calls == 40
    await works_on(collection)


async def test_a_document_that_changes_while_it_is_read(collection: Any) -> None:
    """The call takes it as it is, at some moment, and nothing breaks."""

    class Growing(MutableMapping):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.data: dict[str, Any] = {"_id": 1}

        def __iter__(self) -> Iterator[str]:
            for key in list(self.data):
                self.data[f"key{len(self.data)}"] = 1
                yield key

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, key: str) -> Any:
            return self.data[key]

        def __setitem__(self, key: str, value: Any) -> None:
            self.data[key] = value

        def __delitem__(self, key: str) -> None:
            del self.data[key]

    await collection.insert_one(Growing())
    assert (await collection.find_one())["_id"] == 1
