"""PyMongo's members, which Motor's stand for: how they are found, named and described."""

from __future__ import annotations

import sys
from typing import Any

__all__ = [
    "docstring_for",
    "is_value",
    "own_part",
    "public_name",
    "static_member",
    "with_pymongos_part",
]

#: What comes between Motor's part of a docstring and PyMongo's.
_PYMONGO_SAYS = "PyMongo's own description, with its names and examples:"


def public_name(cls: type) -> str:
    """The dotted name by which PyMongo documents one of its synchronous classes."""
    return f"{cls.__module__.replace('.synchronous.', '.')}.{cls.__qualname__}"


def static_member(cls: Any, name: str) -> Any:
    """What stands in the body of a class, or of a base, under `name`; None if nothing does."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def is_value(member: Any) -> bool:
    return member is not None and not callable(member) and not isinstance(member, classmethod)


def docstring_for(cls: Any, name: str, summary: str) -> str:
    """The docstring of a derived member.

    - `cls`: the Motor class. Its ``_reference`` has the first sentences and the lines of an example
      for the members that are used most
    - `name`: that of PyMongo's member
    - `summary`: how it differs from PyMongo's, the end of a sentence
    """
    member = static_member(cls.__delegate_class__, name)
    role = "attr" if is_value(member) else "meth"
    target = f":{role}:`~{public_name(cls.__delegate_class__)}.{name}`"
    first = getattr(cls, "_reference", {}).get(name)
    if first is None:
        doc = f"Like {target}{summary}."
    else:
        example = "\n    ".join(first[1:])
        doc = f"{first[0]}\n\n::\n\n    {example}\n\nIts arguments are those of {target}."
    twin = getattr(cls, "__async_class__", None)
    # The examples of PyMongo's async API await, as Motor's users do.
    return with_pymongos_part(doc, (twin and static_member(twin, name)) or member)


def with_pymongos_part(doc: str, original: Any) -> str:
    """A docstring and, after it, that of PyMongo's member `original`, if that has one."""
    theirs = getattr(getattr(original, "__func__", original), "__doc__", None)
    if not theirs or theirs is type(original).__doc__:
        return doc
    if sys.version_info >= (3, 13):
        # Earlier, docstrings are indented as they are in the source.
        theirs = theirs.replace("\n", "\n        ")
    return f"{doc}\n\n{_PYMONGO_SAYS}\n\n        {theirs.rstrip()}\n"


def own_part(doc: str) -> str:
    """Motor's part of a docstring."""
    return doc.partition(f"\n\n{_PYMONGO_SAYS}")[0]
