"""Secrets are planted where Motor takes them, and looked for where Motor shows something."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bson.codec_options import DEFAULT_CODEC_OPTIONS

import motor.executor
from motor.__main__ import main
from motor.core.redaction import redacted_uri, secrets_in, shown, with_decoys
from support import Framework, run_python

# Nothing listens on port 1.
NOWHERE = "127.0.0.1:1"
SECRET = "sesame-open-42"
#: What a secret looks like in the places that change it.
FORMS = (SECRET, SECRET.encode().hex(), SECRET[:6])


class Seen:
    """All that was shown."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, *values: object) -> None:
        self.texts += [f"{value!r} {value!s}" for value in values]

    def add_error(self, error: BaseException) -> None:
        self.texts += traceback.format_exception(error)
        self.add(error)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """For the length of the block: an error has to come, and is shown with its traceback."""
        try:
            yield
        except Exception as error:
            self.add_error(error)
        else:
            raise AssertionError("there was no error")

    def check(self) -> None:
        assert self.texts
        for text in self.texts:
            for form in FORMS:
                assert form not in text


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Iterator[Seen]:
    """What a test shows, with every line of every log and every warning."""
    found = Seen()
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
        gc.collect()
    found.add(*(warning.message for warning in caught))
    found.texts.append(caplog.text)
    found.check()


#: Clients with a secret, made without a connection.
CLIENTS: dict[str, Callable[[Framework], Any]] = {
    "password=": lambda f: f.Client(NOWHERE, username="ann", password=SECRET),
    "in the URI": lambda f: f.Client(f"mongodb://ann:{SECRET}@{NOWHERE}/"),
    "key file": lambda f: f.Client(NOWHERE, tlsCertificateKeyFilePassword=SECRET),
    "key file in the URI": lambda f: f.Client(
        f"mongodb://{NOWHERE}/?tlsCertificateKeyFilePassword={SECRET}"
    ),
    "token": lambda f: f.Client(
        NOWHERE,
        username="ann",
        password=SECRET,
        authMechanism="MONGODB-AWS",
        authMechanismProperties={"AWS_SESSION_TOKEN": SECRET},
    ),
    "token in the URI": lambda f: f.Client(
        f"mongodb://ann:{SECRET}@{NOWHERE}/?authMechanism=MONGODB-AWS"
        f"&authMechanismProperties=AWS_SESSION_TOKEN:{SECRET}"
    ),
    "LDAP": lambda f: f.Client(
        NOWHERE, username="ann", password=SECRET, authMechanism="PLAIN", authSource="$external"
    ),
}


@pytest.mark.parametrize("make", CLIENTS.values(), ids=list(CLIENTS))
async def test_no_object_shows_a_secret(
    framework: Framework, seen: Seen, make: Callable[[Framework], Any]
) -> None:
    client = make(framework)
    db = client.db
    collection = db.test
    cursor, stream = collection.find({}), collection.watch()
    bucket = framework.GridFSBucket(db)
    seen.add(client, db, collection, cursor, stream, bucket, client.options, client.codec_options)
    seen.add(client.start_session(), collection.aggregate([]), collection.find_raw_batches())
    # What PyMongo's own objects show is PyMongo's.
    own = {name: value for name, value in vars(client).items() if name != "delegate"}
    seen.add(own, motor.executor.statistics(), client.topology_description)
    # Where another object belongs: the error shows what it was.
    for wrong in (
        lambda: framework.Collection(client, "x"),
        lambda: framework.Database(db, "x"),
        lambda: framework.Client.from_delegate(client),
        lambda: framework.Client.from_delegate(db),
        lambda: framework.Database(client.delegate, "x"),
        lambda: framework.GridFSBucket(client),
        lambda: framework.GridOut(client),
        lambda: framework.ClientEncryption({}, "a.b", client.delegate, DEFAULT_CODEC_OPTIONS),
        lambda: collection.find_one(session=client),
        lambda: motor.executor.statistics(client.delegate),
        lambda: client.no_such_method(),
        lambda: client(),
    ):
        with seen.errors():
            wrong()
    await client.close()
    with seen.errors():
        await collection.find_one()


