"""Derive a Motor class from a PyMongo class: the only magic in Motor.

A class body under ``motor/core`` declares what differs from PyMongo. Every other public member of
the PyMongo class (``__delegate_class__``) is derived from its twin in PyMongo's async API
(``__async_class__``): what is a coroutine there runs on a worker here, what is plain there runs in
place here.
"""

from __future__ import annotations

import inspect
import re
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_origin

from motor.declarations import (
    Async,
    AsyncCommand,
    AsyncProperty,
    AsyncRead,
    AsyncWrite,
    AwaitedCursor,
    DelegateMethod,
    InstanceAttribute,
    LatentChangeStream,
    LatentCursor,
    MethodOfClass,
    MotorAttributeFactory,
    MotorCursorChainingMethod,
    ReadOnlyProperty,
    coroutine_annotation,
)
from motor.originals import is_value, public_name, static_member, with_pymongos_part
from motor.signatures import annotations_of, signature_of

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
    "asynchronize",
    "coroutine_annotation",
    "create_class_with_framework",
    "derive",
    "derived_members",
    "public_name",
    "takes_arguments_of",
    "unwrap_args_session",
    "unwrap_kwargs_session",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def takes_arguments_of(original: Callable[..., Any]) -> Callable[[F], F]:
    """Let a function that passes its arguments on show those that PyMongo's `original` takes.

    Its own keyword-only arguments stay among them. What PyMongo's docstring says of them comes
    after its own. For ``help()``, editors and checks at a call.
    """

    def decorate(function: F) -> F:
        own = signature_of(function)
        added = [p for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]
        theirs = signature_of(original).parameters.values()
        # Sorted by kind, as Python wants them: keywords of any name come last.
        parameters = sorted([*theirs, *added], key=lambda parameter: parameter.kind)
        function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        function.__doc__ = with_pymongos_part(inspect.cleandoc(function.__doc__ or ""), original)
        return function

    return decorate


def _returns(function: Callable[..., Any], what: str) -> bool:
    """Whether `function` is annotated as returning a class of PyMongo's async API."""
    returns = annotations_of(function).get("return", "")
    if not isinstance(returns, str):
        returns = getattr(get_origin(returns) or returns, "__name__", "")
    return re.match(rf"(?:\w+\.)*Async\w*{what}\b", returns) is not None


def derive(delegate_class: type, async_class: type, name: str) -> MotorAttributeFactory:
    """What the public member `name` of a PyMongo class becomes, judged by its asynchronous twin."""
    twin = static_member(async_class, name)
    if twin is None:
        # Not in the async API: a method may block, so it goes to a worker.
        own = static_member(delegate_class, name)
        if isinstance(own, classmethod | staticmethod):
            return MethodOfClass(type(own), is_async=True)
        return ReadOnlyProperty() if is_value(own) else Async()
    if isinstance(twin, property):
        reads = inspect.unwrap(twin.fget) if twin.fget is not None else None
        return AsyncProperty() if inspect.iscoroutinefunction(reads) else ReadOnlyProperty()
    if is_value(twin):
        return ReadOnlyProperty()
    function = inspect.unwrap(getattr(twin, "__func__", twin))
    is_async = inspect.iscoroutinefunction(function)
    if isinstance(twin, classmethod | staticmethod):
        return MethodOfClass(type(twin), is_async)
    if not is_async:
        return DelegateMethod()
    if _returns(function, "ChangeStream"):
        return LatentChangeStream()
    return LatentCursor() if _returns(function, "Cursor") else Async()


def derived_members(cls: Any) -> Iterator[str]:
    """The public names of the class's delegate that neither `cls` nor a base of it declares."""
    delegate_class = getattr(cls, "__delegate_class__", None)
    if delegate_class is None or getattr(cls, "__async_class__", None) is None:
        return
    bases = [base for base in cls.__mro__ if base is not object]
    declared = {name for base in bases for name in (*vars(base), *annotations_of(base))}
    declared |= getattr(cls, "_not_derived", frozenset())
    for name in dir(delegate_class):
        if not name.startswith("_") and name not in declared:
            yield name


_created: dict[tuple[type, Any], type] = {}
#: Several threads may ask for a class at once.
_creating = threading.RLock()


def create_class_with_framework(cls: Any, framework: Any, module_name: str) -> Any:
    """A Motor class for one framework, with every member of its PyMongo class.

    - `cls`: a class with a ``__motor_class_name__`` and a ``__delegate_class__``
    - `framework`: the module `motor.frameworks.asyncio` or `motor.frameworks.tornado`
    - `module_name`: the module that will hold the class, under its own name

    Returns the class; the same one for the same `cls` and `framework`, as there is one class to
    wrap results in.
    """
    found = _created.get((cls, framework))
    if found is None:
        with _creating:
            found = _created.get((cls, framework)) or _create(cls, framework, module_name)
    return found


