"""Sessions and transactions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from motor.core import reference
from motor.core.base import AgnosticBase, bound_queue
from motor.core.loops import needs_loop
from motor.core.self_awaiting import SelfAwaiting
from motor.core.transaction_errors import commit_unknown, labelled, late, timeout_error
from motor.execution.future import OperationFuture
from motor.execution.serial_queue import SerialQueue
from motor.metaprogramming import (
    AsyncCommand,
    ReadOnlyProperty,
    coroutine_annotation,
    takes_arguments_of,
)

__all__ = ["AgnosticClientSession", "BoundSession", "TransactionContext"]

# These numbers (in seconds) are from the specification "Convenient API for Transactions". A third
# one, how long to try again, is in `motor.core`, where the tests of other packages change it.
_FIRST_BACKOFF = 0.005
_LONGEST_BACKOFF = 0.5
_BACKOFF_GROWTH = 1.5

S = TypeVar("S")


class _AsyncContext(SelfAwaiting):
    """A context for ``async with``, entered at its making: awaiting it gives the context itself."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._session!r}>"

    def __enter__(self) -> Any:
        raise RuntimeError(f'Use "async with", not "with", with {type(self._session).__name__}')

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        """Only here so that ``with`` gets as far as `__enter__`, which refuses."""


class TransactionContext(_AsyncContext):
    """Commits the session's transaction at the end of a block, or aborts it after an exception."""

    async def __aenter__(self) -> TransactionContext:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if not self._session.in_transaction:
            return
        if exc_val is None:
            await self._session.commit_transaction()
        else:
            await self._session.abort_transaction()


#: The name that Motor 3 had for it.
_MotorTransactionContext = TransactionContext


class BoundSession(_AsyncContext, Generic[S]):
    """Makes a session the one of all operations in a block."""

    def __init__(self, session: S, end_session: bool, options: Mapping[str, Any]) -> None:
        super().__init__(session)
        self._end_session = end_session
        # Ending the session blocks, so that is done here; PyMongo's part is a context variable.
        self._binding = self._session._call_in_place("bind", (), {"end_session": False, **options})

    async def __aenter__(self) -> S:
        self._binding.__enter__()
        self._token = bound_queue.set(self._session._queue)
        session: S = self._session
        return session

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        bound_queue.reset(self._token)
        self._binding.__exit__(exc_type, exc_val, exc_tb)
        if self._end_session:
            await self._session.end_session()


