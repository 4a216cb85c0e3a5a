"""Every public method with a wrong value in one argument: what PyMongo and Motor make of it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

#: Values that few arguments take. They are made for each call, because some calls use them up.
WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "object": object,
    "True": lambda: True,
    "-1": lambda: -1,
    "2**70": lambda: 2**70,
    "nan": lambda: math.nan,
    "''": lambda: "",
    "surrogate": lambda: "\ud800",
    "NUL": lambda: "a\0b",
    "bytes": lambda: b"\xff",
    "[]": list,
    "[1]": lambda: [1],
    "()": tuple,
    "{}": dict,
    "{1: 2}": lambda: {1: 2},
    "{'$x': 1}": lambda: {"$x": 1},
    "{'a': object}": lambda: {"a": object()},
    "set": lambda: {1},
    "generator": lambda: (n for n in range(2)),
    "function": lambda: len,
    "class": lambda: dict,
    "exception": lambda: ValueError("a value"),
}

#: Arguments that the methods take, by name.
RIGHT: dict[str, Any] = {
    "filter": {"_id": 1},
    "document": {"_id": 2},
    "documents": [{"_id": 3}],
    "update": {"$set": {"a": 1}},
    "replacement": {"a": 1},
    "requests": [pymongo.InsertOne({"_id": 4})],
    "pipeline": [],
    "keys": "a",
    "key": "a",
    "indexes": [pymongo.IndexModel("a")],
    "index_or_name": "a_1",
    "index": "a_1",
    "model": {"definition": {"mappings": {"dynamic": True}}},
    "models": [{"definition": {"mappings": {"dynamic": True}}}],
    "new_name": "renamed",
    "name": "test",
    "name_or_collection": "test",
    "name_or_database": "motor_none_such",
    "command": "ping",
    "value": {},
    "database": "motor_none_such",
    "filename": "file",
    "source": b"content",
    "file_id": 1,
    "destination": None,
    "new_filename": "file2",
    "size": 1,
}

#: What ends the client, or waits for ever, or has tests of its own.
LEFT_OUT = {
    *("close", "aclose", "aconnect", "next", "watch", "append_metadata", "start_session"),
    *("download_to_stream", "download_to_stream_by_name", "get_io_loop", "wrap", "to_list"),
}


@dataclass(frozen=True)
class Case:
    """One call: a method of an object, with all arguments right but one."""

    kind: str
    method: str
    argument: str
    value: str

    def arguments(self, owner: Any) -> dict[str, Any]:
        arguments = {
            name: RIGHT.get(name, WRONG[self.value]())
            for name, parameter in parameters(getattr(owner, self.method)).items()
            if parameter.default is parameter.empty
        }
        return {**arguments, self.argument: WRONG[self.value]()}


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in kinds
    }


def calls(owners: dict[str, Any], motor_owners: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The kind, method and argument of each, of the methods that PyMongo and Motor both have."""
    return [
        (kind, method, argument)
        for kind, owner in owners.items()
        for method, function in inspect.getmembers(type(owner), inspect.isfunction)
        if method[0] != "_" and method not in LEFT_OUT
        if callable(getattr(type(motor_owners[kind]), method, None))
        for argument in parameters(function)
        if argument not in ("self", "session")
    ]


#: What can go wrong with what a user passes. Everything else is a fault of the driver's.
ERRORS = (PyMongoError, TypeError, ValueError, OverflowError, AttributeError, KeyError)
