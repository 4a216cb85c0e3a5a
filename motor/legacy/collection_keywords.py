"""What ``aggregate`` took: a single stage, a tuple of them, and ``cursor=False``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.core.base import unwrap_arguments
from motor.legacy.calls import OldCall
from motor.legacy.registry import bridges

__all__: list[str] = []


@bridges(
    "keyword",
    "collection.aggregate",
    "pipeline",
    "use a list of stages",
    applies=lambda value: isinstance(value, (Mapping, tuple)),
)
def take_pipeline(call: OldCall, value: Any) -> None:
    call.kwargs["pipeline"] = [value] if isinstance(value, Mapping) else list(value)


@bridges(
    "keyword",
    "collection.aggregate",
    "cursor",
    "use the cursor that aggregate() returns",
    applies=lambda value: not isinstance(value, Mapping),
)
def take_cursor(call: OldCall, value: Any) -> None:
    if not value:
        call.run = _aggregate


def _aggregate(call: OldCall) -> Any:
    args, kwargs, queue = unwrap_arguments(call.args, call.kwargs)
    return call.owner._submit_function(
        _all_at_once, (call.owner.delegate, *args), kwargs, queue=queue
    )


def _all_at_once(collection: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """What servers replied before there were cursors for aggregations."""
    return {"result": list(collection.aggregate(*args, **kwargs)), "ok": 1.0}
