"""Tell, before a call is made, an argument that neither PyMongo nor the server would take.

Most of PyMongo's methods name their keywords. The others pass all keywords on to the server: for
these, there is a list of the keywords that no server takes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pymongo.collection import Collection
from pymongo.cursor import Cursor

from motor.core.legacy_hooks import refused_keywords
from motor.signatures import signature_of

__all__ = ["UsualKeywords", "check_arguments"]

#: Says whether a method takes all keywords of a call today.
Check = Callable[[Iterable[str]], bool]

#: The methods that pass their keywords on to another function, which names them.
_HANDS_ON_TO: dict[tuple[type, str], Any] = {
    (Collection, "find"): Cursor,
    (Collection, "find_one"): Cursor,
}


def _make_check(delegate_class: type, name: str) -> Check:
    """The check for the keywords of one method: a single call, as most calls have keywords."""
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


# The arguments of what is sent later, when its cursor or change stream is first used.

#: What the server's ``aggregate`` takes, and PyMongo with it.
_AGGREGATE = (
    *("allowDiskUse", "batchSize", "bypassDocumentValidation", "collation", "comment", "cursor"),
    *("explain", "hint", "let", "maxAwaitTimeMS", "maxTimeMS", "readConcern", "session"),
    "writeConcern",
)

#: The options of the methods that pass on to the server whatever they are given.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "aggregate": _AGGREGATE,
    "aggregate_raw_batches": _AGGREGATE,
    "list_collections": ("authorizedCollections", "filter", "nameOnly"),
    "list_databases": ("authorizedDatabases", "filter", "nameOnly"),
    "list_search_indexes": _AGGREGATE,
}

#: How similar a name must be to one that there is. It may also be an option of a newer server.
_SIMILAR = 0.85


def check_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The arguments by name, of a function that will be called with them later.

    Raises TypeError at once for such as it would refuse then, and for misspelt options.
    """
    try:
        signature = signature_of(function)
        arguments = signature.bind(*args, **kwargs).arguments
    except TypeError as exc:
        raise TypeError(f"{function.__name__}() {exc}") from None
    except ValueError:
        # No signature to be had, as with functions written in C.
        return kwargs
    pipeline = signature.parameters.get("pipeline")
    if pipeline is not None:
        _check_pipeline(arguments.get("pipeline", pipeline.default), pipeline.default is None)
    options = arguments.get("kwargs", {})
    _check_spelling(function.__name__, options)
    cursor = options.get("cursor", {})
    if not isinstance(cursor, Mapping):
        raise TypeError(f"cursor must be a mapping of options, not {cursor!r}")
    return arguments


def _check_pipeline(pipeline: Any, may_be_none: bool) -> None:
    if not isinstance(pipeline, list) and not (pipeline is None and may_be_none):
        hint = ": put the stage into a list" if isinstance(pipeline, Mapping) else ""
        raise TypeError(f"pipeline must be a list, not {type(pipeline)}{hint}")


def _check_spelling(method: str, options: Iterable[str]) -> None:
    known = {_plain(each): each for each in _OPTIONS.get(method, ())}
    for name in options:
        similar = difflib.get_close_matches(_plain(name), known, n=1, cutoff=_SIMILAR)
        if similar and known[similar[0]] != name:
            raise TypeError(
                f"{method}() got an unexpected keyword argument {name!r}. Did you mean "
                f"{known[similar[0]]!r}?"
            )


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
