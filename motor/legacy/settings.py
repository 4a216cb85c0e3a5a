"""Assigned settings: ``db.read_preference = ReadPreference.SECONDARY``.

Objects that are made from the object afterwards inherit them; earlier ones do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.write_concern import WriteConcern

from motor.legacy.calls import kind_of, read_preference_of
from motor.legacy.client_settings import change_client
from motor.legacy.codecs import uuid_representation
from motor.legacy.registry import bridges
from motor.legacy.write_concerns import make_write_concern

__all__ = ["change"]

_OWNERS = ("client", "database", "collection")


def change(owner: Any, **options: Any) -> None:
    """Give a Motor client, database or collection other options, in place.

    A database or a collection gets a new delegate. A client keeps its own, and makes databases
    with these options.

    - `options`: those of `codec_options`, `read_preference` and `write_concern` to change
    """
    if kind_of(owner) == "client":
        change_client(owner, options)
    else:
        owner.delegate = owner.delegate.with_options(**options)


def _change_codec(owner: Any, **changes: Any) -> None:
    """Give a Motor client, database or collection codec options that differ in `changes`."""
    change(owner, codec_options=owner.codec_options.with_options(**changes))


@bridges(
    "setting", _OWNERS, "read_preference", "use get_database(), get_collection() or with_options()"
)
def set_read_preference(owner: Any, value: Any) -> None:
    tag_sets = None
    if isinstance(value, int):
        tag_sets = getattr(owner.read_preference, "tag_sets", None)
    change(owner, read_preference=read_preference_of(value, tag_sets))


@bridges(
    "setting", _OWNERS, "tag_sets", "use with_options(read_preference=Secondary(tag_sets=...))"
)
def set_tag_sets(owner: Any, value: Any) -> None:
    change(owner, read_preference=read_preference_of(owner.read_preference, value))


@bridges(
    "setting", _OWNERS, "write_concern", "use get_database(), get_collection() or with_options()"
)
def set_write_concern(owner: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        value = make_write_concern(value)
    if not isinstance(value, WriteConcern):
        raise TypeError(f"write_concern must be a dict or a WriteConcern, not {value!r}")
    change(owner, write_concern=value)


@bridges("setting", _OWNERS, "uuid_subtype", "use CodecOptions(uuid_representation=...)")
def set_uuid_subtype(owner: Any, value: int) -> None:
    _change_codec(owner, uuid_representation=uuid_representation(value))


@bridges("setting", _OWNERS, "document_class", "use CodecOptions(document_class=...)")
def set_document_class(owner: Any, value: type) -> None:
    _change_codec(owner, document_class=value)


@bridges("setting", _OWNERS, "secondary_acceptable_latency_ms", "use the client's localThresholdMS")
def set_latency(owner: Any, value: Any) -> None:
    """Do nothing: PyMongo takes the value when a client is made, and not later."""
