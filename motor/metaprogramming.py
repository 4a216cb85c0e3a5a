"""Derive a Motor class from a PyMongo class: the only magic in Motor.

A class body under ``motor/core`` declares what differs from PyMongo. Every other public member of
the PyMongo class (``__delegate_class__``) is derived from its twin in PyMongo's async API
(``__async_class__``): what is a coroutine there runs on a worker here, what is plain there runs in
place here.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

__all__ = [
    "Async",
    "AsyncCommand",
    "AsyncProperty",
    "AsyncRead",
    "AsyncWrite",
    "DelegateMethod",
    "LatentCursor",
    "MotorAttributeFactory",
    "MotorCursorChainingMethod",
    "ReadOnlyProperty",
    "coroutine_annotation",
    "create_class_with_framework",
    "derive",
    "derived_members",
    "takes_arguments_of",
]

F = TypeVar("F", bound=Callable[..., Any])


def coroutine_annotation(f: F) -> F:
    """Mark a plain function that returns a future, for tools that read the mark. Returns `f`."""
    f.coroutine_annotation = True  # type: ignore[attr-defined]
    return f


def takes_arguments_of(original: Callable[..., Any]) -> Callable[[F], F]:
    """Let a function that passes its arguments on show those that PyMongo's `original` takes.

    Its own keyword-only arguments stay among them. For ``help()``, editors and checks at a call.
    """

    def decorate(function: F) -> F:
        own = inspect.signature(function)
        added = [p for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]
        theirs = inspect.signature(original).parameters.values()
        # Sorted by kind, as Python wants them: keywords of any name come last.
        parameters = sorted([*theirs, *added], key=lambda parameter: parameter.kind)
        function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return function

    return decorate


class MotorAttributeFactory:
    """A declaration in a class body: what it becomes is known when the class gets its framework.

    - `doc`: the docstring of the attribute. None: one that refers to PyMongo's
    """

    #: The last words of a derived docstring's first sentence.
    summary: ClassVar[str] = ""

    def __init__(self, doc: str | None = None) -> None:
        self.doc = doc

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        """The attribute named `attr_name` of the class `cls`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define create_attribute(cls, attr_name)"
        )

    def _property(
        self,
        cls: type,
        attr_name: str,
        read: Callable[[Any], Any],
        write: Callable[[Any, Any], None] | None = None,
    ) -> property:
        """A property that bears the attribute's name, in tracebacks too."""
        qualname = f"{cls.__qualname__}.{attr_name}"
        for function in filter(inspect.isfunction, (read, write)):
            function.__code__ = function.__code__.replace(co_name=attr_name, co_qualname=qualname)
            function.__name__, function.__qualname__ = attr_name, qualname
            function.__module__ = cls.__module__
        return property(read, write, doc=self._document(cls, attr_name))

    def _document(self, cls: type, pymongo_name: str) -> str:
        if self.doc is not None:
            return self.doc
        member = inspect.getattr_static(cls.__delegate_class__, pymongo_name, None)  # type: ignore[attr-defined]
        role = "meth" if member is None or callable(member) else "attr"
        target = f"{public_name(cls.__delegate_class__)}.{pymongo_name}"  # type: ignore[attr-defined]
        return f"Like :{role}:`~{target}`{self.summary}."


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

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        pymongo_name = self.attr_name or attr_name
        if not hasattr(cls, "_submit"):
            _complete(cls)
        if self.wrapped_class is not None and hasattr(cls, "_wrapped_classes"):
            cls._wrapped_classes[pymongo_name] = self.wrapped_class
        method = self.make(pymongo_name)
        qualname = f"{cls.__qualname__}.{attr_name}"
        # Tracebacks take the name from the code, everything else from the function.
        method.__code__ = method.__code__.replace(co_name=attr_name, co_qualname=qualname)
        method.__name__, method.__qualname__ = attr_name, qualname
        method.__module__ = cls.__module__
        method.__doc__ = self._document(cls, pymongo_name)
        wrapped = inspect.getattr_static(cls.__delegate_class__, pymongo_name, None)  # type: ignore[attr-defined]
        if callable(wrapped):
            method.__wrapped__ = wrapped  # type: ignore[attr-defined]
        method.is_async_method = self.is_async  # type: ignore[attr-defined]
        method.pymongo_method_name = pymongo_name  # type: ignore[attr-defined]
        if self.is_async:
            coroutine_annotation(method)
        return method

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
    summary = ", but returns a future: it has started"

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


class DelegateMethod(_MethodFactory):
    """A method that calls the delegate's in place, as it does not block, and wraps its result."""

    def make(self, pymongo_name: str) -> types.FunctionType:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._call_in_place(pymongo_name, args, kwargs)

        return method  # type: ignore[return-value]


class MotorCursorChainingMethod(DelegateMethod):
    """A :class:`DelegateMethod` that returns the cursor itself, for the next call in the chain."""


