"""Documents with a type of their own."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, assert_type

from bson import CodecOptions, ObjectId
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from pymongo import InsertOne, ReplaceOne

from motor.motor_asyncio import (
    AsyncIOMotorChangeStream,
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
)


class Movie(TypedDict):
    _id: NotRequired[ObjectId]
    name: str
    year: int


async def one_type() -> None:
    client: AsyncIOMotorClient[Movie] = AsyncIOMotorClient()
    movies = client.cinema.movies
    assert_type(movies, AsyncIOMotorCollection[Movie])
    await movies.insert_one(Movie(name="Jurassic Park", year=1993))
    await movies.insert_many([{"name": "Star Wars", "year": 1977}])
    await movies.bulk_write([InsertOne(Movie(name="Alien", year=1979))])
    await movies.bulk_write([ReplaceOne({}, Movie(name="Aliens", year=1986))])
    found = await movies.find_one({"name": "Jurassic Park"})
    assert found is not None
    assert_type(found["year"], int)
    assert_type(movies.find(), AsyncIOMotorCursor[Movie])
    assert_type([m["name"] async for m in movies.find()], list[str])
    assert_type(await movies.find().to_list(), list[Movie])
    assert_type(await movies.find_one_and_delete({}), Movie | None)
    assert_type(movies.watch(), AsyncIOMotorChangeStream[Movie])


async def a_type_for_each_collection(client: AsyncIOMotorClient[Any]) -> None:
    movies: AsyncIOMotorCollection[Movie] = client.cinema.movies
    assert_type(await movies.find_one(), Movie | None)
    raw: AsyncIOMotorCollection[RawBSONDocument] = client["cinema"]["movies"]
    assert_type(await raw.find_one(), RawBSONDocument | None)


async def by_codec_options(db: AsyncIOMotorDatabase) -> None:
    options = CodecOptions[RawBSONDocument](document_class=RawBSONDocument)
    raw = db.get_collection("movies", codec_options=options)
    assert_type(raw, AsyncIOMotorCollection[RawBSONDocument])
    assert_type(db.get_collection("movies"), AsyncIOMotorCollection[dict[str, Any]])
    assert_type(db.movies.with_options(options), AsyncIOMotorCollection[RawBSONDocument])
    assert_type(db.with_options(options), AsyncIOMotorDatabase[RawBSONDocument])
    by_client = db.client.get_database("cinema", codec_options=options)
    assert_type(by_client, AsyncIOMotorDatabase[RawBSONDocument])
    made = await db.create_collection("movies", codec_options=options)
    assert_type(made, AsyncIOMotorCollection[RawBSONDocument])
    assert_type(await db.command("ping", codec_options=options), RawBSONDocument)


async def by_document_class() -> None:
    client = AsyncIOMotorClient(document_class=SON[str, Any])
    assert_type(client, AsyncIOMotorClient[SON[str, Any]])
    assert_type(await client.test.test.find_one(), SON[str, Any] | None)
