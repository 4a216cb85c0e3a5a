"""Old keywords of ``find`` and ``find_one``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bson.codec_options import TypeRegistry
from pymongo.read_preferences import ReadPreference

from motor.legacy.calls import OldCall
from motor.legacy.codecs import PythonPatterns
from motor.legacy.projections import projection_of
from motor.legacy.registry import bridges

__all__: list[str] = []

_METHODS = ("collection.find", "collection.find_one")


def _takes(name: str, advice: str) -> Callable[[Callable[[OldCall, Any], None]], Any]:
    return bridges("keyword", _METHODS, name, advice)


@bridges("keyword", "collection.find_one", "spec_or_id", "use filter=")
@_takes("spec", "use filter=")
def take_spec(call: OldCall, value: Any) -> None:
    call.kwargs["filter"] = value


@_takes("fields", "use projection=")
def take_fields(call: OldCall, value: Any) -> None:
    call.kwargs["projection"] = projection_of(value)


@_takes("timeout", "use no_cursor_timeout=True for False")
def take_timeout(call: OldCall, value: bool) -> None:
    call.kwargs["no_cursor_timeout"] = not value


@_takes("partial", "use allow_partial_results=")
def take_partial(call: OldCall, value: bool) -> None:
    call.kwargs["allow_partial_results"] = value


@_takes("tailable", "use cursor_type=CursorType.TAILABLE")
def take_tailable(call: OldCall, value: bool) -> None:
    call.flags["tailable"] = value


@_takes("await_data", "use cursor_type=CursorType.TAILABLE_AWAIT")
def take_await_data(call: OldCall, value: bool) -> None:
    call.flags["await_data"] = value


@_takes("exhaust", "use cursor_type=CursorType.EXHAUST")
def take_exhaust(call: OldCall, value: bool) -> None:
    call.flags["exhaust"] = value


@_takes("as_class", "use with_options(codec_options=CodecOptions(document_class=...))")
def take_as_class(call: OldCall, value: type) -> None:
    call.codec_options(document_class=value)


@_takes("compile_re", "use try_compile() of the bson.Regex that comes")
def take_compile_re(call: OldCall, value: bool) -> None:
    registry = TypeRegistry([PythonPatterns()]) if value else TypeRegistry()
    call.codec_options(type_registry=registry)


@_takes("slave_okay", "use with_options(read_preference=ReadPreference.SECONDARY_PREFERRED)")
def take_slave_okay(call: OldCall, value: bool) -> None:
    if value and call.read_preference is None:
        call.read_preference = ReadPreference.SECONDARY_PREFERRED


@_takes("read_preference", "use with_options(read_preference=...)")
def take_read_preference(call: OldCall, value: Any) -> None:
    call.read_preference = value


@_takes("tag_sets", "use with_options(read_preference=Secondary(tag_sets=...)) or another")
def take_tag_sets(call: OldCall, value: Any) -> None:
    call.tag_sets = value


#: The entries of ``modifiers``, and the arguments of `find` that replace them.
_MODIFIERS = {
    "$comment": "comment",
    "$hint": "hint",
    "$max": "max",
    "$maxTimeMS": "max_time_ms",
    "$min": "min",
    "$orderby": "sort",
    "$query": "filter",
    "$returnKey": "return_key",
    "$showDiskLoc": "show_record_id",
}

#: Entries that no server supports any more.
_FORGOTTEN = ("$maxScan", "$snapshot")


@_takes("modifiers", "use hint=, max_time_ms=, comment= and the like")
def take_modifiers(call: OldCall, value: Mapping[str, Any] | None) -> None:
    for name, setting in (value or {}).items():
        if name == "$explain":
            raise ValueError("modifiers cannot contain $explain any more: call explain()")
        if name in _FORGOTTEN:
            continue
        if name not in _MODIFIERS:
            raise ValueError(f"{name} is no modifier: there are {', '.join(_MODIFIERS)}")
        if name in ("$orderby", "$hint") and isinstance(setting, Mapping):
            setting = list(setting.items())
        call.kwargs[_MODIFIERS[name]] = setting


@_takes("manipulate", "leave it out, only clients of motor.legacy have SON manipulators")
def take_manipulate(call: OldCall, value: bool) -> None:
    call.flags["manipulate"] = value


@_takes("network_timeout", "use max_time_ms=, or 'with pymongo.timeout(seconds)'")
def take_network_timeout(call: OldCall, value: float | None) -> None:
    if value is not None:
        call.kwargs.setdefault("max_time_ms", int(value * 1000))


@_takes("snapshot", "leave it out, the server has no such option any more")
@_takes("max_scan", "leave it out, the server has no such option any more")
@_takes("secondary_acceptable_latency_ms", "use the client's localThresholdMS")
def take_nothing(call: OldCall, value: Any) -> None:
    """Do nothing."""