def test_no_refusal_of_a_client_shows_a_secret(framework: Framework, seen: Seen) -> None:
    uris = [
        f"mongodb://ann:{SECRET}@{NOWHERE}/?authMechanism=none-such",
        f"mongodb://ann:x@{SECRET}@{NOWHERE}",
        f"mongodb://ann:x:{SECRET}@{NOWHERE}",
        f"mongodb://ann:x/{SECRET}@{NOWHERE}/db",
        f"mongodb://ann:%zz{SECRET}@{NOWHERE}",
        f"http://ann:{SECRET}@{NOWHERE}",
        f"mongodb+srv://ann:{SECRET}@{NOWHERE}/",
        f"mongodb://ann:{SECRET}@{NOWHERE}/?tls=maybe&w=x&maxPoolSize=many",
        f"mongodb://{NOWHERE}/?authMechanism=MONGODB-AWS&authMechanismProperties={SECRET}",
    ]
    for uri in uris:
        try:
            framework.Client(uri).close()
        except Exception as error:
            seen.add_error(error)
    uri = f"mongodb://ann:{SECRET}@{NOWHERE}/?tlsCertificateKeyFilePassword={SECRET}"
    for wrong in (
        lambda: framework.Client([uri, 5]),
        lambda: framework.Client(uri, "x"),
        lambda: framework.Client(uri, io_loop=uri),
        lambda: framework.Client(uri, executor=uri),
        lambda: framework.Client(NOWHERE, username="a", password=[SECRET]),
        lambda: framework.Client(NOWHERE, username="a", passwrd=SECRET),
        lambda: framework.Client(
            NOWHERE, username="a", password=SECRET, authMechanismProperties=SECRET
        ),
        lambda: framework.Database(uri, "x"),
        lambda: framework.Collection(uri, "x"),
        lambda: framework.GridFSBucket(uri),
        lambda: framework.Client.from_delegate(uri),
        lambda: framework.ClientEncryption({}, "a.b", uri, DEFAULT_CODEC_OPTIONS),
        lambda: motor.executor.statistics(uri),
    ):
        with seen.errors():
            wrong()


@pytest.mark.parametrize("name", ["motor.aiohttp:AIOHTTPGridFS", "motor.web.asgi:GridFSApp"])
def test_no_web_front_shows_a_secret(seen: Seen, name: str) -> None:
    module = pytest.importorskip(name.split(":")[0])
    with seen.errors():
        getattr(module, name.split(":")[1])(f"mongodb://ann:{SECRET}@{NOWHERE}")


async def test_no_failure_shows_a_secret(framework: Framework, seen: Seen, mongo_uri: str) -> None:
    loop = asyncio.get_running_loop()
    # Logs every call that it makes, with its arguments.
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    for uri in (
        f"mongodb://ann:{SECRET}@{NOWHERE}/?serverSelectionTimeoutMS=50",
        mongo_uri.replace("://", f"://ann:{SECRET}@"),
        mongo_uri.replace("://", f"://ann:{SECRET}@") + "&authMechanism=PLAIN",
        mongo_uri.replace("://", f"://ann:{SECRET}@") + "&authMechanism=SCRAM-SHA-1",
    ):
        async with framework.Client(uri, serverMonitoringMode="poll") as client:
            future = client.db.test.find_one({})
            seen.add(future)
            with seen.errors():
                await future
            seen.add(future, client.topology_description)
            with seen.errors():
                await client.db.test.find().to_list()
            with seen.errors():
                async with client.start_session() as session, session.start_transaction():
                    await client.db.test.insert_one({}, session=session)


async def test_no_command_with_a_password_is_logged(
    framework: Framework, seen: Seen, client: Any, db_name: str, mongo_uri: str
) -> None:
    db = client[db_name]
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0.0
    creating = db.command("createUser", "ann", pwd=SECRET, roles=[])
    seen.add(creating)
    await creating
    try:
        uri = mongo_uri.replace("://", f"://ann:{SECRET}@") + f"&authSource={db_name}"
        async with framework.Client(uri, serverMonitoringMode="poll") as right:
            assert (await right.admin.command("ping"))["ok"] == 1
            seen.add(right)
        await db.command("updateUser", "ann", pwd=SECRET)
        with seen.errors():
            await db.command("createUser", "ann", pwd=SECRET, roles=[])
        # The old names.
        await db.add_user("ann", SECRET)
        with seen.errors():
            await db.add_user("ann", SECRET.encode())
        with seen.errors():
            await db.authenticate("ann", SECRET)
    finally:
        await db.command("dropUser", "ann")