class ReadOnlyProperty(MotorAttributeFactory):
    """A property that reads the delegate's, and wraps its value."""

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        def read(self: Any) -> Any:
            value = getattr(self.delegate, attr_name)
            wrap = getattr(self, "_wrap", None)
            return value if wrap is None else wrap(value)

        return self._property(cls, attr_name, read)


class AsyncProperty(MotorAttributeFactory):
    """A property whose value PyMongo must ask the server for: it is a future, which has started."""

    summary = ", but its value is a future"

    def create_attribute(self, cls: type, attr_name: str) -> Any:
        def read(self: Any) -> Any:
            return self._submit_function(lambda: getattr(self.delegate, attr_name))

        return property(read, doc=self._document(cls, attr_name))


def _complete(cls: Any) -> None:
    """Give someone else's class, which is not based on Motor's, what generated methods call."""
    cls._submit = _submit_without_base
    cls._call_in_place = _call_in_place_without_base
    cls._wrapped_classes = {}


def _submit_without_base(self: Any, name: str, args: Any, kwargs: Any) -> Any:
    call = self._call_in_place
    return self._framework.run_on_executor(self.get_io_loop(), call, name, args, kwargs)


def _call_in_place_without_base(self: Any, name: str, args: Any, kwargs: Any) -> Any:
    result = getattr(self.delegate, name)(*args, **kwargs)
    if result is self.delegate:
        return self
    wrapped_class = self._wrapped_classes.get(name)
    if wrapped_class is not None and isinstance(result, wrapped_class):
        return self.wrap(result)
    return result


def public_name(cls: type) -> str:
    """The dotted name by which PyMongo documents one of its synchronous classes."""
    return f"{cls.__module__.replace('.synchronous.', '.')}.{cls.__qualname__}"


#: How the annotations of PyMongo's async API name the cursors of commands.
_RETURNS_CURSOR = re.compile(r"(?:\w+\.)*Async(?:RawBatch)?(?:Command)?Cursor\b")


def derive(delegate_class: type, async_class: type, name: str) -> MotorAttributeFactory:
    """What the public member `name` of a PyMongo class becomes, judged by its asynchronous twin."""
    twin = inspect.getattr_static(async_class, name, None)
    if twin is None:
        # Not in the async API: a method may block, so it goes to a worker.
        own = inspect.getattr_static(delegate_class, name)
        return Async() if inspect.isroutine(own) else ReadOnlyProperty()
    if isinstance(twin, property):
        reads = inspect.unwrap(twin.fget) if twin.fget is not None else None
        return AsyncProperty() if inspect.iscoroutinefunction(reads) else ReadOnlyProperty()
    if not inspect.isroutine(twin):
        return ReadOnlyProperty()
    function = inspect.unwrap(twin)
    if not inspect.iscoroutinefunction(function):
        return DelegateMethod()
    returns = str(function.__annotations__.get("return", ""))
    return LatentCursor() if _RETURNS_CURSOR.match(returns) else Async()


def derived_members(cls: type) -> Iterator[str]:
    """The public names of the class's delegate that neither `cls` nor a base of it declares."""
    delegate_class = getattr(cls, "__delegate_class__", None)
    if delegate_class is None or getattr(cls, "__async_class__", None) is None:
        return
    declared = {
        name for base in cls.__mro__ for name in (*vars(base), *inspect.get_annotations(base))
    }
    for name in dir(delegate_class):
        if not name.startswith("_") and name not in declared:
            yield name


_created: dict[tuple[type, Any], type] = {}


def create_class_with_framework(cls: type, framework: Any, module_name: str) -> Any:
    """A Motor class for one framework, with every member of its PyMongo class.

    - `cls`: a class with a ``__motor_class_name__`` and a ``__delegate_class__``
    - `framework`: the module `motor.frameworks.asyncio` or `motor.frameworks.tornado`
    - `module_name`: the module that will hold the class, under its own name

    Returns the class; the same one for the same `cls` and `framework`, as there is one class to
    wrap results in.
    """
    key = (cls, framework)
    if key in _created:
        return _created[key]
    name = framework.CLASS_PREFIX + cls.__motor_class_name__  # type: ignore[attr-defined]
    # Where a base was created before, the new class is one of its kind too.
    bases = [_created[b, framework] for b in cls.__mro__[1:] if (b, framework) in _created]
    namespace = {
        "__module__": module_name,
        "__qualname__": name,
        "__doc__": cls.__doc__,
        "_framework": framework,
    }
    new = types.new_class(name, (cls, *bases), exec_body=lambda body: body.update(namespace))
    _created[key] = new
    for attr_name, factory in _factories(new):
        setattr(new, attr_name, factory.create_attribute(new, attr_name))
    return new


def _factories(cls: type) -> Iterator[tuple[str, MotorAttributeFactory]]:
    declared = {name for base in cls.__mro__ for name in vars(base)}
    for name in sorted(declared):
        member = inspect.getattr_static(cls, name, None)
        if isinstance(member, MotorAttributeFactory):
            yield name, member
    for name in list(derived_members(cls)):
        yield name, derive(cls.__delegate_class__, cls.__async_class__, name)  # type: ignore[attr-defined]
