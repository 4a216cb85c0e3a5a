"""Lets other threads have their turn while PyMongo encodes many documents with one call.

The C code that encodes BSON holds the interpreter lock from the first document of a batch to the
last. But for a mapping that is not exactly a dict it asks Python for the keys, and wherever Python
code runs the lock can change hands. So one document in so many is given in that form: the bytes are
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bson.objectid import ObjectId

__all__ = ["with_turns"]

#: After how many documents there is a turn. Encoding them takes a fraction of a millisecond.
INTERVAL = 128


class _Turn(dict[str, Any]):
    """A document whose keys come from Python code."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()


def with_turns(documents: Any) -> Any:
    """Documents for ``insert_many`` with a turn for other threads now and then.

    - `documents`: what the user gave. Unless it is a list or a tuple of many, it is returned

    Documents without an ``_id`` get one, as from PyMongo.
    """
    if not isinstance(documents, list | tuple) or len(documents) < INTERVAL:
        return documents
    return _turns(documents)


def _turns(documents: Iterable[Any]) -> Iterator[Any]:
    # One by one, because PyMongo gives documents their ids, and refuses what is none, one by one.
    for number, document in enumerate(documents, 1):
        if number % INTERVAL == 0 and type(document) is dict:
            if "_id" not in document:
                document["_id"] = ObjectId()
            yield _Turn(document)
        else:
            yield document
