"""What an operation says where its result is wanted, and ``await`` was forgotten."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["Unawaited"]

_HINT = "it is an operation, not its result. Did you forget 'await'?"

#: Python's names of the operators that results are used with, and how they are written.
_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
_COMPARISONS = {"lt", "le", "gt", "ge"}


class Unawaited:
    """An operation, which is not the document or the number that it returns.

    The methods are found by their names, so they cost nothing where they are not called.
    """

    __slots__ = ()

    if not TYPE_CHECKING:
        # Type checkers complain by themselves, unless they see these.

        def __getattr__(self, name: str) -> NoReturn:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                message += f": {_HINT}"
            raise AttributeError(message, name=name, obj=self)

        def __getitem__(self, key: object) -> NoReturn:
            raise TypeError(f"{type(self).__name__!r} object is not subscriptable: {_HINT}")

        def __setitem__(self, key: object, value: object) -> NoReturn:
            raise TypeError(
                f"{type(self).__name__!r} object does not support item assignment: {_HINT}"
            )

        def __delitem__(self, key: object) -> NoReturn:
            raise TypeError(
                f"{type(self).__name__!r} object does not support item deletion: {_HINT}"
            )

        def __len__(self) -> NoReturn:
            raise TypeError(f"object of type {type(self).__name__!r} has no len(): {_HINT}")

        def __int__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__!r} object is not a number: {_HINT}")

        __float__ = __index__ = __int__

        def __contains__(self, value: object) -> NoReturn:
            raise TypeError(f"{type(self).__name__!r} object is not a container: {_HINT}")

        def __bool__(self) -> bool:
            # Programs that keep a future, or None, may well ask: that is no error. asyncio asks
            # when it describes a task.
            here = inspect.currentframe()
            caller = None if here is None else here.f_back
            if caller is not None and caller.f_globals.get("__name__") == "asyncio.base_tasks":
                return True
            warnings.warn(
                f"{type(self).__name__!r} object is always true: {_HINT} (To ask whether there is "
                "an operation at all, write 'is not None'.)",
                RuntimeWarning,
                stacklevel=2,
            )
            return True


def _operator(symbol: str, *, reflected: bool) -> Callable[[Any, Any], NoReturn]:
    def refuse(self: Any, other: object) -> NoReturn:
        kinds = [repr(type(self).__name__), repr(type(other).__name__)]
        left, right = reversed(kinds) if reflected else kinds
        raise TypeError(f"unsupported operands for {symbol}: {left} and {right}: {_HINT}")

    return refuse


for _name, _symbol in _OPERATORS.items():
    setattr(Unawaited, f"__{_name}__", _operator(_symbol, reflected=False))
    if _name not in _COMPARISONS:
        setattr(Unawaited, f"__r{_name}__", _operator(_symbol, reflected=True))
