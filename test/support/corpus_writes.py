"""What a plan can write: documents good and bad, and requests for `bulk_write`."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import bson
from bson import SON
from bson.raw_bson import RawBSONDocument
from hypothesis import strategies as st
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne

from support.corpus_documents import OwnMapping, object_ids, values

__all__ = ["BrokenInputError", "inputs", "requests", "to_insert"]


class BrokenInputError(Exception):
    """What an iterable of documents raises before its end."""


_ids = st.one_of(st.integers(0, 5), st.sampled_from(["x", None]), object_ids)
_bodies = st.fixed_dictionaries(
    {}, optional={"_id": _ids, "unique": st.integers(0, 9), "value": values}
)


def _raw(document: dict[str, Any]) -> RawBSONDocument:
    return RawBSONDocument(bson.encode(document))


_classes = st.sampled_from([dict, dict, SON, OrderedDict, OwnMapping, _raw])


@st.composite
def _good(draw: Any) -> Any:
    body = draw(_bodies)
    make = draw(_classes)
    if make is _raw:
        # It cannot be given an `_id`, so the server does that.
        body.setdefault("_id", draw(_ids))
    return make(body)


class _NoBson:
    """A value that BSON has no type for."""

    def __repr__(self) -> str:
        return "<no BSON>"


#: Documents that are none, or that cannot be encoded, or that the server refuses.
_bad = st.sampled_from(
    [
        {"_id": 90, "value": _NoBson()},
        {"_id": 91, "value": {"deep": [{1, 2}]}},
        {"_id": 92, "value": 2**64},
        {"_id": 93, 1: "a key that is no string"},
        {"_id": 94, "nul\0": 1},
        {"_id": 95, "value": "\ud800"},
        {"_id": [1, 2]},
        {"_id": 97, "refused": True},
        {"value": _NoBson()},
        5,
        None,
        "text",
        ["list"],
        b"bytes",
    ]
)

#: The documents of an `insert_many`. One list in two has one that is bad.
to_insert = st.one_of(
    st.lists(_good(), max_size=8),
    st.tuples(st.lists(_good(), max_size=4), _bad, st.lists(_good(), max_size=3)).map(
        lambda parts: [*parts[0], parts[1], *parts[2]]
    ),
)


def _generator(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


def _breaking(items: Iterable[Any]) -> Iterator[Any]:
    yield from items
    raise BrokenInputError("in the middle")


_INPUTS: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda items: items,
    "tuple": tuple,
    "iterator": iter,
    "generator": _generator,
    "generator that breaks": _breaking,
    "map": lambda items: map(copy.copy, items),
}
#: How the documents are handed over: a function of their list.
inputs = st.sampled_from(list(_INPUTS)).map(_INPUTS.__getitem__)

# Requests -----------------------------------------------------------------------------------

_FILTERS = st.sampled_from([{"_id": 1}, {"unique": {"$gte": 2}}, {}, {"_id": 7}, {"$no_such": 1}])
_UPDATES = st.sampled_from(
    [
        {"$set": {"value": 1}},
        {"$inc": {"unique": 1}},
        {"$set": {"unique": 3}},
        {"$set": {"refused": True}},
        {"$set": {"list.$[item]": 5}},
        [{"$set": {"value": "$unique"}}],
        {"$set": {"value": _NoBson()}},
        {"not": "an operator"},
    ]
)
_upserts = st.booleans()

requests = st.one_of(
    _good().map(InsertOne),
    st.builds(UpdateOne, _FILTERS, _UPDATES, upsert=_upserts),
    st.builds(UpdateMany, _FILTERS, _UPDATES, upsert=_upserts),
    st.builds(
        UpdateMany,
        _FILTERS,
        st.just({"$set": {"list.$[item]": 5}}),
        array_filters=st.just([{"item": {"$gte": 1}}]),
    ),
    st.builds(ReplaceOne, _FILTERS, _bodies, upsert=_upserts),
    st.builds(DeleteOne, _FILTERS),
    st.builds(DeleteMany, _FILTERS, hint=st.none() | st.just("_id_")),
    _bad.filter(lambda bad: isinstance(bad, dict)).map(InsertOne),
    st.sampled_from([None, {"insert": 1}, 3]),
)
