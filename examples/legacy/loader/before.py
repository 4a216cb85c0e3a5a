"""Load lines of JSON and report on them, in the style of PyMongo 2.

``python before.py DATABASE [FILE]``; without a file it reads what is piped into it. Each line is a
sale, such as ``{"_id": 1, "shop": "north", "item": "pen", "count": 2, "price": 1.5}``. Lines
that were loaded before are skipped, so a file may be loaded again.
"""

import asyncio
import json
import os
import sys

from pymongo.errors import BulkWriteError, DuplicateKeyError

from motor.motor_asyncio import AsyncIOMotorClient

BATCH = 100
MAP = "function () { emit(this.item, this.count * this.price) }"
SUM = "function (item, amounts) { return Array.sum(amounts) }"


def batches(lines):
    batch = []
    for line in lines:
        if line.strip():
            batch.append(json.loads(line))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def load(db, lines):
    before = await db.sales.count()
    seen = 0
    for batch in batches(lines):
        seen += len(batch)
        try:
            await db.sales.insert(batch, continue_on_error=True, w=1)
        except DuplicateKeyError:
            pass
    loaded = await db.sales.count() - before
    print("loaded %d of %d sales" % (loaded, seen))


async def stock(db):
    """Take what was sold off the stock of each item."""
    await db.stock.remove()
    bulk = db.stock.initialize_ordered_bulk_op()
    async for sale in db.sales.find(spec={}, fields=["item", "count"], timeout=False):
        bulk.find({"_id": sale["item"]}).upsert().update({"$inc": {"sold": sale["count"]}})
    try:
        reply = await bulk.execute()
    except BulkWriteError as error:
        sys.exit("could not take stock: %s" % error.details["writeErrors"])
    print("items in stock: %d" % reply["nUpserted"])


async def report(db):
    amounts = await db.sales.map_reduce(MAP, SUM, "amounts")
    async for each in amounts.find().sort("_id"):
        print("%s: %.2f" % (each["_id"], each["value"]))
    shops = await db.sales.group(
        key={"shop": 1},
        condition={"count": {"$gt": 0}},
        initial={"sales": 0},
        reduce="function (sale, out) { out.sales += 1 }",
    )
    for each in sorted(shops, key=lambda each: each["shop"]):
        print("%s: %d sales" % (each["shop"], each["sales"]))
    best = await db.sales.find_one(sort=[("price", -1)], fields={"_id": False, "item": True})
    print("most expensive: %s" % best["item"])


async def main():
    client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"), j=True)
    db = client[sys.argv[1]]
    await db.sales.ensure_index([("shop", 1), ("item", 1)])
    with open(sys.argv[2]) if len(sys.argv) > 2 else sys.stdin as lines:
        await load(db, lines)
    await stock(db)
    await report(db)
    client.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
