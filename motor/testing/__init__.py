"""Help for testing programs that use Motor.

`EmbeddedMongo` and `server` start a real MongoDB, `mock_client` needs none, and
`motor.testing.pytest_plugin` has fixtures for pytest. The names are imported at first use, because
pytest loads the plugin at every start, also for test suites that do not use it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motor.testing.embedded import EmbeddedMongo, server
    from motor.testing.mock import mock_client
    from motor.testing.mongod import MongodFailed, MongodNotFound

__all__ = ["EmbeddedMongo", "MongodFailed", "MongodNotFound", "mock_client", "server"]

_MODULES = {
    "EmbeddedMongo": "embedded",
    "MongodFailed": "mongod",
    "MongodNotFound": "mongod",
    "mock_client": "mock",
    "server": "embedded",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
