"""Fixtures that every test file may use; `support/` holds what they are made of."""

from __future__ import annotations

import gc
import importlib
import inspect
import logging
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, cast

import gridfs
import pymongo
import pytest
from pymongo.errors import OperationFailure

from motor.executor import default_executor
from motor.testing import server
from support import PATIENCE, CommandRecorder, Framework
from support.framework import VARIANTS, run_plainly
from support.leaks import LeakCheck, PooledConnections
from support.web import FRONTS, Options, Serve, Site, running


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes run the tests: one, if `MONGODB_URI` names the only server.

    Some tests make the server fail on purpose, for all of its clients.
    """
    return 1 if os.environ.get("MONGODB_URI") else 4


def pytest_collection_finish() -> None:
    _freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    done = yield
    if nextitem is None or nextitem.path != item.path:
        _freeze()
    return done


def _freeze() -> None:
    # What lives on, such as imported modules, is kept out of the garbage collector's sight: the
    # collection after each test then takes one or two milliseconds instead of thirty.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests: on the loop of their `framework`, else on asyncio's."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    names = inspect.signature(test).parameters
    kwargs = {name: pyfuncitem.funcargs[name] for name in names}
    framework = pyfuncitem.funcargs.get("framework")
    if framework is None:
        run_plainly(test, kwargs)
    else:
        framework.run(lambda: test(**kwargs))
    return True


# The server ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """The server of the whole run: `MONGODB_URI`, or a replica set with one member."""
    with server(startup_timeout=5 * PATIENCE) as uri:
        yield uri


@pytest.fixture(scope="session")
def pooled_connections() -> PooledConnections:
    return PooledConnections()


@pytest.fixture(scope="session")
def sync_client(
    mongo_uri: str, pooled_connections: PooledConnections
) -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
    """PyMongo's client on the server of the run, to look at things from outside Motor."""
    # Polling takes one connection a server for good, which makes connections countable.
    with pymongo.MongoClient(
        mongo_uri, serverMonitoringMode="poll", event_listeners=[pooled_connections]
    ) as client:
        client.admin.command("ping")
        yield client


