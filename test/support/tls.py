"""A certificate authority for one test, and what a server of this machine needs from it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest


class Certificates:
    """A certificate for 127.0.0.1 and localhost, as files below `directory` and as contexts.

    And certificates that no client of this authority may accept: see `bad_server_context`.
    """

    #: What is wrong with each, and what OpenSSL says of it.
    bad: ClassVar[dict[str, str]] = {
        "wrong host": "IP address mismatch",
        "expired": "certificate has expired",
        "not yet valid": "certificate is not yet valid",
        "self-signed": "self-signed certificate",
        "unknown authority": "unable to get local issuer certificate",
    }

    def __init__(self, directory: Path) -> None:
        self._trustme = pytest.importorskip("trustme", reason="trustme makes the certificates")
        self._directory = directory
        self._authority = self._trustme.CA()
        self._issued = self._authority.issue_cert("127.0.0.1", "localhost")
        self.authority_file = str(directory / "authority.pem")
        self.server_file = str(directory / "server.pem")
        self._authority.cert_pem.write_to_path(self.authority_file)
        self._issued.private_key_and_cert_chain_pem.write_to_path(self.server_file)

    @property
    def server_context(self) -> ssl.SSLContext:
        return _server_context(self._issued)

    @property
    def client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context

    def bad_server_context(self, kind: str) -> ssl.SSLContext:
        """The context of a server with a certificate of a `kind` of those in `bad`."""
        now, day = datetime.now(UTC), timedelta(days=1)
        here = ("127.0.0.1", "localhost")
        if kind == "self-signed":
            own = self._trustme.CA()
            own_file = self._directory / "self-signed.pem"
            own_file.write_bytes(own.private_key_pem.bytes() + own.cert_pem.bytes())
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(own_file)
            return context
        issue = self._authority.issue_cert
        return _server_context(
            {
                "wrong host": lambda: issue("other.example", "192.0.2.1"),
                "expired": lambda: issue(*here, not_before=now - 2 * day, not_after=now - day),
                "not yet valid": lambda: issue(*here, not_before=now + day),
                "unknown authority": lambda: self._trustme.CA().issue_cert(*here),
            }[kind]()
        )


def _server_context(issued: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context
