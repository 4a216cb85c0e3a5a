"""Every class against its twin in PyMongo's async API, the frameworks against each other, and both
against Motor 3.7.1.

Some tests call members on objects whose PyMongo client is closed: nothing is looked at but what the
call gives at once, which shows whether there is something to wait for.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pymongo
import pytest
from pymongo.errors import InvalidOperation

from motor import motor_asyncio
from support import Framework, class_names
from support.motor371 import MEMBERS
from support.no_server import NoServer

PREFIX = "AsyncIOMotor"
CLASSES = class_names()

ABSENT = "absent"

#: The members that differ from the twin's: (class or "*", member): (what is here instead, reason).
EXCEPTIONS: dict[tuple[str, str], tuple[str, str]] = {
    ("*", "__ne__"): (ABSENT, "Python derives != from __eq__"),
    ("*", "__next__"): (ABSENT, "Python says by itself that the object is not an iterator"),
    ("Client", "next"): (ABSENT, "may be the name of a database"),
    ("Collection", "next"): (ABSENT, "may be part of a collection's name"),
    ("Database", "next"): (ABSENT, "may be the name of a collection"),
    ("Client", "HOST"): ("property", "is read from the delegate, as in Motor 3"),
    ("Client", "PORT"): ("property", "is read from the delegate, as in Motor 3"),
    ("Client", "address"): ("property", "answers from what is known, without waiting"),
    ("Client", "arbiters"): ("property", "answers from what is known, without waiting"),
    ("Client", "is_mongos"): ("property", "answers from what is known, without waiting"),
    ("Client", "is_primary"): ("property", "answers from what is known, without waiting"),
    ("Client", "primary"): ("property", "answers from what is known, without waiting"),
    ("Client", "secondaries"): ("property", "answers from what is known, without waiting"),
}

#: Members of the twins that are no part of the API: Python's own, and what only frees resources.
NOT_API = {
    "__abstractmethods__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__class_getitem__",
    "__del__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__init__",
    "__init_subclass__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__slots__",
    "__static_attributes__",
    "__weakref__",
}


class Member(NamedTuple):
    name: str
    value: Any

    @property
    def kind(self) -> str:
        if isinstance(self.value, property):
            getter = self.value.fget and inspect.unwrap(self.value.fget)
            return "async property" if inspect.iscoroutinefunction(getter) else "property"
        if not inspect.isroutine(self.value):
            return "data"
        function = getattr(self.value, "__func__", self.value)
        coroutine = inspect.iscoroutinefunction(inspect.unwrap(function))
        return "coroutine" if coroutine else "plain"

    @property
    def only_raises(self) -> bool:
        return inspect.signature(self.value).return_annotation == "NoReturn"


def api_of(twin: type) -> dict[str, Member]:
    """The API of one of PyMongo's classes: its public members, and the dunders it defines."""
    return {
        name: Member(name, inspect.getattr_static(twin, name))
        for base in twin.__mro__
        if base.__module__.partition(".")[0] in ("pymongo", "gridfs")
        for name in vars(base)
        if name not in NOT_API and (name.startswith("__") or not name.startswith("_"))
    }


def members_of(cls: type) -> set[str]:
    """What the class and its bases define, and the attributes they announce for their objects."""
    bases = [base for base in cls.__mro__ if base is not object]
    return {name for base in bases for name in (*vars(base), *inspect.get_annotations(base))}


def exception(class_name: str, member: str) -> str | None:
    """What is here instead of the twin's member, when that is an exception."""
    found = EXCEPTIONS.get((class_name, member)) or EXCEPTIONS.get(("*", member))
    return None if found is None else found[0]


async def finish(result: Any) -> None:
    """Wait for what was started, and ignore its outcome: there is no server."""
    if inspect.isawaitable(result):
        with suppress(Exception):
            await result


def is_to_wait_for(result: Any) -> bool:
    return asyncio.isfuture(result) or inspect.iscoroutine(result)


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_of_the_twin_is_derived_or_declared(framework: Framework, name: str) -> None:
    cls = getattr(framework, name)
    missing = set(api_of(cls.__async_class__)) - members_of(cls)
    assert {member for member in missing if exception(name, member) != ABSENT} == set()


