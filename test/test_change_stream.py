"""Change streams: opening, reading, arguments, tokens."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from bson import SON, ObjectId, Timestamp
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.raw_bson import RawBSONDocument
from pymongo.collation import Collation
from pymongo.errors import OperationFailure

from support import async_wait_until

#: Short waits for streams that have nothing to say.
SHORT = 50


@pytest.fixture
def commands_collection(client_factory: Any, commands: Any, db_name: str) -> Any:
    return client_factory(event_listeners=[commands])[db_name]["test"]


@pytest.fixture(params=["collection", "database", "client"])
def watch(request: pytest.FixtureRequest, collection: Any, db_name: str) -> Callable[..., Any]:
    """`watch` of a collection, a database and a client, for the events of the test's database."""
    collection.delegate.insert_one({"_id": "so that the collection exists"})
    owners = {
        "collection": collection,
        "database": collection.database,
        "client": collection.database.client,
    }
    owner = owners[request.param]

    def watch_own(**kwargs: Any) -> Any:
        return owner.watch([{"$match": {"ns.db": db_name}}], **kwargs)

    return watch_own


async def inserted(stream: Any, collection: Any, *ids: Any) -> None:
    """Check that `stream` sees one insert for each of the `ids`, in order."""
    await collection.insert_many([{"_id": i} for i in ids])
    assert [(await stream.next())["documentKey"]["_id"] for _ in ids] == list(ids)


# Opening ------------------------------------------------------------------------------------


async def test_nothing_is_sent_until_the_stream_is_used(commands_collection, commands):
    stream = commands_collection.watch()
    assert "not opened yet" in repr(stream)
    assert stream.alive
    assert stream.resume_token is None
    await commands_collection.database.command("ping")
    assert commands.names == ["ping"]
    assert await stream is stream
    assert commands.names == ["ping", "aggregate"]
    assert "not opened yet" not in repr(stream)
    await stream
    assert commands.names == ["ping", "aggregate"]
    await stream.close()


async def test_async_for_sees_what_happens(watch, collection):
    await collection.insert_one({"_id": "before"})
    seen = []
    async with watch() as stream:
        await collection.insert_one({"_id": 1})
        await collection.update_one({"_id": 1}, {"$set": {"a": 2}})
        await collection.delete_one({"_id": 1})
        async for event in stream:
            seen.append(event["operationType"])
            if seen[-1] == "delete":
                break
    assert seen == ["insert", "update", "delete"]
    assert not stream.alive


async def test_the_style_of_pymongo_async_enters_an_awaited_stream(watch, collection):
    async with await watch() as stream:
        await inserted(stream, collection, 1)
    assert not stream.alive


async def test_an_awaited_stream_sees_what_happens_from_then_on(watch, collection):
    stream = await watch()
    await inserted(stream, collection, 1, 2)
    await stream.close()


async def test_the_first_next_opens_the_stream(watch, collection):
    stream = watch()
    waiting = asyncio.create_task(stream.next())

    async def insert_until_seen() -> None:
        while not waiting.done():
            await collection.insert_one({})

    await asyncio.wait_for(insert_until_seen(), 10)
    assert (await waiting)["operationType"] == "insert"
    await stream.close()


async def test_the_first_try_next_opens_the_stream(watch, collection):
    stream = watch(max_await_time_ms=SHORT)
    assert await stream.try_next() is None
    await inserted(stream, collection, 1)
    await stream.close()


async def test_a_stream_that_could_not_be_opened_can_be_tried_again(
    client_factory, db_name, fail_point
):
    collection = client_factory(appName="no-watch", retryReads=False)[db_name]["test"]
    stream = collection.watch()
    failing = {"failCommands": ["aggregate"], "appName": "no-watch", "errorCode": 13}
    with fail_point(mode={"times": 3}, **failing):
        with pytest.raises(OperationFailure, match="failCommand"):
            await stream.next()
        with pytest.raises(OperationFailure):
            await stream
        with pytest.raises(OperationFailure):
            await stream.try_next()
        assert stream.alive
        await stream
    await inserted(stream, collection, 1)
    await stream.close()


async def test_with_is_refused(collection):
    stream = collection.watch()
    with pytest.raises(RuntimeError, match='in "async with", not "with"'), stream:
        pass


# Reading ------------------------------------------------------------------------------------


async def test_try_next_gives_an_event_or_none(watch, collection):
    async with watch(max_await_time_ms=SHORT) as stream:
        assert await stream.try_next() is None
        await collection.insert_many([{"_id": 1}, {"_id": 2}])
        assert (await stream.try_next())["documentKey"] == {"_id": 1}
        assert (await stream.try_next())["documentKey"] == {"_id": 2}
        assert await stream.try_next() is None
        assert stream.alive


