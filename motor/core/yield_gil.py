"""Lets other threads run while PyMongo encodes many documents with one call.

The C code that encodes BSON holds the interpreter lock from the first document of a batch to the
last. But for a mapping that is not exactly a dict it asks Python for the keys, and wherever Python
code runs the lock can change hands. So one document in so many is given in that form: the bytes are
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bson.objectid import ObjectId

__all__ = ["yielding_gil"]

#: After how many documents the lock can change hands. Encoding them takes a fraction of a
#: millisecond.
INTERVAL = 128


class _YieldingDocument(dict[str, Any]):
    """A document whose keys come from Python code."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()


def yielding_gil(documents: Any) -> Any:
    """Documents for ``insert_many`` between which other threads can run.

    - `documents`: what the user gave. Unless it is a list or a tuple of many, it is returned

    Documents without an ``_id`` get one, as from PyMongo.
    """
    if not isinstance(documents, list | tuple) or len(documents) < INTERVAL:
        return documents
    return _yield_between(documents)


def _yield_between(documents: Iterable[Any]) -> Iterator[Any]:
    # One by one, because PyMongo gives documents their ids, and refuses what is none, one by one.
    for number, document in enumerate(documents, 1):
        if number % INTERVAL == 0 and type(document) is dict:
            if "_id" not in document:
                document["_id"] = ObjectId()
            yield _YieldingDocument(document)
        else:
            yield document
