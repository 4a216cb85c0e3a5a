"""Assigned settings: ``db.read_preference = ReadPreference.SECONDARY``.

Objects that are made from the object afterwards inherit them; earlier ones do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import ReadPreference
from pymongo.write_concern import WriteConcern

from motor.legacy.calls import kind_of, read_preference_of
from motor.legacy.client_settings import change_client
from motor.legacy.codecs import uuid_representation
from motor.legacy.registry import bridges
from motor.legacy.write_concerns import make_write_concern, write_concern_of

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


# Of Motor 0.1 ---------------------------------------------------------------------------------

_USE_WRITE_CONCERN = "use write_concern, and with_options(write_concern=...) to change it"


def _is_bool(value: object) -> bool:
    """Whether a value was meant for the old setting: today these are names like any other."""
    return isinstance(value, bool)


@bridges(
    "setting",
    _OWNERS,
    "slave_okay",
    "use with_options(read_preference=ReadPreference.SECONDARY_PREFERRED)",
    applies=_is_bool,
)
def set_slave_okay(owner: Any, value: bool) -> None:
    preference = ReadPreference.SECONDARY_PREFERRED if value else ReadPreference.PRIMARY
    # One that was set as a read preference says more than slave_okay.
    if value != bool(owner.read_preference.mode):
        change(owner, read_preference=preference)


@bridges(
    "setting",
    _OWNERS,
    "safe",
    "use write_concern=WriteConcern(w=1) for True, and w=0 for False",
    applies=_is_bool,
)
def set_safe(owner: Any, value: bool) -> None:
    if value != write_concern_of(owner).acknowledged:
        change(owner, write_concern=WriteConcern(w=1 if value else 0))


@bridges("method", _OWNERS, "get_lasterror_options", "use write_concern.document", in_place=True)
def get_lasterror_options(owner: Any) -> dict[str, Any]:
    return dict(write_concern_of(owner).document)


@bridges("method", _OWNERS, "set_lasterror_options", _USE_WRITE_CONCERN, in_place=True)
def set_lasterror_options(owner: Any, **options: Any) -> None:
    """Change these options of the write concern, and keep the others."""
    changed = {**write_concern_of(owner).document, **options}
    change(owner, write_concern=make_write_concern(changed))


@bridges("method", _OWNERS, "unset_lasterror_options", _USE_WRITE_CONCERN, in_place=True)
def unset_lasterror_options(owner: Any, *names: str) -> None:
    """Take these options out of the write concern; without names all."""
    options = write_concern_of(owner).document
    kept = {name: value for name, value in options.items() if names and name not in names}
    change(owner, write_concern=make_write_concern(kept))
