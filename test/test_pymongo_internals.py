"""The private names of PyMongo that Motor uses: each does what Motor needs; there are no others.

A new release of PyMongo may change any of them. Then a test here says which, and what it was for.
"""

from __future__ import annotations

import ast
import inspect
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pymongo
import pytest
from bson import decode
from pymongo import CursorType, ReadPreference, helpers_shared
from pymongo.change_stream import ChangeStream
from pymongo.command_cursor import CommandCursor, RawBatchCommandCursor
from pymongo.cursor import Cursor, RawBatchCursor
from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure, PyMongoError
from pymongo.socket_checker import SocketChecker
from pymongo.synchronous.pool import Connection, Pool

import motor
from motor import pymongo_internals as internals
from motor.batches import Undecoded
from motor.condition import Condition
from motor.pymongo_internals import connections, replies
from motor.sockets import BufferedSocket, buffered
from support import CommandRecorder, wait_until
from support.pools import PoolRecorder

PACKAGE = Path(motor.__file__).parent
INTERNALS = Path(internals.__file__).parent

#: Private names in other files that are not PyMongo's, and whose they are.
OTHERS = {
    ("executor.py", "_max_workers"): "concurrent.futures.ThreadPoolExecutor's",
    ("aiohttp.py", "_is_coroutine"): "asyncio's, where inspect.markcoroutinefunction is missing",
    ("handler.py", "_headers"): "tornado.web.RequestHandler's, which has no way to read its header",
}

PINNED: set[str] = set()


