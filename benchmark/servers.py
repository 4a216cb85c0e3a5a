"""The one MongoDB that all drivers use, and the routes to it: plain, TLS, and through the proxy."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pymongo
from pymongo.errors import PyMongoError

from benchmark import cases
from benchmark.certificate import write_certificate
from benchmark.dataset import DATABASE
from benchmark.processes import Proxy
from motor.testing import EmbeddedMongo

#: How long (in seconds) the proxy delays bytes in each direction.
DELAY = 0.002


class Server:
    """The MongoDB to measure with.

    - `uris`: the connection string of each route that there is
    - `client`: the harness's own client, for loading data and for questions
    """

    def __init__(self, uris: dict[str, str]) -> None:
        self.uris = uris
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uris[cases.PLAIN])
        self.database = self.client[DATABASE]

    @property
    def version(self) -> str:
        return str(self.client.server_info()["version"])

    @property
    def write_concern(self) -> str:
        return str(self.client.write_concern.document.get("w", "the server's"))

    def connections(self, application: str) -> int | None:
        """How many connections the client with that `appName` has. None: asking is not allowed."""
        stage = {"$currentOp": {"allUsers": True, "idleConnections": True}}
        match = {"$match": {"clientMetadata.application.name": application}}
        try:
            found = self.client.admin.aggregate([stage, match])
            return len({operation.get("connectionId") for operation in found})
        except PyMongoError:
            return None


@contextmanager
def running(
    routes: set[str], standalone: bool = False, write_concern: str = "1"
) -> Iterator[Server]:
    """A server with those of the routes that are available: `MONGODB_URI` has no TLS here.

    - `standalone`: start a standalone server, not a replica set with one member
    - `write_concern`: when a write is acknowledged, unless `MONGODB_URI` has it
    """
    given = os.environ.get("MONGODB_URI")
    with ExitStack() as stack:
        uris = {}
        if given:
            uris[cases.PLAIN] = given
        else:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            args = _tls_arguments(directory) if cases.TLS in routes else ()
            options = {"replica_set": None} if standalone else {}
            mongo = stack.enter_context(EmbeddedMongo(args=args, **options))
            uris[cases.PLAIN] = mongo.uri
            if args:
                tls = {"tls": "true", "tlsCAFile": str(directory / "certificate.pem")}
                uris[cases.TLS] = with_options(mongo.uri, **tls)
        if cases.SLOW in routes:
            host, port = pymongo.uri_parser.parse_uri(uris[cases.PLAIN])["nodelist"][0]
            proxy = Proxy(host, port, DELAY)
            stack.callback(proxy.stop)
            uris[cases.SLOW] = through(uris[cases.PLAIN], proxy.port)
        uris = {route: with_write_concern(uri, write_concern) for route, uri in uris.items()}
        server = Server(uris)
        stack.callback(server.client.close)
        stack.callback(server.client.drop_database, DATABASE)
        yield server


def _tls_arguments(directory: Path) -> list[str]:
    path = directory / "certificate.pem"
    write_certificate(path)
    # One server for both: with and without TLS on the same port.
    files = ["--tlsCertificateKeyFile", str(path), "--tlsCAFile", str(path)]
    return ["--tlsMode", "allowTLS", *files, "--tlsAllowConnectionsWithoutCertificates"]


def with_write_concern(uri: str, write_concern: str) -> str:
    """The connection string with that write concern, unless it has one of its own."""
    options = urlsplit(uri).query.split("&")
    if any(option.partition("=")[0] == "w" for option in options):
        return uri
    return with_options(uri, w=write_concern)


def with_options(uri: str, **options: str) -> str:
    """The connection string with more options."""
    parts = urlsplit(uri)
    query = "&".join([*filter(None, [parts.query]), *(f"{k}={v}" for k, v in options.items())])
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))


def through(uri: str, port: int) -> str:
    """The connection string for a proxy on that port, not for the server's own addresses."""
    parts = urlsplit(uri)
    user, at, _ = parts.netloc.rpartition("@")
    kept = [
        option
        for option in parts.query.split("&")
        if option and option.partition("=")[0].lower() not in ("replicaset", "directconnection")
    ]
    parts = parts._replace(netloc=f"{user}{at}127.0.0.1:{port}", query="&".join(kept))
    return with_options(urlunsplit(parts), directConnection="true")
