"""Code as it was written for Motor 3 on Tornado."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from pymongo.results import InsertOneResult
from tornado import gen, ioloop, web

import motor
from motor.motor_tornado import (
    MotorChangeStream,
    MotorClient,
    MotorClientSession,
    MotorCollection,
    MotorCommandCursor,
    MotorCursor,
    MotorDatabase,
)
from motor.operation import OperationFuture

client = motor.MotorClient("localhost", 27017)
assert_type(client, MotorClient[dict[str, Any]])
assert_type(client.io_loop, ioloop.IOLoop)
db = client.get_database("test")
assert_type(db, MotorDatabase[dict[str, Any]])


@gen.coroutine
def insert() -> Generator[Any, Any, None]:
    yield db.test.insert_one({"n": 1})


class Handler(web.RequestHandler):
    async def get(self) -> None:
        database: MotorDatabase = self.settings["db"]
        assert_type(database.test, MotorCollection[dict[str, Any]])
        assert_type(await database.test.find_one(), dict[str, Any] | None)
        cursor = database.test.find()
        assert_type(cursor, MotorCursor[dict[str, Any]])
        self.set_header("X-Count", len(await cursor.to_list(10)))


async def everything() -> None:
    assert_type(db.test.insert_one({}), OperationFuture[InsertOneResult])
    assert_type(await db.test.aggregate([]), MotorCommandCursor[dict[str, Any]])
    async with db.test.watch() as stream:
        assert_type(stream, MotorChangeStream[dict[str, Any]])
    async with await client.start_session() as session:
        assert_type(session, MotorClientSession)
        async with session.start_transaction():
            await db.test.delete_many({}, session=session)


def main() -> None:
    ioloop.IOLoop.current().start()
    MotorClient(io_loop=ioloop.IOLoop.current())
