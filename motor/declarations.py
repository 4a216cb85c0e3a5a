"""What a class body can declare, in place of a method or a property, and what becomes of it.

What a declaration becomes is known when the class is made for a framework: see
`motor.metaprogramming`.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from motor.originals import docstring_for, static_member

__all__ = [
    "Async",
    "AsyncCommand",
    "AsyncProperty",
    "AsyncRead",
    "AsyncWrite",
    "AwaitedCursor",
    "DelegateMethod",
    "InstanceAttribute",
    "LatentChangeStream",
    "LatentCursor",
    "MethodOfClass",
    "MotorAttributeFactory",
    "MotorCursorChainingMethod",
    "ReadOnlyProperty",
    "coroutine_annotation",
]

F = TypeVar("F", bound=Callable[..., Any])


def coroutine_annotation(f: F) -> F:
    """Mark a plain function that returns a future as one that is awaited. Returns `f`.

    ``inspect.iscoroutinefunction``, mocks made with it as their specification, and frameworks that
    ask take it for a coroutine function. What it does and returns stays as it is.
    """
    f.coroutine_annotation = True  # type: ignore[attr-defined]
    if sys.version_info >= (3, 12):
        # From Python 3.14 on, mocks look at what is wrapped, too.
        wrapped: Any = f
        while wrapped is not None:
            inspect.markcoroutinefunction(wrapped)
            wrapped = getattr(wrapped, "__wrapped__", None)
    elif sys.implementation.name == "cpython" and isinstance(f, types.FunctionType):
        # CPython makes a coroutine where the code has an instruction for it, not by this flag.
        f.__code__ = f.__code__.replace(co_flags=f.__code__.co_flags | inspect.CO_COROUTINE)
    else:
        f._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return f


class InstanceAttribute:
    """An attribute that objects are given when they are made: their class shows it as well.

    Mocks, ``help()`` and editors look at the class.

    - `doc`: what it is
    - `default`: computes it for an object that was not given one. None: that has no such attribute
    """

    def __init__(self, doc: str, default: Callable[[Any], Any] | None = None) -> None:
        self.__doc__ = doc
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        # Python asks here only for what the object itself does not have.
        if self._default is not None:
            return self._default(instance)
        message = f"{type(instance).__name__!r} object has no attribute {self._name!r}"
        raise AttributeError(message, name=self._name, obj=instance)


class MotorAttributeFactory:
    """A declaration in a class body: what it becomes is known when the class gets its framework.

    - `doc`: the docstring of the attribute. None: one that refers to PyMongo's
    """

    #: The last words of a derived docstring's first sentence.
    summary: ClassVar[str] = ""

    def __init__(self, doc: str | None = None) -> None:
        self.doc = doc

    def create_attribute(self, cls: Any, attr_name: str) -> Any:
        """The attribute named `attr_name` of the class `cls`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define create_attribute(cls, attr_name)"
        )

    def _property(
        self,
        cls: Any,
        attr_name: str,
        read: Callable[[Any], Any],
        write: Callable[[Any, Any], None] | None = None,
    ) -> property:
        """A property that bears the attribute's name, in tracebacks too."""
        for function in (read, write):
            if isinstance(function, types.FunctionType):
                _name(function, cls, attr_name)
        return property(read, write, doc=self._document(cls, attr_name))

    def _document(self, cls: Any, pymongo_name: str) -> str:
        return docstring_for(cls, pymongo_name, self.summary) if self.doc is None else self.doc


def check_has(delegate: Any, name: str) -> None:
    """Raise NotImplementedError if `delegate`, another library's, has no such member.

    Its clients, databases and collections give a database or collection of that name instead.
    """
    missing = object()
    if inspect.getattr_static(delegate, name, missing) is missing:
        library, _, _ = type(delegate).__module__.partition(".")
        raise NotImplementedError(f"{library}'s {type(delegate).__name__} has no {name!r}")


class ReadOnlyProperty(MotorAttributeFactory):
    """A property that reads the delegate's, and wraps its value."""

    def create_attribute(self, cls: Any, attr_name: str) -> Any:
        def read(self: Any) -> Any:
            delegate = self.delegate
            value = getattr(delegate, attr_name)
            wrap = getattr(self, "_wrap", None)
            if wrap is None or (wrapped := wrap(value)) is value:
                return value
            check_has(delegate, attr_name)
            return wrapped

        return self._property(cls, attr_name, read)


class AsyncProperty(MotorAttributeFactory):
    """A property whose value PyMongo must ask the server for: it is a future, which has started."""

    summary = ", but its value is a future"

    def create_attribute(self, cls: Any, attr_name: str) -> Any:
        def read(self: Any) -> Any:
            def value() -> Any:
                return getattr(self.delegate, attr_name)

            value.__name__ = attr_name
            caller = self if hasattr(self, "_explain") else None
            return self._submit_function(value, caller=caller)

        return self._property(cls, attr_name, read)