def _create(cls: Any, framework: Any, module_name: str) -> type:
    name = framework.CLASS_PREFIX + cls.__motor_class_name__
    # The new class is one of the kinds of its bases, too.
    bases = [*filter(None, (_class_of_base(base, framework) for base in cls.__mro__[1:]))]
    namespace = {
        "__module__": module_name,
        "__qualname__": name,
        "__doc__": cls.__doc__,
        "_framework": framework,
    }
    new: Any = types.new_class(name, (cls, *bases), exec_body=lambda body: body.update(namespace))
    if not hasattr(new, "_submit"):
        # Of another package, and not based on Motor's classes.
        new._submit = _submit_without_base
        new._call_in_place = _call_in_place_without_base
        new._wrapped_classes = {}
    for attr_name, factory in list(_factories(new)):
        setattr(new, attr_name, factory.create_attribute(new, attr_name))
    # Not before it is complete, as others do not wait.
    _created[cls, framework] = new
    return new  # type: ignore[no-any-return]


def _class_of_base(base: Any, framework: Any) -> type | None:
    """The framework's class for a base of another class: if there is one, or Motor has one."""
    if base.__module__.startswith("motor.core.") and "__motor_class_name__" in vars(base):
        found: type = create_class_with_framework(base, framework, framework.FRONT)
        return found
    return _created.get((base, framework))


def _factories(cls: Any) -> Iterator[tuple[str, MotorAttributeFactory]]:
    """What becomes an attribute of `cls`: its declarations, its bases', and what is derived."""
    declared: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        declared.update(vars(base))
    for name, member in sorted(declared.items()):
        if isinstance(member, MotorAttributeFactory):
            yield name, member
    for name in derived_members(cls):
        yield name, derive(cls.__delegate_class__, cls.__async_class__, name)


# For classes of other packages, which do all of it themselves, as Motor 3's classes did.


def unwrap_args_session(args: Iterable[Any]) -> tuple[Any, ...]:
    """The arguments of a call, PyMongo's session in the place of a Motor session."""
    return tuple(map(_unwrap_session, args))


def unwrap_kwargs_session(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a call, PyMongo's session in the place of a Motor session."""
    return {name: _unwrap_session(value) for name, value in kwargs.items()}


def _unwrap_session(value: Any) -> Any:
    # The class is asked, because a database has any name as an attribute.
    name = getattr(type(value), "__motor_class_name__", None)
    return value.delegate if name == "MotorClientSession" else value


def asynchronize(
    framework: Any,
    sync_method: Callable[..., Any],
    doc: str | None = None,
    wrap_class: type | None = None,
    unwrap_class: str | None = None,
) -> Callable[..., Any]:
    """A method that runs `sync_method` with the delegate on a worker, and returns its future.

    - `framework`: `motor.frameworks.asyncio` or `motor.frameworks.tornado`
    - `sync_method`: a blocking method of the delegate's class
    - `doc`: the docstring. None: that of `sync_method`
    - `wrap_class`: pass results of this class through the object's ``wrap``
    - `unwrap_class`: pass on the delegate of arguments whose class name ends with this
    """

    def unwrap(value: Any) -> Any:
        if unwrap_class is not None and type(value).__name__.endswith(unwrap_class):
            return value.delegate
        return _unwrap_session(value)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return framework.run_on_executor(
            self.get_io_loop(),
            sync_method,
            self.delegate,
            *map(unwrap, args),
            **{name: unwrap(value) for name, value in kwargs.items()},
        )

    method.is_async_method = True  # type: ignore[attr-defined]
    method.pymongo_method_name = sync_method.__name__  # type: ignore[attr-defined]
    method.__name__ = sync_method.__name__
    method.__doc__ = sync_method.__doc__ if doc is None else doc
    if wrap_class is None:
        return coroutine_annotation(method)
    wrapped: Any = framework.pymongo_class_wrapper(method, wrap_class)
    wrapped.is_async_method = wrapped.is_wrap_method = True
    wrapped.pymongo_method_name = sync_method.__name__
    coroutine_annotation(wrapped)
    return wrapped  # type: ignore[no-any-return]


# What a class that is not based on Motor's is given in the place of AgnosticBase's methods.


def _submit_without_base(self: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Run the delegate's method `name` on a worker. Returns its future."""
    call = self._call_in_place
    return self._framework.run_on_executor(self.get_io_loop(), call, name, args, kwargs)


def _call_in_place_without_base(self: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Call the delegate's method `name`, and wrap its result if that was declared."""
    method = getattr(self.delegate, name)
    result = method(*unwrap_args_session(args), **unwrap_kwargs_session(kwargs))
    if result is self.delegate:
        return self
    wrapped_class = self._wrapped_classes.get(name)
    if wrapped_class is not None and isinstance(result, wrapped_class):
        return self.wrap(result)
    return result
