"""Clients: connections to a MongoDB deployment, usable from any event loop in any thread."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

from bson.codec_options import CodecOptions
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.driver_info import DriverInfo
from pymongo.errors import ConfigurationError, InvalidOperation
from pymongo.mongo_client import MongoClient

from motor import pymongo_internals
from motor._version import version
from motor.core import bridge, topology
from motor.core.base import unwrap
from motor.core.foreign import adopt
from motor.core.namespace import Namespace
from motor.core.redaction import shown
from motor.core.waiting import WaitingLane
from motor.executor import WorkerPool, default_pool, pool_on
from motor.loop_runner import LoopRunner
from motor.metaprogramming import takes_arguments_of
from motor.operation import Discard, OperationFuture, submit
from motor.runner_registry import runner_of
from motor.serial_queue import SerialQueue
from motor.slices import NO_TYPES

__all__ = ["AgnosticClient", "Done"]

T = TypeVar("T")

#: Where ``connect`` stands among the positional arguments of ``MongoClient``.
_CONNECT_POSITION = 4


class AgnosticClient(Namespace):
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

    @takes_arguments_of(MongoClient.__init__)
    def __init__(
        self,
        *args: Any,
        io_loop: Any = None,
        executor: ThreadPoolExecutor | None = None,
        **kwargs: Any,
    ) -> None:
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
            kwargs["auto_encryption_opts"] = pymongo_internals.with_key_vault(
                kwargs["auto_encryption_opts"], unwrap
            )
        own_info = _driver_info(self._framework.platform_info())
        if user_info is not None and not hasattr(MongoClient, "append_metadata"):
            # PyMongo before 4.14 takes several drivers as one, their names joined by bars.
            own_info, user_info = _joined(own_info, user_info), None
        kwargs = {**pymongo_internals.client_options(), **kwargs, "driver": own_info}
        super().__init__(self._make_delegate(args, kwargs))
        self._gives_way = executor is None and pymongo_internals.can_give_way(self.delegate)
        if user_info is not None:
            self.delegate.append_metadata(user_info)

    def _make_delegate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.__delegate_class__(*args, **kwargs)
        except (AttributeError, ConfigurationError, TypeError, ValueError):
            make_as_of_old = bridge.refused(self.__delegate_class__, "__init__", args, kwargs)
            if make_as_of_old is None:
                _check_host(args[0] if args else kwargs.get("host"))
                raise
        return make_as_of_old()

    def _set_up(self, io_loop: Any, executor: ThreadPoolExecutor | None) -> None:
        if io_loop is not None:
            self._framework.check_event_loop(io_loop)
        self._io_loop = io_loop
        self._own_pool = None if executor is None else pool_on(executor)
        if executor is None:
            # A bad MOTOR_MAX_WORKERS shall be told of here, not at the first operation.
            default_pool()
        self._client = self
        self._closed = False
        self._closing: OperationFuture[None] | None = None
        self._begun = False
        self._gives_way = False
        self._connected = False
        self._no_types = NO_TYPES
        self._lane: WaitingLane | None = None
        self._sessions: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    @classmethod
    def from_delegate(
        cls, delegate: Any, *, io_loop: Any = None, executor: ThreadPoolExecutor | None = None
    ) -> Any:
        """A Motor client around a synchronous client that exists, and that others may go on using.

        - `delegate`: a :class:`pymongo.mongo_client.MongoClient`, or an object with its interface,
          such as a ``mongomock.MongoClient``
        - `io_loop`, `executor`: see the class

        Closing the Motor client closes `delegate`. Raises TypeError when `delegate` is not a
        synchronous client.
        """
        adopt(delegate, cls.__name__)
        client = cls.__new__(cls)
        client._set_up(io_loop, executor)
        client.delegate = delegate
        # The class is asked, because a client has any name as an attribute: it is a database.
        if isinstance(delegate, MongoClient) and hasattr(MongoClient, "append_metadata"):
            delegate.append_metadata(_driver_info(cls._framework.platform_info()))
        return client

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        return owner._client

    # Loops, workers, life and death.

    @property
    def io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running."""
        return self.get_io_loop()

    def get_io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running.

        Returns the `io_loop` of the constructor, or the loop that runs, or the one set for this
        thread. Raises RuntimeError when there is none.
        """
        return self._io_loop if self._io_loop is not None else self._framework.get_event_loop()

    @property
    def _pool(self) -> WorkerPool:
        return self._own_pool or default_pool()

    def _loop_runner(self, options: CodecOptions[Any]) -> LoopRunner | None:
        """What runs brief calls on the thread of the loop that runs there; None: workers do.

        - `options`: those of the call. With types of the user's, whose code may block, workers do
        """
        if not self._gives_way:
            return None
        if not self._connected:
            # An operation that waits for the first connection shall not need the loop for that.
            self._connected = pymongo_internals.has_connection(self.delegate)
            if not self._connected:
                return None
        types = options.type_registry
        if types is not self._no_types:
            if types != NO_TYPES:
                return None
            # Most databases and collections have their client's.
            self._no_types = types
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        return runner_of(loop, self._pool)

    @property
    def _waiting_lane(self) -> WaitingLane:
        if self._lane is None:
            options = getattr(self.delegate, "options", None)
            pool_options = getattr(options, "pool_options", None)
            self._lane = WaitingLane(getattr(pool_options, "max_pool_size", None))
        return self._lane

    def _submit_waiting(
        self, function: Callable[[], T], queue: SerialQueue, discard: Discard | None
    ) -> OperationFuture[T]:
        """Start a function that waits for data, on a worker of the lane for such."""
        self._check_open()
        pool = self._waiting_lane.pool
        return submit(pool, self._loop(), function, queue=queue, discard=discard)

    def _resolved(self, value: T) -> OperationFuture[T]:
        """A future that has its result already."""
        future: OperationFuture[T] = OperationFuture(loop=self._loop())
        future.set_result(value)
        return future

    def _check_open(self) -> None:
        """See that an operation can start. Raises InvalidOperation when the client was closed."""
        if self._closed:
            raise InvalidOperation(
                f"Cannot use {type(self).__name__} after close(): make a new client"
            )
        if not self._begun:
            self._begun = True
            pymongo_internals.begin_to_connect(self.delegate)

    def close(self) -> Any:
        """End the client's sessions on the server, and close all connections.

        Never blocks an event loop: with one running it goes on in the background, and may be
        awaited. With none running it is done when the call returns. The client cannot be used
        again. Closing it twice is no error. A cursor that is still being read stays open on the
        server until the server gives it up: close it first.
        """
        delegate = self.delegate
        first_time, self._closed = not self._closed, True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if first_time:
                delegate.close()
            return Done()
        if first_time:
            try:
                self._closing = submit(self._pool, loop, delegate.close)
            except RuntimeError:
                # The application has shut down the client's own executor already.
                self._closing = submit(default_pool(), loop, delegate.close)
        elif self._closing is None or self._closing.get_loop() is not loop:
            return Done()
        return self._closing

    aclose = close

    def aconnect(self) -> OperationFuture[None]:
        """Start connecting, ahead of the first operation. Returns a future of None.

        Unreachable servers are no error: the first operation will report them.
        """
        return self._submit_function(pymongo_internals.connect, (self.delegate,))

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

    @takes_arguments_of(MongoClient.start_session)
    def start_session(self, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.mongo_client.MongoClient.start_session`.

        Returns the session at once, for ``async with``, with or without ``await`` before it.
        """
        self._check_open()
        return self._wrap(self.delegate.start_session(*args, **kwargs))

    def _session_for(self, delegate: Any, session_class: Any) -> Any:
        """The one Motor session that stands for a PyMongo session."""
        found = self._sessions.get(delegate)
        session = None if found is None else found()
        if session is None:
            session = session_class(delegate, self)
            # Weakly on both sides: the session refers to its delegate, which is the key.
            self._sessions[delegate] = weakref.ref(session)
        return session

    # What PyMongo's properties would wait for, these answer from what it knows already.

    @property
    def address(self) -> topology.Address | None:
        """The (host, port) of the standalone, primary or mongos; None while none is known.

        Raises InvalidOperation with several mongos, of which none is *the* server: see `nodes`.
        """
        return topology.address(self.delegate)

    @property
    def primary(self) -> topology.Address | None:
        """The (host, port) of the replica set's primary; None while none is known."""
        return topology.primary(self.delegate)

    @property
    def secondaries(self) -> set[topology.Address]:
        """The (host, port) of each secondary of the replica set that is known."""
        return topology.secondaries(self.delegate)

    @property
    def arbiters(self) -> set[topology.Address]:
        """The (host, port) of each arbiter of the replica set that is known."""
        return topology.arbiters(self.delegate)

    @property
    def is_primary(self) -> bool:
        """Whether a server is known that takes writes: a standalone, a mongos, or a primary."""
        return topology.is_primary(self.delegate)

    @property
    def is_mongos(self) -> bool:
        """Whether the known server is a mongos."""
        return topology.is_mongos(self.delegate)


class Done(Coroutine[Any, Any, None]):
    """What closing returns when there is nothing to wait for any more: it may be awaited, or made a
    task of, like the future that closing returns otherwise.
    """

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()

    def send(self, value: Any) -> NoReturn:
        """Be done."""
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, traceback: Any = None, /) -> NoReturn:
        """Raise the exception."""
        raise kind

    def close(self) -> None:
        """Do nothing: there is nothing left to close."""


def _check_host(host: object) -> None:
    if not isinstance(host, str | list | tuple | set | frozenset | None) or not all(
        isinstance(each, str) for each in host or ()
    ):
        raise TypeError(
            f"host must be a host name, a connection string, or a list of these, not {shown(host)}"
        ) from None


def _driver_info(platform: str) -> DriverInfo:
    return DriverInfo("Motor", version, platform)


def _joined(first: DriverInfo, second: DriverInfo) -> DriverInfo:
    return DriverInfo(
        *("|".join(part or "" for part in parts) for parts in zip(first, second, strict=True))
    )
