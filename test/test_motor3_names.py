"""The names that packages for Motor 3 import exist, and mean what the packages expect."""

from __future__ import annotations

import hashlib
import importlib
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from motor import core, metaprogramming, motor_common, motor_gridfs
from motor.core import AgnosticBaseProperties, AgnosticCollection, AgnosticDatabase
from support import Framework

MOTOR3 = tomllib.loads((Path(__file__).parent / "data/motor371_names.toml").read_text())
NAMES = {module: names.split() for module, names in MOTOR3["names"].items()}

THREADS = "Motor's threads are those of motor.executor"
INTERNAL = "private to Motor 3, and nothing here corresponds to it"
OTHERS = "private to PyMongo"
TEXTS = "the docstrings are in the classes"
IMPORTED = "an import of the module's own"

#: Modules that are gone, and why.
MISSING_MODULES = {"motor.docstrings": TEXTS}

#: Names that are gone, and why: by module, or "*" for any.
MISSING = {
    ("*", "docstrings"): TEXTS,
    ("*", "_EXECUTOR"): THREADS,
    ("*", "max_workers"): THREADS,
    ("*", "ThreadPoolExecutor"): IMPORTED,
    ("*", "_reset_global_executor"): THREADS,
    ("motor._version", "List"): IMPORTED,
    ("motor._version", "Tuple"): IMPORTED,
    ("motor._version", "Union"): IMPORTED,
    ("motor.aiohttp", "_config_error"): INTERNAL,
    ("motor.aiohttp", "_hash_gridout"): "is in motor.motor_gridfs",
    ("motor.core", "_QUERY_OPTIONS"): OTHERS,
    ("motor.core", "motor_version"): "is motor.version",
    ("motor.metaprogramming", "Dict"): IMPORTED,
    ("motor.metaprogramming", "_class_cache"): INTERNAL,
    ("motor.metaprogramming", "_coro_token"): INTERNAL,
    ("motor.web", "_hash_gridout"): "is in motor.motor_gridfs",
}


def missing(module: str, name: str) -> bool:
    if f"{module}.{name}" in set(NAMES) - set(MISSING_MODULES):
        importlib.import_module(f"{module}.{name}")
    return not hasattr(importlib.import_module(module), name)


def is_excused(module: str, name: str) -> bool:
    # Modules that one of 3.7.1 used, from elsewhere.
    used = name in sys.stdlib_module_names | OTHER_MODULES
    return used or (module, name) in MISSING or ("*", name) in MISSING


OTHER_MODULES = {"aiohttp", "grid_file", "gridfs", "ioloop", "motor", "pymongo", "tornado"}


@pytest.mark.parametrize("module", NAMES)
def test_names_of_a_module_of_motor_3_are_here(module: str) -> None:
    if module in MISSING_MODULES:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(module)
        return
    gone = [name for name in NAMES[module] if missing(module, name)]
    assert [name for name in gone if not is_excused(module, name)] == []


def test_no_excuse_is_stale() -> None:
    for (module, name), reason in MISSING.items():
        assert reason
        modules = [m for m in NAMES if name in NAMES[m] and m not in MISSING_MODULES]
        concerned = modules if module == "*" else [module]
        assert any(missing(each, name) for each in concerned), f"{module}.{name} is here"


@pytest.mark.parametrize("path", MOTOR3["bases"])
def test_bases_of_a_class_of_motor_3_are_its_bases_in_that_order(path: str) -> None:
    def find(dotted: str) -> Any:
        module, _, name = dotted.rpartition(".")
        return getattr(importlib.import_module(module), name)

    mro = find(path).__mro__
    places = [mro.index(find(base)) for base in MOTOR3["bases"][path]]
    assert places == sorted(places)


def test_names_are_what_they_are_taken_for(framework: Framework, collection: Any) -> None:
    assert core.Collection is Collection
    assert core.HAS_SSL is True
    assert core.AsyncRead is metaprogramming.AsyncRead
    assert core.callback_type_error is motor_common.callback_type_error
    assert isinstance(core.callback_type_error, TypeError)
    assert isinstance(collection.aggregate([]).delegate, core._LatentCursor)
    assert motor_gridfs.AgnosticCollection is AgnosticCollection
    assert motor_gridfs.DEFAULT_CHUNK_SIZE == 255 * 1024
    assert framework.module.motor_gridfs is motor_gridfs
    for module in (core, motor_gridfs):
        with pytest.raises(AttributeError, match="has no attribute 'nope'"):
            module.nope  # noqa: B018


