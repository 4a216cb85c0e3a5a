"""Code for PyMongo 2, with the clients of `motor.legacy`.

Type checkers that are told to report what is deprecated report most of it, with what to write
instead.
"""
# pyright: reportDeprecated=false

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from tornado import gen, ioloop

import motor
from motor import legacy, motor_asyncio, motor_tornado
from motor.legacy import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    MotorClient,
    MotorCollection,
    MotorCursor,
    MotorDatabase,
    MotorReplicaSetClient,
)
from motor.operation import OperationFuture

client = MotorClient("localhost", 27017, max_pool_size=10, tz_aware=True)
assert_type(client, MotorClient[dict[str, Any]])
assert_type(client.io_loop, ioloop.IOLoop)
assert_type(client.host, str | None)
db = client.blog
assert_type(db, MotorDatabase[dict[str, Any]])
assert_type(db.client, MotorClient[dict[str, Any]])
posts = db["posts"]
assert_type(posts, MotorCollection[dict[str, Any]])
posts.write_concern = {"w": 2}
today: motor_tornado.MotorCollection = posts


assert db
chosen = db or client.other
assert_type(chosen, MotorDatabase[dict[str, Any]])
oldest: MotorClient = motor.MotorConnection("localhost").open_sync()
timeout: type[Exception] = motor.MotorPoolTimeout


def called_back(result: Any, error: BaseException | None) -> None:
    print(result, error)


@gen.coroutine
def write() -> Generator[Any, Any, None]:
    yield posts.insert({"title": "Momo"}, w=1)
    yield posts.update({"title": "Momo"}, {"$inc": {"views": 1}}, upsert=True, multi=True)
    yield posts.remove({"title": "Momo"})
    yield motor.Op(posts.save, {"title": "Momo"})
    posts.save({"_id": 1}, callback=called_back)
    bulk = posts.initialize_ordered_bulk_op()
    bulk.find({}).remove()
    yield bulk.execute()
    yield posts.drop()


async def read() -> None:
    assert_type(posts.count(), OperationFuture[int])
    cursor = posts.find({"n": 1}, {"title": 1}, 10, 5, sort=[("n", 1)])
    assert_type(cursor, MotorCursor[dict[str, Any]])
    assert_type(await cursor.count(with_limit_and_skip=True), int)
    assert_type(await posts.find_one({"n": 1}), dict[str, Any] | None)
    assert_type(await db.collection_names(), list[str])
    assert_type(await posts.rename("texts"), None)
    assert_type(await posts.aggregate({"$match": {}}).to_list(), list[dict[str, Any]])
    assert_type(await client.is_locked(), bool)
    replicas = MotorReplicaSetClient("localhost:27017", replicaSet="rs")
    assert_type(replicas.blog, MotorDatabase[dict[str, Any]])
    assert_type(await replicas.database_names(), list[str])


async def files() -> None:
    fs = motor.MotorGridFS(db, collection="covers")
    file_id = await fs.put(b"text", filename="a.txt")
    assert_type(await fs.exists(file_id), bool)
    await motor_asyncio.AsyncIOMotorGridFS(AsyncIOMotorClient().blog).list()


async def with_asyncio() -> None:
    collection = AsyncIOMotorClient("localhost").blog.posts
    assert_type(collection, AsyncIOMotorCollection[dict[str, Any]])
    assert_type(collection.insert([{}, {}]), OperationFuture[Any])
    assert_type(await collection.find_and_modify({}, {"$set": {"n": 1}}), Any)
    assert_type(legacy.AsyncIOMotorReplicaSetClient().blog.posts.count(), OperationFuture[int])
