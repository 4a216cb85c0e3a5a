"""What a bug report needs: ``python -m motor`` shows versions and settings, and, given a URI,
whether Motor reaches the deployment there. It never shows a password.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import bson
import pymongo
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.uri_parser import parse_uri

import motor
from motor.executor import default_executor, max_workers_from_environment
from motor.motor_asyncio import AsyncIOMotorClient
from motor.testing.mongod import MongodFailed, MongodNotFound, find_mongod, mongod_version

_REPORT_WIDTH = 12
_PINGS = 5

#: What the URI options that hold secrets have in their names.
_SECRET_OPTION = re.compile(r"(?i)([?&;][^=&;]*(?:password|secret|token|properties)[^=&;]*=)[^&;]*")

OK, UNREACHABLE, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report.

    - `arguments`: those of the command line; None: the process's own

    Returns the exit code: 0; 1 when the deployment cannot be reached; 2 when the URI, or a setting,
    cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m motor",
        description="Show what a bug report about Motor needs: versions, settings, and whether a "
        "MongoDB can be reached. Passwords are not shown.",
    )
    parser.add_argument("uri", nargs="?", help="connection string of a MongoDB to connect to")
    parser.add_argument(
        "--timeout", type=_seconds, default=5.0, help="seconds to wait for it (default: 5)"
    )
    options = parser.parse_args(arguments)
    _print_all(_versions())
    print()
    usable = _print_settings()
    if options.uri is None:
        return OK if usable else UNUSABLE
    print()
    if not usable:
        print("Not connecting: correct MOTOR_MAX_WORKERS first.")
        return UNUSABLE
    return _check(options.uri, options.timeout)


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 < seconds < float("inf"):
            return seconds
    raise argparse.ArgumentTypeError(f"must be a number of seconds greater than 0, not {text!r}")


def _print_all(lines: Iterator[tuple[str, str]]) -> None:
    for label, text in lines:
        print(f"{label:{_REPORT_WIDTH}} {text}")


# Versions and settings.


def _versions() -> Iterator[tuple[str, str]]:
    yield "Motor", f"{motor.version} ({_shown(Path(motor.__file__).parent)})"
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "Platform", platform.platform()
    extension = "with" if pymongo.has_c() and bson.has_c() else "WITHOUT"
    yield "PyMongo", f"{pymongo.version} ({extension} its C extension)"
    for package in ("Tornado", "aiohttp", "pymongocrypt"):
        yield package, _version_of(package)
    yield "mongod", _mongod()


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _mongod() -> str:
    """Where `motor.testing` would find a server to start, and its version."""
    try:
        program = find_mongod()
    except MongodNotFound:
        return "none found; only motor.testing needs one"
    try:
        return f"{mongod_version(program)} ({_shown(Path(program))})"
    except MongodFailed as error:
        return str(error)


def _shown(path: Path) -> str:
    """The path without the user's name in it."""
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _print_settings() -> bool:
    """Print the settings of the pool; whether they can be used."""
    name = "MOTOR_MAX_WORKERS"
    print(f"{name}: {os.environ.get(name, 'not set')}")
    try:
        max_workers_from_environment()
    except ValueError as error:
        print(error)
        return False
    pool = default_executor()
    print(f"Thread pool: at most {pool.max_workers} threads")
    return True


# A deployment.


def _check(uri: str, timeout: float) -> int:
    """Print what is found at `uri`; the exit code."""
    try:
        parsed = _parsed(uri, timeout)
    except (PyMongoError, ValueError) as error:
        print(f"URI: {redacted(uri, well_formed=False)}")
        print(f"The URI cannot be used: {_without_secrets(str(error), uri)}")
        return UNUSABLE
    print(f"URI: {redacted(uri, well_formed=True)}")
    hosts = ", ".join(f"{h}:{p}" if p else h for h, p in parsed["nodelist"])
    tls = parsed["options"].get("tls", False)
    print(f"It names {hosts}; TLS is {'on' if tls else 'off'}.")
    try:
        asyncio.run(_connect(uri, timeout))
    except (ConfigurationError, TypeError, ValueError) as error:
        print(f"The URI cannot be used: {_without_secrets(str(error), uri)}")
        return UNUSABLE
    except PyMongoError as error:
        message = _without_secrets(str(error), uri)
        print(f"No connection within {timeout:g} s: {type(error).__name__}: {message}")
        return UNREACHABLE
    return OK


async def _connect(uri: str, timeout: float) -> None:
    milliseconds = max(1, int(timeout * 1000))
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        uri,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
    )
    try:
        # Not only the primary: a set without one is worth a report as well.
        admin = client.get_database("admin", read_preference=ReadPreference.NEAREST)
        build = await admin.command("buildInfo", read_preference=ReadPreference.NEAREST)
        times = []
        for _ in range(_PINGS):
            started = time.perf_counter()
            await admin.command("ping", read_preference=ReadPreference.NEAREST)
            times.append(time.perf_counter() - started)
        print(f"Connected: MongoDB {build['version']}")
        _print_topology(client)
        print(f"Round trip: {statistics.median(times) * 1000:.2f} ms, the median of {_PINGS} pings")
    finally:
        await client.close()


def _print_topology(client: AsyncIOMotorClient[dict[str, Any]]) -> None:
    description = client.topology_description
    print(f"Topology: {description.topology_type_name}")
    for (host, port), server in sorted(description.server_descriptions().items(), key=str):
        error = f" ({server.error})" if server.error is not None else ""
        print(f"  {host}:{port} {server.server_type_name}{error}")


# Secrets.


def redacted(uri: str, well_formed: bool) -> str:
    """The URI without what is secret in it: user, password, and options that hold credentials.

    - `well_formed`: whether it could be read. If not, everything before the last "@" may be secret,
      because a password may contain "@", "/" and "?", although it should not
    """
    scheme, separator, rest = uri.partition("://") if "://" in uri else ("", "", uri)
    end = re.search("[/?]", rest)
    server, options = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    if not well_formed:
        server, options = rest, ""
    _, at, server = server.rpartition("@")
    shown = _SECRET_OPTION.sub(lambda found: f"{found[1]}***", server + options)
    return f"{scheme}{separator}{'***@' if at else ''}{shown}"


def _parsed(uri: str, timeout: float) -> dict[str, Any]:
    """What PyMongo reads in the URI. Raises its errors, none of which shows the password."""
    # PyMongo takes an "@" after the first "/" for a part of the database's name.
    database = uri.partition("?")[0].partition("://")[2].partition("/")[2]
    if "@" not in database:
        try:
            return dict(parse_uri(uri, connect_timeout=timeout))
        except (PyMongoError, ValueError):
            # PyMongo quotes what it does not understand: a part of the password, maybe.
            harmless = redacted(uri, well_formed=False).replace("***@", "")
            parse_uri(harmless, connect_timeout=timeout)
    raise InvalidURI(
        "its user name or password contains characters such as : / ? # [ ] @ that have to be "
        "written as urllib.parse.quote_plus() writes them, or goes with an option that does "
        "not allow it"
    )


def _without_secrets(message: str, uri: str) -> str:
    """The message, should it quote the URI, without its secrets."""
    credentials = uri.partition("://")[2].rpartition("@")[0]
    password = credentials.partition(":")[2]
    values = [found[0].partition("=")[2] for found in _SECRET_OPTION.finditer(uri)]
    for secret in (password, unquote_plus(password), *values, *map(unquote_plus, values)):
        if secret:
            message = message.replace(secret, "***")
    return message


if __name__ == "__main__":
    sys.exit(main())
