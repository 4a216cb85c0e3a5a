"""What all Motor objects have: a delegate, a client, and calls from one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession

from motor.core import legacy_hooks
from motor.core.arguments import NamesMisfits, misfit
from motor.core.await_time import AwaitTime
from motor.core.fetching import Fetch
from motor.core.keywords import UsualKeywords
from motor.core.pickling import NotPicklable
from motor.core.reads_under_way import ReadsUnderWay
from motor.core.redaction import shown
from motor.core.reference import Reference
from motor.declarations import check_has
from motor.execution.awaiting import AwaitingPool
from motor.execution.call import Caller, submit
from motor.execution.deferred import DeferredOperation
from motor.execution.future import OperationFuture
from motor.execution.jobs import Pool
from motor.execution.serial_queue import SerialQueue
from motor.frameworks import Framework
from motor.frameworks.common import NO_LOOP
from motor.metaprogramming import InstanceAttribute, create_class_with_framework

__all__ = [
    "AgnosticBase",
    "bound_queue",
    "register_delegate",
    "unwrap",
    "unwrap_arguments",
]

T = TypeVar("T")

#: The queue of the session that is bound to the context: its operations do not name it.
bound_queue: ContextVar[SerialQueue | None] = ContextVar("bound_queue", default=None)

#: Which agnostic class stands for which PyMongo class.
_registry: dict[type, type[AgnosticBase]] = {}


#: The same for the classes of earlier results; None: they are not wrapped. When the registry
#: changes, a new dictionary replaces it. It is not emptied, because workers may be reading it.
_known: dict[type, type[AgnosticBase] | None] = {}


def register_delegate(delegate_class: type, agnostic_class: type[AgnosticBase]) -> None:
    """Let objects of `delegate_class`, and of its subclasses, be wrapped as `agnostic_class`."""
    global _known
    _registry[delegate_class] = agnostic_class
    _known = {}


def _agnostic_class_for(delegate_class: type) -> type[AgnosticBase] | None:
    known = _known
    found = next((_registry[base] for base in delegate_class.__mro__ if base in _registry), None)
    known[delegate_class] = found
    return found


def unwrap(value: Any) -> Any:
    """The PyMongo object that a Motor object stands for; other values unchanged."""
    return value.delegate if isinstance(value, AgnosticBase) else value


def unwrap_arguments(
    args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any], SerialQueue | None]:
    """The arguments as PyMongo takes them, and the queue of the session among them, or bound."""
    queue = bound_queue.get()
    if kwargs.get("session") is not None:
        _check_session(kwargs["session"])
    for value in args:
        if isinstance(value, AgnosticBase):
            found = (v._queue for v in args if isinstance(v, AgnosticBase) and v._queue)
            queue = next(found, queue)
            args = tuple(map(unwrap, args))
            break
    for value in kwargs.values():
        if isinstance(value, AgnosticBase):
            found = (v._queue for v in kwargs.values() if isinstance(v, AgnosticBase) and v._queue)
            queue = next(found, queue)
            kwargs = {name: unwrap(v) for name, v in kwargs.items()}
            break
    return args, kwargs, queue


def _check_session(session: Any) -> None:
    # Not by class: mongomock has sessions of its own.
    if isinstance(session, AsyncClientSession) or not hasattr(type(session), "end_session"):
        raise ValueError(
            "'session' argument must be a ClientSession or None: what start_session() of this "
            f"client returns, not {session!r}"
        )


class ClientServices(Protocol):
    """What a Motor object needs of its client."""

    delegate: Any
    _closed: bool
    #: Where its calls run, and how the batches of its cursors are fetched.
    _pool: Pool
    _fetch: Fetch
    _await_time: AwaitTime
    #: What would leave cursors at the server if it closed now.
    _reads: ReadsUnderWay

    @property
    def _awaiting_pool(self) -> AwaitingPool: ...

    def get_io_loop(self) -> Any: ...

    def _use(self, loop: asyncio.AbstractEventLoop) -> None: ...

    def _loop_of_thread(self) -> asyncio.AbstractEventLoop | None: ...

    def _resolved(self, value: T) -> OperationFuture[T]: ...

    def _submit_awaiting(
        self, function: Callable[[], T], queue: SerialQueue
    ) -> OperationFuture[T]: ...

    def _session_for(self, delegate: Any, session_class: Any) -> Any: ...


class AgnosticBase(NamesMisfits, NotPicklable):
    """The base of all Motor classes: an object that stands for one of PyMongo's, its *delegate*.

    Two objects are equal if their delegates are.
    """

    #: The module of the framework that the class was made for.
    _framework: ClassVar[Framework]
    #: The PyMongo class that is wrapped, and its twin in PyMongo's async API.
    __delegate_class__: ClassVar[type]
    __async_class__: ClassVar[type]
    #: The class's name without the framework's prefix.
    __motor_class_name__: ClassVar[str]

    #: Which keywords the methods of the PyMongo class take.
    _usual: ClassVar[UsualKeywords] = UsualKeywords(object)
    #: What its derived methods say of themselves first.
    _reference: ClassVar[Reference] = {}

    #: What runs one after the other with other calls on this object: sessions have one.
    _queue: SerialQueue | None = None

    delegate: Any = InstanceAttribute("The PyMongo object that this one stands for.")
    #: The Motor client that this object belongs to.
    _client: ClientServices

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "__delegate_class__" in own:
            cls._usual = UsualKeywords(own["__delegate_class__"])
        if "__delegate_class__" in own and "__motor_class_name__" in own:
            _registry.setdefault(own["__delegate_class__"], cls)

    def __init__(self, delegate: Any) -> None:
        self.delegate = delegate

    def __eq__(self, other: object, /) -> bool:
        if isinstance(other, self.__class__):
            return bool(self.delegate == other.delegate)
        return NotImplemented

    #: Classes with names, such as databases, define it again.
    __hash__: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown(self.delegate)})"

    def __class_getitem__(cls, item: Any) -> Any:
        """The class itself, so that annotations such as ``AsyncIOMotorCollection[dict]`` run."""
        return cls

    @classmethod
    def _from_delegate(cls, delegate: Any, owner: Any) -> Any:
        """The Motor object for `delegate`, which a call on `owner` has returned."""
        raise NotImplementedError

    def get_io_loop(self) -> Any:
        """The event loop that this object's client uses when none is running.

        Returns the client's `io_loop`, or the one that runs, or the one set for this thread: an
        asyncio loop or a Tornado IOLoop. Raises RuntimeError when there is none.
        """
        return self._client.get_io_loop()

    # How calls get to the delegate, and results back.

    def _agnostic(self, agnostic_class: type[T]) -> type[T]:
        """The class of this object's framework for an agnostic class."""
        framework = self._framework
        made: type[T] = create_class_with_framework(agnostic_class, framework, framework.FRONT)
        return made

    def _class_for(self, delegate_class: type) -> type[Any]:
        """The class of this object's framework that stands for a PyMongo class."""
        return self._agnostic(_registry[delegate_class])

    def _require(self, value: Any, delegate_class: type, what: str) -> None:
        """Raise TypeError unless `value` is this framework's Motor object for a PyMongo class."""
        wanted = self._class_for(delegate_class)
        if not isinstance(value, wanted):
            raise TypeError(f"{what} must be {wanted.__name__}, not {shown(value)}")

    def _wrap(self, value: Any) -> Any:
        """The Motor object for a PyMongo object that came from this one; other values unchanged."""
        kind, known = type(value), _known
        agnostic_class = known[kind] if kind in known else _agnostic_class_for(kind)
        if agnostic_class is None:
            return value
        if value is self.delegate:
            return self
        return self._agnostic(agnostic_class)._from_delegate(value, self)

    def wrap(self, obj: Any) -> Any:
        """The Motor object for a PyMongo object that came from this one; other values unchanged."""
        return self._wrap(obj)

    def _loop(self) -> asyncio.AbstractEventLoop:
        """The asyncio loop that a call made now belongs to. Raises RuntimeError without one."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            found = self._loop_elsewhere()
            if found is None:
                raise RuntimeError(NO_LOOP) from None
            return found

    def _loop_elsewhere(self) -> asyncio.AbstractEventLoop | None:
        """The asyncio loop that a call belongs to, where none runs; None: there is none."""
        return self._client._loop_of_thread()

    def _submit(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> OperationFuture[Any]:
        """Start the delegate's method `name` on a worker.

        Where there is no loop, it returns a `DeferredOperation`, which can be awaited, too.
        """
        if kwargs and not self._usual[name](kwargs):
            old_call = legacy_hooks.refused(self, name, args, kwargs)
            if old_call is not None:
                return old_call()  # type: ignore[no-any-return]
            self._check(name, args, kwargs)
        plain_args, plain_kwargs, queue = unwrap_arguments(args, kwargs)
        client = self._client
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            found = self._loop_elsewhere()
            if found is None:
                again = partial(self._submit, name, args, kwargs)
                what = f"{type(self).__name__}.{name}"
                return DeferredOperation(again, what)  # type: ignore[return-value]
            loop = found
        client._use(loop)
        method = getattr(self.delegate, name)
        if not callable(method):
            check_has(self.delegate, name)
        return submit(
            client._pool,
            loop,
            method,
            plain_args,
            plain_kwargs,
            queue=self._queue or queue,
            caller=self,
        )

    def _submit_function(
        self,
        function: Callable[..., T],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue: SerialQueue | None = None,
        caller: Caller | None = None,
    ) -> OperationFuture[T]:
        """Start a blocking function, with arguments unwrapped, on a worker of the client's pool.

        Where there is no loop, a `DeferredOperation` is returned, which can be awaited alike.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            found = self._loop_elsewhere()
            if found is None:
                how = {"queue": queue, "caller": caller}
                again = partial(self._submit_function, function, args, kwargs, **how)  # type: ignore[arg-type]
                what = f"{type(self).__name__}.{getattr(function, '__name__', function)}"
                return DeferredOperation(again, what)  # type: ignore[return-value]
            loop = found
        client = self._client
        client._use(loop)
        return submit(client._pool, loop, function, args, kwargs or {}, queue=queue, caller=caller)

    @classmethod
    def _call_on_class(cls, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a class method or static method of the PyMongo class, and wrap its result.

        It belongs to the Motor object among the arguments; a client belongs to itself.
        """
        owners = (v for v in (*args, *kwargs.values()) if isinstance(v, AgnosticBase))
        owner = next(owners, None)
        args, kwargs, _ = unwrap_arguments(args, kwargs)
        result = getattr(cls.__delegate_class__, name)(*args, **kwargs)
        if owner is not None:
            return owner._wrap(result)
        adopt: Any = getattr(cls, "from_delegate", None)
        is_own = adopt is not None and isinstance(result, cls.__delegate_class__)
        return adopt(result) if is_own else result

    def _call_in_place(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the delegate's method `name`, which does not block, and wrap its result."""
        if kwargs and not self._usual[name](kwargs):
            old_call = legacy_hooks.refused(self, name, args, kwargs)
            if old_call is not None:
                return old_call()
        args, kwargs, _ = unwrap_arguments(args, kwargs)
        method = getattr(self.delegate, name)
        try:
            if not callable(method):
                check_has(self.delegate, name)
            return self._wrap(method(*args, **kwargs))
        except TypeError:
            error = misfit(f"{type(self).__name__}.{name}", method, args, kwargs)
            if error is None:
                raise
        raise error
