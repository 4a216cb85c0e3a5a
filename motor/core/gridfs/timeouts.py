"""The timeout of an operation that takes several steps."""

from __future__ import annotations

import contextvars
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pymongo
from pymongo.mongo_client import MongoClient

__all__ = ["timeout_of"]


def timeout_of(client: Any) -> AbstractContextManager[Any]:
    """Apply the ``timeoutMS`` of a PyMongo client to a whole block, as PyMongo does.

    A ``pymongo.timeout()`` around the block counts instead.
    """
    # Clients of other libraries take "options" for the name of a database.
    seconds = client.options.timeout if isinstance(client, MongoClient) else None
    return nullcontext() if seconds is None or _is_limited() else pymongo.timeout(seconds)


def _no_limit() -> contextvars.Context:
    context = contextvars.Context()
    context.run(pymongo.timeout(None).__enter__)
    return context


#: What ``pymongo.timeout()`` sets, with the values that mean that there is none.
_NO_LIMIT = _no_limit()


def _is_limited() -> bool:
    """Whether a ``pymongo.timeout()`` is around the caller.

    PyMongo has no public way to ask, but Python shows the variables of the context.
    """
    context = contextvars.copy_context()
    return any(context.get(variable, none) != none for variable, none in _NO_LIMIT.items())
