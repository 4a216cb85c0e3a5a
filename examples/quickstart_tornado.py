"""Motor on Tornado, with yield. Run quickstart.py, which starts a server for this.

Tornado runs ``async def`` and ``await`` as well: all of quickstart_asyncio.py would do here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bson import ObjectId
from quickstart_output import ProgressBar, expect, heading, step
from tornado import gen

from motor.motor_tornado import MotorClient

FRUIT = [
    {"_id": "mango", "kind": "stone", "kilos": 70},
    {"_id": "banana", "kind": "berry", "kilos": 90},
    {"_id": "kiwi", "kind": "berry", "kilos": 20},
]
MANY = 10_000


@gen.coroutine
def main(uri: str) -> Any:
    """Run every step in a database of its own, and drop that database at the end."""
    heading("Tornado: @gen.coroutine and yield")
    client = MotorClient(uri)
    database = client[f"motor_quickstart_{ObjectId()}"]
    try:
        yield insert_and_find(database.fruit)
        yield update(database.fruit)
        yield aggregate(database.fruit)
        yield index(database.fruit)
        yield transaction(client, database.fruit)
        yield watch(database.fruit)
        yield read_many(database.numbers)
    finally:
        step(f"Clean up: drop the database {database.name}.")
        yield client.drop_database(database)
        names = yield client.list_database_names()
        yield client.close()
    expect("it is still there", database.name in names, False)


@gen.coroutine
def insert_and_find(fruit: Any) -> Any:
    step("Insert three documents, and find those with more than 50 kilos.")
    result = yield fruit.insert_many(FRUIT)
    expect("their ids", result.inserted_ids, ["mango", "banana", "kiwi"])
    found = yield fruit.find({"kilos": {"$gt": 50}}).sort("kilos").to_list(length=10)
    expect("found", [document["_id"] for document in found], ["mango", "banana"])


@gen.coroutine
def update(fruit: Any) -> Any:
    step("Update two documents at once: Tornado takes a list of futures.")
    results = yield [
        fruit.update_one({"_id": "mango"}, {"$inc": {"kilos": -10}}),
        fruit.update_one({"_id": "kiwi"}, {"$inc": {"kilos": 5}}),
    ]
    expect("documents changed", [result.modified_count for result in results], [1, 1])
    expect("kilos of mango", (yield kilos(fruit, "mango")), 60)
    expect("kilos of kiwi", (yield kilos(fruit, "kiwi")), 25)


@gen.coroutine
def kilos(fruit: Any, name: str) -> Any:
    document = yield fruit.find_one({"_id": name})
    return document["kilos"]


@gen.coroutine
def aggregate(fruit: Any) -> Any:
    step("Aggregate: how many kilos are there of each kind?")
    cursor = fruit.aggregate([{"$group": {"_id": "$kind", "kilos": {"$sum": "$kilos"}}}])
    kinds = yield cursor.to_list(length=10)
    totals = {each["_id"]: each["kilos"] for each in kinds}
    expect("kilos", totals, {"stone": 60, "berry": 115})


@gen.coroutine
def index(fruit: Any) -> Any:
    step("Create an index, and let a query use it.")
    name = yield fruit.create_index("kind")
    expect("the index is named", name, "kind_1")
    found = yield fruit.find({"kind": "stone"}).hint(name).to_list(length=10)
    expect("found with it", [document["_id"] for document in found], ["mango"])


@gen.coroutine
def transaction(client: Any, fruit: Any) -> Any:
    step("In a transaction, turn 30 kilos of mango into juice, then abort it.")
    session = yield client.start_session()
    try:
        session.start_transaction()
        yield fruit.update_one({"_id": "mango"}, {"$inc": {"kilos": -30}}, session=session)
        inside = yield fruit.find_one({"_id": "mango"}, session=session)
        expect("kilos of mango, seen by the transaction", inside["kilos"], 30)
        expect("kilos of mango, seen by others", (yield kilos(fruit, "mango")), 60)
        yield session.abort_transaction()
        expect("kilos of mango after the abort", (yield kilos(fruit, "mango")), 60)

        step("Again, and commit it.")
        session.start_transaction()
        yield fruit.update_one({"_id": "mango"}, {"$inc": {"kilos": -30}}, session=session)
        yield session.commit_transaction()
        expect("kilos of mango after the commit", (yield kilos(fruit, "mango")), 30)
    finally:
        yield session.end_session()


@gen.coroutine
def watch(fruit: Any) -> Any:
    step("Watch the collection with a change stream, while another coroutine writes to it.")
    stream = yield fruit.watch()
    try:
        both = gen.multi([first_two(stream), other_coroutine(fruit)])
        events, _ = yield gen.with_timeout(timedelta(seconds=60), both)
    finally:
        yield stream.close()
    changes = [(event["operationType"], event["documentKey"]["_id"]) for event in events]
    expect("seen", changes, [("insert", "papaya"), ("delete", "kiwi")])


@gen.coroutine
def first_two(stream: Any) -> Any:
    first = yield stream.next()
    second = yield stream.next()
    return [first, second]


@gen.coroutine
def other_coroutine(fruit: Any) -> Any:
    yield fruit.insert_one({"_id": "papaya", "kind": "berry", "kilos": 5})
    yield fruit.delete_one({"_id": "kiwi"})


@gen.coroutine
def read_many(numbers: Any) -> Any:
    step(f"Insert {MANY:,} documents and read them, 500 at a time.")
    yield numbers.insert_many([{"_id": n} for n in range(MANY)])
    progress = ProgressBar(MANY)
    cursor = numbers.find()
    count = 0
    while documents := (yield cursor.to_list(length=500)):
        count += len(documents)
        progress.show(count)
    expect("documents read", count, MANY)
