"""TLS: certificates are verified unless the application says otherwise; no reply is cut short."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from motor.accelerators import sockets
from motor.accelerators.sockets.buffered import buffered
from support import PATIENCE, Framework, async_wait_until
from support.tls import Certificates
from support.tls_proxy import Cut, tls_proxy

#: Milliseconds: for what succeeds, and for what has failed already.
_SELECTION, _SHORT = int(1000 * PATIENCE), 100


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture(scope="module")
def upstream(sync_client: Any) -> tuple[str, int]:
    host, port = sync_client.primary
    return host, port


@pytest.fixture(scope="module")
def bad_ports(upstream: tuple[str, int], certificates: Certificates) -> Iterator[dict[str, int]]:
    """The ports of servers whose certificates have something wrong, by what it is."""
    with ExitStack() as proxies:
        yield {
            kind: proxies.enter_context(
                tls_proxy(upstream, certificates.bad_server_context(kind), Cut())
            )
            for kind in Certificates.bad
        }


@pytest.fixture(scope="module")
def cut() -> Cut:
    return Cut()


@pytest.fixture(scope="module")
def good_port(upstream: tuple[str, int], certificates: Certificates, cut: Cut) -> Iterator[int]:
    with tls_proxy(upstream, certificates.server_context, cut) as port:
        yield port


def uri(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


def legacy_class(framework: Framework) -> Any:
    import motor.legacy

    return getattr(motor.legacy, framework.Client.__name__)


#: The ways to make a client that speaks TLS, given the file of the authority that it trusts.
WAYS: dict[str, Callable[[Framework, str, str], Any]] = {
    "tls=": lambda framework, uri, file: framework.Client(
        uri, tls=True, tlsCAFile=file, serverSelectionTimeoutMS=_SELECTION
    ),
    "in the URI": lambda framework, uri, file: framework.Client(
        f"{uri}&tls=true&tlsCAFile={file}&serverSelectionTimeoutMS={_SELECTION}"
    ),
    "old names": lambda framework, uri, file: framework.Client(
        uri, ssl=True, ssl_ca_certs=file, serverSelectionTimeoutMS=_SELECTION
    ),
    "motor.legacy": lambda framework, uri, file: legacy_class(framework)(
        uri, ssl=True, ssl_ca_certs=file, serverSelectionTimeoutMS=_SELECTION
    ),
    "old defaults": lambda framework, uri, file: framework.Client(
        uri,
        ssl=True,
        ssl_ca_certs=file,
        ssl_cert_reqs=None,
        ssl_match_hostname=None,
        serverSelectionTimeoutMS=_SELECTION,
    ),
}


@pytest.fixture(params=WAYS)
def make_client(request: pytest.FixtureRequest, framework: Framework) -> Any:
    def make(uri: str, file: str) -> Any:
        with warnings.catch_warnings():
            # The old names have one.
            warnings.simplefilter("ignore", DeprecationWarning)
            return WAYS[request.param](framework, uri, file)

    return make


async def refusal(client: Any) -> Any:
    """Let the client connect, and wait for the error that it has from its only server."""

    def error() -> Any:
        (server,) = client.delegate.topology_description.server_descriptions().values()
        return server.error

    await client.aconnect()
    return await async_wait_until(error, what="it is refused")


async def test_a_bad_certificate_is_refused(
    make_client: Any, bad_ports: dict[str, int], certificates: Certificates
) -> None:
    for kind, port in bad_ports.items():
        client = make_client(uri(port), certificates.authority_file)
        error = await refusal(client)
        assert "certificate verify failed" in str(error), kind
        assert Certificates.bad[kind] in str(error)
        assert not client.delegate.nodes
        await client.close()


async def test_an_operation_fails_where_no_certificate_is_good(
    framework: Framework, bad_ports: dict[str, int], certificates: Certificates
) -> None:
    options = {"tls": True, "tlsCAFile": certificates.authority_file}
    async with framework.Client(
        uri(bad_ports["wrong host"]), serverSelectionTimeoutMS=_SHORT, **options
    ) as client:
        await refusal(client)
        with pytest.raises(ServerSelectionTimeoutError, match="IP address mismatch"):
            await client.admin.command("ping")


async def test_a_good_certificate_is_taken(
    make_client: Any, good_port: int, certificates: Certificates
) -> None:
    async with make_client(uri(good_port), certificates.authority_file) as client:
        assert (await client.admin.command("ping"))["ok"] == 1


@pytest.mark.parametrize("choice", ["none", "sockets", "batches", "all"])
async def test_certificates_are_verified_with_each_choice_of_accelerators(
    framework: Framework,
    bad_ports: dict[str, int],
    good_port: int,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    choice: str,
) -> None:
    wrapped: list[type] = []

    def spy(interface: Any) -> Any:
        wrapped.append(type(interface.sock))
        return buffered(interface)

    monkeypatch.setattr(sockets, "buffered", spy)
    monkeypatch.setenv("MOTOR_ACCELERATORS", choice)
    options = {"tls": True, "tlsCAFile": certificates.authority_file}

    async def is_refused(kind: str, port: int) -> None:
        async with framework.Client(
            uri(port), serverSelectionTimeoutMS=_SHORT, **options
        ) as client:
            await refusal(client)
            with pytest.raises(ServerSelectionTimeoutError, match=Certificates.bad[kind]):
                await client.admin.command("ping")

    await asyncio.gather(*(is_refused(kind, port) for kind, port in bad_ports.items()))
    assert wrapped == []
    async with framework.Client(uri(good_port), **options) as client:
        assert (await client.admin.command("ping"))["ok"] == 1
    assert set(wrapped) == ({ssl.SSLSocket} if choice in ("sockets", "all") else set())


@pytest.mark.parametrize("option", [{"tls": True}, {"ssl": True}])
async def test_without_an_authority_the_systems_are_trusted_and_no_others(
    framework: Framework, good_port: int, option: dict[str, bool]
) -> None:
    async with framework.Client(
        uri(good_port), serverSelectionTimeoutMS=_SHORT, **option
    ) as client:
        await refusal(client)
        with pytest.raises(ServerSelectionTimeoutError, match="certificate verify failed"):
            await client.admin.command("ping")


def contexts(client: Any) -> list[ssl.SSLContext]:
    return [client.delegate.options.pool_options._ssl_context]


def test_contexts_verify_with_all_other_options(
    make_client: Any, certificates: Certificates
) -> None:
    client = make_client("mongodb://127.0.0.1:1/?connect=false", certificates.authority_file)
    for context in contexts(client):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        # Debian's Python leaves the oldest version to the system's OpenSSL.
        assert context.minimum_version >= ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).minimum_version
        assert context.options & ssl.OP_NO_RENEGOTIATION
    client.close()


@pytest.mark.parametrize("option", ["tlsAllowInvalidCertificates", "tlsInsecure"])
async def test_verification_is_off_only_for_who_says_so(
    framework: Framework, bad_ports: dict[str, int], option: str
) -> None:
    for port in bad_ports.values():
        async with framework.Client(uri(port), tls=True, **{option: True}) as client:
            assert (await client.admin.command("ping"))["ok"] == 1


@pytest.mark.parametrize("announced", [True, False], ids=["close_notify", "broken off"])
async def test_a_connection_that_ends_in_a_reply_does_no_harm(
    framework: Framework,
    good_port: int,
    cut: Cut,
    certificates: Certificates,
    db_name: str,
    sync_db: Any,
    announced: bool,
) -> None:
    documents = [{"_id": n, "text": "x" * 1000 + cut.mark.decode()} for n in range(50)]
    sync_db.test.insert_many(documents)
    sync_db.counter.insert_one({"_id": 1, "n": 0, "text": cut.mark.decode()})
    cut.announced = announced
    options = {"tls": True, "tlsCAFile": certificates.authority_file}
    async with framework.Client(uri(good_port), **options) as client:
        db = client[db_name]
        cut.armed.set()
        assert await db.test.find().sort("_id").to_list() == documents
        assert not cut.armed.is_set()
        cut.armed.set()
        changed = await db.counter.find_one_and_update(
            {"_id": 1}, {"$inc": {"n": 1}}, return_document=True
        )
        assert changed["n"] == 1, "the write is repeated, and counts once"
        assert not cut.armed.is_set()
    async with framework.Client(uri(good_port), retryReads=False, **options) as client:
        cut.armed.set()
        with pytest.raises(AutoReconnect):
            await client[db_name].test.find().to_list()
        assert await client[db_name].test.count_documents({}) == 50


async def test_a_renegotiation_in_a_reply_does_no_harm(
    framework: Framework,
    upstream: tuple[str, int],
    certificates: Certificates,
    db_name: str,
    sync_db: Any,
) -> None:
    """PyMongo forbids it: the connection ends, and the read is done again on another one."""
    documents = [{"_id": n, "text": "x" * 300} for n in range(20)]
    sync_db.test.insert_many(documents)
    with renegotiating_proxy(upstream, certificates.server_file) as (port, asked):
        async with framework.Client(
            uri(port), tls=True, tlsCAFile=certificates.authority_file, serverMonitoringMode="poll"
        ) as client:
            for _ in range(2):
                found = client[db_name].test.find().sort("_id")
                assert await found.to_list() == documents
        assert asked


@contextmanager
def renegotiating_proxy(upstream: tuple[str, int], file: str) -> Iterator[tuple[int, list[Any]]]:
    """A proxy that asks to renegotiate in the middle of every second large reply.

    Gives its port, and a list with something in it for each time that it asked.
    """
    SSL = pytest.importorskip("OpenSSL.SSL", reason="Python's own module cannot ask for it")
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(file)
    context.use_privatekey_file(file)
    asked: list[Any] = []
    replies = itertools.count(1)

    def serve(sock: socket.socket) -> None:
        connection = SSL.Connection(context, sock)
        connection.set_accept_state()
        # Requests and replies of this test are small, and come in one piece.
        with sock, socket.create_connection(upstream) as back, suppress(SSL.Error):
            while request := connection.recv(2**20):
                back.sendall(request)
                reply = back.recv(2**20)
                connection.sendall(reply[:10])
                if len(reply) > 5000 and next(replies) % 2:
                    asked.append(reply)
                    connection.renegotiate()
                connection.sendall(reply[10:])

    def accept() -> None:
        with ThreadPoolExecutor() as threads, suppress(OSError):
            while True:
                threads.submit(serve, listening.accept()[0])

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1], asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()