def pins(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say that a test fails when PyMongo's private `names` change."""
    PINNED.update(names)
    return lambda test: test


@pytest.fixture
def recorded(mongo_uri: str, commands: CommandRecorder) -> Iterator[pymongo.MongoClient[Any]]:
    """PyMongo's client, with its commands recorded."""
    with pymongo.MongoClient(
        mongo_uri, serverMonitoringMode="poll", event_listeners=[commands]
    ) as client:
        yield client


@pins("_csot")
def test_remaining_is_what_is_left_of_the_timeout() -> None:
    assert internals.remaining_timeout() is None
    with pymongo.timeout(60):
        remaining = internals.remaining_timeout()
        assert remaining is not None
        assert 0 < remaining <= 60
    with pymongo.timeout(None):
        assert internals.remaining_timeout() is None


# Connections ------------------------------------------------------------------------------------


class NotingPool(Pool):
    """Keeps its connections in sight, and what they ask of their networking interface."""

    connections: list[Connection]
    asked: set[str]

    def connect(self, *args: Any, **kwargs: Any) -> Connection:
        connection = super().connect(*args, **kwargs)
        self.connections.append(connection)
        interface = buffered(connection.conn.sock)
        assert interface is not None
        if not connection.is_sdam:
            connection.conn = NotingInterface(interface, self.asked)
        return connection


class NotingInterface:
    """A buffered socket, and the names of what is asked of it."""

    def __init__(self, interface: BufferedSocket, asked: set[str]) -> None:
        self._interface, self._asked = interface, asked

    def __getattr__(self, name: str) -> Any:
        self._asked.add(name)
        return self if name == "get_conn" else getattr(self._interface, name)


@pytest.fixture
def noting_pool() -> type[NotingPool]:
    class Noting(NotingPool):
        connections: ClassVar[list[Connection]] = []
        asked: ClassVar[set[str]] = set()

    return Noting


@pins("_pool_class")
def test_pool_class_makes_all_connections_and_those_of_the_monitors_say_so(
    mongo_uri: str, noting_pool: type[NotingPool]
) -> None:
    with pymongo.MongoClient(
        mongo_uri, serverMonitoringMode="poll", _pool_class=noting_pool
    ) as client:
        client.admin.command("ping")
        assert [c.is_sdam for c in noting_pool.connections] == [True, False]


@pins("_pool_class")
def test_a_connection_asks_its_interface_for_what_buffered_sockets_have(
    mongo_uri: str, noting_pool: type[NotingPool], db_name: str
) -> None:
    with pymongo.MongoClient(
        mongo_uri, serverMonitoringMode="poll", _pool_class=noting_pool
    ) as client:
        client[db_name].test.insert_many([{"_id": n} for n in range(10)])
        with pymongo.timeout(10):
            assert len(client[db_name].test.find(batch_size=3).to_list()) == 10
        exhausted = client[db_name].test.find(batch_size=3, cursor_type=CursorType.EXHAUST)
        assert len(exhausted.to_list()) == 10
        messages = {"get_conn", "sendall", "recv_into", "gettimeout", "settimeout"}
        assert messages <= noting_pool.asked
        (connection,) = (c for c in noting_pool.connections if not c.is_sdam)
        assert not connection.conn_closed()
        connection.close_conn(None)
        assert connection.conn_closed()
    assert noting_pool.asked == messages | {"fileno", "close"}


def test_the_check_for_closed_connections_needs_a_fileno_only() -> None:
    class OnlyFileno:
        def __init__(self, sock: socket.socket) -> None:
            self.fileno = sock.fileno

    near, far = socket.socketpair()
    with near, far:
        checked, checker = OnlyFileno(near), SocketChecker()
        assert not checker.socket_closed(checked)
        far.close()
        assert checker.socket_closed(checked)
        near.close()
        assert checker.socket_closed(checked)


@pytest.fixture
def optioned(mongo_uri: str) -> Iterator[pymongo.MongoClient[Any]]:
    """PyMongo's client with the options that Motor's clients have."""
    with pymongo.MongoClient(
        mongo_uri, serverMonitoringMode="poll", **internals.client_options()
    ) as client:
        yield client


@pins("_condition_class")
def test_everybody_waits_on_motors_conditions(optioned: Any) -> None:
    optioned.admin.command("ping")
    topology = optioned._topology
    assert type(topology._condition) is Condition
    (server,) = topology._servers.values()
    assert type(server.pool.size_cond) is Condition
    assert type(server.pool._max_connecting_cond) is Condition
    # Both with the lock that guards what is waited for.
    with server.pool.lock:
        assert not server.pool.size_cond.acquire(blocking=False)


@pins("_resolve_srv_info", "_event_listeners", "_credentials")
def test_clients_that_run_code_of_users_do_not_give_way(mongo_uri: str) -> None:
    def gives_way(uri: str = mongo_uri, **options: Any) -> bool:
        options = {**internals.client_options(), **options}
        with pymongo.MongoClient(uri, connect=False, **options) as client:
            return internals.can_give_way(client)

    assert gives_way()
    assert gives_way("mongodb+srv://cluster.example.com")
    assert gives_way("mongodb://user:password@localhost/")
    assert not gives_way(event_listeners=[CommandRecorder()])
    assert not gives_way(event_listeners=[PoolRecorder()])
    assert not gives_way(
        authMechanism="MONGODB-OIDC", authMechanismProperties={"ENVIRONMENT": "k8s"}
    )
    assert not gives_way(_pool_class=Pool)
    assert not gives_way(_condition_class=None)
    assert not internals.can_give_way(object())


@pins("_topology", "_servers")
def test_client_has_a_connection_when_an_operation_has_given_one_back(optioned: Any) -> None:
    assert not internals.has_connection(optioned)
    optioned.admin.command("ping")
    assert internals.has_connection(optioned)
    (server,) = optioned._topology._servers.values()
    with server.pool.checkout() as connection:
        assert not internals.has_connection(optioned)
        buffered, connection.conn = connection.conn, object()
    assert not internals.has_connection(optioned), "one that may block"
    connection.conn = buffered
    with pymongo.MongoClient("mongodb+srv://cluster.example.com", connect=False) as client:
        assert not internals.has_connection(client)


@pytest.mark.skipif(not hasattr(helpers_shared, "_RetryPolicy"), reason="PyMongo does not back off")
@pins("_retry_policy")
def test_delay_before_a_retry_is_that_of_pymongo_outside_of_strands(optioned: Any) -> None:
    assert internals.can_give_way(optioned)
    assert 0 < optioned._retry_policy.backoff(3) < 60
    # The time is over after as many attempts as before.
    assert optioned._retry_policy.should_retry(1, 0.0)
    assert not optioned._retry_policy.should_retry(1000, 0.0)


@pins("_OpMsg")
def test_batches_of_cursors_are_decoded_in_slices(
    optioned: Any, sync_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    original = replies.decode_reply

    def decode_reply(reply: Any, *args: Any) -> list[Any]:
        decoded.append(len(reply))
        return original(reply, *args)

    monkeypatch.setattr(replies, "decode_reply", decode_reply)
    documents = [{"_id": n, "text": "x" * 100} for n in range(5000)]
    sync_db.test.insert_many(documents)
    for cursor in (optioned[sync_db.name].test.find(), optioned[sync_db.name].test.aggregate([])):
        decoded.clear()
        assert cursor.to_list() == documents
        # Whether the small first batch goes the same way is of no concern.
        assert max(decoded) > (len(documents) - 101) * 100
    # Nothing is to be decoded here.
    decoded.clear()
    (raw,) = optioned[sync_db.name].test.find_raw_batches({"_id": 1})
    assert decode(raw) == documents[1]
    assert decoded == []


@pins("_limit", "_collection", "_event_listeners")
def test_batch_may_be_left_undecoded_unless_somebody_looks_at_the_reply(
    optioned: Any, mongo_uri: str, sync_db: Any
) -> None:
    sync_db.test.insert_many([{"_id": n, "text": "x" * 100} for n in range(100)])
    collection = optioned[sync_db.name].test

    def first(cursor: Any) -> Any:
        return internals.next_batch(cursor, None, postpone=True)[0][0]

    assert isinstance(first(collection.find()), Undecoded)
    assert first(collection.find(limit=90)) == {"_id": 0, "text": "x" * 100}
    # A cursor of a command that is read on.
    aggregation = collection.aggregate([], batchSize=50)
    assert [d["_id"] for d in internals.next_batch(aggregation, None)[0]] == [*range(50)]
    assert isinstance(first(aggregation), Undecoded)
    with pymongo.MongoClient(
        mongo_uri, event_listeners=[CommandRecorder()], **internals.client_options()
    ) as watched:
        assert first(watched[sync_db.name].test.find()) == {"_id": 0, "text": "x" * 100}


def test_time_until_a_reply_comes_can_be_used(mongo_uri: str, sync_db: Any) -> None:
    sync_db.test.insert_many([{"_id": n} for n in range(100)])
    commands = CommandRecorder()
    seen: list[Any] = []
    with pymongo.MongoClient(
        mongo_uri, event_listeners=[commands], **internals.client_options()
    ) as client:
        cursor = client[sync_db.name].test.find(batch_size=60)

        def meanwhile() -> None:
            seen.append((commands.names[-1], len(commands.succeeded_events)))

        internals.next_batch(cursor, None, meanwhile=meanwhile)
        internals.next_batch(cursor, None, meanwhile=meanwhile)
        # There is nothing more to come.
        internals.next_batch(cursor, None, meanwhile=meanwhile)
    assert seen == [("find", 0), ("getMore", 1)]


@pins("_OpMsg")
def test_size_of_a_reply_is_known(mongo_uri: str, optioned: Any, sync_db: Any) -> None:
    sync_db.test.insert_one({"_id": 1, "text": "x" * 1000})
    cursor = optioned[sync_db.name].test.find()
    (document,), size = internals.next_batch(cursor, None)
    assert size is not None
    assert 1000 < size < 2000
    assert internals.next_batch(cursor, None) == ([], None), "there was no reply"
    with pymongo.MongoClient(mongo_uri) as client:
        cursor = client[sync_db.name].test.find()
        assert internals.next_batch(cursor, None) == ([document], None), "a client that is not ours"


@pins("_spec", "_projection", "_let", "_query_flags", "_collection")
def test_query_of_a_cursor_is_what_it_was_asked(sync_db: Any, sync_client: Any) -> None:
    assert internals.query_of(sync_db.test.find(), sync_client) == ({}, None, None)
    cursor = sync_db.test.find({"a": 1}, {"b": 1}, let={"c": 1}, sort=[("d", 1)], limit=5)
    assert internals.query_of(cursor, sync_client) == ({"a": 1}, {"b": 1}, {"c": 1})
    assert internals.query_of(cursor, None) is None
    for kind in [CursorType.TAILABLE, CursorType.TAILABLE_AWAIT, CursorType.EXHAUST]:
        assert internals.query_of(sync_db.test.find(cursor_type=kind), sync_client) is None


@pins("_connect")
def test_connect_begins_to_connect(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri, serverMonitoringMode="poll", connect=False) as client:
        assert not client.topology_description.has_writable_server()
        internals.connect(client)
        wait_until(lambda: client.topology_description.has_writable_server())


@pins("_connect")
def test_connect_waits_for_no_server() -> None:
    # Nothing listens there: to wait for a server would end in an error.
    uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    with pymongo.MongoClient(uri, connect=False) as client:
        internals.connect(client)
        assert not client.topology_description.has_known_servers


@pins("_resolve_srv_info")
def test_beginning_to_connect_asks_no_name_server(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Any] = []
    monkeypatch.setattr(connections, "_THREADS_START_AT_EXIT", False)
    monkeypatch.setattr(pymongo.MongoClient, "_connect", lambda client: connected.append(client))
    with pymongo.MongoClient(mongo_uri, connect=False) as client:
        internals.begin_to_connect(client)
        assert connected == [client]
    with pymongo.MongoClient("mongodb+srv://cluster.example.com", connect=False) as client:
        internals.begin_to_connect(client)
        assert client not in connected


def test_beginning_to_connect_leaves_errors_for_later(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_THREADS_START_AT_EXIT", False)
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(mongo_uri, connect=False)
    client.close()
    internals.begin_to_connect(client)


def test_connect_leaves_clients_of_another_make_alone() -> None:
    internals.connect(object())
    internals.begin_to_connect(object())


@pins("_next_batch")
def test_next_batch_is_one_round_trip(
    recorded: Any, commands: CommandRecorder, sync_db: Any
) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(5)])
    collection = recorded[sync_db.name].test
    for start in (collection.find, collection.aggregate):
        commands.clear()
        cursor = start({}, batch_size=2) if start == collection.find else start([], batchSize=2)
        for number, expected in enumerate(([0, 1], [2, 3], [4]), start=1):
            assert [
                document["_id"] for document in internals.next_batch(cursor, None)[0]
            ] == expected
            assert len(commands) == number
        assert not cursor.alive
        assert internals.next_batch(cursor, None)[0] == []


@pins("_next_batch")
@pytest.mark.parametrize("method", ["find", "aggregate"])
def test_next_batch_leaves_what_is_over_the_length(sync_db: Any, method: str) -> None:
    sync_db.test.insert_many([{"_id": i} for i in range(5)])
    with getattr(sync_db.test, method)({} if method == "find" else []) as cursor:
        assert [d["_id"] for d in internals.next_batch(cursor, 2)[0]] == [0, 1]
        assert cursor.alive
        assert [d["_id"] for d in internals.next_batch(cursor, 100)[0]] == [2, 3, 4]


@pins("_next_batch")
@pytest.mark.parametrize("method", ["find_raw_batches", "aggregate_raw_batches"])
def test_next_batch_of_a_raw_cursor_is_bytes(sync_db: Any, method: str) -> None:
    sync_db.test.insert_one({"_id": 1})
    with getattr(sync_db.test, method)({} if method == "find_raw_batches" else []) as cursor:
        (raw,), _ = internals.next_batch(cursor, None)
        assert decode(raw) == {"_id": 1}


@pytest.mark.parametrize("cls", [Cursor, RawBatchCursor, CommandCursor, RawBatchCommandCursor])
def test_every_kind_of_cursor_has_next_batch(cls: type[Any]) -> None:
    # Without it a cursor would be taken for one of another make, and read to its end at once.
    assert list(inspect.signature(cls._next_batch).parameters) == ["self", "result", "total"]


def test_next_batch_of_a_foreign_cursor_is_all_it_has() -> None:
    cursor = iter([{"_id": 1}, {"_id": 2}, {"_id": 3}])
    assert internals.next_batch(cursor, 1) == ([{"_id": 1}], None)
    assert internals.next_batch(cursor, None) == ([{"_id": 2}, {"_id": 3}], None)


@pins("_query_flags")
def test_tailable_is_what_the_cursor_was_made_or_told_to_be(sync_db: Any) -> None:
    find = sync_db.test.find
    assert not internals.is_tailable(find())
    assert internals.is_tailable(find(cursor_type=CursorType.TAILABLE))
    assert internals.is_tailable(find(cursor_type=CursorType.TAILABLE_AWAIT))
    assert not internals.is_tailable(find().add_option(16))
    assert internals.is_tailable(find().add_option(2))
    assert not internals.is_tailable(find().add_option(2).remove_option(2))
    assert not internals.is_tailable(sync_db.test.aggregate([]))
    assert not internals.is_tailable(object())
    assert not internals.awaits_data(find(cursor_type=CursorType.TAILABLE))
    assert internals.awaits_data(find(cursor_type=CursorType.TAILABLE_AWAIT))
    assert not internals.awaits_data(find().add_option(32))
    assert not internals.awaits_data(object())


def await_times(commands: CommandRecorder) -> list[Any]:
    return [event.command.get("maxTimeMS") for event in commands.named("getMore")]


@pins("_max_await_time_ms")
def test_await_time_of_a_cursor_holds_from_the_next_round_trip(
    recorded: Any, commands: CommandRecorder, sync_db: Any
) -> None:
    sync_db.create_collection("log", capped=True, size=4096).insert_one({"_id": 1})
    find = recorded[sync_db.name].log.find
    with find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(50) as cursor:
        assert internals.await_time(cursor) == 50
        assert internals.next_batch(cursor, None)[0] == [{"_id": 1}]
        for milliseconds in (20, 30):
            internals.set_await_time(cursor, milliseconds)
            assert internals.await_time(cursor) == milliseconds
            internals.next_batch(cursor, None)
    assert await_times(commands) == [20, 30]


@pins("_max_await_time_ms", "_cursor")
def test_await_time_of_a_change_stream_holds_from_the_next_round_trip(
    recorded: Any, commands: CommandRecorder, sync_db: Any
) -> None:
    stream: ChangeStream[Any]
    with recorded[sync_db.name].test.watch(max_await_time_ms=50) as stream:
        assert internals.await_time(stream) == 50
        assert stream.try_next() is None
        internals.set_await_time(stream, 20)
        assert internals.await_time(stream) == 20
        assert stream.try_next() is None
    assert await_times(commands) == [50, 20]


def test_await_time_of_what_never_waits_is_left_alone() -> None:
    foreign = object()
    assert internals.await_time(foreign) is None
    internals.set_await_time(foreign, 20)


@pins("_error_labels")
def test_timeout_of_a_transaction_keeps_the_labels() -> None:
    error = OperationFailure("busy", 1, {"errorLabels": ["TransientTransactionError"]})
    timeout = internals.transaction_timeout(error)
    assert isinstance(timeout, NetworkTimeout)
    assert timeout.has_error_label("TransientTransactionError")
    assert not timeout.has_error_label("UnknownTransactionCommitResult")
    assert "busy" in str(timeout)
    with pymongo.timeout(60):
        timeout = internals.transaction_timeout(error)
    assert isinstance(timeout, ExecutionTimeout)
    assert timeout.has_error_label("TransientTransactionError")
    assert timeout.timeout
    assert isinstance(internals.transaction_timeout(ValueError("x")), PyMongoError)


@pins("_spec", "_hint", "_max_time_ms", "_comment", "_collation", "_limit", "_skip")
def test_count_options_are_what_the_cursor_was_asked(sync_db: Any) -> None:
    sync_db.test.insert_many({"_id": i, "letter": "aA"[i % 2]} for i in range(6))
    cursor = sync_db.test.find({"letter": "a"}, comment="c").skip(1).limit(-4).hint("_id_")
    cursor.max_time_ms(9000).collation({"locale": "en", "strength": 1})
    options = internals.count_options(cursor, False)
    assert {"query", "hint", "maxTimeMS", "comment", "collation"} == set(options)
    assert sync_db.command("count", "test", **options)["n"] == 6
    options = internals.count_options(cursor, True)
    assert (options["limit"], options["skip"]) == (4, 1)
    assert sync_db.command("count", "test", **options)["n"] == 4
    assert internals.count_options(sync_db.test.find(), True) == {"query": {}}
    old_style = sync_db.test.find({"$query": {"_id": 1}, "$orderby": {"_id": 1}})
    assert internals.count_options(old_style, False) == {"query": {"_id": 1}}


@pins("_codec_options", "_read_preference", "_write_concern")
def test_client_options_are_those_of_databases_made_afterwards() -> None:
    with pymongo.MongoClient(connect=False) as client:
        before = client.db
        codec_options = client.codec_options.with_options(tz_aware=True)
        read_preference, write_concern = pymongo.ReadPreference.NEAREST, pymongo.WriteConcern(w=0)
        internals.set_client_options(client, codec_options=codec_options)
        internals.set_client_options(
            client, read_preference=read_preference, write_concern=write_concern
        )
        for made in (client, client.db, client.get_database("x"), client.db.test):
            assert made.codec_options == codec_options
            assert made.read_preference == read_preference
            assert made.write_concern == write_concern
        assert before.write_concern == pymongo.WriteConcern()
    with pytest.raises(TypeError, match=r"it is no pymongo\.MongoClient"):
        internals.set_client_options(object(), write_concern=write_concern)


@pins("_key_vault_client")
def test_key_vault_client_is_replaced_in_a_copy() -> None:
    pytest.importorskip("pymongocrypt")
    from pymongo.encryption_options import AutoEncryptionOpts

    with pymongo.MongoClient(connect=False) as first, pymongo.MongoClient(connect=False) as second:
        kms = {"local": {"key": bytes(96)}}
        options = AutoEncryptionOpts(kms, "kv.keys", first, bypass_auto_encryption=True)
        assert internals.with_key_vault(options, lambda client: client) is options
        changed = internals.with_key_vault(options, lambda client: second)
        with pymongo.MongoClient(connect=False, auto_encryption_opts=changed) as client:
            # What is in the options is what PyMongo makes its encrypter with.
            used = client.options.auto_encryption_opts
            assert internals.with_key_vault(used, lambda found: found) is used
            assert used._key_vault_client is second
        assert options._key_vault_client is first
    without = AutoEncryptionOpts(kms, "kv.keys", bypass_auto_encryption=True)
    assert internals.with_key_vault(without, lambda client: second) is without


# Nowhere else -----------------------------------------------------------------------------------


@pins("_ServerMode")
def test_every_read_preference_is_a_server_mode() -> None:
    preferences = (
        ReadPreference.PRIMARY,
        ReadPreference.PRIMARY_PREFERRED,
        ReadPreference.SECONDARY,
        ReadPreference.SECONDARY_PREFERRED,
        ReadPreference.NEAREST,
    )
    assert all(isinstance(preference, internals.ServerMode) for preference in preferences)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name.isidentifier()


def parsed(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(), str(path))))


