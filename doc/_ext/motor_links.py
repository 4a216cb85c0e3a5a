"""Where PyMongo, Tornado and Python document their names, by rules: no inventory is fetched."""

from __future__ import annotations

import sys
from importlib.util import find_spec

PYMONGO = "https://pymongo.readthedocs.io/en/stable/api/"
TORNADO = "https://www.tornadoweb.org/en/stable/"
PYTHON = "https://docs.python.org/3/library/"
#: asyncio's names are spread over several pages.
ASYNCIO = {"asyncio.Future": "asyncio-future"}


def address_of(name: str) -> str | None:
    """Where the documentation of a name of PyMongo, Tornado or Python is; None: not known."""
    package, _, rest = name.partition(".")
    if package in ("pymongo", "bson", "gridfs"):
        module = rest.partition(".")[0]
        if not rest or find_spec(f"{package}.{module}") is None:
            return f"{PYMONGO}{package}/index.html#{name}"
        if name.startswith("gridfs.grid_file.GridFSBucket"):
            # Documented where it is imported from, not where it is defined.
            return f"{PYMONGO}gridfs/index.html#{name.replace('.grid_file', '')}"
        return f"{PYMONGO}{package}/{module}.html#{name}"
    if package == "tornado":
        return f"{TORNADO}{rest.partition('.')[0]}.html#{name}"
    if package in sys.stdlib_module_names:
        return f"{PYTHON}{_python_page(name)}.html#{name}"
    return None


def _python_page(name: str) -> str:
    if name in ASYNCIO:
        return ASYNCIO[name]
    parts = name.split(".")
    return ".".join(part for part in parts[:-1] if part[0].islower()) or parts[0]
