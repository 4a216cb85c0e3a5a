"""What two drivers have sent, to be compared: strictly, or but for the batches that are read ahead.

Motor reads a cursor's next batch while the current one is consumed. That changes when a getMore is
sent, but not what is sent for each cursor: see `difference_beside_read_ahead`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from pymongo.monitoring import CommandListener

from support.canonical import Canonical

__all__ = ["Event", "EventLog", "canonical_events", "difference_beside_read_ahead"]


class Event(NamedTuple):
    """A monitoring event. `moment` is how many notes the plan had made by then."""

    kind: str
    name: str
    database: str
    content: Any
    request: Any
    moment: int


class EventLog(CommandListener):
    """The monitoring events of one client, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        #: The notes of the plan that is carried out.
        self.notes: Sequence[Any] = ()
        #: Whether to forget what the commands and replies are.
        self.brief = False
        self._in_background: set[int] = set()

    def _add(self, kind: str, event: Any, content: Any) -> None:
        if kind == "started" and event.command_name == "killCursors" and "lsid" not in content:
            # PyMongo's thread, at work a second later on what could not be closed at the time.
            self._in_background.add(event.request_id)
        if event.request_id in self._in_background:
            return
        shown = None if self.brief else content
        # The replies to an exhaust cursor have no request of their own, but a connection.
        request = (event.request_id, event.connection_id, event.server_connection_id)
        self.events.append(
            Event(kind, event.command_name, event.database_name, shown, request, len(self.notes))
        )

    def started(self, event: Any) -> None:
        self._add("started", event, event.command)

    def succeeded(self, event: Any) -> None:
        self._add("succeeded", event, event.reply)

    def failed(self, event: Any) -> None:
        self._add("failed", event, event.failure)


def canonical_events(events: list[Event], canonical: Canonical) -> list[Any]:
    """The events in a form that can be compared."""
    return [(e.kind, e.name, e.database, _content(canonical, e)) for e in events]


def _content(canonical: Canonical, event: Event) -> Any:
    if event.content is None:
        return None
    if event.kind == "started":
        return canonical.command(event.content)
    # How a query was carried out is told in milliseconds.
    return sorted(event.content) if event.name == "explain" else canonical.reply(event.content)


# But for what is read ahead -----------------------------------------------------------------


class _Operation:
    """A command and what came of it."""

    def __init__(self, started: Event) -> None:
        self.events = [started]
        self.moment = started.moment

    @property
    def name(self) -> str:
        return self.events[0].name

    @property
    def command(self) -> Any:
        return self.events[0].content

    @property
    def cursor_id(self) -> int:
        """The cursor that the reply leaves open; 0: none."""
        kind, content = self.events[-1].kind, self.events[-1].content
        cursor = content.get("cursor") if kind == "succeeded" else None
        # Documents in replies have the class that the application asked for.
        return int(cursor["id"]) if isinstance(cursor, Mapping) else 0


class _Cursor:
    """All that was sent for one cursor of the server's."""

    def __init__(self, opening: _Operation) -> None:
        self.opening = opening
        self.reads: list[_Operation] = []
        self.kills: list[_Operation] = []

    def shown(self, operations: list[_Operation]) -> list[Any]:
        """Some of its operations, with the session of the first command as the first session."""
        canonical = Canonical()
        canonical_events(self.opening.events, canonical)
        return [canonical_events(operation.events, canonical) for operation in operations]


def _operations(events: list[Event]) -> list[_Operation]:
    found: list[_Operation] = []
    running: dict[Any, _Operation] = {}
    for event in events:
        if event.kind == "started":
            running[event.request] = _Operation(event)
            found.append(running[event.request])
        else:
            running.pop(event.request).events.append(event)
    assert not running, "the plan has ended before its operations"
    return found


def _by_cursor(events: list[Event]) -> tuple[list[_Operation], list[_Cursor]]:
    """The cursors in the order of their opening, and all operations that belong to none."""
    others: list[_Operation] = []
    cursors: dict[int, _Cursor] = {}
    for operation in _operations(events):
        if operation.name == "getMore":
            cursors[operation.command["getMore"]].reads.append(operation)
        elif operation.name == "killCursors":
            for cursor_id in operation.command["cursors"]:
                cursors[cursor_id].kills.append(operation)
        else:
            others.append(operation)
            if operation.cursor_id:
                cursors[operation.cursor_id] = _Cursor(operation)
    return others, list(cursors.values())


def difference_beside_read_ahead(wanted: list[Event], got: list[Event]) -> str | None:
    """What Motor has sent in `got` that it may not, with PyMongo having sent `wanted`.

    It may send a cursor's second getMore, and those that follow, earlier than PyMongo, but not
    earlier than PyMongo has sent the one before. So a cursor that was not read to its end may have
    one getMore more, and needs no killCursors if that came to the end. And a cursor at its end
    gives back its implicit session, which another command may then have.
    """
    others, cursors = _by_cursor(wanted)
    other_others, other_cursors = _by_cursor(got)
    for one, other in zip_longest(others, other_others):
        shown = [x and canonical_events(x.events, Canonical()) for x in (one, other)]
        if shown[0] != shown[1]:
            return f"PyMongo\n{shown[0]}\nMotor\n{shown[1]}"
    for mine, motors in zip(cursors, other_cursors, strict=True):
        if complaint := _difference_of_cursors(mine, motors):
            return complaint
    return None


def _difference_of_cursors(wanted: _Cursor, got: _Cursor) -> str | None:
    count = len(wanted.reads)
    reads, extra = wanted.shown(wanted.reads), got.reads[count:]
    if reads != got.shown(got.reads[:count]):
        return f"PyMongo reads\n{reads}\nMotor\n{got.shown(got.reads)}"
    if len(extra) > 1 or (extra and not (wanted.reads and wanted.reads[-1].cursor_id)):
        return f"Motor reads more than PyMongo\n{got.shown(extra)}"
    # How many notes there were when PyMongo sent a getMore is the latest that Motor may send it at,
    # and the earliest for the next.
    moments = [read.moment for read in wanted.reads]
    for number, read in enumerate(got.reads):
        earliest = moments[max(0, number - 1)]
        latest = moments[number] if number < count else read.moment
        if not earliest <= read.moment <= latest:
            return f"getMore {number} of {moments} was sent by Motor after note {read.moment}"
    kills = wanted.shown(wanted.kills)
    may_be_gone = bool(extra) and not extra[0].cursor_id
    if got.shown(got.kills) != kills and not (may_be_gone and not got.kills):
        return f"PyMongo kills\n{kills}\nMotor\n{got.shown(got.kills)}"
    return None
