"""Tell, before a call is made, a keyword that neither PyMongo nor the server would take.

Most of PyMongo's methods name their keywords. The others pass all keywords on to the server: for
these, there is a list of the keywords that no server takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from motor.core.arguments import parameters_of
from motor.core.legacy_hooks import refused_keywords

__all__ = ["UsualKeywords"]

#: Says whether a method takes all keywords of a call today.
Check = Callable[[Iterable[str]], bool]


def _make_check(delegate_class: type, name: str) -> Check:
    """The check for the keywords of one method: a single call, as most calls have keywords."""
    try:
        parameters = parameters_of(delegate_class, name)
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
