"""Clients of `motor.legacy` open again after they were closed, and change their user."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest
from pymongo import ReadPreference
from pymongo.errors import InvalidOperation, OperationFailure

from support import Framework, legacy_fronts
from support.legacy_fronts import legacy
from support.old_style import old

make = legacy_fronts.make
client = legacy_fronts.client
collection = legacy_fronts.collection


async def test_client_opens_again(client: Any, collection: Any) -> None:
    db = collection.database
    await collection.insert_one({"_id": 1})
    with old("Assigning to client.read_preference"):
        client.read_preference = ReadPreference.NEAREST
    for close in (client.close, lambda: disconnect(client)):
        before = client.delegate
        closing = close()
        await (nothing() if closing is None else closing)
        assert await collection.find_one() == {"_id": 1}
        assert client.delegate is not before
        assert await db.test.find().to_list() == [{"_id": 1}]
        assert client.read_preference == ReadPreference.NEAREST
    await client.close()
    with old("collection.count()"):
        assert await collection.count() == 1
    await client.close()
    await client.close()
    assert await client.server_info()


async def test_client_that_opens_again_keeps_nothing_of_its_former_delegate(
    make: Any, db_name: str
) -> None:
    client = make(driver=pymongo.driver_info.DriverInfo("Mapper", "1.2"))
    fresh = {name: value for name, value in vars(client).items() if name != "delegate"}
    first = client.delegate
    session = client.start_session()
    await client[db_name].test.insert_one({"_id": 1}, session=session)
    async with client[db_name].test.watch():
        pass
    await client.close()
    assert client.delegate is not first
    assert "Mapper" in client.delegate.options.pool_options.metadata["driver"]["name"]
    changed = {name for name, value in fresh.items() if not same(vars(client)[name], value)}
    assert changed <= {"_begun", "_fetch", "_used_loop", "_used_asyncio_loop"}
    assert await client[db_name].test.find_one() == {"_id": 1}
    with pytest.raises(InvalidOperation, match="Can only use session with the MongoClient"):
        await client[db_name].test.find_one(session=session)


def same(now: Any, before: Any) -> bool:
    if isinstance(before, bool) or before is None:
        return now is before
    # What can change is made again.
    return type(now) is type(before)


def disconnect(client: Any) -> None:
    with old("client.disconnect()"):
        client.disconnect()


async def nothing() -> None:
    pass


async def test_client_around_another_does_not_open_again(
    framework: Framework, mongo_uri: str
) -> None:
    delegate = pymongo.MongoClient(mongo_uri, connect=False)
    client = legacy(framework, "Client").from_delegate(delegate)
    await client.close()
    with pytest.raises(InvalidOperation, match="make a new client"):
        await client.db.test.find_one()


async def test_client_around_another_does_not_change_its_user(
    framework: Framework, mongo_uri: str
) -> None:
    delegate = pymongo.MongoClient(mongo_uri, connect=False)
    client = legacy(framework, "Client").from_delegate(delegate)
    with (
        old("database.authenticate()"),
        pytest.raises(InvalidOperation, match="uses the credentials of the PyMongo client"),
    ):
        await client.db.authenticate("ann", "secret")
    await client.close()


async def test_users_come_and_go(client: Any, collection: Any, sync_db: Any) -> None:
    db = collection.database
    authenticate, logout = "database.authenticate()", "database.logout()"
    sync_db.command("createUser", "ann", pwd="secret", roles=[])
    sync_db.command("createUser", "bob", pwd="secret", roles=[])

    async def user() -> list[str]:
        status = await db.command("connectionStatus")
        return [each["user"] for each in status["authInfo"]["authenticatedUsers"]]

    try:
        with old(authenticate), pytest.raises(OperationFailure, match="Authentication failed"):
            await db.authenticate("ann", "wrong")
        assert await user() == []
        with old(authenticate, authenticate):
            assert await db.authenticate("ann", "secret") is True
            assert await db.authenticate("ann", "secret") is True
        assert await user() == ["ann"]
        with old(authenticate), pytest.raises(OperationFailure, match="You must logout first"):
            await db.authenticate("bob", "secret")
        with old(logout):
            assert await db.logout() is None
        assert await user() == []
        with old(authenticate):
            await db.authenticate("bob", "secret", mechanism="SCRAM-SHA-256")
        await client.close()
        assert await user() == ["bob"]
    finally:
        sync_db.command("dropAllUsersFromDatabase")