class AgnosticClientSession(SelfAwaiting, AgnosticBase):
    """A sequence of operations that belong together; see
    :class:`pymongo.client_session.ClientSession`.

    Operations that are started on one session at the same time run one after the other.
    """

    __motor_class_name__ = "MotorClientSession"
    __delegate_class__ = ClientSession
    __async_class__ = AsyncClientSession
    _reference = reference.SESSION

    abort_transaction: Any = AsyncCommand()
    commit_transaction: Any = AsyncCommand()
    in_transaction: Any = ReadOnlyProperty()

    def __init__(self, delegate: Any, motor_client: Any) -> None:
        super().__init__(delegate)
        self._client = motor_client
        self._queue = SerialQueue()

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        return owner._client._session_for(delegate, cls)

    @property
    def client(self) -> Any:
        """The client that the session was started from."""
        return self._client

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.end_session()

    def __enter__(self) -> Any:
        raise AttributeError(
            "Use Motor sessions like 'async with await client.start_session()', not 'with'"
        )

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        """Only here so that ``with`` gets as far as `__enter__`, which refuses."""

    def __copy__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} objects cannot be copied: start another with "
            "client.start_session()"
        )

    @coroutine_annotation
    @needs_loop
    @takes_arguments_of(ClientSession.end_session)
    def end_session(self, *args: Any, **kwargs: Any) -> OperationFuture[None]:
        """End the session, and abort its transaction if one is open. Returns a future of None.

        ::

            session = client.start_session()
            await session.end_session()

        ``async with client.start_session() as session:`` does it by itself. Ending a session twice
        is no error.
        """
        if self._client._closed:
            return self._client._resolved(None)
        return self._submit("end_session", args, kwargs)

    def start_transaction(
        self,
        read_concern: Any = None,
        write_concern: Any = None,
        read_preference: Any = None,
        max_commit_time_ms: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Start a transaction. Returns a context that commits it at its end, or aborts it.

        ::

            async with session.start_transaction():
                await books.insert_one({"title": "Emma"}, session=session)

        - `read_concern`, `write_concern`, `read_preference`: those of the transaction; None: those
          of the session, or of the client
        - `max_commit_time_ms`: how long (in ms) the server may take to commit
        - further keywords are passed on to PyMongo

        The context is for ``async with``, with or without ``await`` before it. It aborts the
        transaction after an exception. Raises InvalidOperation when a transaction is in progress or
        the session has ended. See :meth:`pymongo.client_session.ClientSession.start_transaction`.
        """
        options = (read_concern, write_concern, read_preference, max_commit_time_ms)
        self._call_in_place("start_transaction", options, kwargs)
        return TransactionContext(self)

    def bind(self, end_session: bool = True, **kwargs: Any) -> Any:
        """Let all operations in an ``async with`` block use this session without naming it.

        - `end_session`: whether the session ends with the block
        - further keywords are passed on to PyMongo

        Needs PyMongo 4.17 or later. See :meth:`pymongo.client_session.ClientSession.bind`.
        """
        if not hasattr(self.delegate, "bind"):
            raise AttributeError(
                "bind() needs PyMongo 4.17 or later: pass the session to each operation instead, "
                "or run 'pip install --upgrade pymongo'"
            )
        return BoundSession(self, end_session, kwargs)

    async def with_transaction(
        self,
        coro: Callable[[Any], Awaitable[Any]] | None = None,
        read_concern: Any = None,
        write_concern: Any = None,
        read_preference: Any = None,
        max_commit_time_ms: int | None = None,
        *,
        callback: Callable[[Any], Awaitable[Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run a coroutine function in a transaction, and repeat it where the server says that a
        new attempt may succeed. Returns what its last run returned, once that is committed.

        ::

            async def move(session):
                await books.insert_one({"title": "Emma"}, session=session)

            await session.with_transaction(move)

        - `coro`, or `callback`: takes the session and is awaited, maybe several times; it must pass
          the session on to its operations
        - the other arguments are those of :meth:`start_transaction`

        A run that fails with the label TransientTransactionError is repeated, and so is a commit
        whose result is unknown, for two minutes at most. See
        :meth:`pymongo.client_session.ClientSession.with_transaction`.
        """
        function = _one_callback(coro, callback)
        start = partial(
            self.start_transaction,
            read_concern,
            write_concern,
            read_preference,
            max_commit_time_ms,
            **kwargs,
        )
        started = time.monotonic()
        ceiling = _FIRST_BACKOFF
        while True:
            done, outcome = await self._attempt(function, start, started)
            if done:
                return outcome
            pause = random.random() * ceiling
            if late(started, pause):
                raise timeout_error(outcome) from outcome
            await asyncio.sleep(pause)
            ceiling = min(ceiling * _BACKOFF_GROWTH, _LONGEST_BACKOFF)

    async def _attempt(
        self, function: Callable[[Any], Awaitable[Any]], start: Callable[[], Any], started: float
    ) -> tuple[bool, Any]:
        """Run the function in a transaction and commit, as often as the commit's result is unknown.

        Returns True with the function's result; or False with the error, when all of it may be run
        again.
        """
        start()
        try:
            result = await _awaited(function, self)
        except BaseException as error:
            if self.in_transaction:
                await self.abort_transaction()
            if not labelled(error, "TransientTransactionError"):
                raise
            if late(started):
                raise timeout_error(error) from error
            return False, error
        if not self.in_transaction:
            # The function has ended the transaction itself.
            return True, result
        while True:
            try:
                await self.commit_transaction()
                return True, result
            except PyMongoError as error:
                unknown = commit_unknown(error)
                if not unknown and not labelled(error, "TransientTransactionError"):
                    raise
                if late(started):
                    raise timeout_error(error) from error
                if not unknown:
                    return False, error


def _one_callback(*given: Any) -> Callable[[Any], Awaitable[Any]]:
    functions = [function for function in given if function is not None]
    if len(functions) != 1 or not callable(functions[0]):
        raise TypeError(
            "with_transaction() takes one coroutine function, called with the session, as its "
            f"first argument, not {functions[0] if functions else None!r}"
        )
    function: Callable[[Any], Awaitable[Any]] = functions[0]
    return function


async def _awaited(function: Callable[[Any], Awaitable[Any]], session: Any) -> Any:
    awaitable = function(session)
    if not hasattr(awaitable, "__await__"):
        raise TypeError(
            f"object {type(awaitable).__name__} can't be used in 'await' expression: the callback "
            f"of with_transaction() must be a coroutine function, and {function!r} is not one"
        )
    return await awaitable
