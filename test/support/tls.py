"""A certificate authority for one test, and what a server of this machine needs from it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest


class Certificates:
    """A certificate for 127.0.0.1 and localhost, as files below `directory` and as contexts."""

    def __init__(self, directory: Path) -> None:
        trustme = pytest.importorskip("trustme", reason="trustme makes the certificates")
        self._authority = trustme.CA()
        self._issued = self._authority.issue_cert("127.0.0.1", "localhost")
        self.authority_file = str(directory / "authority.pem")
        self.server_file = str(directory / "server.pem")
        self._authority.cert_pem.write_to_path(self.authority_file)
        self._issued.private_key_and_cert_chain_pem.write_to_path(self.server_file)

    @property
    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._issued.configure_cert(context)
        return context

    @property
    def client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context