@pytest.fixture(scope="session")
def server_version(sync_client: pymongo.MongoClient[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(sync_client.server_info()["versionArray"][:3])


@pytest.fixture
def db_name(sync_client: pymongo.MongoClient[dict[str, Any]]) -> Iterator[str]:
    """The name of a fresh database, dropped after the test."""
    name = f"motor_{uuid.uuid4().hex[:16]}"
    yield name
    # A transaction that a test left open would hold the drop up for a minute.
    with pymongo.timeout(50):
        sync_client.drop_database(name)


@pytest.fixture
def sync_db(sync_client: pymongo.MongoClient[dict[str, Any]], db_name: str) -> Any:
    """PyMongo's view of the test's database."""
    return sync_client[db_name]


FailPoint = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def fail_point(sync_client: pymongo.MongoClient[dict[str, Any]]) -> FailPoint:
    """Make the server fail commands on purpose, for the length of a `with` block.

    `with fail_point(failCommands=["find"], errorCode=11601, mode={"times": 1}): …`. The keywords
    are the `data` of MongoDB's `failCommand`; `mode` is "alwaysOn" unless given. It concerns
    every client of the server, so give `appName` with mode "alwaysOn".
    """

    @contextmanager
    def failing(*, mode: Any = "alwaysOn", **data: Any) -> Iterator[None]:
        _set_fail_point(sync_client, "failCommand", mode, data)
        try:
            yield
        finally:
            _set_fail_point(sync_client, "failCommand", "off", {})

    return failing


Hold = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def hold(sync_client: pymongo.MongoClient[dict[str, Any]], db_name: str) -> Hold:
    """Let the server keep its answers to some commands to itself, for the length of a `with` block.

    `with hold("insert"): …`: of all clients, for the collection `test` of the test's database;
    `ns=""` is for all collections. The commands are done, and answered after the block.
    """
    name = "waitAfterCommandFinishesExecution"

    @contextmanager
    def holding(*commands: str, ns: str = f"{db_name}.test") -> Iterator[None]:
        data = {"commands": list(commands), "ns": ns}
        _set_fail_point(sync_client, name, "alwaysOn", data)
        try:
            yield
        finally:
            _set_fail_point(sync_client, name, "off", {})

    return holding


def _set_fail_point(
    client: pymongo.MongoClient[dict[str, Any]], name: str, mode: Any, data: dict[str, Any]
) -> None:
    try:
        client.admin.command({"configureFailPoint": name, "mode": mode, "data": data})
    except OperationFailure as error:
        if error.code == 59:  # CommandNotFound
            pytest.skip("the server at MONGODB_URI has no test commands enabled")
        raise


# Motor --------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-loop",
        action="store_true",
        help="run each test of asyncio's with eager tasks and on uvloop, too",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `framework` on asyncio and Tornado; see the marker `every_loop`."""
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "framework" not in metafunc.fixturenames or "framework" in given:
        return
    names: list[Any] = [*Framework.names]
    marked = metafunc.definition.get_closest_marker("every_loop")
    if marked or metafunc.config.getoption("--every-loop"):
        for name, lacking in VARIANTS.items():
            skip = pytest.mark.skipif(lacking is not None, reason=str(lacking))
            names.append(pytest.param(name, marks=skip))
    metafunc.parametrize("framework", names, indirect=True)


@pytest.fixture
def framework(request: pytest.FixtureRequest) -> Framework:
    """asyncio or Tornado: a test that uses it runs on both."""
    return Framework(request.param)


@pytest.fixture
def loop_errors(framework: Framework) -> list[dict[str, Any]]:
    """What the loop's exception handler was called with: for a test that expects errors there."""
    return framework.loop_errors


@pytest.fixture
def commands() -> CommandRecorder:
    """Records the commands of clients made with `event_listeners=[commands]`."""
    return CommandRecorder()


@pytest.fixture
def client_factory(framework: Framework, mongo_uri: str, db_name: str) -> Iterator[Any]:
    """Make Motor clients: `client_factory(uri=mongo_uri, **options)`. Closed after the test.

    Uses `db_name` so that the clients are closed before the database is dropped. Their servers are
    polled unless asked otherwise: the connection for measuring round trips, which PyMongo keeps
    where it does not poll, closes half a second late, and each test would wait for that.
    """
    clients: list[Any] = []

    def make(uri: str = mongo_uri, **options: Any) -> Any:
        options.setdefault("serverMonitoringMode", "poll")
        client = framework.Client(uri, **options)
        clients.append(client)
        return client

    yield make
    # A cancelled operation runs to its end, and PyMongo 4.13 may lose a monitor's connection when
    # the client is closed before that.
    default_executor().drain()
    for client in clients:
        client.close()


@pytest.fixture
def client(client_factory: Any) -> Any:
    """A Motor client of the `framework`."""
    return client_factory()


@pytest.fixture
def db(client: Any, db_name: str) -> Any:
    return client[db_name]


@pytest.fixture
def collection(db: Any) -> Any:
    return db["test"]


# Serving GridFS ------------------------------------------------------------------------------


@pytest.fixture
def server_errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What servers have logged as errors: for a test that expects some, which others may not."""

    def errors() -> list[str]:
        records = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
        return [
            f"{r.getMessage()} {r.exc_info[1]!r}" if r.exc_info else r.getMessage() for r in records
        ]

    return errors


@pytest.fixture
def expects_server_errors() -> bool:
    """Use it in a test whose server has to log errors."""
    return True


@pytest.fixture
def start_server(
    request: pytest.FixtureRequest, server_errors: Callable[[], list[str]]
) -> Iterator[Callable[[Serve], Site]]:
    """Run a server of `support.web` until the test ends: `start_server(tornado_server(app))`."""
    with ExitStack() as servers:
        yield lambda serve: servers.enter_context(running(serve))
    if "expects_server_errors" not in request.fixturenames:
        assert not server_errors()


@pytest.fixture
def web_client(
    request: pytest.FixtureRequest, mongo_uri: str, db_name: str, commands: CommandRecorder
) -> Iterator[Callable[[str], Any]]:
    """Make the Motor client that a front takes: `web_client("aiohttp")`. Records `commands`."""
    clients: list[Any] = []

    def make(front: str) -> Any:
        module, name = FRONTS[front].client.split(":")
        client_class = getattr(importlib.import_module(module), name)
        client = client_class(mongo_uri, serverMonitoringMode="poll", event_listeners=[commands])
        clients.append(client)
        return client

    yield make
    default_executor().drain()
    for client in clients:
        client.close()


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """The ways to serve GridFS, one after the other: a test that uses it runs with each."""
    for package in FRONTS[request.param].requires:
        pytest.importorskip(package)
    return str(request.param)


@pytest.fixture
def start_site(front: str, web_client: Any, start_server: Any, db_name: str) -> Callable[..., Site]:
    """Serve the test's database with the `front`: `start_site(extra_headers={}, **options)`."""

    def start(extra_headers: dict[str, str] | None = None, **arguments: Any) -> Site:
        options = Options(arguments, extra_headers or {})
        site = start_server(FRONTS[front].serve(web_client(front)[db_name], options))
        return cast("Site", site)

    return start


@pytest.fixture
def site(start_site: Any) -> Site:
    """The test's database, served by the `front` without options."""
    return cast("Site", start_site())


@pytest.fixture
def sync_bucket(sync_db: Any) -> gridfs.GridFSBucket:
    """PyMongo's view of the files in the test's database."""
    return gridfs.GridFSBucket(sync_db)


# Leaks --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves threads, child processes, connections or loop errors behind."""
    ports: set[int] = set()
    pooled = PooledConnections()
    if "mongo_uri" in request.fixturenames:
        # Before the first look, so that the run's own server and client are no test's leak.
        sync_client = request.getfixturevalue("sync_client")
        pooled = request.getfixturevalue("pooled_connections")
        ports = {port for _, port in sync_client.nodes}
    check = LeakCheck(ports, pooled)
    yield
    leaks = check.leaks()
    framework = request.node.funcargs.get("framework")
    if framework is not None and "loop_errors" not in request.fixturenames:
        leaks += [f"the loop's exception handler was called: {e}" for e in framework.loop_errors]
    if leaks:
        pytest.fail("\n".join(["the test left behind:", *leaks]), pytrace=False)
