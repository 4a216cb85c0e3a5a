"""Expect PyMongo's errors, by calling PyMongo: its messages change with its releases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from pymongo.errors import OperationFailure


@contextmanager
def raises_as(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[None]:
    """Expect the error that the call gets from PyMongo: of the same class, in the same words.

    `with raises_as(collection.delegate.find, 1): collection.find(1)`.
    """
    expected = _error_of(function, *args, **kwargs)
    with pytest.raises(type(expected)) as caught:
        yield
    assert type(caught.value) is type(expected)
    assert str(caught.value) == str(expected)


def _error_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Exception:
    try:
        function(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError(f"PyMongo does not refuse it: {function!r}")


def raises_code(
    code: int, error: type[OperationFailure] = OperationFailure
) -> AbstractContextManager[pytest.ExceptionInfo[OperationFailure]]:
    """Expect an error of the server by its number, for its words are the server's."""
    return pytest.raises(error, check=lambda raised: raised.code == code)
