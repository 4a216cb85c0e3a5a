"""What a client knows about its deployment, without asking the server."""

from __future__ import annotations

from typing import Any

from pymongo.errors import InvalidOperation
from pymongo.mongo_client import MongoClient
from pymongo.server_description import ServerDescription

from motor.declarations import check_has

__all__ = ["KnownServers"]

#: A host and its port; PyMongo has no port for a Unix domain socket.
Address = tuple[str, int | None]


def _known(client: MongoClient[Any]) -> list[ServerDescription]:
    return [
        server
        for server in client.topology_description.server_descriptions().values()
        if server.is_server_type_known
    ]


def _addresses(client: MongoClient[Any], server_type: str) -> set[Address]:
    if "ReplicaSet" not in client.topology_description.topology_type_name:
        return set()
    return {
        server.address
        for server in _known(client)
        if server.server_type_name == server_type and server.address
    }


def _writable(client: MongoClient[Any]) -> ServerDescription | None:
    return next((server for server in _known(client) if server.is_writable), None)


def _of_another_library(client: Any, name: str) -> Any:
    check_has(client, name)
    return getattr(client, name)


def _address(client: Any) -> Address | None:
    """The address of the server that takes writes, if one is known."""
    if not isinstance(client, MongoClient):
        return _of_another_library(client, "address")  # type: ignore[no-any-return]
    description = client.topology_description
    servers = description.server_descriptions()
    if description.topology_type_name == "Sharded" and len(servers) > 1:
        raise InvalidOperation(
            'Cannot use "address" property when load balancing among mongoses, use "nodes" instead.'
        )
    if description.topology_type_name == "Single":
        return next((server.address for server in _known(client)), None)
    writable = _writable(client)
    return writable.address if writable is not None else None


def _primary(client: Any) -> Address | None:
    """The primary's address, if it is known."""
    if not isinstance(client, MongoClient):
        return _of_another_library(client, "primary")  # type: ignore[no-any-return]
    return next(iter(_addresses(client, "RSPrimary")), None)


def _secondaries(client: Any) -> set[Address]:
    """The secondaries' addresses, as far as they are known."""
    if not isinstance(client, MongoClient):
        return set(_of_another_library(client, "secondaries"))
    return _addresses(client, "RSSecondary")


def _arbiters(client: Any) -> set[Address]:
    """The arbiters' addresses, as far as they are known."""
    if not isinstance(client, MongoClient):
        return set(_of_another_library(client, "arbiters"))
    return _addresses(client, "RSArbiter")


def _is_primary(client: Any) -> bool:
    """Whether a server is known that takes writes."""
    if not isinstance(client, MongoClient):
        return bool(_of_another_library(client, "is_primary"))
    return _writable(client) is not None


def _is_mongos(client: Any) -> bool:
    """Whether a known server is a mongos."""
    if not isinstance(client, MongoClient):
        return bool(_of_another_library(client, "is_mongos"))
    return any(server.server_type_name == "Mongos" for server in _known(client))


class KnownServers:
    """A client's properties that PyMongo's would wait for: they answer from what it knows."""

    delegate: Any

    @property
    def address(self) -> Address | None:
        """The (host, port) of the standalone, primary or mongos; None while none is known.

        Raises InvalidOperation with several mongos, of which none is *the* server: see `nodes`.
        """
        return _address(self.delegate)

    @property
    def primary(self) -> Address | None:
        """The (host, port) of the replica set's primary; None while none is known."""
        return _primary(self.delegate)

    @property
    def secondaries(self) -> set[Address]:
        """The (host, port) of each secondary of the replica set that is known."""
        return _secondaries(self.delegate)

    @property
    def arbiters(self) -> set[Address]:
        """The (host, port) of each arbiter of the replica set that is known."""
        return _arbiters(self.delegate)

    @property
    def is_primary(self) -> bool:
        """Whether a server is known that takes writes: a standalone, a mongos, or a primary."""
        return _is_primary(self.delegate)

    @property
    def is_mongos(self) -> bool:
        """Whether the known server is a mongos."""
        return _is_mongos(self.delegate)
