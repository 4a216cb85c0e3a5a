"""Clients: connections to a MongoDB deployment, usable from any event loop in any thread."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.driver_info import DriverInfo
from pymongo.errors import ConfigurationError, InvalidOperation
from pymongo.mongo_client import MongoClient

from motor import accelerators
from motor.core import legacy_hooks, reference
from motor.core.await_time import AwaitTime, FixedAwaitTime
from motor.core.client_options import check_host, unwrapped
from motor.core.compatible_clients import check_compatible
from motor.core.connecting import (
    THREADS_START_AT_EXIT,
    Done,
    begin_to_connect,
    begin_to_connect_elsewhere,
    driver_info,
    joined,
)
from motor.core.fetching import Fetch, fetch_publicly
from motor.core.loops import needs_loop
from motor.core.namespace import Namespace
from motor.core.reads_under_way import ReadsUnderWay
from motor.core.topology import KnownServers
from motor.execution.awaiting import AwaitingPool
from motor.execution.call import submit
from motor.execution.default import default_executor
from motor.execution.future import OperationFuture
from motor.execution.jobs import Pool
from motor.execution.serial_queue import SerialQueue
from motor.execution.users_executor import UsersExecutor
from motor.frameworks.common import loop_is_set
from motor.metaprogramming import AwaitedCursor, coroutine_annotation, takes_arguments_of

__all__ = ["AgnosticClient"]

T = TypeVar("T")

#: Where ``connect`` stands among the positional arguments of ``MongoClient``.
_CONNECT_POSITION = 4


class AgnosticClient(KnownServers, Namespace):
    """A client for a MongoDB deployment: one node, a replica set, or a sharded cluster.

    Takes the arguments and the URI options of :class:`pymongo.mongo_client.MongoClient`, and two
    more:

    - `io_loop`: the event loop that calls belong to when they are made while none is running: an
      asyncio loop, or for Tornado's classes an IOLoop. None: the one set for the calling thread
    - `executor`: a ``concurrent.futures.ThreadPoolExecutor`` whose threads run this client's calls.
      None: Motor's own, which all clients share

    It connects at the first operation, unless ``connect=True`` is passed.
    """

    __motor_class_name__ = "MotorClient"
    __delegate_class__ = MongoClient
    __async_class__ = AsyncMongoClient
    _reference = reference.CLIENT

    list_databases: Any = AwaitedCursor()

    _fetch: Fetch = staticmethod(fetch_publicly)
    _await_time: AwaitTime = FixedAwaitTime()
    _awaiting: AwaitingPool
    _pool: Pool

    @takes_arguments_of(MongoClient.__init__)
    def __init__(
        self,
        *args: Any,
        io_loop: Any = None,
        executor: ThreadPoolExecutor | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a client. Its arguments are those of PyMongo's, and two more: see the class."""
        self._set_up(io_loop, executor)
        if len(args) <= _CONNECT_POSITION:
            kwargs.setdefault("connect", False)
        user_info = kwargs.pop("driver", None)
        if user_info is not None and not isinstance(user_info, DriverInfo):
            raise TypeError(
                f"Incorrect type for `driver` {type(user_info)}; expected value of type "
                "pymongo.driver_info.DriverInfo"
            )
        if kwargs.get("auto_encryption_opts") is not None:
            kwargs["auto_encryption_opts"] = unwrapped(kwargs["auto_encryption_opts"])
        info = joined(driver_info(self._framework.platform_info()), user_info)
        self._needs_name_server = "mongodb+srv:" in str(args[:1] or kwargs.get("host"))
        delegate = self._make_delegate(args, {**kwargs, "driver": info})
        self._accelerate_calls(delegate)
        super().__init__(delegate)

    def _make_delegate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        used = accelerators.in_use()
        delegate = self._pymongo_client(args, {**used.client_options, **kwargs})
        self._fetch = used.fetch_of(delegate) or fetch_publicly
        self._await_time = used.await_time or FixedAwaitTime()
        return delegate

    def _accelerate_calls(self, delegate: Any) -> None:
        self._pool = accelerators.in_use().pool_of(self._pool, delegate)

    def _pymongo_client(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.__delegate_class__(*args, **kwargs)
        except (AttributeError, ConfigurationError, TypeError, ValueError):
            make_old = legacy_hooks.refused(self.__delegate_class__, "__init__", args, kwargs)
            if make_old is None:
                check_host(args[0] if args else kwargs.get("host"))
                raise
        return make_old()

    def _set_up(self, io_loop: Any, executor: ThreadPoolExecutor | None) -> None:
        if io_loop is not None:
            self._framework.check_event_loop(io_loop)
        self._io_loop = io_loop
        self._pool = default_executor() if executor is None else UsersExecutor(executor)
        self._client = self
        self._closed = self._begun = self._needs_name_server = False
        self._closing: OperationFuture[None] | None = None
        #: The loop that it was last used on, the framework's and asyncio's.
        self._used_loop: Callable[[], Any] = lambda: None
        self._used_asyncio_loop: Callable[[], Any] = lambda: None
        self._reads = ReadsUnderWay()
        self._sessions: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._queues: weakref.WeakKeyDictionary[Any, SerialQueue] = weakref.WeakKeyDictionary()

    @classmethod
    def from_delegate(
        cls, delegate: Any, *, io_loop: Any = None, executor: ThreadPoolExecutor | None = None
    ) -> Any:
        """A Motor client around an existing synchronous client, which other code may still use.

        - `delegate`: a :class:`pymongo.mongo_client.MongoClient`, or an object with its interface,
          such as a ``mongomock.MongoClient``
        - `io_loop`, `executor`: see the class

        Closing the Motor client closes `delegate`. Raises TypeError when `delegate` is not a
        synchronous client.
        """
        check_compatible(delegate, cls.__name__)
        client = cls.__new__(cls)
        client._set_up(io_loop, executor)
        client.delegate = delegate
        # The class is asked, because a client has any name as an attribute: it is a database.
        if isinstance(delegate, MongoClient) and hasattr(MongoClient, "append_metadata"):
            delegate.append_metadata(driver_info(cls._framework.platform_info()))
        return client

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        return owner._client

    # Loops, workers, connecting and closing.

    @property
    def io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running."""
        return self.get_io_loop()

    def get_io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running.

        Returns the `io_loop` of the constructor, or the loop that runs, or the one that the client
        was last used on, if that runs in another thread, or the one set for this thread. Raises
        RuntimeError when there is none.
        """
        if self._io_loop is not None:
            return self._io_loop
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            used = self._used_loop()
            if used is not None and self._framework.asyncio_loop(used).is_running():
                return used
        return self._framework.get_event_loop()

    def _loop_of_thread(self) -> asyncio.AbstractEventLoop | None:
        """The asyncio loop that calls belong to which are made where none runs; None: no such."""
        # An application may have assigned a function of its own.
        known = self._io_loop is not None or "get_io_loop" in vars(self)
        used = self._used_loop()
        if not known and not loop_is_set():
            if used is None or not self._framework.asyncio_loop(used).is_running():
                return None
            return self._framework.asyncio_loop(used)
        try:
            return self._framework.asyncio_loop(self.get_io_loop())
        except RuntimeError:
            return None

    @property
    def _awaiting_pool(self) -> AwaitingPool:
        if "_awaiting" not in vars(self):
            options = self.delegate.options if isinstance(self.delegate, MongoClient) else None
            most = getattr(getattr(options, "pool_options", None), "max_pool_size", None)
            # Two threads may come here at once, and get the same one.
            vars(self).setdefault("_awaiting", AwaitingPool(most))
        return self._awaiting

    def _submit_awaiting(self, function: Callable[[], T], queue: SerialQueue) -> OperationFuture[T]:
        """Start a function that awaits data, on a worker of the pool for such."""
        loop = self._loop()
        self._use(loop)
        return submit(self._awaiting_pool, loop, function, queue=queue)

    @needs_loop
    def _resolved(self, value: T) -> OperationFuture[T]:
        """A future that has its result already."""
        future: OperationFuture[T] = OperationFuture(loop=self._loop())
        future.set_result(value)
        return future

    def _use(self, loop: asyncio.AbstractEventLoop) -> None:
        """See that an operation can start on `loop`, and remember it.

        Raises InvalidOperation when the client was closed.
        """
        self._check_open()
        if self._used_asyncio_loop() is not loop:
            self._used_asyncio_loop = weakref.ref(loop)
            if loop.is_running():
                self._used_loop = weakref.ref(self._framework.framework_loop(loop))

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidOperation(
                f"Cannot use {type(self).__name__} after close(): make a new client"
            )
        if not self._begun:
            self._begun = True
            if not THREADS_START_AT_EXIT and not self._needs_name_server:
                begin_to_connect_elsewhere(self.delegate)

    def close(self) -> Any:
        """Close all connections, and end the sessions on the server. Returns what can be awaited.

        ::

            await client.close()

        Never blocks an event loop: with one running it goes on in the background, and may be
        awaited. With none running it is done when the call returns. The client cannot be used
        again. Closing it twice is no error. Reads that are under way, also cancelled ones,
        get two seconds to end, and their cursors are closed. Other cursors and change streams that
        you still hold stay open on the server until it gives them up: close them first.
        """
        delegate = self.delegate
        first_time, self._closed = not self._closed, True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if first_time:
                self._reads.close(delegate)
            return Done()
        if first_time:
            try:
                self._closing = submit(self._pool, loop, self._reads.close, (delegate,))
            except RuntimeError:
                # The application has already shut down the client's own executor.
                self._closing = submit(default_executor(), loop, self._reads.close, (delegate,))
        elif self._closing is None or self._closing.get_loop() is not loop:
            return Done()
        return self._closing

    @coroutine_annotation
    def aclose(self) -> Any:
        """Like :meth:`close`, by the name that PyMongo's async API has for it."""
        return self.close()

    @coroutine_annotation
    @needs_loop
    def aconnect(self) -> OperationFuture[None]:
        """Start connecting, ahead of the first operation. Returns a future of None.

        Unreachable servers are no error: the first operation will report them.
        """
        return self._submit_function(begin_to_connect, (self.delegate,))

    async def __aenter__(self) -> Any:
        await self.aconnect()
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()

    def _name_hint(self, name: str) -> str:
        return f"To access the {name} database, use client['{name}']."

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError: a client is not a function."""
        raise TypeError(f"{type(self).__name__} object is not callable")

    # Sessions.

    @coroutine_annotation
    @takes_arguments_of(MongoClient.start_session)
    def start_session(self, *args: Any, **kwargs: Any) -> Any:
        """Start a session. Returns it at once, for ``async with``, with or without ``await``.

        ::

            async with client.start_session() as session:
                await books.insert_one({"title": "Emma"}, session=session)
        """
        self._check_open()
        return self._call_in_place("start_session", args, kwargs)

    def _session_for(self, delegate: Any, session_class: Any) -> Any:
        """The one Motor session that stands for a PyMongo session."""
        found = self._sessions.get(delegate)
        session = None if found is None else found()
        if session is None:
            session = session_class(delegate, self)
            # The queue of one before this, or of another thread that comes here now, may be busy.
            session._queue = self._queues.setdefault(delegate, session._queue)
            # Weakly on both sides: the session refers to its delegate, which is the key.
            self._sessions[delegate] = weakref.ref(session)
        return session
