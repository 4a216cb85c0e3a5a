"""Text for messages and reports, without the passwords, keys and tokens in it."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

__all__ = ["redacted_uri", "secrets_in", "shown", "with_decoys"]

_MASK = "***"

#: What the URI options that hold secrets have in their names.
_URI_OPTION = re.compile(r"(?i)([?&;][^=&;]*(?:password|secret|token|properties)[^=&;]*=)[^&;]*")
#: The user name and password in a connection string. A password may wrongly contain an "@": the
#: last one counts.
_CREDENTIALS = re.compile(r"(?is)(mongodb(?:\+srv)?://).*@")
#: A value with a telling name, as in the `repr` of a client's options or of a dictionary.
_NAMED_VALUE = re.compile(
    r"(?i)(\w*(?:password|passphrase|passwd|pwd|secret|token)\w*['\"]?\s*[=:]\s*b?)"
    r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
)


def shown(value: object) -> str:
    """``repr(value)`` without the secrets of a connection string or of a client's options.

    Before version 4.15, PyMongo's `repr` shows some of them. And if a connection string is passed
    where something else belongs, the error shows it.
    """
    text = _CREDENTIALS.sub(rf"\1{_MASK}@", repr(value))
    return _NAMED_VALUE.sub(rf"\1'{_MASK}'", _URI_OPTION.sub(rf"\1{_MASK}", text))


def redacted_uri(uri: str, *, well_formed: bool) -> str:
    """The URI without what is secret in it: user, password, and options that hold credentials.

    - `well_formed`: whether it could be read. If not, everything before the last "@" may be secret,
      because a password may contain "@", "/" and "?", although it should not
    """
    scheme, credentials, rest = _parts(uri, well_formed)
    return f"{scheme}{'' if credentials is None else _MASK + '@'}{_options_masked(rest)}"


def with_decoys(uri: str) -> str:
    """The URI with other values in place of the secret ones.

    PyMongo's error for this one shows no secret. It is the same error unless the secrets cause it.
    """
    scheme, credentials, rest = _parts(uri, well_formed=False)
    decoy = "" if credentials is None else "user:password@" if ":" in credentials else "user@"
    return f"{scheme}{decoy}{_options_masked(rest)}"


def secrets_in(uri: str) -> set[str]:
    """The secret values in the URI, as they are written there and as they are meant."""
    credentials = _parts(uri, well_formed=False)[1] or ""
    values = [found[0].partition("=")[2] for found in _URI_OPTION.finditer(uri)]
    values.append(credentials.partition(":")[2])
    return {secret for value in values for secret in (value, unquote_plus(value)) if secret}


def _parts(uri: str, well_formed: bool) -> tuple[str, str | None, str]:
    """The scheme with its "://", the user and password if there are any, and what comes after."""
    scheme, separator, rest = uri.partition("://") if "://" in uri else ("", "", uri)
    end = re.search("[/?]", rest)
    server, options = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    if not well_formed:
        server, options = rest, ""
    credentials, at, server = server.rpartition("@")
    return scheme + separator, credentials if at else None, server + options


def _options_masked(rest: str) -> str:
    return _URI_OPTION.sub(lambda found: f"{found[1]}{_MASK}", rest)