def used_names(nodes: list[ast.AST]) -> set[str]:
    """The private attributes that are read or set, also by their name in a string, and options."""
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    calls = (node for node in nodes if isinstance(node, ast.Call) and len(node.args) > 1)
    by_name = (
        call.args[1].value
        for call in calls
        if ast.unparse(call.func) in ("getattr", "hasattr", "setattr", "object.__setattr__")
        if isinstance(call.args[1], ast.Constant)
    )
    keys = (key for node in nodes if isinstance(node, ast.Dict) for key in node.keys)
    # The one private name that everybody's documents have.
    options = (key.value for key in keys if isinstance(key, ast.Constant) and key.value != "_id")
    return {name for name in (*attributes, *by_name, *options) if is_private(str(name))}


def own_names(nodes: list[ast.AST]) -> set[str]:
    """The private names that the code defines: functions, variables, and attributes of `self`."""
    found = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if ast.unparse(node.value) in ("self", "cls") else set()
    return {name for name in found if is_private(name)}


def imported_names(nodes: list[ast.AST]) -> set[str]:
    """The private names and modules that are imported from PyMongo's packages."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        for package, *rest in (path.split(".") for path in paths):
            if package in ("pymongo", "bson", "gridfs"):
                found |= set(filter(is_private, rest))
    return found


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != INTERNALS)


@pins("_let")
def test_clone_forgets_variables_and_a_rewound_copy_does_not(sync_db: Any) -> None:
    cursor = sync_db.test.find(let={"most": 3})
    assert cursor._let == {"most": 3}
    assert cursor.clone()._let is None
    assert internals.rewound(cursor)._let == {"most": 3}


def test_every_private_name_in_use_is_pinned() -> None:
    nodes = [node for path in sorted(INTERNALS.glob("*.py")) for node in parsed(path)]
    assert (used_names(nodes) | imported_names(nodes)) - own_names(nodes) == PINNED


def test_no_other_file_imports_a_private_name() -> None:
    found = {(path.name, name) for path in files() for name in imported_names(parsed(path))}
    assert found == set()


def test_no_other_file_uses_a_private_attribute() -> None:
    trees = {path: parsed(path) for path in files()}
    own = set().union(*map(own_names, trees.values()))
    used = {(path.name, name) for path, nodes in trees.items() for name in used_names(nodes)}
    assert {(path, name) for path, name in used if name not in own} == set(OTHERS)


def test_no_private_attribute_is_taken_from_a_delegate() -> None:
    """Also if Motor has one of the same name."""
    found = {
        (path.name, ast.unparse(node))
        for path in files()
        for node in parsed(path)
        if isinstance(node, ast.Attribute)
        if is_private(node.attr) and ast.unparse(node.value).endswith("delegate")
    }
    assert found == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("cursor._refresh()", {"_refresh"}),
        ("getattr(cursor, '_data', None)", {"_data"}),
        ("cursor._killed = True", {"_killed"}),
        ("MongoClient(**{'_pool_class': pool, 'connect': False, **more})", {"_pool_class"}),
        ("cursor.__class__, cursor.alive, getattr(cursor, 'alive')", set()),
    ],
)
def test_search_finds_private_attributes(code: str, found: set[str]) -> None:
    nodes = list(ast.walk(ast.parse(code)))
    assert used_names(nodes) - own_names(nodes) == found
