"""Errors of two classes: the one that says best what is wrong, and the one that Motor 3 raises.

Code that was written for Motor 3 catches the latter.
"""

from __future__ import annotations

from pymongo.errors import InvalidOperation

__all__ = ["CallRefused", "CallbackRefused", "ImportRefused", "NameRefused", "with_article"]


class CallRefused(InvalidOperation, TypeError):
    """A call that this object does not take, or takes no more."""


class NameRefused(InvalidOperation, AttributeError):
    """An attribute that is gone."""


class ImportRefused(InvalidOperation, ImportError):
    """A name of a module that is gone."""


class CallbackRefused(NotImplementedError, TypeError):
    """A callback, where a future has to be awaited."""


def with_article(owner: object) -> str:
    """What an object is, as it is written in a sentence: "an AsyncIOMotorClient"."""
    name = type(owner).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
