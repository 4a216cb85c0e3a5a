"""Beanie 2, which was written for PyMongo's async API, works on Motor's clients, unchanged.

`tox -e libraries` installs it after the libraries for Motor 3, which Beanie 1 is one of; elsewhere
these tests are skipped.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from motor.motor_asyncio import AsyncIOMotorClient

beanie = pytest.importorskip("beanie", reason="beanie is installed by tox -e libraries")
if int(beanie.__version__.partition(".")[0]) < 2:
    pytest.skip("this is Beanie 1", allow_module_level=True)

# What the library does at import and in its models is its own to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Field name")


class Author(beanie.Document):
    name: beanie.Indexed(str, unique=True)  # type: ignore[valid-type]


class Book(beanie.Document):
    title: str
    year: int = 1973
    author: beanie.Link[Author] | None = None

    class Settings:
        name = "books"
        use_revision = True


@pytest.fixture
def client(mongo_uri: str) -> Any:
    client = AsyncIOMotorClient(mongo_uri, serverMonitoringMode="poll")
    yield client
    client.close()


@pytest.fixture
def database(client: Any, db_name: str) -> Any:
    database = client[db_name]
    # Each test has an event loop of its own; the client serves them all.
    asyncio.run(beanie.init_beanie(database=database, document_models=[Author, Book]))
    return database


async def test_documents_are_written_and_found(database: Any) -> None:
    momo = await Book(title="Momo").insert()
    await Book.insert_many(
        [Book(title="Jim Button", year=1960), Book(title="The Wishes", year=1989)]
    )
    assert await Book.get(momo.id) == momo
    assert [book.title async for book in Book.find(Book.year > 1970).sort("year")] == [
        "Momo",
        "The Wishes",
    ]
    assert (await Book.find_one(Book.title == "Jim Button")).year == 1960
    assert len(await Book.find_all().limit(2).to_list()) == 2
    assert await Book.find(Book.year < 1980).count() == await Book.count() - 1 == 2
    assert await Book.find(Book.title == "Jim Button").exists()
    assert sorted(await Book.distinct("year")) == [1960, 1973, 1989]


async def test_documents_change_and_go(database: Any) -> None:
    book = await Book(title="Momo").insert()
    await book.set({Book.year: 1974})
    await book.inc({Book.year: 1})
    assert (await Book.get(book.id)).year == 1975
    book.title = "Momo again"
    await book.save()
    await Book.find(Book.year == 1975).update({"$set": {"title": "Momo"}})
    await book.sync()
    assert book.title == "Momo"
    found = await Book.find_one(Book.title == "Jim Button").upsert(
        {"$set": {"year": 1960}}, on_insert=Book(title="Jim Button", year=1960)
    )
    assert found.year == 1960
    await book.replace()
    await book.delete()
    await Book.find(Book.year == 1960).delete()
    assert await Book.count() == 0


async def test_aggregations_links_and_indexes(database: Any) -> None:
    ende = await Author(name="Michael Ende").insert()
    with pytest.raises(DuplicateKeyError):
        await Author(name="Michael Ende").insert()
    assert "name_1" in await Author.get_pymongo_collection().index_information()
    await Book(title="Momo", author=ende).insert()
    await Book(title="Jim Button", year=1961, author=ende).insert()
    assert await Book.find_all().avg(Book.year) == 1967
    assert await Book.find_all().max(Book.year) == 1973
    stages = [{"$group": {"_id": None, "n": {"$sum": 1}}}]
    assert await Book.aggregate(stages).to_list() == [{"_id": None, "n": 2}]
    [first] = await Book.find(Book.title == "Momo", fetch_links=True).to_list()
    assert first.author.name == "Michael Ende"
    second = await Book.find_one(Book.title == "Jim Button")
    await second.fetch_all_links()
    assert second.author == ende


async def test_sessions_transactions_and_bulk_writes(client: Any, database: Any) -> None:
    await Book(title="Jim Button").insert()
    async with client.start_session() as session, await session.start_transaction():
        await Book(title="Momo").insert(session=session)
        assert await Book.count() == 1
    assert await Book.count() == 2

    async def delete_and_fail() -> None:
        async with client.start_session() as session, await session.start_transaction():
            await Book.find_all().delete(session=session)
            raise LookupError("undo it")

    with pytest.raises(LookupError):
        await delete_and_fail()
    assert await Book.count() == 2
    async with beanie.BulkWriter() as writer:
        await Book.insert_one(Book(title="The Wishes"), bulk_writer=writer)
        await Book.find(Book.title == "Momo").update({"$set": {"year": 1}}, bulk_writer=writer)
    assert (await Book.find_one(Book.title == "Momo")).year == 1
    assert await Book.count() == 3


async def test_change_streams_of_its_collections(database: Any) -> None:
    async with await Book.get_pymongo_collection().watch() as stream:
        await Book(title="Momo").insert()
        assert (await stream.next())["fullDocument"]["title"] == "Momo"
