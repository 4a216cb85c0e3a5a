"""Load lines of JSON and report on them: the same, rewritten by the guide.

``python after.py DATABASE [FILE]``; without a file it reads what is piped into it. Each line is a
sale, such as ``{"_id": 1, "shop": "north", "item": "pen", "count": 2, "price": 1.5}``. Lines
that were loaded before are skipped, so a file may be loaded again.
"""

import asyncio
import json
import os
import sys

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from motor.motor_asyncio import AsyncIOMotorClient

BATCH = 100
DUPLICATE_KEY = 11000


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
    loaded = seen = 0
    for batch in batches(lines):
        seen += len(batch)
        try:
            loaded += len((await db.sales.insert_many(batch, ordered=False)).inserted_ids)
        except BulkWriteError as error:
            if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise
            loaded += error.details["nInserted"]
    print(f"loaded {loaded} of {seen} sales")


async def stock(db):
    """Take what was sold off the stock of each item."""
    await db.stock.delete_many({})
    operations = [
        UpdateOne({"_id": sale["item"]}, {"$inc": {"sold": sale["count"]}}, upsert=True)
        async for sale in db.sales.find({}, ["item", "count"], no_cursor_timeout=True)
    ]
    try:
        result = await db.stock.bulk_write(operations)
    except BulkWriteError as error:
        sys.exit(f"could not take stock: {error.details['writeErrors']}")
    print(f"items in stock: {result.upserted_count}")


async def report(db):
    amount = {"$sum": {"$multiply": ["$count", "$price"]}}
    pipeline = [{"$group": {"_id": "$item", "value": amount}}, {"$out": "amounts"}]
    await db.sales.aggregate(pipeline).to_list()
    async for each in db.amounts.find().sort("_id"):
        print(f"{each['_id']}: {each['value']:.2f}")
    pipeline = [
        {"$match": {"count": {"$gt": 0}}},
        {"$group": {"_id": "$shop", "sales": {"$sum": 1}}},
        {"$sort": {"_id": 1}},
    ]
    async for each in db.sales.aggregate(pipeline):
        print(f"{each['_id']}: {each['sales']} sales")
    best = await db.sales.find_one(sort=[("price", -1)], projection={"_id": False, "item": True})
    print(f"most expensive: {best['item']}")


async def main():
    uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017")
    async with AsyncIOMotorClient(uri, journal=True) as client:
        db = client[sys.argv[1]]
        await db.sales.create_index([("shop", 1), ("item", 1)])
        with open(sys.argv[2]) if len(sys.argv) > 2 else sys.stdin as lines:
            await load(db, lines)
        await stock(db)
        await report(db)


if __name__ == "__main__":
    asyncio.run(main())
