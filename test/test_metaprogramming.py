"""Classes are derived from PyMongo's, also by other packages."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from types import ModuleType
from typing import Any

import pytest
from pymongo.collection import Collection

from motor import core
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
from support import Framework


@pytest.fixture
def framework_module(framework: Framework) -> ModuleType:
    """`motor.frameworks.asyncio`, or its counterpart for Tornado."""
    return importlib.import_module(f"motor.frameworks.{framework.name}")


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
