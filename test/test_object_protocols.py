"""Uses that clients, databases, collections, cursors and sessions refuse, and their messages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support import Framework
from support.errors import raises_as

# Never connected to: nothing here is an operation.
URI = "mongodb://127.0.0.1:1/"


@pytest.fixture
def idle(framework: Framework) -> Iterator[Any]:
    """A client that has no server, and does not ask for one."""
    client = framework.Client(URI)
    yield client
    client.close()


def other(framework: Framework) -> Framework:
    (name,) = set(Framework.names) - {framework.name}
    return Framework(name)


def class_name(framework: Framework, name: str) -> str:
    return ("AsyncIOMotor" if framework.name == "asyncio" else "Motor") + name


# Names that are no methods --------------------------------------------------------------------


def test_calling_an_unknown_method_says_that_there_is_none(framework: Framework, idle: Any) -> None:
    client, database, collection = (
        class_name(framework, name) for name in ("Client", "Database", "Collection")
    )
    calls: dict[Callable[[], Any], tuple[str, str, str]] = {
        lambda: idle.nope(): (database, "nope", client),
        lambda: idle.db.nope(): (collection, "nope", database),
        lambda: idle.db.test.nope(): (collection, "nope", collection),
        lambda: idle.db.test.sub.nope(): (collection, "nope", collection),
        lambda: idle["db"](): (database, "db", client),
        lambda: idle.db["test"](): (collection, "test", database),
    }
    for call, (kind, name, owner) in calls.items():
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == (
            f"{kind} object is not callable. If you meant to call the '{name}' method on "
            f"{'an' if owner[0] == 'A' else 'a'} {owner} object it is failing because no such "
            "method exists."
        )


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda client: client.db.test.find_on(), "find_one"),
        (lambda client: client.db.test.insertOne(), "insert_one"),
        (lambda client: client.db.comand("ping"), "command"),
        (lambda client: client.list_database_name(), "list_database_names"),
    ],
)
def test_calling_a_misspelt_method_says_what_was_meant(
    framework: Framework, idle: Any, call: Callable[[Any], Any], meant: str
) -> None:
    with pytest.raises(TypeError, match=f"no such method exists. Did you mean '{meant}'\\?$"):
        call(idle)


def test_clients_are_not_callable(framework: Framework, idle: Any) -> None:
    name = class_name(framework, "Client")
    with pytest.raises(TypeError, match=f"^{name} object is not callable$"):
        idle()


def test_private_attributes_are_no_names(framework: Framework, idle: Any) -> None:
    messages = {
        idle: "{} has no attribute '_x'. To access the _x database, use client['_x'].",
        idle.db: "{} has no attribute '_x'. To access the _x collection, use database['_x'].",
        idle.db.test: "{} has no attribute '_x'. To access the test._x collection, "
        "use database['test._x'].",
    }
    for owner, message in messages.items():
        with pytest.raises(AttributeError) as caught:
            _ = owner._x
        assert str(caught.value) == message.format(type(owner).__name__)
        assert not hasattr(owner, "__html__")
        assert owner["_x"].name.endswith("_x")


# What they are not ----------------------------------------------------------------------------


def test_truth_of_a_client_is_true_and_of_its_parts_undefined(
    framework: Framework, idle: Any
) -> None:
    assert bool(idle) is True
    for owner in (idle.db, idle.db.test):
        with raises_as(bool, owner.delegate):
            bool(owner)


def test_nothing_is_iterable(framework: Framework, idle: Any) -> None:
    test = idle.db.test
    owners = [idle, idle.db, test, test.find(), test.aggregate([]), test.watch()]
    for owner in [*owners, idle.start_session()]:
        name = type(owner).__name__
        with pytest.raises(TypeError, match=name):
            iter(owner)
        with pytest.raises(TypeError, match=name):
            next(owner)
        with pytest.raises(TypeError, match=name):
            _ = "x" in owner


def test_equality_is_the_delegates(framework: Framework, idle: Any) -> None:
    again = framework.Client.from_delegate(idle.delegate)
    stranger = other(framework).Client.from_delegate(idle.delegate)
    assert idle == again
    assert idle.db == again.db == idle["db"]
    assert idle.db.test == again.db.test
    assert idle.db != idle.other
    assert idle.db.test != idle.db.other
    for motor_object, foreign in ((idle, stranger), (idle.db, stranger.db)):
        assert motor_object != foreign
        assert motor_object != motor_object.delegate
        assert motor_object.__eq__(1) is NotImplemented


def test_hash_is_the_delegates_or_the_objects_own(framework: Framework, idle: Any) -> None:
    test = idle.db.test
    for owner in (idle, idle.db, test):
        assert hash(owner) == hash(owner.delegate)
    assert len({idle.db.test, idle.db.test, idle["db"]["test"]}) == 1
    # Others are themselves and nothing else, and `asyncio.gather` hashes what it is given.
    for owner in (test.find(), test.aggregate([]), test.watch(), idle.start_session()):
        assert hash(owner) == object.__hash__(owner)


def test_repr_is_the_class_around_the_delegates(framework: Framework, idle: Any) -> None:
    for owner in (idle, idle.db, idle.db.test, idle.db.test.find(), idle.start_session()):
        assert repr(owner) == f"{type(owner).__name__}({owner.delegate!r})"
    # What has no delegate yet says what it waits for.
    latent = idle.db.test.aggregate([])
    assert repr(latent) == f"{type(latent).__name__}(<aggregate, not sent yet>)"
    assert "not opened yet" in repr(idle.db.test.watch())


def enter(context: Any) -> None:
    with context:
        pass


def test_with_says_to_use_async_with(framework: Framework, idle: Any) -> None:
    session = idle.start_session()
    with pytest.raises(AttributeError) as caught:
        enter(session)
    assert str(caught.value) == (
        "Use Motor sessions like 'async with await client.start_session()', not 'with'"
    )
    for owner in (idle.db.test.watch(), session.start_transaction()):
        with pytest.raises(RuntimeError, match=r'[Uu]se .*"async with"'):
            enter(owner)
    for owner in (idle, idle.db.test.find(), idle.db.test.aggregate([])):
        with pytest.raises(TypeError, match=type(owner).__name__):
            enter(owner)


def test_with_on_client_encryption_says_to_use_async_with(framework: Framework, idle: Any) -> None:
    pytest.importorskip("pymongocrypt")
    from bson import CodecOptions

    kms = {"local": {"key": bytes(96)}}
    encryption = framework.ClientEncryption(kms, "kv.keys", idle, CodecOptions())
    with pytest.raises(RuntimeError, match='in "async with", not "with"'):
        enter(encryption)
    encryption.delegate.close()


def test_sessions_cannot_be_copied(framework: Framework, idle: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be copied: start another .*start_session\(\)"):
        copy.copy(idle.start_session())
