"""Classes are derived from PyMongo's, also by other packages."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from types import ModuleType
from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.collection import Collection
from pymongo.command_cursor import CommandCursor

from motor import core, metaprogramming
from motor.metaprogramming import (
    AsyncCommand,
    AsyncRead,
    AsyncWrite,
    DelegateMethod,
    MotorAttributeFactory,
    MotorCursorChainingMethod,
    ReadOnlyProperty,
    coroutine_annotation,
    create_class_with_framework,
)
from motor.operation import OperationFuture
from support import Framework, motor371


@pytest.fixture
def framework_module(framework: Framework) -> ModuleType:
    """`motor.frameworks.asyncio`, or its counterpart for Tornado."""
    return importlib.import_module(f"motor.frameworks.{framework.name}")


# A new release of PyMongo ---------------------------------------------------------------------


class NextCollection(Collection):  # type: ignore[type-arg]
    """PyMongo's collection, a release later."""

    def count_twice(self, factor: int = 2) -> int:
        return self.count_documents({}) * factor

    def list_newest(self, limit: int) -> CommandCursor[Any]:
        return self.aggregate([{"$sort": {"_id": -1}}, {"$limit": limit}])

    def sibling(self, name: str) -> Collection[Any]:
        return self.database[name]

    @property
    def parent(self) -> Any:
        return self.database

    @property
    def size(self) -> int:
        return self.count_documents({})


class AsyncNextCollection(AsyncCollection):  # type: ignore[type-arg]
    """Its twin, of which only the kinds of the members matter."""

    async def count_twice(self, factor: int = 2) -> int:
        raise NotImplementedError

    async def list_newest(self, limit: int) -> AsyncCommandCursor[Any]:
        raise NotImplementedError

    def sibling(self, name: str) -> AsyncCollection[Any]:
        raise NotImplementedError

    @property
    def parent(self) -> Any:
        raise NotImplementedError

    @property
    async def size(self) -> int:
        raise NotImplementedError


class AgnosticNextCollection(core.AgnosticCollection):
    __motor_class_name__ = "MotorNextCollection"
    __delegate_class__ = NextCollection
    __async_class__ = AsyncNextCollection


@pytest.fixture
def next_collection(framework_module: ModuleType, db: Any, sync_db: Any) -> Any:
    sync_db["next"].insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}])
    cls = create_class_with_framework(AgnosticNextCollection, framework_module, __name__)
    return cls(db, "next", _delegate=NextCollection(db.delegate, "next"))


async def test_new_coroutine_of_pymongo_works_the_day_it_appears(next_collection: Any) -> None:
    future = next_collection.count_twice(factor=3)
    assert isinstance(future, OperationFuture)
    assert await future == 9
    method = type(next_collection).count_twice
    assert str(inspect.signature(method)) == "(self, factor: 'int' = 2) -> 'int'"
    assert method.__doc__.startswith("Like :meth:`~")


async def test_new_cursor_of_pymongo_is_latent(framework: Framework, next_collection: Any) -> None:
    cursor = next_collection.list_newest(2)
    assert isinstance(cursor, framework.LatentCommandCursor)
    assert [document["_id"] async for document in cursor] == [3, 2]
    assert await (await next_collection.list_newest(1)).to_list() == [{"_id": 3}]


async def test_new_plain_member_of_pymongo_is_plain(
    framework: Framework, next_collection: Any
) -> None:
    assert isinstance(next_collection.sibling("other"), framework.Collection)
    assert next_collection.sibling("other").name == "other"
    assert isinstance(next_collection.parent, framework.Database)
    assert next_collection.parent == next_collection.database


async def test_new_async_property_of_pymongo_is_a_future(next_collection: Any) -> None:
    assert await next_collection.size == 3


def test_old_members_of_a_new_class_are_those_of_its_base(
    framework: Framework, next_collection: Any
) -> None:
    assert isinstance(next_collection, framework.Collection)
    made = set(vars(type(next_collection)))
    assert {"count_twice", "list_newest", "parent", "sibling", "size"} <= made
    assert "insert_one" not in made


def test_the_same_class_is_made_once(framework_module: ModuleType) -> None:
    create = create_class_with_framework
    first = create(AgnosticNextCollection, framework_module, __name__)
    assert create(AgnosticNextCollection, framework_module, __name__) is first
    # There is one class to wrap results in, whoever makes it.
    assert create(AgnosticNextCollection, framework_module, "elsewhere") is first


# Packages that make classes of their own --------------------------------------------------------


class Counter:
    """A library's blocking object."""

    def __init__(self) -> None:
        self.value = 0
        self.thread = ""

    def add(self, number: int = 1) -> int:
        """Add to the value."""
        self.thread = threading.current_thread().name
        self.value += number
        return self.value

    def peek(self) -> int:
        return self.value

    def reset(self) -> Counter:
        self.value = 0
        return self

    def copy(self) -> Counter:
        return Counter()


class Doubled(MotorAttributeFactory):
    """What a library may add to Motor's declarations."""

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        def read(self: Any) -> int:
            return int(getattr(self.delegate, self.doubles)) * 2

        return property(read, doc=f"{cls.__name__}.{attr_name}")


