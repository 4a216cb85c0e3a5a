"""Clients of `motor.legacy`, and collections of theirs, as fixtures.

A test module takes them by assignment: ``make = legacy_fronts.make``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import motor.legacy
from motor.executor import default_executor
from support import Framework


def legacy(framework: Framework, name: str) -> Any:
    prefix = "AsyncIO" if framework.name == "asyncio" else ""
    return getattr(motor.legacy, f"{prefix}Motor{name}")


@pytest.fixture
def make(framework: Framework, mongo_uri: str, db_name: str) -> Iterator[Any]:
    """Make clients of `motor.legacy`, which are closed after the test."""
    clients = []

    def make(*args: Any, name: str = "Client", **kwargs: Any) -> Any:
        kwargs.setdefault("serverMonitoringMode", "poll")
        client = legacy(framework, name)(*(args or (mongo_uri,)), **kwargs)
        clients.append(client)
        return client

    yield make
    default_executor().drain()
    for client in clients:
        client.close()


@pytest.fixture
def client(make: Any) -> Any:
    return make()


@pytest.fixture
def collection(client: Any, db_name: str) -> Any:
    return client[db_name].test


@pytest.fixture
def numbers(sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": i, "x": -i} for i in range(5)])
