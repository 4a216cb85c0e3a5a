"""Options of clients that are renamed, have no effect any more, or are refused."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from pymongo import ReadPreference
from pymongo.errors import ConfigurationError
from pymongo.read_preferences import make_read_preference

from motor.legacy.deprecation import check
from motor.legacy.registry import Entry, bridges, find, refuses

__all__ = ["Options", "old_among", "translate"]


class Options:
    """The keywords of a client to be made, on their way to become those of PyMongo today."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        self.kwargs: dict[str, Any] = dict(kwargs)
        self.tag_sets: list[Mapping[str, Any]] | None = None
        self.mode: int | None = None

    def set_read_preference(self) -> None:
        """Join the mode and the tag sets, which came as two options."""
        if self.mode is None and self.tag_sets is None:
            return
        mode = self.mode
        if mode is None and "readPreference" in self.kwargs:
            tags = [",".join(f"{k}:{v}" for k, v in each.items()) for each in self.tag_sets or ()]
            self.kwargs["readPreferenceTags"] = tags
            return
        if mode is None:
            given = self.kwargs.pop("read_preference", None)
            mode = 0 if given is None else given.mode
        self.kwargs["read_preference"] = make_read_preference(mode, self.tag_sets or None)


def old_among(kwargs: Mapping[str, Any]) -> list[Entry]:
    """The declarations of the keywords that are old ones."""
    return [
        entry
        for name, value in kwargs.items()
        if (entry := find("option", "client", name)) and (not entry.applies or entry.applies(value))
    ]


def translate(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords as PyMongo takes them today.

    Raises ConfigurationError for one that is refused.
    """
    options = Options(kwargs)
    for entry in old_among(kwargs):
        if entry.reason is not None:
            raise ConfigurationError(entry.message)
        check(entry)
        assert entry.function is not None
        entry.function(options, options.kwargs.pop(entry.name))
    options.set_read_preference()
    return options.kwargs


def _renamed(old: str, new: str) -> None:
    @bridges("option", "client", old, f"use {new}=")
    def rename(options: Options, value: Any) -> None:
        options.kwargs.setdefault(new, value)


for _old, _new in {
    "max_pool_size": "maxPoolSize",
    "max_concurrent": "maxPoolSize",
    "wtimeout": "wtimeoutMS",
    "j": "journal",
    "secondary_acceptable_latency_ms": "localThresholdMS",
    "secondaryAcceptableLatencyMS": "localThresholdMS",
    "_connect": "connect",
    "ssl_ca_certs": "tlsCAFile",
    "ssl_crlfile": "tlsCRLFile",
    "ssl_pem_passphrase": "tlsCertificateKeyFilePassword",
}.items():
    _renamed(_old, _new)


def _in_milliseconds(old: str, new: str) -> None:
    @bridges("option", "client", old, f"use {new}=, in milliseconds")
    def convert(options: Options, value: float | None) -> None:
        if value is not None:
            options.kwargs.setdefault(new, int(value * 1000))


_in_milliseconds("max_wait_time", "waitQueueTimeoutMS")
_in_milliseconds("network_timeout", "socketTimeoutMS")


def _allow_secondaries(name: str) -> None:
    @bridges("option", "client", name, "use read_preference=ReadPreference.SECONDARY_PREFERRED")
    def allow(options: Options, value: bool) -> None:
        # A read preference says more, whichever comes first.
        if value and not {"read_preference", "readPreference"} & options.kwargs.keys():
            options.mode = options.mode or ReadPreference.SECONDARY_PREFERRED.mode


for _name in ("slave_okay", "slaveOk", "slaveok"):
    _allow_secondaries(_name)


@bridges("option", "client", "safe", "use w=1 for True, which is the default, and w=0 for False")
def set_safe(options: Options, value: bool) -> None:
    if value is False:
        options.kwargs.setdefault("w", 0)


@bridges(
    "option",
    "client",
    "read_preference",
    "use an object such as ReadPreference.SECONDARY, not a number",
    applies=lambda value: isinstance(value, int),
)
def set_mode(options: Options, value: int) -> None:
    options.mode = value


@bridges("option", "client", "tag_sets", "use read_preference=Secondary(tag_sets=...) or another")
def set_tags(options: Options, value: list[Mapping[str, Any]] | None) -> None:
    options.tag_sets = value


@bridges("option", "client", "ssl_certfile", "use tlsCertificateKeyFile=")
def set_certificate(options: Options, value: str | None) -> None:
    if value is not None:
        options.kwargs["tlsCertificateKeyFile"] = value


@bridges("option", "client", "ssl_keyfile", "use tlsCertificateKeyFile=, one file for both")
def set_key(options: Options, value: str | None) -> None:
    certificate = options.kwargs.get("ssl_certfile") or options.kwargs.get("tlsCertificateKeyFile")
    if value is not None and certificate != value:
        raise ConfigurationError(
            "The client options 'ssl_keyfile' and 'ssl_certfile' must name one file today: put the "
            "key and the certificate into one and pass it as tlsCertificateKeyFile."
        )


@bridges("option", "client", "ssl_cert_reqs", "use tlsAllowInvalidCertificates=")
def set_requirements(options: Options, value: Any) -> None:
    if value is not None:
        options.kwargs["tlsAllowInvalidCertificates"] = value == ssl.CERT_NONE


@bridges("option", "client", "ssl_match_hostname", "use tlsAllowInvalidHostnames=")
def set_match_hostname(options: Options, value: bool) -> None:
    # Only an explicit False turns it off; None does not.
    options.kwargs["tlsAllowInvalidHostnames"] = value is False


def _without_effect(name: str, why: str) -> None:
    @bridges("option", "client", name, f"leave it out, {why}")
    def leave_out(options: Options, value: Any) -> None:
        """Do nothing."""


_without_effect("use_greenlets", "as every operation runs on Motor's thread pool")
_without_effect("socketKeepAlive", "as sockets are always kept alive")

refuses(
    "option",
    "client",
    "auto_start_request",
    "requests went with PyMongo 3, and Motor 0.7 refused it",
    "leave it out, or use a session",
)
refuses(
    "option",
    "client",
    "authMechanism",
    "MongoDB 4.0 removed MONGODB-CR",
    "leave the mechanism out, for the server's default",
    applies=lambda value: value == "MONGODB-CR",
)
