"""Object-document mappers that were written for Motor 3 work on this Motor, unchanged.

``tox -e libraries`` installs them as users do, with their requirements; elsewhere these tests are
skipped.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest
from packaging.requirements import Requirement

import motor
from motor.motor_asyncio import AsyncIOMotorClient

pytestmark = [
    # What the libraries do at import and in their models is theirs to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Field name:UserWarning"),
]


@pytest.fixture
def client(mongo_uri: str, db_name: str) -> Any:
    client = AsyncIOMotorClient(mongo_uri, serverMonitoringMode="poll")
    yield client
    client.close()


def _installed(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is installed by tox -e libraries")


def test_installing_them_leaves_this_motor_in_place() -> None:
    """They ask for Motor 3, which this is: pip has no reason to bring another one."""
    for name in ("beanie", "odmantic", "umongo"):
        _installed(name)
        asked = [Requirement(line) for line in metadata.requires(name) or ()]
        motors = [each for each in asked if each.name == "motor"]
        assert all(each.specifier.contains(motor.version) for each in motors)
    assert metadata.version("motor") == motor.version
    check = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout


async def test_beanie_documents_queries_and_transactions(client: Any, db_name: str) -> None:
    beanie = _installed("beanie")

    class Cat(beanie.Document):
        name: beanie.Indexed(str)  # type: ignore[valid-type]
        age: int = 0

    await beanie.init_beanie(database=client[db_name], document_models=[Cat])
    await Cat(name="Tom", age=2).insert()
    await Cat.insert_many([Cat(name="Kit"), Cat(name="Mog", age=5)])
    assert [cat.name async for cat in Cat.find(Cat.age > 1)] == ["Tom", "Mog"]
    assert len(await Cat.find_all().to_list()) == await Cat.count() == 3
    tom = await Cat.find_one(Cat.name == "Tom")
    await tom.set({Cat.age: 10})
    await tom.delete()
    assert await Cat.find_all().avg(Cat.age) == 2.5
    stages = [{"$group": {"_id": None, "n": {"$sum": 1}}}]
    assert await Cat.find_all().aggregate(stages).to_list() == [{"_id": None, "n": 2}]
    async with await client.start_session() as session, session.start_transaction():
        await Cat(name="Paw").insert(session=session)
    async with beanie.BulkWriter() as writer:
        await Cat.find_one(Cat.name == "Kit").update({"$set": {"age": 7}}, bulk_writer=writer)
    assert sorted(await Cat.distinct("name")) == ["Kit", "Mog", "Paw"]
    assert (await Cat.find_one(Cat.name == "Kit")).age == 7


async def test_odmantic_engine_sessions_and_transactions(client: Any, db_name: str) -> None:
    odmantic = _installed("odmantic")

    class Book(odmantic.Model):
        title: str
        pages: int

    engine = odmantic.AIOEngine(client=client, database=db_name)
    await engine.configure_database([Book])
    await engine.save(Book(title="one", pages=3))
    await engine.save_all([Book(title="two", pages=4)])
    assert [book.title async for book in engine.find(Book)] == ["one", "two"]
    assert len(await engine.find(Book, Book.pages > 3)) == 1
    async with engine.transaction() as transaction:
        await transaction.save(Book(title="three", pages=1))
        await transaction.commit()
    async with engine.session() as session:
        assert await session.count(Book) == 3
    assert await engine.remove(Book) == 3


async def test_umongo_documents_and_cursors(client: Any, db_name: str) -> None:
    umongo = _installed("umongo")
    from umongo.frameworks import MotorAsyncIOInstance

    instance = MotorAsyncIOInstance(client[db_name])

    @instance.register
    class User(umongo.Document):
        name = umongo.fields.StrField(unique=True)
        age = umongo.fields.IntField()

    await User.ensure_indexes()
    user = User(name="Ada", age=36)
    await user.commit()
    assert (await User.find_one({"name": "Ada"})).age == 36
    assert [found.name async for found in User.find()] == ["Ada"]
    assert len(await User.find().sort("age").to_list(5)) == await User.count_documents() == 1
    with pytest.raises(umongo.ValidationError):
        await User(name="Ada").commit()
    seen: asyncio.Queue[Any] = asyncio.Queue()
    User.find().each(lambda document, error: seen.put_nowait((document, error)))
    assert (await seen.get())[0].name == "Ada"
    assert await seen.get() == (None, None)
    user.age = 37
    await user.commit()
    await user.reload()
    await user.remove()
    assert await User.count_documents() == 0
