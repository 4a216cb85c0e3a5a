"""Clients whose options were assigned to: the databases that they make have these options.

A PyMongo client keeps the options that it was made with. So the Motor client keeps the assigned
options, and passes them on whenever it makes a database.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from motor.core.client import AgnosticClient
from motor.legacy.write_concerns import write_concern_of

__all__ = ["ConfigurableClient", "change_client"]

#: The options of a database, by position.
_OPTIONS = ("codec_options", "read_preference", "write_concern", "read_concern")


class ConfigurableClient(AgnosticClient):
    """A client whose `codec_options`, `read_preference` and `write_concern` can be changed."""

    #: What was assigned.
    _assigned: Mapping[str, Any] = {}

    @property
    def codec_options(self) -> Any:
        """The codec options of the databases that this client makes."""
        return self._assigned.get("codec_options") or self.delegate.codec_options

    @property
    def read_preference(self) -> Any:
        """The read preference of the databases that this client makes."""
        return self._assigned.get("read_preference") or self.delegate.read_preference

    @property
    def write_concern(self) -> Any:
        """The write concern of the databases that this client makes."""
        return write_concern_of(self)

    def get_database(self, name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.mongo_client.MongoClient.get_database`."""
        return self._make_database(self.delegate.get_database, name, args, kwargs)

    def get_default_database(self, default: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.mongo_client.MongoClient.get_default_database`."""
        return self._make_database(self.delegate.get_default_database, default, args, kwargs)

    def __getitem__(self, name: str) -> Any:
        """The database of that name."""
        if not isinstance(name, str):
            # PyMongo's error.
            return super().__getitem__(name)
        return self.get_database(name)

    def _make_database(
        self,
        make: Callable[..., Any],
        name: str | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        given = dict(zip(_OPTIONS, args, strict=False), **kwargs)
        options = {option: value for option, value in given.items() if value is not None}
        return self._wrap(make(name, *args[len(_OPTIONS) :], **{**self._assigned, **options}))


def change_client(client: Any, options: Mapping[str, Any]) -> None:
    """Let the databases that a Motor client makes from now on have other options.

    - `options`: those of `codec_options`, `read_preference` and `write_concern` to change
    """
    if not isinstance(client, ConfigurableClient):
        client.__class__ = _configurable(type(client))
    client._assigned = {**client._assigned, **options}


def _make_configurable(cls: type) -> type:
    """A subclass for clients that were assigned to: others pay nothing for settings."""
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (ConfigurableClient, cls), names)


#: One for each class.
_configurable: Callable[[type], type] = functools.cache(_make_configurable)
