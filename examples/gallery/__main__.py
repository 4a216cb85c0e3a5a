"""Run the gallery: ``python examples/gallery``. See README.rst in this directory."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing, suppress

import uvicorn
from gallery_app import DEFAULT_MAX_BYTES, create_app
from pymongo.errors import PyMongoError

from motor.motor_asyncio import AsyncIOMotorClient
from motor.testing import MongodFailed, MongodNotFound, server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python examples/gallery", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=DEFAULT_MAX_BYTES,
        help="the largest file to take (default: %(default)s)",
    )
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    given = os.environ.get("MONGODB_URI")
    print(
        "Using the server at MONGODB_URI."
        if given
        else "Starting mongod; what you upload is gone when it stops. MONGODB_URI names another.",
        flush=True,
    )
    with server() as uri, closing(AsyncIOMotorClient(uri)) as client:
        # Connecting once reports a wrong MONGODB_URI now, not on the page.
        client.delegate.admin.command("ping")
        app = create_app(client.get_default_database("gallery"), max_bytes=options.max_bytes)
        with suppress(KeyboardInterrupt):
            # A running video must not delay the end.
            uvicorn.run(app, host=options.host, port=options.port, timeout_graceful_shutdown=3)


def main() -> int:
    try:
        run(arguments())
    except (PyMongoError, MongodFailed, MongodNotFound) as error:
        print(f"The gallery ended. {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
