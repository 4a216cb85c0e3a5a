"""``insert``, ``save``, ``update`` and ``remove``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NoReturn

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    WriteConcernError,
    WTimeoutError,
)
from pymongo.results import DeleteResult, UpdateResult

from motor.legacy.manipulators import incoming
from motor.legacy.registry import bridges
from motor.legacy.write_concerns import with_write_concern

__all__ = ["check_bool", "check_keys_of", "check_mapping", "is_update"]

Document = MutableMapping[str, Any]


def check_mapping(what: str, value: object) -> None:
    """Raise TypeError unless `value` can be a document."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be an instance of dict, not {value!r}")


def check_bool(what: str, value: object) -> None:
    """Raise TypeError unless `value` is true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be an instance of bool, not {value!r}")


def check_keys_of(value: Any) -> None:
    """Raise InvalidDocument for a key, at any depth, that old servers could not store."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str):
                if key.startswith("$"):
                    raise InvalidDocument(f"key {key!r} must not start with '$'")
                if "." in key:
                    raise InvalidDocument(f"key {key!r} must not contain '.'")
            check_keys_of(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            check_keys_of(inner)


def is_update(document: Mapping[str, Any]) -> bool:
    """Whether a document has update operators, and is not a replacement."""
    return next(iter(document), "").startswith("$")


@bridges("method", "collection", "insert", "use insert_one() or insert_many()")
def insert(
    collection: Any,
    doc_or_docs: Any,
    manipulate: bool = True,
    safe: bool | None = None,
    check_keys: bool = True,
    continue_on_error: bool = False,
    **write_concern: Any,
) -> Any:
    target = with_write_concern(collection, safe, write_concern)
    single = isinstance(doc_or_docs, Mapping)
    documents = [doc_or_docs] if single else _documents(doc_or_docs)
    for document in documents:
        check_mapping("each document", document)
        if check_keys:
            check_keys_of(document)
    if manipulate:
        documents = [incoming(collection, document) for document in documents]
    ids = _send(target, documents, manipulate, ordered=not continue_on_error)
    return ids[0] if single else ids


def _documents(documents: Any) -> list[Any]:
    if isinstance(documents, (str, bytes)) or not isinstance(documents, Iterable):
        raise TypeError(f"insert takes a document or an iterable of documents, not {documents!r}")
    found = list(documents)
    if not found:
        raise InvalidOperation("cannot do an empty bulk write")
    return found


def _send(
    target: Collection[Any], documents: list[Any], manipulate: bool, *, ordered: bool
) -> list[Any]:
    """Insert, and return the _ids; without `manipulate`, None where the server makes one."""
    to_send = documents
    if not manipulate:
        # PyMongo leaves raw documents as they are.
        options = target.codec_options
        to_send = [RawBSONDocument(bson.encode(each, codec_options=options)) for each in documents]
    try:
        if len(to_send) == 1:
            target.insert_one(to_send[0])
        else:
            target.insert_many(to_send, ordered=ordered)
    except BulkWriteError as error:
        _raise_single(error)
    return [document.get("_id") for document in documents]


def _raise_single(error: BulkWriteError) -> NoReturn:
    """Raise the last error of a bulk write, as a single error, as PyMongo 2 did."""
    details = error.details
    failures = details["writeErrors"]
    if failures:
        last = failures[-1]
        kind = DuplicateKeyError if last["code"] in (11000, 11001, 12582) else OperationFailure
        raise kind(last["errmsg"], last["code"], last) from error
    concern = details["writeConcernErrors"][-1]
    timed_out = concern.get("errInfo", {}).get("wtimeout")
    failure = WTimeoutError if timed_out else WriteConcernError
    raise failure(concern["errmsg"], concern.get("code"), concern) from error


@bridges("method", "collection", "save", "use insert_one() or replace_one(..., upsert=True)")
def save(
    collection: Any,
    to_save: Any,
    manipulate: bool = True,
    safe: bool | None = None,
    check_keys: bool = True,
    **write_concern: Any,
) -> Any:
    check_mapping("to_save", to_save)
    if "_id" not in to_save:
        return insert(collection, to_save, manipulate, safe, check_keys, **write_concern)
    target = with_write_concern(collection, safe, write_concern)
    if check_keys:
        check_keys_of(to_save)
    if manipulate:
        to_save = incoming(collection, to_save)
    target.replace_one({"_id": to_save["_id"]}, to_save, upsert=True)
    return to_save["_id"]


@bridges("method", "collection", "update", "use update_one(), update_many() or replace_one()")
def update(
    collection: Any,
    spec: Any,
    document: Any,
    upsert: bool = False,
    manipulate: bool = False,
    safe: bool | None = None,
    multi: bool = False,
    check_keys: bool = True,
    **write_concern: Any,
) -> Any:
    check_mapping("spec", spec)
    check_mapping("document", document)
    check_bool("upsert", upsert)
    target = with_write_concern(collection, safe, write_concern)
    if manipulate:
        document = incoming(collection, document)
    if is_update(document):
        change = target.update_many if multi else target.update_one
        return _reply(change(spec, document, upsert=upsert))
    if multi:
        raise OperationFailure("multi update is not supported for replacement-style update", 9)
    return _reply(target.replace_one(spec, document, upsert=upsert))


def _reply(result: UpdateResult | DeleteResult) -> Mapping[str, Any] | None:
    """The server's reply; None for a write that is not acknowledged."""
    return result.raw_result if result.acknowledged else None


@bridges("method", "collection", "remove", "use delete_one() or delete_many()")
def remove(
    collection: Any,
    spec_or_id: Any = None,
    safe: bool | None = None,
    multi: bool = True,
    **write_concern: Any,
) -> Any:
    if spec_or_id is None:
        spec_or_id = {}
    elif not isinstance(spec_or_id, Mapping):
        spec_or_id = {"_id": spec_or_id}
    target = with_write_concern(collection, safe, write_concern)
    delete = target.delete_many if multi else target.delete_one
    return _reply(delete(spec_or_id))
