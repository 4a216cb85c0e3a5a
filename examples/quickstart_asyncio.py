"""Motor on asyncio, one thing after another. Run quickstart.py, which starts a server for this."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

from bson import ObjectId
from pymongo.errors import DuplicateKeyError
from quickstart_output import ProgressBar, UnexpectedResult, expect, heading, step

from motor.motor_asyncio import AsyncIOMotorClient

FRUIT = [
    {"_id": "apple", "kind": "pome", "kilos": 120},
    {"_id": "pear", "kind": "pome", "kilos": 80},
    {"_id": "peach", "kind": "stone", "kilos": 60},
    {"_id": "cherry", "kind": "stone", "kilos": 30},
    {"_id": "fig", "kind": "other", "kilos": 10},
]
MANY = 100_000


async def main(uri: str) -> None:
    """Run every step in a database of its own, and drop that database at the end."""
    heading("asyncio: async def and await")
    async with AsyncIOMotorClient(uri) as client:
        await connect(client)
        database = client[f"motor_quickstart_{ObjectId()}"]
        try:
            await insert(database.fruit)
            await find(database.fruit)
            await update(database.fruit)
            await aggregate(database.fruit)
            await index(database.fruit)
            await transactions(client, database.fruit)
            await watch(database.fruit)
            await read_many(database.numbers)
        finally:
            step(f"Clean up: drop the database {database.name}.")
            await client.drop_database(database)
        names = await client.list_database_names()
        expect("it is still there", database.name in names, False)


async def connect(client: Any) -> None:
    step("Connect, and ask the server who it is.")
    info = await client.server_info()
    hello = await client.admin.command("hello")
    print(f"    MongoDB {info['version']} at {client.address}")
    # Single servers have neither transactions nor change streams.
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise UnexpectedResult(
            "the server is neither a replica set nor a sharded cluster, and MongoDB has "
            "transactions and change streams only on those: start mongod with --replSet, or unset "
            "MONGODB_URI to let the quickstart start one"
        )


async def insert(fruit: Any) -> None:
    step("Insert five documents with one insert_many().")
    result = await fruit.insert_many(FRUIT)
    expect("their ids", result.inserted_ids, [document["_id"] for document in FRUIT])


async def find(fruit: Any) -> None:
    step("Find the fruit of which there are more than 50 kilos, most first.")
    cursor = fruit.find({"kilos": {"$gt": 50}}).sort("kilos", -1)
    names = [document["_id"] async for document in cursor]
    expect("found", names, ["apple", "pear", "peach"])
    expect("find_one for the fig", await fruit.find_one({"_id": "fig"}), FRUIT[-1])
    expect("find_one for a lemon", await fruit.find_one({"_id": "lemon"}), None)


async def update(fruit: Any) -> None:
    step("Update: sell 20 kilos of apples.")
    result = await fruit.update_one({"_id": "apple"}, {"$inc": {"kilos": -20}})
    expect("documents changed", result.modified_count, 1)
    expect("kilos of apples left", await kilos(fruit, "apple"), 100)


async def kilos(fruit: Any, name: str) -> int:
    return (await fruit.find_one({"_id": name}))["kilos"]


async def aggregate(fruit: Any) -> None:
    step("Aggregate: how many kilos are there of each kind?")
    pipeline = [
        {"$group": {"_id": "$kind", "kilos": {"$sum": "$kilos"}}},
        {"$sort": {"kilos": -1}},
    ]
    kinds = await fruit.aggregate(pipeline).to_list()
    totals = {each["_id"]: each["kilos"] for each in kinds}
    expect("kilos", totals, {"pome": 180, "stone": 90, "other": 10})


async def index(fruit: Any) -> None:
    step("Create an index, and let a query use it.")
    name = await fruit.create_index([("kind", 1), ("kilos", -1)])
    expect("the index is named", name, "kind_1_kilos_-1")
    found = await fruit.find({"kind": "pome"}).hint(name).to_list()
    expect("found with it", [document["_id"] for document in found], ["apple", "pear"])


async def transactions(client: Any, fruit: Any) -> None:
    step("In a transaction, turn 30 kilos of pears into pear jam.")
    async with client.start_session() as session:

        async def make_jam(session: Any) -> None:
            await fruit.update_one({"_id": "pear"}, {"$inc": {"kilos": -30}}, session=session)
            await fruit.insert_one({"_id": "pear jam", "kilos": 30}, session=session)

        await session.with_transaction(make_jam)
        expect("kilos of pears", await kilos(fruit, "pear"), 50)
        expect("kilos of pear jam", await kilos(fruit, "pear jam"), 30)

        step("Try it again: an error in the block undoes all of it.")
        try:
            async with session.start_transaction():
                await make_jam(session)
        except DuplicateKeyError:
            print("    the server refused a second document with the _id 'pear jam'")
        expect("kilos of pears, as before", await kilos(fruit, "pear"), 50)


async def watch(fruit: Any) -> None:
    step("Watch the collection with a change stream, while another task writes to it.")
    async with fruit.watch() as stream, asyncio.timeout(60):
        events, _ = await asyncio.gather(first_three(stream), other_task(fruit))
    changes = [(event["operationType"], event["documentKey"]["_id"]) for event in events]
    expect("seen", changes, [("insert", "plum"), ("update", "plum"), ("delete", "fig")])


async def first_three(stream: Any) -> list[Any]:
    events: list[Any] = []
    async for event in stream:
        events.append(event)
        if len(events) == 3:
            break
    return events


async def other_task(fruit: Any) -> None:
    await fruit.insert_one({"_id": "plum", "kind": "stone", "kilos": 5})
    await fruit.update_one({"_id": "plum"}, {"$set": {"kilos": 15}})
    await fruit.delete_one({"_id": "fig"})


async def read_many(numbers: Any) -> None:
    step(f"Insert {MANY:,} documents, ten calls at once.")
    calls = (
        numbers.insert_many([{"_id": n, "square": n * n} for n in range(first, first + MANY // 10)])
        for first in range(0, MANY, MANY // 10)
    )
    results = await asyncio.gather(*calls)
    expect("stored", sum(len(result.inserted_ids) for result in results), MANY)

    step(f"Read the {MANY:,} documents with a cursor, a thousand at a time.")
    progress = ProgressBar(MANY)
    count = total = 0
    async with Heartbeat() as heart:
        async for document in numbers.find().batch_size(1000):
            count += 1
            total += document["square"]
            progress.show(count)
    expect("the sum of their squares", total, sum(n * n for n in range(MANY)))
    if heart.beats < 2:
        raise UnexpectedResult("the event loop ran nothing else while the cursor was read")
    print(
        f"    meanwhile another task ran {heart.beats} times; it never waited longer than "
        f"{heart.longest_pause * 1000:.0f} ms for its turn"
    )


class Heartbeat:
    """A task that runs every few milliseconds, if the event loop lets it."""

    INTERVAL = 0.005

    def __init__(self) -> None:
        self.beats = 0
        self.longest_pause = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _beat(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(self.INTERVAL)
            pause = time.perf_counter() - before - self.INTERVAL
            self.longest_pause = max(self.longest_pause, pause)
            self.beats += 1
