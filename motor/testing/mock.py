"""Clients without a server: Motor's classes on mongomock, which keeps everything in memory."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from motor.core import AgnosticClient
from motor.motor_asyncio import AsyncIOMotorClient

__all__ = ["mock_client"]

C = TypeVar("C", bound=AgnosticClient[Any])


@overload
def mock_client(**options: Any) -> AsyncIOMotorClient[dict[str, Any]]: ...
@overload
def mock_client(client_class: type[C], **options: Any) -> C: ...
def mock_client(client_class: Any = AsyncIOMotorClient, **options: Any) -> Any:
    """Return a client of an empty MongoDB in memory, which no other client sees.

    Its databases, collections and cursors are Motor's own. mongomock does their work: it imitates
    MongoDB in Python. Sessions, transactions and change streams raise NotImplementedError, and some
    operators of queries and aggregations are missing. For code that uses those, take
    :class:`EmbeddedMongo`.

    :param client_class: The class of the client: ``AsyncIOMotorClient``, Tornado's ``MotorClient``,
        or a subclass.
    :param options: The keyword arguments of ``mongomock.MongoClient``, such as ``tz_aware``.
    :raises ImportError: If mongomock is not installed.
    """
    try:
        import mongomock
    except ImportError as error:
        raise ImportError(
            "mock_client() needs mongomock: run 'pip install mongomock', or install Motor with "
            "'[testing]' after its name"
        ) from error
    return client_class.from_delegate(mongomock.MongoClient(**options))
