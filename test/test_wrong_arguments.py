"""Arguments that a method does not take: the error names the class and method that was called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from support import Framework

#: The class, the call, and what is said of it after the name of the method.
WRONG: list[tuple[str, Callable[[Any], Any], str]] = [
    ("Collection", lambda c: c.find({}, batchsize=3), "find() got 'batchsize' for 'batch_size'"),
    ("Collection", lambda c: c.find(projecton=[]), "find() got 'projecton' for 'projection'"),
    (
        "Collection",
        lambda c: c.find_one(projecton=[]),
        "find_one() got 'projecton' for 'projection'",
    ),
    (
        "Collection",
        lambda c: c.find_raw_batches(batchsize=3),
        "find_raw_batches() got 'batchsize' for 'batch_size'",
    ),
    ("Collection", lambda c: c.find(*range(40)), "find() got too many positional arguments"),
    ("Collection", lambda c: c.insert_one(documnt={}), "insert_one() got 'documnt' for 'document'"),
    ("Collection", lambda c: c.insert_one(), "insert_one() lacks 'document'"),
    ("Collection", lambda c: c.update_one({}), "update_one() lacks 'update'"),
    (
        "Collection",
        lambda c: c.update_one({}, {}, upsrt=1),
        "update_one() got 'upsrt' for 'upsert'",
    ),
    ("Collection", lambda c: c.drop(nonsense=1), "drop() got 'nonsense'"),
    ("Collection", lambda c: c.aggregate(), "aggregate() lacks 'pipeline'"),
    ("Collection", lambda c: c.aggregate(pipline=[]), "aggregate() lacks 'pipeline' by 'pipline'"),
    (
        "Collection",
        lambda c: c.watch(fulldocument=1),
        "watch() got 'fulldocument' for 'full_document'",
    ),
    ("Collection", lambda c: c.with_options(nonsense=1), "with_options() got 'nonsense'"),
    ("Cursor", lambda c: c.find().sort(), "sort() lacks 'key_or_list'"),
    ("Cursor", lambda c: c.find().limit(limt=1), "limit() got 'limt' for 'limit'"),
    ("Cursor", lambda c: c.find().to_list(lenght=1), "to_list() got 'lenght' for 'length'"),
    ("Cursor", lambda c: c.find().distinct(), "distinct() lacks 'key'"),
    ("Cursor", lambda c: c.find().batch_size(1, x=1), "batch_size() got 'x'"),
    ("Database", lambda c: c.database.command(), "command() lacks 'command'"),
    ("Database", lambda c: c.database.get_collection(), "get_collection() lacks 'name'"),
    ("Database", lambda c: c.database.with_options(x=1), "with_options() got 'x'"),
    (
        "Client",
        lambda c: c.database.client.drop_database(),
        "drop_database() lacks 'name_or_database'",
    ),
    (
        "Client",
        lambda c: c.database.client.get_database(nam=1),
        "get_database() got 'nam' for 'name'",
    ),
    ("Client", lambda c: c.database.client.start_session(x=1), "start_session() got 'x'"),
    ("ClientSession", lambda c: session(c).start_transaction(x=1), "start_transaction() got 'x'"),
    ("ClientSession", lambda c: session(c).commit_transaction(x=1), "commit_transaction() got 'x'"),
    ("ClientSession", lambda c: session(c).end_session(x=1), "end_session() got 'x'"),
    (
        "ClientSession",
        lambda c: session(c).advance_cluster_time(),
        "advance_cluster_time() lacks 'cluster_time'",
    ),
]


def session(collection: Any) -> Any:
    return collection.database.client.start_session()


def expected(name: str, said: str) -> str:
    """The message, of its short form above."""
    if found := re.fullmatch(r"(\w+\(\)) got '(\w+)'(?: for '(\w+)')?", said):
        method, unknown, meant = found.groups()
        hint = f". Did you mean '{meant}'?" if meant else ""
        return f"{name}.{method} got an unexpected keyword argument '{unknown}'{hint}"
    if found := re.fullmatch(r"(\w+\(\)) lacks '(\w+)'(?: by '(\w+)')?", said):
        method, missing, given = found.groups()
        hint = f". Did you mean it by '{given}'?" if given else ""
        return f"{name}.{method} missing a required argument: '{missing}'{hint}"
    return f"{name}.{said}"


def own_name(framework: Framework, name: str) -> str:
    found: str = getattr(framework, name).__name__
    return found


async def message_of(call: Callable[[], Any]) -> str:
    try:
        result = call()
        if inspect.isawaitable(result):
            await result
    except TypeError as error:
        return str(error)
    raise AssertionError("it takes the arguments")


@pytest.mark.parametrize(("name", "call", "said"), WRONG, ids=[said for *_, said in WRONG])
async def test_wrong_arguments(
    framework: Framework, collection: Any, name: str, call: Callable[[Any], Any], said: str
) -> None:
    message = await message_of(lambda: call(collection))
    assert message == expected(own_name(framework, name), said)


async def test_wrong_arguments_of_buckets(framework: Framework, db: Any) -> None:
    bucket, name = framework.GridFSBucket(db), own_name(framework, "GridFSBucket")
    calls: dict[str, Callable[[], Any]] = {
        "upload_from_stream() lacks 'filename'": lambda: bucket.upload_from_stream(),
        "upload_from_stream() got 'metdata' for 'metadata'": lambda: bucket.upload_from_stream(
            "name", b"", metdata={}
        ),
        "find() got 'filtr' for 'filter'": lambda: bucket.find(filtr={}),
        "delete() lacks 'file_id'": lambda: bucket.delete(),
        "rename() lacks 'new_filename'": lambda: bucket.rename(1),
    }
    for said, call in calls.items():
        assert await message_of(call) == expected(name, said)
    message = await message_of(lambda: framework.GridFSBucket(db, bucketname="x"))
    hint = "Did you mean 'bucket_name'?"
    assert message == f"{name}() got an unexpected keyword argument 'bucketname'. {hint}"


async def test_an_unknown_keyword_is_refused_before_anything_is_sent(
    framework: Framework, collection: Any
) -> None:
    with pytest.raises(TypeError, match="Did you mean 'session'"):
        collection.insert_one({}, sesion=None)
    assert await collection.count_documents({}) == 0


async def test_type_errors_of_other_causes_stay_as_they_are(
    framework: Framework, collection: Any
) -> None:
    for call in (
        lambda owner: owner.find(1),
        lambda owner: owner.find().sort(1),
        lambda owner: owner.insert_one(1),
    ):
        with pytest.raises(TypeError) as theirs:
            call(collection.delegate)
        assert await message_of(lambda call=call: call(collection)) == str(theirs.value)


async def test_errors_of_subclasses_name_them(framework: Framework, client: Any) -> None:
    class Shelf(framework.Collection):  # type: ignore[name-defined,misc]
        pass

    shelf = Shelf(client.db, "test")
    assert (await message_of(lambda: shelf.find(nonsense=1))).startswith("Shelf.find() got")