@pytest.mark.parametrize("name", CLASSES)
async def test_coroutine_of_the_twin_can_be_awaited(framework: Framework, name: str) -> None:
    wrong = []
    for member in api_of(getattr(framework, name).__async_class__).values():
        if member.kind == "coroutine":
            # A new client each time, because the member may be the one that closes it.
            result = NoServer(framework).call(name, member.name, member.value)
            if not inspect.isawaitable(result):
                wrong.append(member.name)
            await finish(result)
    assert wrong == []


@pytest.mark.parametrize("name", CLASSES)
async def test_plain_member_of_the_twin_gives_its_result_at_once(
    framework: Framework, name: str
) -> None:
    cls = getattr(framework, name)
    server = NoServer(framework)
    members = [m for m in api_of(cls.__async_class__).values() if m.name in members_of(cls)]
    for member in members:
        if member.kind != "plain" or member.name.startswith("__") or member.only_raises:
            continue
        try:
            result = server.call(name, member.name, member.value)
        except InvalidOperation:
            pytest.fail(f"{member.name} is plain, but asks the server")
        assert not is_to_wait_for(result), member.name


@pytest.mark.parametrize("name", CLASSES)
async def test_property_of_the_twin_is_one_and_asks_no_server(
    framework: Framework, name: str
) -> None:
    cls = getattr(framework, name)
    owner = NoServer(framework).make(name)
    for member in api_of(cls.__async_class__).values():
        if member.kind not in ("property", "async property"):
            continue
        here = inspect.getattr_static(cls, member.name, None)
        # Other Motor objects are attributes of the object itself.
        assert isinstance(here, property) or member.name in vars(owner), member.name
        value = getattr(owner, member.name)
        awaited = member.kind == "async property" and not exception(name, member.name)
        assert inspect.isawaitable(value) if awaited else not is_to_wait_for(value), member.name


@pytest.mark.parametrize("name", CLASSES)
def test_data_of_the_twin_is_the_same(framework: Framework, name: str) -> None:
    cls = getattr(framework, name)
    for member in api_of(cls.__async_class__).values():
        if member.kind == "data" and exception(name, member.name) is None:
            assert inspect.getattr_static(cls, member.name) == member.value, member.name


@pytest.mark.parametrize("name", CLASSES)
def test_parameters_of_the_twin_are_taken_by_name_and_place(
    framework: Framework, name: str
) -> None:
    cls = getattr(framework, name)
    for member in api_of(cls.__async_class__).values():
        if member.kind not in ("plain", "coroutine") or member.name not in members_of(cls):
            continue
        here = inspect.signature(inspect.getattr_static(cls, member.name))
        theirs = list(inspect.signature(member.value).parameters.values())
        named = {p.name: None for p in theirs[1:] if p.kind is p.POSITIONAL_OR_KEYWORD}
        if not member.name.startswith("__"):
            here.bind(None, **named)
        here.bind(None, *named)


def test_no_exception_is_stale() -> None:
    for (class_name, member), (instead, reason) in EXCEPTIONS.items():
        assert reason
        concerned = CLASSES if class_name == "*" else [class_name]
        classes = [getattr(motor_asyncio, PREFIX + name) for name in concerned]
        twins = [(cls, api_of(cls.__async_class__).get(member)) for cls in classes]
        differing = [cls for cls, twin in twins if twin is not None and differs(cls, twin)]
        assert differing, f"{class_name}.{member} is as in its twin: no exception is needed"
        if instead == ABSENT:
            assert all(member not in members_of(cls) for cls in differing)
        else:
            kinds = {Member(member, inspect.getattr_static(cls, member)).kind for cls in differing}
            assert kinds == {instead}


def differs(cls: type, twin: Member) -> bool:
    if twin.name not in members_of(cls):
        return True
    return Member(twin.name, inspect.getattr_static(cls, twin.name)).kind != twin.kind


def test_every_pymongo_class_with_a_twin_has_a_motor_class() -> None:
    """A class that a client, database or collection of PyMongo can give has one of Motor's."""
    covered = {getattr(motor_asyncio, PREFIX + name).__async_class__ for name in CLASSES}
    modules = ["mongo_client", "database", "collection", "cursor", "command_cursor"]
    modules += ["change_stream", "client_session", "encryption"]
    for module in (getattr(pymongo.asynchronous, each) for each in modules):
        for name, cls in vars(module).items():
            if inspect.isclass(cls) and cls.__module__ == module.__name__ and name[:5] == "Async":
                assert covered & set(cls.__mro__), name