async def test_next_waits_over_many_round_trips(commands_collection, commands):
    async with commands_collection.watch(max_await_time_ms=SHORT) as stream:
        waiting = asyncio.create_task(stream.next())
        while len(commands.named("getMore")) < 3:
            assert not waiting.done()
            await asyncio.sleep(0.005)
        await commands_collection.insert_one({"_id": 1})
        assert (await waiting)["documentKey"] == {"_id": 1}


async def test_iterating_a_stream_gives_the_stream(collection):
    stream = collection.watch()
    assert stream.__aiter__() is stream
    assert inspect.iscoroutinefunction(stream.next)


# Arguments ----------------------------------------------------------------------------------


def stage_of(command: Any) -> dict[str, Any]:
    """What a recorded `aggregate` asked of `$changeStream`."""
    return dict(command.command["pipeline"][0]["$changeStream"])


async def test_all_arguments_may_be_positional(commands_collection, commands, sync_db):
    with sync_db["test"].watch() as sync_stream:
        token = sync_stream.resume_token
    pipeline = [{"$match": {"operationType": "insert"}}]
    # PyMongo checks the collation, but does not send it.
    session = commands_collection.database.client.start_session()
    stream = commands_collection.watch(
        pipeline, "updateLookup", None, 123, 7, Collation("fr"), None, session, token, "why",
        "whenAvailable", True,
    )  # fmt: skip
    async with session, stream:
        await stream.try_next()
        session_id = session.session_id
    (aggregate,) = commands.named("aggregate")
    assert stage_of(aggregate) == {
        "fullDocument": "updateLookup",
        "fullDocumentBeforeChange": "whenAvailable",
        "showExpandedEvents": True,
        "startAfter": token,
    }
    assert aggregate.command["pipeline"][1:] == pipeline
    assert aggregate.command["cursor"] == {"batchSize": 7}
    assert aggregate.command["comment"] == "why"
    assert aggregate.command["lsid"] == session_id
    (more,) = commands.named("getMore")
    assert more.command["maxTimeMS"] == 123
    assert more.command["batchSize"] == 7


@pytest.mark.parametrize(
    ("keyword", "value", "sent"),
    [
        ("full_document", "updateLookup", ("fullDocument", "updateLookup")),
        ("start_at_operation_time", "now", ("startAtOperationTime", "now")),
        ("resume_after", "token", ("resumeAfter", "token")),
        ("start_after", "token", ("startAfter", "token")),
        ("full_document_before_change", "off", ("fullDocumentBeforeChange", "off")),
        ("show_expanded_events", True, ("showExpandedEvents", True)),
    ],
)
async def test_a_keyword_reaches_the_server(
    commands_collection, commands, sync_client, sync_db, keyword, value, sent
):
    with sync_db["test"].watch() as sync_stream:
        special = {"token": sync_stream.resume_token}
    now = sync_client.admin.command("ping")["operationTime"]
    special["now"] = Timestamp(now.time, now.inc)
    value, (name, expected) = special.get(value, value), sent
    async with commands_collection.watch(**{keyword: value}):
        assert stage_of(commands[0])[name] == special.get(expected, expected)


@pytest.mark.parametrize("owner", ["collection", "database", "client"])
async def test_unknown_arguments_are_refused_at_the_call(collection, owner):
    owners = {
        "collection": collection,
        "database": collection.database,
        "client": collection.database.client,
    }
    with pytest.raises(TypeError, match=r"watch\(\).*fulldocument"):
        owners[owner].watch(fulldocument="updateLookup")
    with pytest.raises(TypeError, match=r"watch\(\).*too many positional"):
        owners[owner].watch(*[None] * 13)
    with pytest.raises(TypeError, match="pipeline"):
        owners[owner].watch([], pipeline=[])


async def test_a_bad_value_is_refused_before_anything_is_sent(commands_collection, commands):
    with pytest.raises(TypeError, match="pipeline"):
        await commands_collection.watch({"$match": {}})
    with pytest.raises(ValueError, match="batchSize"):
        await commands_collection.watch(batch_size="many")
    assert commands.names == []


async def test_a_pipeline_filters_and_reshapes_events(collection):
    pipeline = [{"$match": {"fullDocument.n": {"$gt": 1}}}, {"$addFields": {"extra": "here"}}]
    async with collection.watch(pipeline) as stream:
        await collection.insert_many([{"n": 1}, {"n": 2}, {"n": 3}])
        events = [await stream.next(), await stream.next()]
    assert [event["fullDocument"]["n"] for event in events] == [2, 3]
    assert events[0]["extra"] == "here"


async def test_full_document_looks_the_changed_document_up(collection):
    await collection.insert_one({"_id": 1, "a": 1, "b": 2})
    async with collection.watch(full_document="updateLookup") as stream:
        await collection.update_one({"_id": 1}, {"$inc": {"a": 10}})
        event = await stream.next()
    assert event["fullDocument"] == {"_id": 1, "a": 11, "b": 2}


