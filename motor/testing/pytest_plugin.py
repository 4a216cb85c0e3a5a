"""A plugin for pytest: a MongoDB for the run, a client, and for each test a database of its own.

The fixtures are plain ones, as a Motor client belongs to no event loop: they serve the tests of
pytest-asyncio, anyio and Tornado, each test on a loop of its own. A project changes one by
defining a fixture of the same name.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # Only for type checkers: pytest loads this module at every start.
    from motor.core import AgnosticClient, AgnosticDatabase

__all__ = ["mongo_uri", "motor_client", "motor_client_options", "motor_db"]

#: How long (in seconds) the server may take to drop a test's database. Long enough, unless a
#: transaction of the test is still open.
_DROP_SECONDS = 10

_FRAMEWORKS = ("asyncio", "tornado")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option of the configuration file."""
    parser.addini(
        "motor_framework",
        "Which framework the motor_client fixture is for: asyncio (the default) or tornado",
        default="asyncio",
    )


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """The connection string of the run's MongoDB.

    That is MONGODB_URI from the environment; where it is not set, a replica set with one member is
    started, and stopped at the end of the run. To use another, define a fixture of this name, for
    example with `motor.testing.EmbeddedMongo(nodes=3)`.
    """
    from motor.testing import server

    with server() as uri:
        yield uri


@pytest.fixture(scope="session")
def motor_client_options() -> dict[str, Any]:
    """The options of `motor_client`: none. For others, define a fixture of this name."""
    return {}


@pytest.fixture(scope="session")
def motor_client(
    pytestconfig: pytest.Config, mongo_uri: str, motor_client_options: dict[str, Any]
) -> Iterator[AgnosticClient]:
    """A Motor client for all tests of the run, connected to `mongo_uri`.

    It is an AsyncIOMotorClient; a MotorClient if the configuration file has
    `motor_framework = tornado`.
    """
    client = _client_class(pytestconfig.getini("motor_framework"))(
        mongo_uri, **motor_client_options
    )
    yield client
    client.close()


@pytest.fixture
def motor_db(motor_client: AgnosticClient) -> Iterator[AgnosticDatabase]:
    """An empty database of `motor_client`, with a name of its own, dropped after the test."""
    import pymongo

    from motor.executor import default_executor

    name = f"test_{uuid.uuid4().hex}"
    yield motor_client.get_database(name)
    # An operation that the test did not wait for would create the database again.
    default_executor().drain()
    with pymongo.timeout(_DROP_SECONDS):
        motor_client.delegate.drop_database(name)


def _client_class(framework: str) -> Any:
    if framework not in _FRAMEWORKS:
        raise pytest.UsageError(
            f"motor_framework must be one of {', '.join(_FRAMEWORKS)}, not {framework!r}"
        )
    if framework == "tornado":
        from motor.motor_tornado import MotorClient

        return MotorClient
    from motor.motor_asyncio import AsyncIOMotorClient

    return AsyncIOMotorClient