async def test_transactions_are_told_apart_as_in_motor_3(client: Any) -> None:
    async with client.start_session() as session:
        context = session.start_transaction()
        assert isinstance(context, core._MotorTransactionContext)
        await session.abort_transaction()
    expired = OperationFailure("expired", code=50)
    assert core._max_time_expired_error(expired)
    assert not core._max_time_expired_error(OperationFailure("other", code=51))
    assert not core._max_time_expired_error(ValueError())


def test_hash_of_a_file_is_that_of_motor_3() -> None:
    class File:
        _id, length, upload_date = 1, 2, None
        filename = content_type = metadata = None

    assert motor_gridfs._hash_gridout(File()) == hashlib.sha256(b"12None").hexdigest()


# The time limit of with_transaction, which tests of others change ---------------------------------


def test_time_limit_is_the_specifications() -> None:
    assert core._WITH_TRANSACTION_RETRY_TIME_LIMIT == 120
    assert core._within_time_limit(time.monotonic() - 119)
    assert not core._within_time_limit(time.monotonic() - 121)
    # That it is obeyed when it is changed: see test_with_transaction.


# Classes of other packages ----------------------------------------------------------------------


class TracedDatabase(AgnosticDatabase):
    """As a tracing package has it: past the constructor of its base."""

    __motor_class_name__ = "MotorTracedDatabase"
    __delegate_class__ = Database

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        super(AgnosticBaseProperties, self).__init__(Database(client.delegate, name))


class TracedCollection(AgnosticCollection):
    __motor_class_name__ = "MotorTracedCollection"
    __delegate_class__ = Collection

    def __init__(self, database: Any, name: str) -> None:
        self.database = database
        super(AgnosticBaseProperties, self).__init__(Collection(database.delegate, name))


@pytest.fixture
def framework_module(framework: Framework) -> ModuleType:
    return importlib.import_module(f"motor.frameworks.{framework.name}")


async def test_packages_may_construct_past_a_base(
    framework: Framework, framework_module: ModuleType, client: Any, db: Any
) -> None:
    create = metaprogramming.create_class_with_framework
    database = create(TracedDatabase, framework_module, __name__)(client, db.name)
    assert database.client is client
    assert await database.command("ping")
    collection = create(TracedCollection, framework_module, __name__)(db, "traced")
    assert collection.database is db
    await collection.insert_one({"_id": 1})
    assert await collection.find({}).to_list() == [{"_id": 1}]
    assert collection.get_io_loop() is client.get_io_loop()


class Store:
    """A library's blocking object."""

    def __init__(self, session: Any = None) -> None:
        self.session = session

    def open(self, name: str, session: Any = None) -> Store:
        """Open a store."""
        return Store((name, session))


async def test_asynchronize_makes_methods(
    framework: Framework, framework_module: ModuleType, client: Any
) -> None:
    class AsyncStore:
        def __init__(self, delegate: Store) -> None:
            self.delegate = delegate

        def get_io_loop(self) -> Any:
            return framework.current_loop()

        def wrap(self, delegate: Store) -> AsyncStore:
            return AsyncStore(delegate)

        open = metaprogramming.asynchronize(framework_module, Store.open)
        open_wrapped = metaprogramming.asynchronize(
            framework_module, Store.open, doc="Another.", wrap_class=Store
        )

    store = AsyncStore(Store())
    async with client.start_session() as session:
        opened = await store.open("a", session=session)
        assert opened.session == ("a", session.delegate)
        wrapped = await store.open_wrapped("b", session)
        assert isinstance(wrapped, AsyncStore)
        assert wrapped.delegate.session == ("b", session.delegate)
    assert AsyncStore.open.__doc__ == "Open a store."
    assert AsyncStore.open_wrapped.__doc__ == "Another."
    assert AsyncStore.open.__name__ == AsyncStore.open.pymongo_method_name == "open"
    assert AsyncStore.open.is_async_method
    assert AsyncStore.open_wrapped.is_wrap_method


async def test_sessions_are_unwrapped_and_nothing_else(client: Any, db: Any) -> None:
    async with client.start_session() as session:
        args = metaprogramming.unwrap_args_session([1, session, db])
        assert tuple(args) == (1, session.delegate, db)
        kwargs = metaprogramming.unwrap_kwargs_session({"a": 1, "session": session})
        assert kwargs == {"a": 1, "session": session.delegate}