async def test_full_document_before_change_gives_the_old_document(db, server_version):
    if server_version < (6, 0):
        pytest.skip("pre-images need MongoDB 6.0")
    collection = await db.create_collection(
        "images", changeStreamPreAndPostImages={"enabled": True}
    )
    await collection.insert_one({"_id": 1, "a": 1})
    async with collection.watch(full_document_before_change="required") as stream:
        await collection.update_one({"_id": 1}, {"$set": {"a": 2}})
        event = await stream.next()
    assert event["fullDocumentBeforeChange"] == {"_id": 1, "a": 1}


# Tokens -------------------------------------------------------------------------------------


async def test_an_unopened_stream_knows_the_token_it_will_resume_after(collection):
    async with collection.watch() as stream:
        await collection.insert_one({})
        token = (await stream.next())["_id"]
    assert collection.watch(resume_after=token).resume_token == token
    assert collection.watch(start_after=token).resume_token == token


async def test_an_opened_stream_has_a_token_before_the_first_event(collection):
    async with collection.watch() as stream:
        token = stream.resume_token
        assert token is not None
        await collection.insert_one({"_id": 1})
    async with collection.watch(resume_after=token) as stream:
        assert stream.resume_token == token
        assert (await stream.next())["documentKey"] == {"_id": 1}


async def test_the_token_is_that_of_the_last_event_taken(collection):
    async with collection.watch() as stream:
        await collection.insert_many([{"_id": i} for i in range(4)])
        # All four come in one batch, so that the next ones wait inside.
        first = await stream.next()
        assert stream.resume_token == first["_id"]
        second = await stream.next()
        assert stream.resume_token == second["_id"]
    async with collection.watch(resume_after=second["_id"]) as stream:
        assert (await stream.next())["documentKey"] == {"_id": 2}


async def test_an_event_that_has_come_but_was_not_taken_does_not_move_the_token(
    commands_collection, commands
):
    async with commands_collection.watch() as stream:
        token = stream.resume_token
        waiting = asyncio.create_task(stream.next())
        await async_wait_until(lambda: commands.named("getMore"))
        waiting.cancel()
        await asyncio.wait([waiting])
        await commands_collection.insert_one({"_id": 1})
        # The read whose caller is gone goes on, and its event waits for the next caller.
        await async_wait_until(
            lambda: any("nextBatch" in e.reply.get("cursor", {}) for e in commands.succeeded_events)
        )
        await commands_collection.database.command("ping")
        assert stream.resume_token == token
        assert (await stream.next())["documentKey"] == {"_id": 1}
        assert stream.resume_token != token


async def test_the_token_moves_on_while_nothing_concerns_the_stream(db):
    async with db["quiet"].watch(max_await_time_ms=SHORT) as stream:
        before = stream.resume_token
        await db["busy"].insert_one({})
        assert await stream.try_next() is None
        assert stream.resume_token != before


@pytest.mark.parametrize("keyword", ["resume_after", "start_after"])
async def test_a_stream_resumes_after_a_token(watch, collection, keyword):
    async with watch() as stream:
        await inserted(stream, collection, 1)
        token = stream.resume_token
        await inserted(stream, collection, 2, 3)
    async with watch(**{keyword: token}) as stream:
        events = [await stream.next(), await stream.next()]
    assert [event["documentKey"]["_id"] for event in events] == [2, 3]


async def test_a_stream_starts_at_an_operation_time(watch, collection):
    async with collection.database.client.start_session() as session:
        await collection.insert_one({"_id": 1}, session=session)
        time = session.operation_time
    await collection.insert_one({"_id": 2})
    async with watch(start_at_operation_time=time) as stream:
        events = [await stream.next(), await stream.next()]
    assert [event["documentKey"]["_id"] for event in events] == [1, 2]


# Codec options ------------------------------------------------------------------------------


class IdAsText(TypeDecoder):
    bson_type = ObjectId

    def transform_bson(self, value: ObjectId) -> str:
        return f"id {value}"


async def test_events_are_decoded_with_the_type_registry(collection):
    options = CodecOptions(type_registry=TypeRegistry([IdAsText()]))
    oid = ObjectId()
    async with collection.with_options(codec_options=options).watch() as stream:
        await collection.insert_one({"_id": oid})
        event = await stream.next()
        assert event["documentKey"]["_id"] == f"id {oid}"
        # Custom types or not, the stream has a token to go on with.
        await collection.insert_one({"_id": 2})
        assert (await stream.next())["documentKey"] == {"_id": 2}


@pytest.mark.parametrize("document_class", [SON, RawBSONDocument])
async def test_events_are_of_the_document_class(collection, document_class):
    options = CodecOptions(document_class=document_class)
    async with collection.with_options(codec_options=options).watch() as stream:
        await collection.insert_one({"_id": 1})
        event = await stream.next()
        assert type(event) is document_class
        assert event["documentKey"]["_id"] == 1
        assert stream.resume_token is not None
