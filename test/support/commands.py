"""Record what was sent to the server."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


class CommandRecorder(CommandListener):
    """The commands a client started, in order, as a sequence; with their outcomes beside it.

    Give it to a client as `event_listeners=[commands]`.
    """

    def __init__(self) -> None:
        self._started: list[CommandStartedEvent] = []
        self.succeeded_events: list[CommandSucceededEvent] = []
        self.failed_events: list[CommandFailedEvent] = []

    def started(self, event: CommandStartedEvent) -> None:
        self._started.append(event)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self.succeeded_events.append(event)

    def failed(self, event: CommandFailedEvent) -> None:
        self.failed_events.append(event)

    @property
    def names(self) -> list[str]:
        return [event.command_name for event in self._started]

    def named(self, *names: str) -> list[CommandStartedEvent]:
        return [event for event in self._started if event.command_name in names]

    def clear(self) -> None:
        for events in (self._started, self.succeeded_events, self.failed_events):
            events.clear()

    def __len__(self) -> int:
        return len(self._started)

    def __iter__(self) -> Iterator[CommandStartedEvent]:
        return iter(self._started)

    def __getitem__(self, index: int) -> CommandStartedEvent:
        return self._started[index]

    def __repr__(self) -> str:
        return f"<commands {self.names}>"
