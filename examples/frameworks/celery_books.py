"""Tasks for Celery. Run a worker with: celery --app celery_books worker"""

import asyncio
import os

from celery import Celery

from motor.motor_asyncio import AsyncIOMotorClient

app = Celery("books", broker=os.environ.get("CELERY_BROKER_URL", "amqp://localhost"))

# One client for the module. Celery forks its workers after the import. Each worker connects at its
# first task, and keeps its connections for the next.
client = AsyncIOMotorClient(os.environ.get("MONGODB_URI", "mongodb://localhost:27017"))
books = client.get_default_database("bookstore").books


async def count_copies(title: str) -> None:
    copies = await books.count_documents({"title": title})
    await books.update_many({"title": title}, {"$set": {"copies": copies}})


@app.task
def count(title: str) -> None:
    # Each task has an event loop of its own; the client serves them all.
    asyncio.run(count_copies(title))
