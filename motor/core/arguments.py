"""What is said of arguments that a method does not take: by the names that its users know.

PyMongo's own errors name PyMongo's classes, also private ones.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pymongo.collection import Collection
from pymongo.cursor import Cursor

from motor.execution.future import OperationFuture
from motor.signatures import signature_of

__all__ = ["NamesMisfits", "bind", "call", "check_arguments", "misfit", "parameters_of"]

T = TypeVar("T")

#: The methods of collections that hand their arguments on to a class, which knows what they may be.
_HANDS_ON_TO: dict[str, Any] = {
    "find": Cursor,
    "find_one": Cursor,
    "find_raw_batches": Cursor,
}

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


def parameters_of(delegate_class: type, name: str) -> list[inspect.Parameter]:
    """The parameters of the method `name`. Raises TypeError or ValueError for one written in C."""
    hands_on_to = _HANDS_ON_TO.get(name) if issubclass(delegate_class, Collection) else None
    return _parameters(getattr(delegate_class, name, None), hands_on_to)


def taken_by(method: Callable[..., Any]) -> inspect.Signature:
    """What a method takes, or what takes its arguments from it.

    Raises TypeError or ValueError for one written in C.
    """
    if not isinstance(getattr(method, "__self__", None), Collection):
        return signature_of(method)
    return inspect.Signature(_parameters(method, _HANDS_ON_TO.get(method.__name__)))


def _parameters(method: Any, hands_on_to: Any) -> list[inspect.Parameter]:
    own = list(signature_of(method).parameters.values())
    if hands_on_to is None:
        return own
    # The first is the collection.
    theirs = list(signature_of(hands_on_to).parameters.values())[1:]
    known = {"self", *(p.name for p in theirs)}
    # What a newer PyMongo may take, and not hand on.
    added = [
        p.replace(kind=p.KEYWORD_ONLY)
        for p in own
        if p.name not in known and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    return sorted([*theirs, *added], key=lambda parameter: parameter.kind)


def bind(
    what: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a call by name. Raises TypeError for those that do not fit.

    - `what`: the name of what is called, for the error
    """
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{what}() {_explained(error, signature, kwargs)}") from None


def misfit(
    what: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> TypeError | None:
    """The error for arguments that do not fit `method`; None: they fit, as far as can be known."""
    try:
        signature = taken_by(method)
    except (TypeError, ValueError):
        return None
    try:
        bind(what, signature, args, kwargs)
    except TypeError as error:
        error.__context__ = None
        return error.with_traceback(None)
    return None


def check_arguments(
    what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The arguments by name, of a function that will be called with them later.

    - `what`: the function's name, for the error

    Raises TypeError at once for such as it would refuse then, and for misspelt options.
    """
    try:
        signature = taken_by(function)
    except (TypeError, ValueError):
        # No signature to be had, as with functions written in C.
        return kwargs
    arguments = bind(what, signature, args, kwargs).arguments
    pipeline = signature.parameters.get("pipeline")
    if pipeline is not None:
        _check_pipeline(arguments.get("pipeline", pipeline.default), pipeline.default is None)
    options = arguments.get("kwargs", {})
    _check_spelling(what, _OPTIONS.get(function.__name__, ()), options)
    cursor = options.get("cursor", {})
    if not isinstance(cursor, Mapping):
        raise TypeError(f"cursor must be a mapping of options, not {cursor!r}")
    return arguments


def _check_pipeline(pipeline: Any, may_be_none: bool) -> None:
    if not isinstance(pipeline, list) and not (pipeline is None and may_be_none):
        hint = ": put the stage into a list" if isinstance(pipeline, Mapping) else ""
        raise TypeError(f"pipeline must be a list, not {type(pipeline)}{hint}")


def _check_spelling(what: str, known: Iterable[str], options: Iterable[str]) -> None:
    plain = {_plain(each): each for each in known}
    for name in options:
        similar = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=_SIMILAR)
        if similar and plain[similar[0]] != name:
            raise TypeError(
                f"{what}() got an unexpected keyword argument {name!r}. Did you mean "
                f"{plain[similar[0]]!r}?"
            )


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def call(what: str, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function of PyMongo's. Errors of arguments that do not fit name `what` instead."""
    try:
        return function(*args, **kwargs)
    except TypeError:
        error = misfit(what, function, args, kwargs)
        if error is None:
            raise
    raise error


class NamesMisfits:
    """A Motor object, which says that its own methods do not take an argument, not PyMongo's."""

    delegate: Any

    def _check(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError if the delegate's method `name` does not take the arguments."""
        error = misfit(f"{type(self).__name__}.{name}", getattr(self.delegate, name), args, kwargs)
        if error is not None:
            raise error from None

    def _explain(
        self,
        error: BaseException,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        future: OperationFuture[Any],
    ) -> BaseException:
        """What a call on a worker fails with. Its future learns what the call was."""
        future.operation = f"{type(self).__name__}.{getattr(function, '__name__', function)}"
        if type(error) is not TypeError:
            return error
        return misfit(future.operation, function, args, kwargs) or error


def _explained(error: TypeError, signature: inspect.Signature, kwargs: Mapping[str, Any]) -> str:
    """What is wrong with the arguments, and what was probably meant."""
    parameters = signature.parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [name for name in kwargs if name not in names]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if unknown and not takes_any:
        # Rather than of what is missing instead.
        message = f"got an unexpected keyword argument {unknown[0]!r}"
        return message + _did_you_mean(unknown[0], names)
    message = str(error).replace("too many", "got too many")
    missing = message.partition("'")[2].rstrip("'")
    near = difflib.get_close_matches(missing, unknown, n=1)
    return f"{message}. Did you mean it by {near[0]!r}?" if near else message


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f". Did you mean {near[0]!r}?" if near else ""
