"""What the API reference says about a class: its members, and how each differs from PyMongo's."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from motor import metaprogramming as mp
from motor.originals import own_part


class Group(Enum):
    """A section of a class's reference: its title, and a sentence about all its members."""

    OWN = "Different from PyMongo", "These differ from PyMongo's: read what this page says."
    AWAITED = (
        "As in PyMongo, awaited",
        "Each runs on one of Motor's threads and returns a future. It starts when you call it.",
    )
    LATENT = (
        "As in PyMongo, with a latent cursor",
        "Each returns a cursor or change stream at once. The command is sent when that is first "
        "read or awaited, or a change stream entered.",
    )
    IN_PLACE = ("As in PyMongo", "These send nothing to the server, so there is nothing to await.")
    VALUE = "Attributes, as in PyMongo", "They never wait for the server."

    @property
    def title(self) -> str:
        """The section's title."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """A sentence about all members of the section."""
        return self.value[1]


@dataclass(frozen=True)
class Member:
    """A public member of a Motor class."""

    name: str
    group: Group
    is_property: bool
    #: The arguments, without annotations: ``"(filter=None, *args, **kwargs)"``. Empty: none.
    arguments: str
    #: In reStructuredText.
    doc: str
    #: The dotted name of its counterpart in PyMongo. None: PyMongo has no such member.
    pymongo: str | None


def members(cls: Any) -> Iterator[Member]:
    """The public members of a class of a front, each once, by name."""
    for name in sorted(dir(cls)):
        if name.startswith("_"):
            continue
        value = inspect.getattr_static(cls, name)
        if isinstance(value, classmethod):
            value = getattr(cls, name)
        is_property = isinstance(value, property)
        if not (is_property or callable(value)):
            continue
        yield Member(
            name,
            _group(cls, name, is_property),
            is_property,
            "" if is_property else arguments(value, bound=inspect.ismethod(value)),
            own_part(inspect.getdoc(value) or ""),
            _pymongo_name(cls, getattr(value, "pymongo_method_name", name)),
        )


def _group(cls: Any, name: str, is_property: bool) -> Group:
    factory = _factory(cls, name)
    if factory is None:
        return Group.OWN
    if is_property:
        return Group.OWN if isinstance(factory, mp.AsyncProperty) else Group.VALUE
    if isinstance(factory, mp.LatentCursor):
        return Group.LATENT
    return Group.AWAITED if isinstance(factory, mp.Async) else Group.IN_PLACE


def _factory(cls: Any, name: str) -> mp.MotorAttributeFactory | None:
    """What a member was derived by; None: it is written by hand."""
    # The class of the front holds what became of the declaration; its bases hold the declaration.
    for base in cls.__mro__[1:]:
        if name in vars(base) and "_framework" not in vars(base):
            declared = vars(base)[name]
            return declared if isinstance(declared, mp.MotorAttributeFactory) else None
    if getattr(cls, "__async_class__", None) is None or not hasattr(cls.__delegate_class__, name):
        return None
    return mp.derive(cls.__delegate_class__, cls.__async_class__, name)


def _pymongo_name(cls: Any, name: str) -> str | None:
    delegate_class = getattr(cls, "__delegate_class__", None)
    if delegate_class is None or inspect.getattr_static(delegate_class, name, None) is None:
        return None
    return f"{mp.public_name(delegate_class)}.{name}"


def arguments(function: Any, *, bound: bool = False) -> str:
    """The arguments of a method or class, without annotations, fit for a narrow screen."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"
    parameters = [
        p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name[0] != "_"
    ]
    if not bound and parameters and parameters[0].name == "self":
        del parameters[0]
    return str(inspect.Signature(parameters))
