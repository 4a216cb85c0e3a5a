"""``callback=``, which the methods of clients, databases, collections and cursors took."""

from __future__ import annotations

from motor.legacy.callbacks import Callback, check_callback
from motor.legacy.calls import OldCall
from motor.legacy.registry import bridges

__all__ = ["take_callback"]


@bridges(
    "keyword",
    ("client", "database", "collection", "cursor", "command_cursor"),
    "callback",
    "await or yield the future that the method returns",
)
def take_callback(call: OldCall, callback: Callback | None) -> None:
    check_callback(call.owner, callback)
    call.callback = callback
