"""Tell, before a call is made, a keyword that neither PyMongo nor the server would take.

Most of PyMongo's methods name the keywords that they take. The others pass whatever they are given
on to the server: there, a keyword is known by a list of those that no server takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pymongo.collection import Collection
from pymongo.cursor import Cursor

from motor.core.legacy_hooks import refused_keywords
from motor.signatures import signature_of

__all__ = ["UsualKeywords"]

#: Tells of a call's keywords whether all of them are such as a method takes today.
Check = Callable[[Iterable[str]], bool]

#: The methods that hand their keywords on to another function, which knows what they may be.
_HANDS_ON_TO: dict[tuple[type, str], Any] = {
    (Collection, "find"): Cursor,
    (Collection, "find_one"): Cursor,
}


def _make_check(delegate_class: type, name: str) -> Check:
    """How to tell the keywords of one method: a single call, as most programs' calls have some."""
    method = _HANDS_ON_TO.get((delegate_class, name)) or getattr(delegate_class, name, None)
    try:
        parameters = signature_of(method).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return refused_keywords().isdisjoint
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return refused_keywords().isdisjoint
    named = frozenset(parameter.name for parameter in parameters)
    return (named - refused_keywords()).issuperset


class UsualKeywords(dict[str, Check]):
    """``usual[name](kwargs)``: whether PyMongo, or the server, may know all keywords of a call.

    A table of the methods of a PyMongo class, as this is asked in every call with keywords. It is
    filled as they are called.
    """

    def __init__(self, delegate_class: type) -> None:
        self._delegate_class = delegate_class

    def __missing__(self, name: str) -> Check:
        check = self[name] = _make_check(self._delegate_class, name)
        return check
