"""What has a place in the deployment's tree of names: clients, databases and collections.

``client.shop`` is a database and ``client.shop.orders`` a collection: an attribute that is not a
method is a name.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from motor.core import legacy_hooks
from motor.core.arguments import check_arguments
from motor.core.base import AgnosticBase, unwrap_arguments
from motor.core.change_stream import AgnosticChangeStream
from motor.core.cursors.latent import AgnosticLatentCommandCursor
from motor.core.errors import with_article
from motor.declarations import check_has

__all__ = ["Namespace"]

#: The public attributes that Motor's own objects are given when they are made.
_OWN_ATTRIBUTES = frozenset({"client", "database", "delegate"})


class Namespace(AgnosticBase):
    """A client, a database or a collection: it can be watched, and has others below it by name."""

    #: PyMongo has it only to raise an error. Here it may be a name.
    _not_derived = frozenset({"next"})

    #: What this was an attribute of, if it was one: a method of that may have been meant.
    _parent: Any = None

    def _latent_change_stream(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """A change stream that will call the delegate's method `name` when it is first used."""
        return self._agnostic(AgnosticChangeStream)(self, *args, _method=name, **kwargs)

    def _latent_cursor(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """A cursor that will call the delegate's method `name` when it is first used."""
        method = getattr(self.delegate, name)
        if not inspect.isroutine(method):
            check_has(self.delegate, name)
        old_call = None
        if kwargs and not self._usual[name](kwargs):
            old_call = legacy_hooks.refused(self, name, args, kwargs)
        if old_call is None:
            try:
                check_arguments(f"{type(self).__name__}.{name}", method, args, kwargs)
            except TypeError:
                old_call = legacy_hooks.refused(self, name, args, kwargs)
                if old_call is None:
                    raise
        if old_call is not None:
            return old_call()
        args, kwargs, queue = unwrap_arguments(args, kwargs)
        return self._agnostic(AgnosticLatentCommandCursor)(
            self, method, *args, _queue=queue, **kwargs
        )

    def __getitem__(self, name: str) -> Any:
        """The database or collection of that name below this one."""
        return self._wrap(self.delegate[name])

    def __getattr__(self, name: str) -> Any:
        # If the constructor failed, there is no delegate: say so instead of asking for it.
        if name.startswith("_") or name == "delegate":
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}. {self._name_hint(name)}"
            )
        child = self[name]
        child.__dict__["_parent"] = self
        return child

    def __setattr__(self, name: str, value: Any) -> None:
        own = name[0] == "_" or name in _OWN_ATTRIBUTES
        if own or not self._is_odd_to_assign(name) or not legacy_hooks.assign(self, name, value):
            object.__setattr__(self, name, value)

    def _is_odd_to_assign(self, name: str) -> bool:
        """Whether `name` is a property without a setter, or no attribute at all."""
        member = inspect.getattr_static(type(self), name, None)
        return name not in self.__dict__ and (
            member is None or (isinstance(member, property) and member.fset is None)
        )

    def _name_hint(self, name: str) -> str:
        """How to get a database or collection whose name cannot be an attribute."""
        raise NotImplementedError

    def __hash__(self) -> int:
        return hash(self.delegate)

    #: Python would otherwise count through ``self[0]``, ``self[1]``, …
    __iter__ = None

    def _call_undefined(
        self, name: str, parent: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call this object, which `parent` gives for the attribute `name`, as a method of it.

        Raises TypeError, with the method that was probably meant where one has a similar name,
        unless there was a method of that name in the PyMongo 2 era.
        """
        if self._parent is not None:
            method = legacy_hooks.undefined(self._parent, name)
            if method is not legacy_hooks.NOT_BRIDGED:
                return method(*args, **kwargs)
        message = (
            f"{type(self).__name__} object is not callable. If you meant to call the '{name}' "
            f"method on {with_article(parent)} object it is failing because no such method "
            "exists."
        )
        members = ((m, getattr(type(parent), m)) for m in dir(type(parent)) if m[0] != "_")
        methods = [member for member, value in members if callable(value)]
        similar = difflib.get_close_matches(name, methods, n=1)
        if similar:
            message += f" Did you mean '{similar[0]}'?"
        raise TypeError(message)
