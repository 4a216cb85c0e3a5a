"""What all Motor objects are: a delegate, a client, and the way between them and PyMongo."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession

from motor.core import bridge
from motor.core.brief import is_small
from motor.core.keywords import UsualKeywords
from motor.core.redaction import shown
from motor.operation import Discard, OperationFuture, submit
from motor.serial_queue import SerialQueue

if TYPE_CHECKING:
    from bson.codec_options import CodecOptions

    from motor.core.waiting import WaitingLane
    from motor.executor import WorkerPool
    from motor.frameworks import Framework
    from motor.loop_runner import LoopRunner

__all__ = [
    "AgnosticBase",
    "bound_queue",
    "check_arguments",
    "register_delegate",
    "unwrap",
    "unwrap_arguments",
]

T = TypeVar("T")

#: The queue of the session that is bound to the context: its operations do not name it.
bound_queue: ContextVar[SerialQueue | None] = ContextVar("bound_queue", default=None)

#: Which agnostic class stands for which PyMongo class.
_registry: dict[type, type[AgnosticBase]] = {}


def register_delegate(delegate_class: type, agnostic_class: type[AgnosticBase]) -> None:
    """Let objects of `delegate_class`, and of its subclasses, be wrapped as `agnostic_class`."""
    _registry[delegate_class] = agnostic_class


def _agnostic_class_for(delegate_class: type) -> type[AgnosticBase] | None:
    for base in delegate_class.__mro__:
        if base in _registry:
            return _registry[base]
    return None


def unwrap(value: Any) -> Any:
    """The PyMongo object that a Motor object stands for; anything else as it is."""
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

    @property
    def _pool(self) -> WorkerPool: ...

    @property
    def _waiting_lane(self) -> WaitingLane: ...

    def get_io_loop(self) -> Any: ...

    def _check_open(self) -> None: ...

    def _loop_runner(self, options: CodecOptions[Any]) -> LoopRunner | None: ...

    def _resolved(self, value: T) -> OperationFuture[T]: ...

    def _submit_waiting(
        self, function: Callable[[], T], queue: SerialQueue, discard: Discard | None
    ) -> OperationFuture[T]: ...

    def _session_for(self, delegate: Any, session_class: Any) -> Any: ...


class AgnosticBase:
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
    #: The concrete class of this framework for each agnostic class.
    _concrete: ClassVar[dict[Any, dict[type, type]]] = {}

    #: The derived methods that go to the server once and compute little: see `Brief`.
    _brief: ClassVar[frozenset[str]] = frozenset()

    #: Which keywords the methods of the PyMongo class take.
    _usual: ClassVar[UsualKeywords] = UsualKeywords(object)

    #: What runs one after the other with other calls on this object: sessions have one.
    _queue: SerialQueue | None = None

    delegate: Any
    #: The Motor client that this object belongs to.
    _client: ClientServices

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "__delegate_class__" in own:
            cls._usual = UsualKeywords(own["__delegate_class__"])
        if "__delegate_class__" in own and "__motor_class_name__" in own:
            _registry.setdefault(own["__delegate_class__"], cls)
        if "_framework" in own:
            # Made by create_class_with_framework, directly from the agnostic class.
            AgnosticBase._concrete.setdefault(own["_framework"], {})[cls.__mro__[1]] = cls

    def __init__(self, delegate: Any) -> None:
        self.delegate = delegate

    def __eq__(self, other: object, /) -> bool:
        if isinstance(other, self.__class__):
            return bool(self.delegate == other.delegate)
        return NotImplemented

    #: Databases and the like, which have a name to go by, define it again.
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
        return AgnosticBase._concrete[self._framework][agnostic_class]

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
        if value is self.delegate:
            return self
        agnostic_class = _agnostic_class_for(type(value))
        if agnostic_class is None:
            return value
        return self._agnostic(agnostic_class)._from_delegate(value, self)

    def wrap(self, obj: Any) -> Any:
        """The Motor object for a PyMongo object that came from this one; other values unchanged."""
        return self._wrap(obj)

    def _loop(self) -> asyncio.AbstractEventLoop:
        """The asyncio loop that a call made now belongs to."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return self._framework.asyncio_loop(self.get_io_loop())

    def _submit(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, brief: bool = False
    ) -> OperationFuture[Any]:
        """Start the delegate's method `name` on a worker.

        - `brief`: whether it may run on the loop's thread instead, unless its arguments are large
        """
        if kwargs and not self._usual[name](kwargs):
            call_of_old = bridge.refused(self, name, args, kwargs)
            if call_of_old is not None:
                return call_of_old()  # type: ignore[no-any-return]
        args, kwargs, queue = unwrap_arguments(args, kwargs)
        queue = self._queue or queue
        client = self._client
        client._check_open()
        runner = None
        if brief and queue is None and is_small(args, kwargs):
            runner = client._loop_runner(kwargs.get("codec_options") or self.delegate.codec_options)
        return submit(
            client._pool,
            self._loop(),
            getattr(self.delegate, name),
            args,
            kwargs,
            queue=queue,
            wrap=self._wrap,
            runner=runner,
        )

    def _submit_function(
        self,
        function: Callable[..., T],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue: SerialQueue | None = None,
        wrap: Callable[[Any], Any] | None = None,
        discard: Discard | None = None,
        runner: LoopRunner | None = None,
    ) -> OperationFuture[T]:
        """Start a blocking function, with arguments unwrapped, on a worker of the client's pool.

        - `runner`: runs it in the worker's place: see `submit`
        """
        client = self._client
        client._check_open()
        return submit(
            client._pool,
            self._loop(),
            function,
            args,
            kwargs,
            queue=queue,
            wrap=wrap,
            discard=discard,
            runner=runner,
        )

    def _call_in_place(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the delegate's method `name`, which does not block, and wrap its result."""
        if kwargs and not self._usual[name](kwargs):
            call_of_old = bridge.refused(self, name, args, kwargs)
            if call_of_old is not None:
                return call_of_old()
        args, kwargs, _ = unwrap_arguments(args, kwargs)
        return self._wrap(getattr(self.delegate, name)(*args, **kwargs))


def check_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The arguments by name, of a function that will be called with them later.

    Raises TypeError at once for such as it would refuse then.
    """
    try:
        arguments = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError as exc:
        raise TypeError(f"{function.__name__}() {exc}") from None
    except ValueError:
        # No signature to be had, as with functions written in C.
        return kwargs
    pipeline = arguments.get("pipeline")
    if pipeline is not None and not isinstance(pipeline, list):
        raise TypeError(f"pipeline must be a list, not {type(pipeline)}")
    cursor = arguments.get("kwargs", {}).get("cursor", {})
    if not isinstance(cursor, Mapping):
        raise TypeError(f"cursor must be a mapping of options, not {cursor!r}")
    return arguments