class AgnosticCounter:
    """Has a delegate and a loop, and nothing else of Motor's."""

    __motor_class_name__ = "MotorCounter"
    __delegate_class__ = Counter

    add = AsyncCommand()
    increase = AsyncWrite(attr_name="add")
    count = AsyncRead("peek", doc="How many there are.")
    copy = AsyncRead().wrap(Counter)
    peek = DelegateMethod()
    reset = MotorCursorChainingMethod()
    value = ReadOnlyProperty()
    doubles = "value"
    doubled = Doubled()

    def __init__(self, delegate: Counter, loop: Any) -> None:
        self.delegate = delegate
        self._loop_of_mine = loop

    def get_io_loop(self) -> Any:
        return self._loop_of_mine

    def wrap(self, obj: Any) -> Any:
        return type(self)(obj, self._loop_of_mine)


@pytest.fixture
def counter_class(framework_module: ModuleType) -> Any:
    return create_class_with_framework(AgnosticCounter, framework_module, __name__)


async def test_foreign_class_calls_its_delegate_on_a_worker(
    framework: Framework, counter_class: Any
) -> None:
    counter = counter_class(Counter(), framework.current_loop())
    started = counter.add(2)
    assert asyncio.isfuture(started)
    assert await started == 2
    assert counter.delegate.thread.startswith("motor-")
    assert await counter.increase(number=3) == 5
    assert await counter.count() == 5


async def test_foreign_class_answers_in_place_what_does_not_block(
    framework: Framework, counter_class: Any
) -> None:
    counter = counter_class(Counter(), framework.current_loop())
    await counter.add(2)
    assert (counter.peek(), counter.value, counter.doubled) == (2, 2, 4)
    assert counter.reset() is counter
    assert counter.value == 0


async def test_foreign_class_wraps_the_results_it_declares(
    framework: Framework, counter_class: Any
) -> None:
    counter = counter_class(Counter(), framework.current_loop())
    copy = await counter.copy()
    assert type(copy) is counter_class
    assert copy.delegate is not counter.delegate


def test_foreign_class_looks_written_by_hand(framework: Framework, counter_class: Any) -> None:
    assert counter_class.__name__ == framework.Client.__name__.replace("Client", "Counter")
    assert counter_class.__module__ == __name__
    assert issubclass(counter_class, AgnosticCounter)
    assert counter_class.add.__qualname__ == f"{counter_class.__name__}.add"
    assert str(inspect.signature(counter_class.add)) == "(self, number: 'int' = 1) -> 'int'"
    assert counter_class.count.__doc__ == "How many there are."
    assert counter_class.doubled.__doc__ == f"{counter_class.__name__}.doubled"


class AgnosticLoudCollection(core.AgnosticCollection):
    """A library's own collection."""

    __motor_class_name__ = "MotorLoudCollection"

    look = AsyncRead(attr_name="find_one")
    how_many = AsyncRead(attr_name="count_documents").wrap(Collection).unwrap("MotorClientSession")

    async def shout(self) -> str:
        document = await self.look({})
        return str(document["text"]).upper()


async def test_subclass_of_a_core_class_has_its_own_members_and_all_others(
    framework: Framework, framework_module: ModuleType, client: Any, db: Any
) -> None:
    cls = create_class_with_framework(AgnosticLoudCollection, framework_module, __name__)
    loud = cls(db, "test")
    await loud.insert_one({"text": "hello"})
    assert await loud.shout() == "HELLO"
    async with client.start_session() as session:
        assert await loud.how_many({}, session=session) == 1
    assert isinstance(loud, framework.Collection)
    assert isinstance(loud.with_options(), cls)
    # A library's class stands beside Motor's own, and does not take its place.
    assert type(db.test) is framework.Collection


async def test_subclass_of_a_public_class_keeps_its_kind(framework: Framework, db: Any) -> None:
    class Orders(framework.Collection):  # type: ignore[misc, name-defined]
        async def newest(self) -> Any:
            return await self.find_one(sort=[("_id", -1)])

    orders = Orders(db, "orders")
    await orders.insert_many([{"_id": 1}, {"_id": 2}])
    assert await orders.newest() == {"_id": 2}
    assert type(orders.with_options()) is Orders
    assert type(orders.archive) is framework.Collection


def test_factory_that_creates_nothing_says_what_it_must_define() -> None:
    class Empty(MotorAttributeFactory):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define create_attribute"):
        Empty().create_attribute(object, "x")


def test_names_of_motor_3_are_here(framework_module: ModuleType) -> None:
    assert {name for name in motor371.CORE if not hasattr(core, name)} == set()
    assert {n for n in motor371.METAPROGRAMMING if not hasattr(metaprogramming, n)} == set()
    assert {n for n in motor371.FRAMEWORK if not hasattr(framework_module, n)} == set()


def test_coroutine_annotation_marks_and_returns_the_function(framework: Framework) -> None:
    def function() -> None:
        """Only to be marked."""

    assert coroutine_annotation(function) is function
    assert function.coroutine_annotation  # type: ignore[attr-defined]
    # Tools ask the generated methods, too.
    assert framework.Collection.insert_one.coroutine_annotation
    assert framework.Collection.insert_one.is_async_method
    assert framework.Collection.insert_one.pymongo_method_name == "insert_one"
    assert not framework.Collection.find.is_async_method
