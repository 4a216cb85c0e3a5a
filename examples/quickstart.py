"""Watch Motor work against a real MongoDB: first on asyncio, then on Tornado.

Starts a MongoDB server for the purpose, or uses the one that the environment variable MONGODB_URI
names. It works in databases of its own there, and drops them. Exits with 1 if anything is wrong.

The steps themselves are in quickstart_asyncio.py and quickstart_tornado.py.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys

import pymongo
import quickstart_asyncio
import quickstart_tornado
from pymongo.errors import PyMongoError
from quickstart_output import UnexpectedResult
from tornado.ioloop import IOLoop

import motor
from motor.motor_asyncio import AsyncIOMotorClient
from motor.testing import MongodFailed, MongodNotFound, server

#: Seconds without an answer, after which the quickstart says what it waits for.
PATIENCE = 3


async def wait_for_server(uri: str) -> None:
    """Return when the server answers, or fail as PyMongo does: after 30 seconds, by default."""
    async with AsyncIOMotorClient(uri) as client:
        answer = client.admin.command("ping")
        await asyncio.wait([answer], timeout=PATIENCE)
        if not answer.done():
            servers = client.topology_description.server_descriptions()
            names = ", ".join(f"{host}:{port}" if port else host for host, port in servers)
            print(f"Waiting for MongoDB at {names}. Does it run there?", flush=True)
        await answer


def run() -> None:
    """Run both parts on one server."""
    print(f"Motor {motor.version}, PyMongo {pymongo.version}, Python {platform.python_version()}")
    given = os.environ.get("MONGODB_URI")
    print("Using the server at MONGODB_URI." if given else "Starting mongod.", flush=True)
    with server() as uri:
        asyncio.run(wait_for_server(uri))
        asyncio.run(quickstart_asyncio.main(uri))
        IOLoop.current().run_sync(lambda: quickstart_tornado.main(uri))
    print("\nEverything came back as expected.")


def main() -> int:
    """Run, and return the exit code."""
    expected_failures = (UnexpectedResult, PyMongoError, MongodFailed, MongodNotFound, TimeoutError)
    try:
        run()
    except expected_failures as error:
        print(f"\nThe quickstart failed. {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
