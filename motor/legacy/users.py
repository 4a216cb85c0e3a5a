"""The users of a database."""

from __future__ import annotations

from typing import Any

from pymongo.errors import ConfigurationError

from motor.legacy.registry import bridges

__all__: list[str] = []


def _default_role(database: str, read_only: bool) -> str:
    if database == "admin":
        return "readAnyDatabase" if read_only else "root"
    return "read" if read_only else "dbOwner"


@bridges("method", "database", "add_user", "use command('createUser', ...) or 'updateUser'")
def add_user(
    database: Any,
    name: str,
    password: str | None = None,
    read_only: bool | None = None,
    **kwargs: Any,
) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name must be an instance of str, not {name!r}")
    if password is not None and not isinstance(password, str):
        raise TypeError(f"password must be an instance of str, not {type(password)}")
    if password == "":
        raise ValueError("password can't be empty")
    if read_only is not None and "roles" in kwargs:
        raise ConfigurationError("Cannot specify read_only and roles together")
    delegate = database.delegate
    exists = bool(delegate.command("usersInfo", name)["users"])
    options = dict(kwargs)
    if password is not None:
        options["pwd"] = password
    if "roles" not in options and (not exists or read_only is not None):
        options["roles"] = [_default_role(delegate.name, bool(read_only))]
    delegate.command("updateUser" if exists else "createUser", name, **options)


@bridges("method", "database", "remove_user", "use command('dropUser', name)")
def remove_user(database: Any, name: str) -> None:
    database.delegate.command("dropUser", name)
