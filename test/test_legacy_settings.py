"""Settings that are assigned to, as in the PyMongo 2 era."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from bson.binary import Binary, UuidRepresentation
from bson.son import SON
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError
from pymongo.read_preferences import Secondary

from support import Framework, run_python
from support.old_style import old

OWNERS = ("client", "database", "collection")


def assigning(owner: str, name: str) -> str:
    return f"Assigning to {owner}.{name}"


@pytest.fixture
def owners(client: Any, db: Any, collection: Any) -> dict[str, Any]:
    return {"client": client, "database": db, "collection": collection}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (ReadPreference.SECONDARY, ReadPreference.SECONDARY),
        (3, ReadPreference.SECONDARY_PREFERRED),
        (Secondary([{"dc": "x"}]), Secondary([{"dc": "x"}])),
    ],
)
async def test_read_preference(owners: Any, owner: str, value: Any, found: Any) -> None:
    with old(assigning(owner, "read_preference")):
        owners[owner].read_preference = value
    assert owners[owner].read_preference == found


@pytest.mark.parametrize("owner", OWNERS)
async def test_tag_sets(owners: Any, owner: str) -> None:
    target = owners[owner]
    with (
        old(assigning(owner, "tag_sets")),
        pytest.raises(ConfigurationError),
    ):
        target.tag_sets = [{"dc": "x"}]
    with old(assigning(owner, "read_preference")):
        target.read_preference = 2
    with old(assigning(owner, "tag_sets")):
        target.tag_sets = [{"dc": "x"}, {}]
    assert target.read_preference == Secondary([{"dc": "x"}, {}])
    with old(assigning(owner, "read_preference")):
        target.read_preference = 4
    assert target.read_preference.tag_sets == [{"dc": "x"}, {}]


@pytest.mark.parametrize("owner", OWNERS)
async def test_write_concern(owners: Any, owner: str) -> None:
    target = owners[owner]
    with old(assigning(owner, "write_concern"), assigning(owner, "write_concern")):
        target.write_concern = {"w": 1, "wtimeout": 10}
        assert target.write_concern == WriteConcern(w=1, wtimeout=10)
        target.write_concern = WriteConcern(w=0)
    assert target.write_concern == WriteConcern(w=0)
    with (
        old(assigning(owner, "write_concern")),
        pytest.raises(ConfigurationError, match="foo is not a valid write concern option"),
    ):
        target.write_concern = {"foo": 1}
    with (
        old(assigning(owner, "write_concern")),
        pytest.raises(TypeError, match="must be a dict or"),
    ):
        target.write_concern = 1
    assert target.write_concern == WriteConcern(w=0)


async def test_settings_are_inherited_by_what_is_made_afterwards(client: Any, db_name: str) -> None:
    before = client[db_name]
    concern = WriteConcern(w=1, j=True)
    with old(assigning("client", "write_concern"), assigning("client", "read_preference")):
        client.write_concern = concern
        client.read_preference = ReadPreference.NEAREST
    after = client[db_name]
    assert before.write_concern == WriteConcern()
    for made in (after, after.test, after.test.sub, client.get_database(db_name)):
        assert (made.write_concern, made.read_preference) == (concern, ReadPreference.NEAREST)
    with old(assigning("database", "write_concern")):
        after.write_concern = {}
    assert after.test.write_concern == WriteConcern()
    assert after.test.read_preference == ReadPreference.NEAREST
    assert client[db_name].write_concern == concern


async def test_settings_of_a_client_change_nothing_of_pymongos(
    framework: Framework, mongo_uri: str, db_name: str
) -> None:
    delegate = MongoClient(mongo_uri, uuidRepresentation="standard")
    client = framework.Client.from_delegate(delegate)
    before = (delegate.read_preference, delegate.write_concern, delegate.codec_options)
    with old(*(assigning("client", name) for name in ("read_preference", "document_class"))):
        client.read_preference = ReadPreference.NEAREST
        client.document_class = SON
    with old(assigning("client", "write_concern")):
        client.write_concern = {"w": 0}
    assert (delegate.read_preference, delegate.write_concern, delegate.codec_options) == before
    assert client.delegate is delegate
    assert isinstance(client, framework.Client)
    assert type(client).__name__ == framework.Client.__name__
    assert client == framework.Client.from_delegate(delegate)
    options = client.codec_options
    assert (options.document_class, options.uuid_representation) == (SON, 4)
    assert client.write_concern == WriteConcern(w=0)
    for made in (client[db_name], client.get_database(db_name), getattr(client, db_name)):
        assert type(made) is framework.Database
        assert (made.codec_options, made.write_concern) == (options, WriteConcern(w=0))
        assert made.client is client
    own = client.get_database(db_name, write_concern=WriteConcern(w=1), read_concern=None)
    assert (own.write_concern, own.read_preference) == (WriteConcern(w=1), ReadPreference.NEAREST)
    assert client.get_default_database("x").read_preference == ReadPreference.NEAREST
    with pytest.raises(TypeError):
        client[5]
    async with client.start_session() as session:
        assert await own.test.find_one(session=session) is None
    await client.close()


async def test_settings_of_a_client_around_mongomock(framework: Framework) -> None:
    mongomock = pytest.importorskip("mongomock")
    client = framework.Client.from_delegate(mongomock.MongoClient())
    with old(assigning("client", "read_preference")):
        client.read_preference = ReadPreference.NEAREST
    assert client.db.read_preference == ReadPreference.NEAREST
    await client.db.test.insert_one({"_id": 1})
    client.close()


async def test_settings_are_those_of_operations(
    client_factory: Any, db_name: str, commands: Any
) -> None:
    client = client_factory(event_listeners=[commands])
    with old(assigning("client", "write_concern")):
        client.write_concern = {"j": True}
    await client[db_name].test.insert_one({})
    assert commands.named("insert")[0].command["writeConcern"] == {"j": True}


@pytest.mark.parametrize("owner", OWNERS)
async def test_uuid_subtype_and_document_class(owners: Any, owner: str, db_name: str) -> None:
    value = uuid.uuid4()
    with old(assigning(owner, "uuid_subtype"), assigning(owner, "document_class")):
        owners[owner].uuid_subtype = 3
        owners[owner].document_class = SON
    below = {
        "client": lambda client: client[db_name].test,
        "database": lambda db: db.test,
        "collection": lambda collection: collection,
    }
    collection = below[owner](owners[owner])
    await collection.insert_one({"u": value})
    document = await collection.find_one()
    assert (type(document), document["u"]) == (SON, value)
    raw = (
        await owners["client"][db_name]
        .test.with_options(
            codec_options=collection.codec_options.with_options(
                uuid_representation=UuidRepresentation.UNSPECIFIED
            )
        )
        .find_one()
    )
    assert raw["u"] == Binary(value.bytes, 3)
    with (
        old(assigning(owner, "uuid_subtype")),
        pytest.raises(ValueError, match="uuid_subtype must"),
    ):
        owners[owner].uuid_subtype = 9


@pytest.mark.parametrize("owner", OWNERS)
async def test_slave_okay(owners: Any, owner: str) -> None:
    target = owners[owner]
    setting = assigning(owner, "slave_okay")
    with old(setting, setting):
        target.slave_okay = True
        assert target.read_preference == ReadPreference.SECONDARY_PREFERRED
        target.slave_okay = False
        assert target.read_preference == ReadPreference.PRIMARY
    with old(assigning(owner, "read_preference"), setting):
        target.read_preference = ReadPreference.NEAREST
        target.slave_okay = True
    assert target.read_preference == ReadPreference.NEAREST


@pytest.mark.parametrize("owner", OWNERS)
async def test_safe(owners: Any, owner: str, db_name: str) -> None:
    target = owners[owner]
    setting = assigning(owner, "safe")
    with old(setting, setting, setting):
        target.safe = False
        assert target.write_concern == WriteConcern(w=0)
        if owner == "collection":
            assert not (await target.insert_one({})).acknowledged
        target.safe = True
        assert target.write_concern == WriteConcern(w=1)
        target.safe = True
    with old(assigning(owner, "write_concern"), setting):
        target.write_concern = WriteConcern(w=1, j=True)
        target.safe = True
    assert target.write_concern == WriteConcern(w=1, j=True)


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("name", ["slave_okay", "safe"])
async def test_settings_that_are_other_names_today(owners: Any, owner: str, name: str) -> None:
    target = owners[owner]
    setattr(target, name, "my own")
    assert getattr(target, name) == "my own"
    assert (target.read_preference, target.write_concern) == (
        ReadPreference.PRIMARY,
        WriteConcern(),
    )


@pytest.mark.parametrize("owner", OWNERS)
async def test_lasterror_options(owners: Any, owner: str) -> None:
    target = owners[owner]
    get = f"{owner}.get_lasterror_options()"
    change, unset = f"{owner}.set_lasterror_options()", f"{owner}.unset_lasterror_options()"
    with old(get, change, change, get, unset, get, unset, get):
        assert target.get_lasterror_options() == {}
        target.set_lasterror_options(w=1, wtimeout=50)
        target.set_lasterror_options(j=True)
        assert target.get_lasterror_options() == {"w": 1, "wtimeout": 50, "j": True}
        target.unset_lasterror_options("wtimeout", "fsync")
        assert target.get_lasterror_options() == {"w": 1, "j": True}
        target.unset_lasterror_options()
        assert target.get_lasterror_options() == {}
    assert target.write_concern == WriteConcern()
    with old(change), pytest.raises(ConfigurationError, match="foo is not a valid write concern"):
        target.set_lasterror_options(foo=1)
    assert target.write_concern == WriteConcern()


@pytest.mark.parametrize("owner", OWNERS)
async def test_latency_is_one_of_clients(owners: Any, owner: str) -> None:
    with old(assigning(owner, "secondary_acceptable_latency_ms")):
        owners[owner].secondary_acceptable_latency_ms = 10


@pytest.mark.parametrize("owner", OWNERS)
async def test_other_attributes_are_as_ever(owners: Any, owner: str) -> None:
    target = owners[owner]
    with pytest.raises(AttributeError):
        target.codec_options = None
    target.my_own = 5
    assert target.my_own == 5
    target.my_own = 6
    assert target.my_own == 6
    del target.my_own
    assert type(target.my_own) is not int


def test_code_of_today_never_comes_to_the_bridge(mongo_uri: str, db_name: str) -> None:
    """Not even where it looks like old code."""
    run_python(
        """
        import asyncio, sys, uuid
        import motor.motor_asyncio, motor.motor_tornado
        from motor.motor_asyncio import AsyncIOMotorClient
        from pymongo import MongoClient, ReadPreference, WriteConcern

        async def main(uri, name):
            async with AsyncIOMotorClient(uri, maxPoolSize=5, io_loop=None) as client:
                client.get_io_loop = asyncio.get_running_loop
                db = client.get_database(name, write_concern=WriteConcern(w=1))
                collection = db.insert.update
                await collection.insert_one({"_id": 1, "x": 1})
                await collection.create_index("x", unique=True, sparse=True, name="count")
                await collection.find_one({"_id": 1}, {"x": 1}, sort=[("x", 1)], max_time_ms=9000)
                await collection.find_one_and_update({}, {"$set": {"y": 1}}, maxTimeMS=9000)
                await collection.distinct("x", {}, maxTimeMS=9000)
                await collection.count_documents({}, hint="count")
                pipeline = [{"$match": {}}]
                cursor = collection.aggregate(pipeline, allowDiskUse=True, cursor={"batchSize": 2})
                assert len(await cursor.to_list(length=5)) == 1
                cursor = collection.find({}, projection=["x"], no_cursor_timeout=False)
                async for document in cursor.sort("x"):
                    pass
                await cursor.close()
                preference = ReadPreference.PRIMARY
                await db.command("count", collection.name, read_preference=preference)
                await db.create_collection("c", capped=True, size=10000)
                async with client.start_session() as session:
                    await collection.find_one({}, session=session)
                hash(collection), repr(collection), collection == collection, dir(collection)
                collection.database.client, collection.full_name, client.options
            assert not hasattr(motor.motor_asyncio, "_nope")

        asyncio.run(main(*sys.argv[1:]))
        loaded = [name for name in sys.modules if name.startswith("motor.legacy")]
        assert not loaded, loaded
        """,
        mongo_uri,
        db_name,
    )
