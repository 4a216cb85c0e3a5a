"""Old attributes of clients, databases and collections.

With today's classes, these are names of databases and collections. So only the clients of
`motor.legacy`, and objects made from them, have the attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson.binary import UuidRepresentation
from pymongo.common import LOCAL_THRESHOLD_MS, MAX_POOL_SIZE
from pymongo.mongo_client import MongoClient
from pymongo.server_description import ServerDescription

from motor.legacy.registry import bridges

__all__ = ["OLD_CLIENT", "OLD_COLLECTION", "OLD_DATABASE"]

OLD_CLIENT = "client"
OLD_DATABASE = "database"
OLD_COLLECTION = "collection"

_ALL = (OLD_CLIENT, OLD_DATABASE, OLD_COLLECTION)


@bridges("attribute", OLD_CLIENT, "host", "use address[0]")
def host(client: Any) -> str | None:
    return None if client.address is None else str(client.address[0])


@bridges("attribute", OLD_CLIENT, "port", "use address[1]")
def port(client: Any) -> int | None:
    return None if client.address is None else client.address[1]


def _server(client: Any) -> ServerDescription | None:
    """The server that takes writes, or any that is known."""
    if not isinstance(client.delegate, MongoClient):
        return None
    servers = client.delegate.topology_description.server_descriptions().values()
    known = [server for server in servers if server.is_server_type_known]
    return next((server for server in known if server.is_writable), next(iter(known), None))


def _pool_size(client: Any) -> float | None:
    """How many connections there may be to a server; None: any number."""
    delegate = client.delegate
    if not isinstance(delegate, MongoClient):
        return MAX_POOL_SIZE
    return delegate.options.pool_options.max_pool_size


def _latency(client: Any) -> int:
    delegate = client.delegate
    if not isinstance(delegate, MongoClient):
        return LOCAL_THRESHOLD_MS
    return int(delegate.options.local_threshold_ms)


def _limit(name: str, before: int) -> None:
    """Declare a limit of the server, and its value before there is a connection."""

    @bridges("attribute", OLD_CLIENT, name, "use await client.admin.command('hello')")
    def limit(client: Any) -> int:
        server = _server(client)
        return before if server is None else int(getattr(server, name))


for _name, _before in {
    "max_bson_size": 16 * 1024 * 1024,
    "max_message_size": 32 * 1024 * 1024,
    "max_write_batch_size": 1000,
    "max_wire_version": 0,
    "min_wire_version": 0,
}.items():
    _limit(_name, _before)


def _option(
    owner: str | tuple[str, ...], name: str, advice: str, read: Callable[[Any], Any]
) -> None:
    """Declare what reads an option of a Motor object."""

    @bridges("attribute", owner, name, advice)
    def option(motor_object: Any) -> Any:
        return read(motor_object)


_option(
    OLD_CLIENT,
    "max_pool_size",
    "use options.pool_options.max_pool_size of today's client",
    _pool_size,
)
_option(
    OLD_CLIENT,
    "local_threshold_ms",
    "use options.local_threshold_ms of today's client",
    _latency,
)
_option(
    OLD_CLIENT,
    "tz_aware",
    "use codec_options.tz_aware",
    lambda client: client.codec_options.tz_aware,
)
_option(
    OLD_CLIENT,
    "document_class",
    "use codec_options.document_class",
    lambda client: client.codec_options.document_class,
)
_option(
    _ALL,
    "tag_sets",
    "use read_preference.tag_sets",
    lambda owner: [dict(tags) for tags in owner.read_preference.tag_sets],
)


@bridges(
    "attribute",
    _ALL,
    "secondary_acceptable_latency_ms",
    "use options.local_threshold_ms of today's client",
)
def latency(motor_object: Any) -> int:
    return _latency(motor_object._client)


#: The subtypes of stored UUIDs, by their names today.
_SUBTYPES = {
    UuidRepresentation.UNSPECIFIED: 4,
    UuidRepresentation.STANDARD: 4,
    UuidRepresentation.PYTHON_LEGACY: 3,
    UuidRepresentation.JAVA_LEGACY: 5,
    UuidRepresentation.CSHARP_LEGACY: 6,
}


@bridges("attribute", _ALL, "uuid_subtype", "use codec_options.uuid_representation")
def uuid_subtype(motor_object: Any) -> int:
    return _SUBTYPES[motor_object.codec_options.uuid_representation]


@bridges("attribute", "replica_set_client", "hosts", "use nodes")
def hosts(client: Any) -> set[Any]:
    return set(client.nodes)


@bridges("attribute", "replica_set_client", "seeds", "keep the hosts that you pass")
def seeds(client: Any) -> set[Any]:
    return set(client._seeds)


@bridges("attribute", OLD_DATABASE, "connection", "use client")
def connection(database: Any) -> Any:
    return database.client


def _names_of(which: str) -> None:
    @bridges("attribute", OLD_DATABASE, f"{which}_manipulators", "keep a list of your functions")
    def names(database: Any) -> list[str]:
        manipulators = database.__dict__.get("_manipulators")
        found = [] if manipulators is None else getattr(manipulators, which)
        return [type(each).__name__ for each in found]


for _which in ("incoming", "incoming_copying", "outgoing", "outgoing_copying"):
    _names_of(_which)
