"""Motor: PyMongo for coroutines, on asyncio and Tornado.

``motor.motor_asyncio`` has the classes for asyncio. ``motor.motor_tornado`` has those for Tornado,
and, where Tornado is installed, they may be imported from here as well.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from motor._version import get_version_string as get_version_string
from motor._version import version
from motor._version import version_tuple as version_tuple

__version__ = version

#: The attributes that `import motor` had in Motor 3, imported at first use.
_SUBMODULES = (
    "core",
    "frameworks",
    "metaprogramming",
    "motor_asyncio",
    "motor_common",
    "motor_gridfs",
    "motor_tornado",
)


def _tornado_names() -> list[str]:
    """The names of Motor's classes for Tornado; empty where Tornado is not installed."""
    if importlib.util.find_spec("tornado") is None:
        return []
    from motor import motor_tornado

    return motor_tornado.__all__


def __getattr__(name: str) -> Any:
    # Imported late: applications on asyncio must not pay for Tornado's import.
    if name == "__all__":
        return _tornado_names()
    if name == "tornado":
        # How Motor 3 says whether Tornado is installed.
        return importlib.import_module(name) if importlib.util.find_spec(name) else None
    if name in _SUBMODULES and importlib.util.find_spec(f"motor.{name}"):
        return importlib.import_module(f"motor.{name}")
    hint = ""
    if name.startswith("Motor"):
        if name in _tornado_names():
            return getattr(importlib.import_module("motor.motor_tornado"), name)
        if f"AsyncIO{name}" in importlib.import_module("motor.motor_asyncio").__all__:
            hint = f". Is it motor.motor_asyncio.AsyncIO{name}? Or should Tornado be installed?"
    if name[0].isupper():
        # No submodule, which "from motor import ..." asks for here before it imports it.
        bridge = importlib.import_module("motor._bridge")
        try:
            return bridge.module_attribute(__name__, name)
        except AttributeError as error:
            raise AttributeError(f"{error}{hint}") from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_tornado_names()})
