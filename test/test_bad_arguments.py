"""Wrong values in every argument of every method: PyMongo's error comes; the client works on."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import gridfs
import pymongo
import pytest
from bson import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import Framework
from support.wrong_values import ERRORS, WRONG, Case, calls

KINDS = ("client", "database", "collection", "cursor", "bucket")


@pytest.fixture
def other_db(sync_client: Any, db_name: str) -> Iterator[Any]:
    """A database for PyMongo, where Motor's calls change nothing."""
    db = sync_client[f"{db_name}_too"]
    yield db
    sync_client.drop_database(db)


@pytest.fixture
def sync_owners(sync_client: Any, other_db: Any) -> Any:
    def make() -> dict[str, Any]:
        bucket = gridfs.GridFSBucket(other_db)
        collection = other_db.things
        owners = (sync_client, other_db, collection, collection.find(), bucket)
        return dict(zip(KINDS, owners, strict=True))

    return make


@pytest.fixture
def motor_owners(client: Any, framework: Framework, db_name: str) -> Any:
    def make() -> dict[str, Any]:
        db = client[db_name]
        bucket = framework.GridFSBucket(db)
        owners = (client, db, db.things, db.things.find(), bucket)
        return dict(zip(KINDS, owners, strict=True))

    return make


def sync_outcome(owner: Any, case: Case) -> Any:
    """The result or the error of PyMongo's method."""
    try:
        result = getattr(owner, case.method)(**case.arguments(owner))
        if type(result).__name__.endswith("Cursor"):
            result = list(result)
    except Exception as error:
        return error
    return result


async def motor_outcome(owner: Any, case: Case, sync_owner: Any) -> Any:
    try:
        result = getattr(owner, case.method)(**case.arguments(sync_owner))
        if inspect.isawaitable(result):
            result = await result
        if type(result).__name__.endswith("Cursor"):
            result = await result.to_list()
    except Exception as error:
        return error
    return result


def is_in_our_words(case: Case, expected: Any, found: Any) -> bool:
    """Whether Motor differs from PyMongo here on purpose."""
    if isinstance(expected, (StopIteration, SystemError)):
        # What PyMongo did not expect itself.
        return isinstance(found, Exception)
    if case.argument == "chunk_size_bytes":
        return isinstance(found, (TypeError, ValueError))
    if (case.method, case.argument) == ("aggregate", "pipeline"):
        # The old way to write one.
        return isinstance(expected, TypeError)
    if (case.method, case.argument) == ("command", "command"):
        return isinstance(found, TypeError)
    # to_list() refuses tailable cursors before the server does.
    return (case.method, case.argument) == ("add_option", "mask")


def compare(case: Case, expected: Any, found: Any) -> None:
    if isinstance(expected, Exception) and type(expected) is type(found):
        return
    if not isinstance(expected, Exception) and not isinstance(found, Exception):
        assert type(found).__name__.endswith(type(expected).__name__), case
        return
    assert is_in_our_words(case, expected, found), (case, expected, found)
    assert not isinstance(found, Exception) or isinstance(found, (*ERRORS, RuntimeError)), case


async def works_on(client: Any, db_name: str) -> None:
    assert (await client.admin.command("ping"))["ok"] == 1
    collection = client[db_name].works
    await collection.replace_one({"_id": 1}, {"n": 1}, upsert=True)
    assert await collection.find().to_list() == [{"_id": 1, "n": 1}]


@pytest.fixture
def try_case(sync_owners: Any, motor_owners: Any) -> Any:
    async def run(case: Case) -> None:
        sync_owner, motor_owner = sync_owners()[case.kind], motor_owners()[case.kind]
        with pymongo.timeout(20), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = sync_outcome(sync_owner, case)
            found = await motor_outcome(motor_owner, case, sync_owner)
        compare(case, expected, found)

    return run


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_values_in_each_argument(
    try_case: Any, sync_owners: Any, motor_owners: Any, client: Any, db_name: str, kind: str
) -> None:
    names = list(WRONG)
    tried = 0
    for place, (owner, method, argument) in enumerate(calls(sync_owners(), motor_owners())):
        if owner == kind:
            # Each argument has some of them, and each of them is in some argument of its method.
            for name in names[place % 7 :: 7]:
                await try_case(Case(kind, method, argument, name))
                tried += 1
    assert tried > 50
    await works_on(client, db_name)


def scalars() -> Any:
    return st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary()
    )


def values() -> Any:
    """Plain values: scalars, and lists and dictionaries of them."""
    return st.recursive(
        scalars(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars(), inner, max_size=3),
        max_leaves=6,
    )


#: Whose arguments are compared by what they are, not only by their types.
CALLS = (
    ("insert_one", "document"),
    ("insert_many", "documents"),
    ("find_one", "filter"),
    ("count_documents", "filter"),
    ("update_one", "update"),
    ("replace_one", "replacement"),
    ("distinct", "key"),
    ("create_index", "keys"),
    ("bulk_write", "requests"),
    ("find_one_and_update", "update"),
    ("delete_many", "filter"),
    ("find", "sort"),
    ("find", "projection"),
)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_any_value_gets_what_pymongo_gives(
    framework: Framework, client: Any, other_db: Any, db_name: str, call: tuple[str, str]
) -> None:
    method, argument = call

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(value=values())
    def check(value: Any) -> None:
        WRONG["given"] = lambda: value
        try:
            case = Case("collection", method, argument, "given")
            expected = sync_outcome(other_db.things, case)
            collection = client[db_name].things
            found = framework.run(lambda: motor_outcome(collection, case, other_db.things))
        finally:
            del WRONG["given"]
        compare(case, expected, found)
        if isinstance(expected, Exception):
            return
        if isinstance(expected, (list, int)):
            assert encode({"": found}) == encode({"": expected})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check()
    framework.run(works_on, client, db_name)
