"""``find_and_modify``: one method for what are three today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson.son import SON

from motor.legacy.manipulators import outgoing
from motor.legacy.projections import projection_of
from motor.legacy.registry import bridges

__all__ = ["find_and_modify"]


@bridges(
    "method",
    "collection",
    "find_and_modify",
    "use find_one_and_update(), find_one_and_replace() or find_one_and_delete()",
)
def find_and_modify(
    collection: Any,
    query: Any = None,
    update: Any = None,
    upsert: bool = False,
    sort: Any = None,
    full_response: bool = False,
    manipulate: bool = False,
    fields: Any = None,
    **kwargs: Any,
) -> Any:
    if not update and not kwargs.get("remove"):
        raise ValueError("Must either update or remove: pass update= or remove=True")
    if update and kwargs.get("remove"):
        raise ValueError("Can't do both update and remove: pass one of update= and remove=True")
    options = dict(kwargs)
    if query:
        options["query"] = query
    if update:
        options["update"] = update
    if upsert:
        options["upsert"] = upsert
    if sort:
        options["sort"] = _sort(sort)
    if fields is not None:
        options["fields"] = projection_of(fields)
    delegate = collection.delegate
    concern = delegate.write_concern
    if concern.acknowledged and concern.document:
        options["writeConcern"] = concern.document
    reply = delegate.database.command(
        "findAndModify", delegate.name, codec_options=delegate.codec_options, **options
    )
    document = reply.get("value")
    if manipulate and document is not None:
        document = reply["value"] = outgoing(collection, document)
    return reply if full_response else document


def _sort(sort: Any) -> Any:
    if isinstance(sort, list):
        return SON(sort)
    if isinstance(sort, SON) or (isinstance(sort, Mapping) and len(sort) == 1):
        return sort
    raise TypeError(
        "sort must be a list of (key, direction) pairs, a dict of one key, or an instance of SON, "
        f"not {sort!r}"
    )