async def test_no_key_of_encryption_is_shown(
    framework: Framework, seen: Seen, client: Any, db_name: str
) -> None:
    pytest.importorskip("pymongocrypt", reason="needs the encryption extra")
    from pymongo.encryption_options import AutoEncryptionOpts

    key = (SECRET * 10).encode()[:96]
    kms = {
        "local": {"key": key},
        "aws": {"accessKeyId": "id", "secretAccessKey": SECRET, "sessionToken": SECRET},
    }
    options = AutoEncryptionOpts(kms, f"{db_name}.vault", bypass_auto_encryption=True)
    automatic = framework.Client(NOWHERE, auto_encryption_opts=options)
    seen.add(automatic, automatic.db.test, options)
    automatic.close()
    async with framework.ClientEncryption(
        kms, f"{db_name}.vault", client, DEFAULT_CODEC_OPTIONS
    ) as encryption:
        seen.add(encryption)
        key_id = await encryption.create_data_key("local", key_alt_names=["a"])
        seen.add(key_id)
        with seen.errors():
            await encryption.create_data_key("aws", master_key={"region": 5, "key": "k"})
        with seen.errors():
            await encryption.create_data_key("none-such")
    for bad in ({"local": {"key": SECRET}}, {"aws": {"accessKeyId": SECRET}}, {SECRET: {}}):
        # A provider's name is none of the secrets.
        with pytest.raises(Exception) as caught:  # noqa: PT011
            async with framework.ClientEncryption(
                bad, f"{db_name}.vault", client, DEFAULT_CODEC_OPTIONS
            ) as encryption:
                await encryption.create_data_key("local")
        if SECRET not in bad:
            seen.add_error(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://ann:{SECRET}@{NOWHERE}",
        f"mongodb://ann:{SECRET}@{NOWHERE}/?tls=true&tlsCertificateKeyFilePassword={SECRET}",
        f"mongodb://ann:{SECRET}@{NOWHERE}/?authMechanism=MONGODB-AWS"
        f"&authMechanismProperties=AWS_SESSION_TOKEN:{SECRET}",
        f"mongodb://ann:x/{SECRET}@{NOWHERE}",
        f"ann:{SECRET}@host",
    ],
)
def test_the_report_shows_no_secret(
    seen: Seen, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    main([uri, "--timeout=0.05"])
    seen.add(*capsys.readouterr())


async def test_no_trace_and_no_metric_has_a_secret(
    framework: Framework, seen: Seen, mongo_uri: str, db_name: str
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    prometheus = pytest.importorskip("prometheus_client")
    from opentelemetry.instrumentation.pymongo import CommandTracer
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = CommandTracer(provider.get_tracer("test"), capture_statement=True)
    uri = mongo_uri.replace("://", f"://ann:{SECRET}@") + f"&authSource={db_name}"
    options = {"event_listeners": [tracer], "serverMonitoringMode": "poll"}
    async with framework.Client(mongo_uri, **options) as client:
        await client[db_name].command("createUser", "ann", pwd=SECRET, roles=[])
        async with framework.Client(uri, **options) as ann:
            await ann.admin.command("ping")
        await client[db_name].command("dropUser", "ann")
    provider.shutdown()
    spans = exporter.get_finished_spans()
    assert any("ping" in span.name for span in spans)
    seen.texts += [span.to_json() for span in spans]
    registry = prometheus.CollectorRegistry()
    for name, value in vars_of(motor.executor.statistics()).items():
        prometheus.Gauge(f"motor_{name}", name, registry=registry).set(value)
    seen.add(prometheus.generate_latest(registry))


def vars_of(statistics: Any) -> dict[str, float]:
    return {name: getattr(statistics, name) for name in statistics.__dataclass_fields__}


def test_a_crash_of_the_process_shows_no_secret() -> None:
    done = run_python(
        """
        import asyncio, faulthandler, sys
        from motor.motor_asyncio import AsyncIOMotorClient

        faulthandler.enable()

        async def main(uri):
            client = AsyncIOMotorClient(uri, serverSelectionTimeoutMS=50)
            faulthandler.dump_traceback()
            await client.db.test.find_one()

        asyncio.run(main(sys.argv[1]))
        """,
        f"mongodb://ann:{SECRET}@{NOWHERE}",
        check=False,
        PYTHONASYNCIODEBUG="1",
    )
    assert done.returncode == 1
    assert "ServerSelectionTimeoutError" in done.stderr
    assert SECRET not in done.stdout + done.stderr


# The functions that leave them out ------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("mongodb://a:b@h/", "'mongodb://***@h/'"),
        (["mongodb+srv://a:b@c@h", 1], "['mongodb+srv://***@h', 1]"),
        ("mongodb://h/?tlsCertificateKeyFilePassword=x&a=b", None),
        ({"password": "x", "user": "y"}, "{'password': '***', 'user': 'y'}"),
        ({"AWS_SESSION_TOKEN": "it's"}, "{'AWS_SESSION_TOKEN': '***'}"),
        ({"pwd": b"x", "tokens": 5}, "{'pwd': b'***', 'tokens': 5}"),
        ({"secretAccessKey": "a\\'b"}, "{'secretAccessKey': '***'}"),
        (5, "5"),
    ],
)
def test_shown(value: object, text: str | None) -> None:
    if text is None:
        text = "'mongodb://h/?tlsCertificateKeyFilePassword=***&a=b'"
    assert shown(value) == text


def test_uris() -> None:
    uri = "mongodb://me:a%40b@h/db?authMechanismProperties=T:x&w=1"
    assert redacted_uri(uri, well_formed=True) == (
        "mongodb://***@h/db?authMechanismProperties=***&w=1"
    )
    assert with_decoys(uri) == "mongodb://user:password@h/db?authMechanismProperties=***&w=1"
    assert with_decoys("mongodb://me@h") == "mongodb://user@h"
    assert with_decoys("mongodb://h") == redacted_uri("mongodb://h", well_formed=True)
    assert secrets_in(uri) == {"a%40b", "a@b", "T:x"}
    assert secrets_in("mongodb://h/?w=1") == set()
