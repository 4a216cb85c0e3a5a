"""Old clients: their arguments and defaults, and that they open again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from bson.codec_options import TypeRegistry
from pymongo.errors import ConfigurationError, InvalidOperation, OperationFailure

from motor.core.client import AgnosticClient
from motor.legacy.client_options import translate
from motor.legacy.client_settings import ConfigurableClient
from motor.legacy.codecs import PythonPatterns
from motor.legacy.followers import Follower

__all__ = ["OldClient", "OldReplicaSetClient"]

#: Options with two names, in lower case: the other one of each.
_ALIASES = {"wtimeout": "wtimeoutms", "j": "journal", "ssl": "tls"}


class OldClient(Follower, ConfigurableClient):
    """A client that takes the arguments and behaves like those of Motor 0.x and PyMongo 2.

    - `host`: a host, a list of hosts, or a MongoDB URI; None: localhost
    - `port`: the port where `host` names none; None: 27017
    - `max_pool_size`: the most connections to a server; None: 100
    - `document_class`: the class of documents
    - `tz_aware`: whether datetimes have time zones
    - `_connect`: False, or left out: connect at the first operation. True: begin to connect at once
    - `io_loop`, `executor`, further options: see :class:`motor.core.AgnosticClient`

    Options in a URI win over keywords. A single host is connected to directly unless replicaSet is
    given. UUIDs are stored as Python's legacy subtype, and regular expressions come as compiled
    patterns. A client that was closed opens again at the next operation.
    """

    __motor_class_name__ = "MotorClient"

    def __init__(
        self,
        host: Any = None,
        port: int | None = None,
        max_pool_size: int | None = None,
        document_class: type | None = None,
        tz_aware: bool | None = None,
        _connect: bool = False,
        *,
        io_loop: Any = None,
        executor: Any = None,
        **kwargs: Any,
    ) -> None:
        if max_pool_size is not None:
            kwargs["max_pool_size"] = max_pool_size
        kwargs = _without(translate(kwargs), _names_in_uri(host))
        given = {_canonical(name) for name in kwargs} | _names_in_uri(host)
        if tz_aware is not None and "tz_aware" not in given:
            kwargs["tz_aware"] = tz_aware
        kwargs.update(_defaults(host, given))
        kwargs.setdefault("connect", _connect)
        self._reopening = threading.RLock()
        self._seeds: set[tuple[str, int | None]] = set()
        super().__init__(
            host,
            port,
            document_class=document_class or dict,
            io_loop=io_loop,
            executor=executor,
            **kwargs,
        )

    def _set_up(self, *args: Any) -> None:
        self._set_up_with = args
        super()._set_up(*args)

    def _make_delegate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._made_from: tuple[tuple[Any, ...], dict[str, Any]] = args, kwargs
        self._credentials: dict[str, Any] = {}
        made = super()._make_delegate(args, kwargs)
        self._seeds = set(made.topology_description.server_descriptions())
        return made

    @property
    def delegate(self) -> Any:
        """The PyMongo client that this one stands for; a new one after the old one was closed."""
        if self._closed:
            self._reopen()
        return self.__dict__["delegate"]

    @delegate.setter
    def delegate(self, value: Any) -> None:
        self.__dict__["delegate"] = value

    def _reopen(self) -> None:
        if "_made_from" not in self.__dict__:
            # Around a PyMongo client of the application: only the application can make another one.
            AgnosticClient._check_open(self)
        with self._reopening:
            if self._closed:
                self._replace_delegate(self._new_delegate(self._credentials))

    def _new_delegate(self, credentials: Mapping[str, Any]) -> Any:
        args, kwargs = self._made_from
        return AgnosticClient._make_delegate(self, args, {**kwargs, **credentials})

    def _replace_delegate(self, new: Any) -> Any:
        """Use another PyMongo client. Returns the one before."""
        old, self.__dict__["delegate"] = self.__dict__["delegate"], new
        # The core computes what it knows about the delegate again.
        super()._set_up(*self._set_up_with)
        self._accelerate_calls(new)
        return old

    def _check_open(self) -> None:
        if self._closed:
            self._reopen()
        super()._check_open()

    def close(self) -> Any:
        """Close all connections: the next operation opens new ones. See `AgnosticClient.close`."""
        if self._closed:
            # Otherwise asking for the delegate would open it.
            return self._resolved(None) if self._closing is None else self._closing
        return super().close()

    def _change_credentials(self, credentials: Mapping[str, Any]) -> None:
        """On a worker: go on as the user with these credentials, or as none if they are empty.

        Raises OperationFailure when the server refuses them, or there is another user already, and
        InvalidOperation for a client that was made around a PyMongo client.
        """
        if "_made_from" not in self.__dict__:
            raise InvalidOperation(
                f"{type(self).__name__}.from_delegate() uses the credentials of the PyMongo client "
                "that it was given: make that client with other ones"
            )
        with self._reopening:
            if credentials == self._credentials:
                return
            if credentials and self._credentials:
                raise OperationFailure(
                    "Another user is already authenticated to this database. You must logout first."
                )
            new = self._new_delegate(credentials)
            try:
                new.admin.command("ping")
            except BaseException:
                new.close()
                raise
            self._credentials = dict(credentials)
            old = self._replace_delegate(new)
        old.close()


def _names_in_uri(host: Any) -> set[str]:
    """The options, by their names today and in lower case, of the URIs among the hosts."""
    hosts = [host] if isinstance(host, str) else list(host or ())
    queries = [each.partition("?")[2] for each in hosts if "://" in each]
    return {_canonical(name) for query in queries for name, _ in parse_qsl(query)}


def _canonical(name: str) -> str:
    lower = name.lower()
    return _ALIASES.get(lower, lower)


def _without(kwargs: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if _canonical(name) not in names}


def _is_single(host: Any) -> bool:
    hosts = [host or "localhost"] if isinstance(host, str) or host is None else list(host)
    if len(hosts) != 1 or hosts[0].startswith("mongodb+srv://"):
        return False
    after_scheme = hosts[0].rpartition("://")[2]
    return "," not in after_scheme.partition("/")[0].partition("?")[0]


def _defaults(host: Any, given: set[str]) -> dict[str, Any]:
    """The options that had other values than today, unless they were given."""
    defaults: dict[str, Any] = {}
    if _is_single(host) and not given & {"replicaset", "directconnection", "loadbalanced"}:
        defaults["directConnection"] = True
    if "uuidrepresentation" not in given:
        defaults["uuidRepresentation"] = "pythonLegacy"
    if "type_registry" not in given:
        defaults["type_registry"] = TypeRegistry([PythonPatterns()])
    return defaults


class OldReplicaSetClient(OldClient):
    """A client for a replica set, as Motor 0.x had it.

    - `hosts_or_uri`: hosts with their ports, separated by commas, or a MongoDB URI; None: `host`
      and `port`
    - the others: see `OldClient`

    Raises ConfigurationError when no replicaSet is given.
    """

    __motor_class_name__ = "MotorReplicaSetClient"

    def __init__(
        self,
        hosts_or_uri: Any = None,
        max_pool_size: int | None = None,
        document_class: type | None = None,
        tz_aware: bool | None = None,
        *,
        host: Any = None,
        **kwargs: Any,
    ) -> None:
        if hosts_or_uri is None:
            hosts_or_uri = host
        names = {_canonical(name) for name in kwargs} | _names_in_uri(hosts_or_uri)
        if "replicaset" not in names:
            raise ConfigurationError("the replicaSet keyword parameter is required.")
        super().__init__(
            hosts_or_uri,
            max_pool_size=max_pool_size,
            document_class=document_class,
            tz_aware=tz_aware,
            **kwargs,
        )
