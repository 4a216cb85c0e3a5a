"""Old keywords of a database's ``command``."""

from __future__ import annotations

from typing import Any

from bson.codec_options import TypeRegistry

from motor.legacy.calls import OldCall
from motor.legacy.codecs import PythonPatterns, uuid_representation
from motor.legacy.projections import projection_of
from motor.legacy.registry import bridges

__all__: list[str] = []

_COMMAND = "database.command"
_CODEC_OPTIONS = "use codec_options=CodecOptions(...)"


@bridges("keyword", _COMMAND, "as_class", _CODEC_OPTIONS)
def take_command_as_class(call: OldCall, value: type) -> None:
    call.codec_options(document_class=value)


@bridges("keyword", _COMMAND, "uuid_subtype", _CODEC_OPTIONS)
def take_command_uuid_subtype(call: OldCall, value: int) -> None:
    call.codec_options(uuid_representation=uuid_representation(value))


@bridges("keyword", _COMMAND, "compile_re", "use try_compile() of the bson.Regex that comes")
def take_command_compile_re(call: OldCall, value: bool) -> None:
    if value:
        call.codec_options(type_registry=TypeRegistry([PythonPatterns()]))


@bridges("keyword", _COMMAND, "tag_sets", "use read_preference=Secondary(tag_sets=...) or another")
def take_command_tag_sets(call: OldCall, value: Any) -> None:
    call.tag_sets = value
    call.read_preference = call.kwargs.pop("read_preference", None)


@bridges(
    "keyword",
    _COMMAND,
    "secondary_acceptable_latency_ms",
    "use the client's localThresholdMS",
)
def take_command_latency(call: OldCall, value: Any) -> None:
    """Do nothing: PyMongo has this option only for clients."""


@bridges(
    "keyword",
    _COMMAND,
    "fields",
    "use a dict",
    applies=lambda value: isinstance(value, (list, tuple)),
)
def take_command_fields(call: OldCall, value: Any) -> None:
    call.kwargs["fields"] = projection_of(value)
