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
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import bson
import pymongo
from pymongo import ReadPreference
from pymongo.errors import (
    ConfigurationError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.uri_parser import parse_uri

import motor
from motor import accelerators
from motor.core.redaction import redacted_uri, secrets_in, with_decoys
from motor.execution.default import max_workers_from_environment
from motor.executor import default_executor
from motor.motor_asyncio import AsyncIOMotorClient
from motor.testing.mongod import MongodFailed, MongodNotFound, find_mongod, mongod_version

T = TypeVar("T")

_REPORT_WIDTH = 12
_PINGS = 5

#: What PyMongo adds to a network error, useless in a report.
_TIMEOUTS = re.compile(r" \(configured timeouts: [^)]*\)")

#: Shorter secrets are not masked: they look like words of the message, and masking shows them.
_SHORTEST_MASKED = 8

#: MongoDB's codes for authentication that fails: UserNotFound, AuthenticationFailed,
#: MechanismUnavailable, Atlas's own.
_BAD_CREDENTIALS = (11, 18, 334, 8000)

OK, UNREACHABLE, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report.

    - `arguments`: those of the command line; None: the process's own

    Returns the exit code: 0; 1 if the deployment cannot be reached, or refuses; 2 if the URI or a
    setting cannot be used.
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
    accelerated = _print_accelerators()
    usable = _print_settings() and accelerated
    if options.uri is None:
        return OK if usable else UNUSABLE
    print()
    if not usable:
        print("Not connecting: correct this setting first.")
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
    yield "Loop", _loop()
    yield "mongod", _mongod()


def _loop() -> str:
    """The class of the event loop that ``asyncio.run`` makes."""

    async def running() -> type:
        return type(asyncio.get_running_loop())

    loop = asyncio.run(running())
    return f"{loop.__module__}.{loop.__qualname__}; uvloop: {_version_of('uvloop')}"


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


def _print_accelerators() -> bool:
    """Print which accelerators are used, and why others are not; whether the choice is valid."""
    name = "MOTOR_ACCELERATORS"
    print(f"{name}: {os.environ.get(name, 'not set')}")
    try:
        chosen = accelerators.chosen()
    except ValueError as error:
        print(error)
        return False
    for accelerator in accelerators.BY_DEFAULT + accelerators.ON_REQUEST:
        reason = (
            accelerators.reason_unusable(accelerator) if accelerator in chosen else "not chosen"
        )
        print(f"{accelerator:{_REPORT_WIDTH}} {'used' if reason is None else f'off: {reason}'}")
        if accelerator in chosen and accelerators.impossible(accelerator) is not None:
            # No client can be made.
            return False
    return True


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
    milliseconds = max(1, int(timeout * 1000))
    limits: dict[str, Any] = dict.fromkeys(
        ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"), milliseconds
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parsed = _with_no_secrets(uri, lambda uri: _parsed(uri, timeout))
            client = _with_no_secrets(uri, lambda uri: AsyncIOMotorClient(uri, **limits))
        except (PyMongoError, TypeError, ValueError) as error:
            print(f"URI: {redacted_uri(uri, well_formed=False)}")
            print(f"The URI cannot be used: {error}")
            return UNUSABLE
    print(f"URI: {redacted_uri(uri, well_formed=True)}")
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"Warning: {_masked(message, uri)}")
    hosts = ", ".join(f"{h}:{p}" if p else h for h, p in parsed["nodelist"])
    tls = parsed["options"].get("tls", False)
    print(f"It names {hosts}; TLS is {'on' if tls else 'off'}.")
    return asyncio.run(_connect(client, uri, timeout))


def _parsed(uri: str, timeout: float) -> dict[str, Any]:
    # PyMongo takes an "@" after the first "/" for a part of the database's name.
    if "@" in uri.partition("?")[0].partition("://")[2].partition("/")[2]:
        raise InvalidURI("there is an '@' after a '/'")
    return dict(parse_uri(uri, connect_timeout=timeout))


def _with_no_secrets(uri: str, read: Callable[[str], T]) -> T:
    """``read(uri)``; its errors say nothing of the secrets in the URI, which PyMongo may quote."""
    try:
        return read(uri)
    except (PyMongoError, TypeError, ValueError):
        # The same fault, if it is not in the secrets, has the same error.
        read(with_decoys(uri))
    raise InvalidURI(
        "its user name or password contains characters such as : / ? # [ ] @ that have to be "
        "written as urllib.parse.quote_plus() writes them, or goes with an option that does "
        "not allow it"
    )


async def _connect(client: AsyncIOMotorClient[dict[str, Any]], uri: str, timeout: float) -> int:
    """Print what the deployment says; the exit code."""
    try:
        await _print_deployment(client)
    except OperationFailure as error:
        known = client.topology_description.server_descriptions()
        nodes = ", ".join(f"{host}:{port}" if port else host for host, port in known)
        what = "the user name or password" if error.code in _BAD_CREDENTIALS else "the command"
        print(f"Connected to {nodes}, and it refused {what}:")
        message = (error.details or {}).get("errmsg", str(error))
        print(f"  {_masked(str(message), uri)} (code {error.code})")
    except ServerSelectionTimeoutError as error:
        print(f"No server can be used, after {timeout:g} s:")
        message = _why_there_is_none(client, error)
        print(f"  {_masked(message, uri)}")
        print(_question(message))
    except (ConfigurationError, TypeError, ValueError) as error:
        print(f"The URI cannot be used: {_masked(str(error), uri)}")
        return UNUSABLE
    except PyMongoError as error:
        message = _masked(_TIMEOUTS.sub("", str(error)), uri)
        print(f"The connection failed: {type(error).__name__}: {message}")
    else:
        return OK
    finally:
        await client.close()
    return UNREACHABLE


async def _print_deployment(client: AsyncIOMotorClient[dict[str, Any]]) -> None:
    # Not only the primary: a set without one is worth a report as well.
    admin = client.get_database("admin", read_preference=ReadPreference.NEAREST)
    build = await admin.command("buildInfo", read_preference=ReadPreference.NEAREST)
    times = []
    for _ in range(_PINGS):
        started = time.perf_counter()
        await admin.command("ping", read_preference=ReadPreference.NEAREST)
        times.append(time.perf_counter() - started)
    print(f"Connected: MongoDB {build['version']}")
    description = client.topology_description
    print(f"Topology: {description.topology_type_name}")
    for (host, port), server in sorted(description.server_descriptions().items(), key=str):
        error = f" ({_TIMEOUTS.sub('', str(server.error))})" if server.error is not None else ""
        print(f"  {host}:{port} {server.server_type_name}{error}")
    print(f"Round trip: {statistics.median(times) * 1000:.2f} ms, the median of {_PINGS} pings")


def _why_there_is_none(
    client: AsyncIOMotorClient[dict[str, Any]], error: ServerSelectionTimeoutError
) -> str:
    servers = client.topology_description.server_descriptions().values()
    errors = [str(server.error) for server in servers if server.error is not None]
    # PyMongo's own message repeats all that it knows of the deployment.
    message = "; ".join(errors) or str(error).partition(", Timeout: ")[0]
    return _TIMEOUTS.sub("", message)


def _question(message: str) -> str:
    """What to look at, for a reason why there is no server."""
    if "SSL" in message or "certificate" in message:
        return "Does the server use TLS, with a certificate that this machine trusts?"
    if "replica set" in message or ("Errno" not in message and "timed out" not in message):
        return "Do the options in the URI fit the servers there?"
    return "Does mongod run there, and can this machine reach it?"


def _masked(message: str, uri: str) -> str:
    """The message, should it quote a secret of the URI, without it."""
    shown_anyhow = redacted_uri(uri, well_formed=False)
    for secret in sorted(secrets_in(uri), key=len, reverse=True):
        if len(secret) >= _SHORTEST_MASKED and secret not in shown_anyhow:
            message = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", message)
    return message


def _run() -> int:
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has all that it wants. Python must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


if __name__ == "__main__":
    sys.exit(_run())