class _MethodFactory(MotorAttributeFactory):
    """A method that calls the delegate's method of the same, or of another, name.

    - `attr_name`: the delegate's method. None: it has the attribute's own name
    """

    is_async = False

    def __init__(self, attr_name: str | None = None, doc: str | None = None) -> None:
        super().__init__(doc)
        self.attr_name = attr_name
        self.wrapped_class: type | None = None

    def make(self, pymongo_name: str) -> types.FunctionType:
        """The method, not named or documented yet."""
        raise NotImplementedError

    def create_attribute(self, cls: Any, attr_name: str) -> Any:
        pymongo_name = self.attr_name or attr_name
        if self.wrapped_class is not None and hasattr(cls, "_wrapped_classes"):
            cls._wrapped_classes[pymongo_name] = self.wrapped_class
        method = self.make(pymongo_name)
        _name(method, cls, attr_name)
        method.__doc__ = self._document(cls, pymongo_name)
        # What unwraps a method that is awaited, as mocks do, must find one that is.
        twin = getattr(cls, "__async_class__", None) if self.is_async else None
        wrapped = static_member(twin, pymongo_name) if twin is not None else None
        wrapped = wrapped or static_member(cls.__delegate_class__, pymongo_name)
        wrapped = getattr(wrapped, "__func__", wrapped)
        if callable(wrapped):
            method.__wrapped__ = wrapped  # type: ignore[attr-defined]
        method.is_async_method = self.is_async  # type: ignore[attr-defined]
        method.pymongo_method_name = pymongo_name  # type: ignore[attr-defined]
        return coroutine_annotation(method) if self.is_async else method

    def wrap(self, original_class: type) -> _MethodFactory:
        """Pass results of `original_class` through the ``wrap`` method of the class declared in.

        Motor's own classes do not need it: they wrap results by their type. Returns self.
        """
        self.wrapped_class = original_class
        return self

    def unwrap(self, class_name: str) -> _MethodFactory:
        """Return self: arguments are unwrapped by their type, whatever is declared here."""
        return self


class Async(_MethodFactory):
    """A method that runs the delegate's on a worker and returns a future that has started."""

    is_async = True
    summary = ", but runs on a worker and returns a future, which has started"

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._submit(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class AsyncRead(Async):
    """Like :class:`Async`. The name says that the method reads."""


class AsyncWrite(Async):
    """Like :class:`Async`. The name says that the method writes."""


class AsyncCommand(Async):
    """Like :class:`Async`. The name says that the method runs a command."""


class LatentCursor(_MethodFactory):
    """A method that returns at once a cursor whose command has not been sent yet."""

    summary = (
        ", but returns at once: the cursor sends the command when it is first used, or awaited"
    )

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._latent_cursor(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class AwaitedCursor(LatentCursor):
    """A :class:`LatentCursor` that is mostly awaited: Motor 3 had a coroutine function for it."""

    is_async = True


class LatentChangeStream(LatentCursor):
    """A method that returns at once a change stream that is not open yet."""

    summary = ", but returns at once: the stream is opened when it is first used, or awaited"

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._latent_change_stream(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class DelegateMethod(_MethodFactory, ReadOnlyProperty):
    """A method that calls the delegate's in place, as it does not block, and wraps its result."""

    def __init__(self, doc: str | None = None) -> None:
        super().__init__(doc=doc)

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._call_in_place(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class MotorCursorChainingMethod(DelegateMethod):
    """A :class:`DelegateMethod` that returns the cursor itself, for the next call in the chain."""


class MethodOfClass(_MethodFactory):
    """A class method or static method: it calls the PyMongo class's, and wraps the result.

    - `kind`: ``classmethod`` or ``staticmethod``
    - `is_async`: whether it runs on a worker, and returns a future that has started
    """

    def __init__(self, kind: Callable[..., Any], is_async: bool) -> None:
        super().__init__()
        self.kind = kind
        self.is_async = is_async
        self.summary: str = Async.summary if is_async else ""  # type: ignore[misc]

    def create_attribute(self, cls: Any, attr_name: str) -> Any:
        self._owner = cls
        return self.kind(super().create_attribute(cls, attr_name))

    def make(self, pymongo_name: str) -> types.FunctionType:
        def call(cls: Any, args: Any, kwargs: Any) -> Any:
            if not is_async:
                return cls._call_on_class(pymongo_name, args, kwargs)
            framework = cls._framework
            loop = framework.get_event_loop()
            return framework.run_on_executor(loop, cls._call_on_class, pymongo_name, args, kwargs)

        def of_class(cls: Any, *args: Any, **kwargs: Any) -> Any:
            return call(cls, args, kwargs)

        def static(*args: Any, **kwargs: Any) -> Any:
            return call(owner, args, kwargs)

        owner, is_async = self._owner, self.is_async
        return of_class if self.kind is classmethod else static  # type: ignore[return-value]


def _name(function: types.FunctionType, cls: Any, attr_name: str) -> None:
    """Name a generated function after the member that it is."""
    qualname = f"{cls.__qualname__}.{attr_name}"
    # Tracebacks take the name from the code, everything else from the function.
    function.__code__ = function.__code__.replace(co_name=attr_name, co_qualname=qualname)
    function.__name__, function.__qualname__ = attr_name, qualname
    function.__module__ = cls.__module__
