"""Old arguments of ``aggregate`` (a dict, a tuple, ``cursor=False``) and its old result, a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.core.base import unwrap_arguments
from motor.legacy.calls import OldCall
from motor.legacy.registry import bridges, refuses

__all__ = ["as_list"]


# Today's collections take only a list, as PyMongo does; those of `motor.legacy` take more.
@bridges(
    "use",
    "collection.aggregate",
    "pipeline",
    "use a list of stages",
    said="Calling collection.aggregate() with a pipeline that is not a list",
)
def as_list(pipeline: Mapping[str, Any] | tuple[Any, ...]) -> list[Any]:
    """The pipeline for a single stage, or for a tuple of stages."""
    return list(pipeline) if isinstance(pipeline, tuple) else [pipeline]


refuses(
    "use",
    "collection.aggregate",
    "result",
    "since Motor 0.5 it returns a cursor",
    "use 'await collection.aggregate(...).to_list()' in place of the list at 'result'",
    said="The dict that collection.aggregate() returned, with its 'result',",
)


@bridges(
    "keyword",
    "collection.aggregate",
    "cursor",
    "use the cursor that aggregate() returns",
    applies=lambda value: isinstance(value, bool),
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
    """The reply of servers before aggregations had cursors."""
    return {"result": list(collection.aggregate(*args, **kwargs)), "ok": 1.0}
