"""SON manipulators, with the databases of `motor.legacy`."""

from __future__ import annotations

from typing import Any

import pytest

from support import legacy_fronts
from support.old_style import old

make = legacy_fronts.make
client = legacy_fronts.client
collection = legacy_fronts.collection


def keyword(name: str, method: str = "find") -> str:
    return f"The argument {name!r} of collection.{method}()"


class Upper:
    """Stores names in upper case, and gives them in lower case."""

    def __init__(self, copies: bool = False) -> None:
        self.copies = copies

    def will_copy(self) -> bool:
        return self.copies

    def transform_incoming(self, son: Any, collection: Any) -> Any:
        assert collection.name == "test"
        changed = dict(son) if self.copies else son
        changed["name"] = changed.get("name", "").upper()
        return changed

    def transform_outgoing(self, son: Any, collection: Any) -> Any:
        return {**son, "name": son["name"].lower()}


@pytest.mark.parametrize("copies", [True, False])
async def test_manipulators_go_over_documents(collection: Any, sync_db: Any, copies: bool) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        assert db.add_son_manipulator(Upper(copies)) is None
    stored = sync_db.test.find_one
    document = {"_id": 1, "name": "Ann"}
    with old("collection.insert()", "collection.save()", "collection.update()"):
        await collection.insert(document)
        assert document["name"] == ("Ann" if copies else "ANN")
        assert stored(1)["name"] == "ANN"
        await collection.save({"_id": 2, "name": "Bob"})
        await collection.update({"_id": 2}, {"name": "Bea"}, manipulate=True)
    assert stored(2)["name"] == "BEA"
    assert [each["name"] for each in await collection.find().to_list()] == ["ann", "bea"]
    assert [each["name"] async for each in collection.find()] == ["ann", "bea"]
    cursor = collection.find()
    assert (await cursor.next())["name"] == "ann"
    assert (await cursor.rewind().next())["name"] == "ann"
    await cursor.close()
    assert (await collection.find_one({"_id": 2}))["name"] == "bea"
    with old("collection.find_and_modify()"):
        found = await collection.find_and_modify({"_id": 2}, remove=True, manipulate=True)
    assert found["name"] == "bea"


async def test_manipulators_only_where_wanted(collection: Any, sync_db: Any) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        db.add_son_manipulator(Upper())
    with old("collection.insert()"):
        await collection.insert({"_id": 1, "name": "Ann"}, manipulate=False)
    await collection.insert_one({"_id": 2, "name": "Bob"})
    with old(keyword("manipulate"), keyword("manipulate", "find_one"), at="manipulate"):
        found = await collection.find(manipulate=False).to_list()
        assert (await collection.find_one(1, manipulate=False))["name"] == "Ann"
    assert [each["name"] for each in found] == ["Ann", "Bob"]
    assert await collection.find_one({"_id": 3}) is None


async def test_databases_tell_of_their_manipulators(client: Any) -> None:
    db = client.db
    with old(*["database.add_son_manipulator()"] * 2):
        db.add_son_manipulator(Upper())
        db.add_son_manipulator(Upper(copies=True))
    with old("database.incoming_manipulators", "database.incoming_copying_manipulators"):
        assert db.incoming_manipulators == ["Upper"]
        assert db.incoming_copying_manipulators == ["Upper"]
    with old("database.outgoing_manipulators", "database.outgoing_copying_manipulators"):
        assert db.outgoing_manipulators == ["Upper"]
        assert db.outgoing_copying_manipulators == ["Upper"]
    with old("database.incoming_manipulators"):
        assert client.other.incoming_manipulators == []
    with old("database.add_son_manipulator()"), pytest.raises(TypeError, match="a SON manipulator"):
        db.add_son_manipulator(5)


async def test_manipulators_go_over_documents_of_a_session(collection: Any) -> None:
    db = collection.database
    with old("database.add_son_manipulator()"):
        db.add_son_manipulator(Upper())
    await collection.insert_one({"_id": 1, "name": "Ann"})
    async with db.client.start_session() as session:
        assert (await collection.find_one({}, session=session))["name"] == "ann"
        assert [d["name"] for d in await collection.find(session=session).to_list()] == ["ann"]
