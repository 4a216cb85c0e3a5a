"""Old methods of databases."""

from __future__ import annotations

from typing import Any

from motor.core.errors import CallRefused
from motor.legacy.manipulators import Manipulators
from motor.legacy.registry import bridges, refuses

__all__: list[str] = []


@bridges("method", "database", "collection_names", "use list_collection_names()")
def collection_names(database: Any, include_system_collections: bool = True) -> list[str]:
    names: list[str] = database.delegate.list_collection_names()
    if include_system_collections:
        return names
    return [name for name in names if not name.startswith("system.")]


@bridges("method", "database", "current_op", "use client.admin.command('currentOp')")
def current_op(database: Any, include_all: bool = False) -> Any:
    command = {"currentOp": 1, "$all": True} if include_all else {"currentOp": 1}
    return database.client.delegate.admin.command(command)


@bridges("method", "database", "profiling_level", "use command('profile', -1)['was']")
def profiling_level(database: Any) -> int:
    return int(database.delegate.command("profile", -1)["was"])


@bridges("method", "database", "set_profiling_level", "use command('profile', level, slowms=...)")
def set_profiling_level(database: Any, level: int, slow_ms: int | None = None) -> None:
    if not isinstance(level, int) or not 0 <= level <= 2:
        raise ValueError(f"level must be one of OFF (0), SLOW_ONLY (1) or ALL (2), not {level!r}")
    if slow_ms is not None and not isinstance(slow_ms, int):
        raise TypeError(f"slow_ms must be an int, a time in ms, not {slow_ms!r}")
    options = {} if slow_ms is None else {"slowms": slow_ms}
    database.delegate.command("profile", level, **options)


@bridges("method", "database", "profiling_info", "use db['system.profile'].find()")
def profiling_info(database: Any) -> list[Any]:
    return list(database.delegate["system.profile"].find())


for _name in ("error", "last_status", "previous_error", "reset_error_history"):
    refuses(
        "method",
        "database",
        _name,
        "MongoDB removed the commands that tell of the last error of a connection",
        "look at the result of each write, or catch the exception that it raises",
    )
refuses(
    "method",
    "database",
    "eval",
    "MongoDB 4.2 removed the command",
    "use aggregate() with $function, or do it in Python",
)


@bridges(
    "method",
    "database",
    "add_son_manipulator",
    "convert documents in your own functions, or single values with a TypeCodec",
    in_place=True,
)
def add_son_manipulator(database: Any, manipulator: Any) -> None:
    if not getattr(database, "_has_manipulators", False):
        raise CallRefused(
            "SON manipulators work with databases of motor.legacy's clients only: write "
            "'from motor.legacy import MotorClient', or convert documents in your own functions."
        )
    manipulators = database.__dict__.setdefault("_manipulators", Manipulators())
    manipulators.add(manipulator)


def _authenticating(database: Any, what: str) -> Any:
    change = getattr(type(database.client), "_change_credentials", None)
    if change is None:
        raise CallRefused(
            f"database.{what}() works with motor.legacy's clients only, as PyMongo takes "
            "credentials when a client is made: pass username=, password= and authSource=, or "
            "write 'from motor.legacy import MotorClient'."
        )
    return change


@bridges(
    "method",
    "database",
    "authenticate",
    "pass username=, password= and authSource= to the client",
)
def authenticate(
    database: Any,
    name: str,
    password: str | None = None,
    source: str | None = None,
    mechanism: str = "DEFAULT",
    **kwargs: Any,
) -> bool:
    change = _authenticating(database, "authenticate")
    if not isinstance(name, str):
        raise TypeError(f"name must be an instance of str, not {name!r}")
    options = {"username": name, "authSource": source or database.name}
    if password is not None:
        options["password"] = password
    if mechanism != "DEFAULT":
        options["authMechanism"] = mechanism
    if kwargs:
        options["authMechanismProperties"] = ",".join(f"{k}:{v}" for k, v in kwargs.items())
    change(database.client, options)
    return True


@bridges("method", "database", "logout", "close the client, and make one without credentials")
def logout(database: Any) -> None:
    _authenticating(database, "logout")(database.client, {})