@pytest.mark.parametrize("name", CLASSES)
def test_frameworks_have_the_same_members(name: str) -> None:
    first, second = (getattr(Framework(each), name) for each in Framework.names)
    assert dir(first) == dir(second)
    for member in dir(first):
        one, other = (inspect.getattr_static(cls, member) for cls in (first, second))
        assert Member(member, one).kind == Member(member, other).kind, member
        if inspect.isfunction(one):
            assert inspect.signature(one) == inspect.signature(other), member
            assert inspect.getdoc(one) == inspect.getdoc(other), member


@pytest.mark.parametrize("name", MEMBERS)
async def test_every_member_of_motor_3_is_here(framework: Framework, name: str) -> None:
    cls = getattr(framework, name)
    owner = NoServer(framework).make(name)
    assert {m for m in MEMBERS[name].all if m not in members_of(cls) | set(vars(owner))} == set()


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.filterwarnings("ignore:The (fetch_next|next_object):DeprecationWarning")
async def test_members_of_motor_3_give_what_they_gave(framework: Framework, name: str) -> None:
    cls, members = getattr(framework, name), MEMBERS[name]

    def call(member: str) -> Any:
        return NoServer(framework).call(name, member, inspect.getattr_static(cls, member))

    for member in members.futures | members.coroutines:
        result = call(member)
        assert inspect.isawaitable(result), member
        assert asyncio.isfuture(result) or member not in members.futures, member
        await finish(result)
    # To close a client may be awaited now, and need not be.
    for member in members.plain - {"close"}:
        assert callable(getattr(cls, member)), member
        static = Member(member, inspect.getattr_static(cls, member))
        if not member.startswith("__") and not static.only_raises:
            assert not is_to_wait_for(call(member)), member
    for member in members.properties:
        assert isinstance(inspect.getattr_static(cls, member), property), member


#: The names that Motor 3's classes did not have, and why they are here. A database or collection of
#: such a name is no longer an attribute.
ADDED: dict[str, dict[str, str]] = {
    "Client": {
        "aclose": "is PyMongo Async's name for close",
        "aconnect": "is PyMongo Async's way to connect ahead",
        "append_metadata": "is PyMongo's, since 4.14",
        "eq_props": "is PyMongo's, since 4.12",
        "from_delegate": "makes a client around one of PyMongo's",
    },
    "Collection": {},
    "Database": {},
}


@pytest.mark.parametrize("name", ADDED)
def test_few_names_hide_databases_and_collections(framework: Framework, name: str) -> None:
    cls = getattr(framework, name)
    public = {member for member in members_of(cls) if not member.startswith("_")}
    # What a later PyMongo adds is not on the list yet.
    later = set(dir(cls.__async_class__)) if pymongo.version_tuple >= (4, 21) else set()
    assert public - MEMBERS[name].all - later <= set(ADDED[name])
    guide = (Path(__file__).parent.parent / "doc/migrate-from-motor-3.rst").read_text()
    assert all(f"``{name.lower()}.{member}``" in guide for member in ADDED[name])


async def test_what_is_hidden_is_there_by_item(framework: Framework, client: Any, db: Any) -> None:
    assert isinstance(client.next, framework.Database)
    assert isinstance(db.next, framework.Collection)
    assert isinstance(db.test.next, framework.Collection)
    assert await db.next.count_documents({}) == 0
    assert isinstance(client["aclose"], framework.Database)
    assert callable(client.aclose)


@pytest.mark.parametrize("name", CLASSES)
async def test_every_name_that_an_object_has_is_on_its_class(
    framework: Framework, name: str
) -> None:
    owner = NoServer(framework).make(name)
    own = {member for member in vars(owner) if not member.startswith("_")}
    assert own - set(dir(type(owner))) == set()
    assert all(inspect.getattr_static(type(owner), member).__doc__ for member in own)


def test_object_that_was_not_given_an_attribute_has_none(framework: Framework) -> None:
    for cls, attribute in (
        (framework.Client, "delegate"),
        (framework.Collection, "database"),
        (framework.Cursor, "collection"),
        (framework.LatentCommandCursor, "kwargs"),
    ):
        assert not hasattr(cls.__new__(cls), attribute)
        assert hasattr(cls, attribute)
