"""Databases and collections that outlive the connections of their client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from motor.core.base import AgnosticBase, unwrap_arguments
from motor.core.collection import AgnosticCollection
from motor.legacy.calls import call_with_old_arguments, takes
from motor.legacy.write_concerns import WriteConcernDict

__all__ = ["Follower"]

#: Which class of `motor.legacy` takes the place of which agnostic class.
classes: dict[type, type] = {}


class Follower(AgnosticBase):
    """An object of a client that may open again, with another delegate.

    Objects made from it are of the classes of `motor.legacy`, too.
    """

    def _agnostic(self, agnostic_class: Any) -> Any:
        return super()._agnostic(classes.get(agnostic_class, agnostic_class))

    @property
    def delegate(self) -> Any:
        """The PyMongo object that this one stands for."""
        found = self.__dict__["delegate"]
        client = self._client.delegate
        database = found.database if isinstance(self, AgnosticCollection) else found
        if database.client is not client:
            found = self.__dict__["delegate"] = _of_client(client, database, found)
        return found

    @delegate.setter
    def delegate(self, value: Any) -> None:
        self.__dict__["delegate"] = value

    @property
    def write_concern(self) -> WriteConcernDict:
        """The write concern, as a dict that can be changed."""
        return WriteConcernDict(self)

    def _submit_without_result(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Start the delegate's method `name`, which gives the server's reply today. None then."""
        if takes(self, name, args, kwargs):
            return call_with_old_arguments(self, name, args, kwargs)
        args, kwargs, queue = unwrap_arguments(args, kwargs)
        call = (getattr(self.delegate, name), *args)
        return self._submit_function(_without_result, call, kwargs, queue=queue)


def _without_result(method: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    method(*args, **kwargs)


def _of_client(client: Any, database: Any, found: Any) -> Any:
    """The database or collection in another client that corresponds to `found`."""
    new = client.get_database(database.name, **_options(database))
    return new if found is database else new.get_collection(found.name, **_options(found))


def _options(delegate: Any) -> dict[str, Any]:
    return {
        "codec_options": delegate.codec_options,
        "read_preference": delegate.read_preference,
        "write_concern": delegate.write_concern,
        "read_concern": delegate.read_concern,
    }
