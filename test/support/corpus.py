"""One plan, carried out by PyMongo's synchronous client and by Motor's, and the two compared.

A plan is a coroutine function that takes a `Peer`. With PyMongo's client nothing in it ever
suspends, so it runs without an event loop; with Motor's it runs on the framework's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from itertools import zip_longest
from typing import Any

import hypothesis
import pymongo
from pymongo.monitoring import CommandListener

from support.canonical import Canonical
from support.framework import Framework

__all__ = ["APP_NAME", "EventLog", "Outcome", "Pair", "Peer", "examples", "pair_of"]

#: What both clients call themselves, for fail points that concern nobody else.
APP_NAME = "corpus"

#: How many times more examples to try than usual, and then such as nobody has tried before.
EXPLORE = int(os.environ.get("MOTOR_TEST_EXPLORE", "1"))


def examples(number: int) -> hypothesis.settings:
    """Settings of a test that tries `number` generated plans, the same in each run.

    With the environment variable ``MOTOR_TEST_EXPLORE=20`` it tries 20 times as many, and new ones.
    """
    return hypothesis.settings(
        max_examples=number * EXPLORE,
        derandomize=EXPLORE == 1,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        # A plan leaves nothing behind but documents, which the next one replaces.
        suppress_health_check=list(hypothesis.HealthCheck),
    )


class EventLog(CommandListener):
    """The monitoring events of one client, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, Any]] = []
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
        self.events.append((kind, event.command_name, event.database_name, shown))

    def started(self, event: Any) -> None:
        self._add("started", event, event.command)

    def succeeded(self, event: Any) -> None:
        self._add("succeeded", event, event.reply)

    def failed(self, event: Any) -> None:
        self._add("failed", event, event.failure)

    def canonical(self, canonical: Canonical) -> list[Any]:
        """The events in a form that can be compared."""
        return [
            (kind, name, database, _content(canonical, kind, name, content))
            for kind, name, database, content in self.events
        ]


def _content(canonical: Canonical, kind: str, name: str, content: Any) -> Any:
    if content is None:
        return None
    if kind == "started":
        return canonical.command(content)
    # How a query was carried out is told in milliseconds.
    return sorted(content) if name == "explain" else canonical.reply(content)


class Peer:
    """One of the two drivers, for a plan to use, and what came of the plan so far."""

    def __init__(self, client: Any, database_name: str) -> None:
        self.client = client
        self.database = client[database_name]
        self.notes: list[tuple[str, Any]] = []

    def collection(self, options: Any = None, name: str = "test") -> Any:
        return self.database.get_collection(name, codec_options=options)

    def note(self, what: str, value: Any) -> None:
        """Keep something that must be the same with both drivers."""
        self.notes.append((what, value))

    async def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `function` returns, or gives when it is awaited."""
        result = function(*args, **kwargs)
        return await result if isawaitable(result) else result

    async def attempt(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The same, with the outcome noted. Returns None instead of raising."""
        name = getattr(function, "__name__", "call")
        try:
            result = await self.call(function, *args, **kwargs)
        except Exception as error:
            self.note(name, error)
            return None
        self.note(name, result)
        return result

    async def open(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The cursor, or session, that `function` makes; None, and the error noted, if it fails."""
        try:
            return await self.call(function, *args, **kwargs)
        except Exception as error:
            self.note("not opened", error)
            return None

    async def next(self, cursor: Any) -> list[Any]:
        """The next document in a list; an empty list at the end."""
        try:
            found = cursor.next()
            # A synchronous cursor's documents are no awaitables, whatever class they have.
            return [await found if isawaitable(found) else found]
        except (StopIteration, StopAsyncIteration):
            return []


Plan = Callable[[Peer], Coroutine[Any, Any, None]]


class Pair:
    """The two drivers with one database."""

    def __init__(
        self,
        framework: Framework,
        synchronous: tuple[Any, EventLog],
        motor: tuple[Any, EventLog],
        database_name: str,
    ) -> None:
        self.framework = framework
        self._synchronous = synchronous
        self._motor = motor
        self._name = database_name
        #: PyMongo's database, to prepare what a plan finds.
        self.database = synchronous[0][database_name]

    def compare(
        self,
        plan: Plan,
        *,
        prepare: Callable[[], object] | None = None,
        ahead: bool = False,
        brief: bool = False,
    ) -> Outcome:
        """Fail unless both come to the same results, errors and events.

        - `prepare`: called before each of them
        - `ahead`: whether Motor may have sent one getMore more, which the plan did not come to need

        - `brief`: whether to look at the events' names only, where documents are large

        Returns what came of it, to see whether the plan did what a test is about.
        """
        expected = self._carry_out(plan, prepare, self._synchronous, _run_here, brief)
        found = self._carry_out(plan, prepare, self._motor, self.framework.run, brief)
        events = found.events
        if ahead and events != expected.events:
            events = without_read_ahead(expected.events, events)
            expected.forget_progress(found)
        assert events == expected.events, _first_difference(expected.events, events)
        assert found.notes == expected.notes, _first_difference(expected.notes, found.notes)
        return expected

    def _carry_out(
        self,
        plan: Plan,
        prepare: Callable[[], object] | None,
        driver: tuple[Any, EventLog],
        run: Callable[[Any], Any],
        brief: bool,
    ) -> Outcome:
        client, log = driver
        if prepare is not None:
            prepare()
        log.events.clear()
        log.brief = brief
        peer = Peer(client, self._name)
        run(plan(peer))
        return Outcome(peer, log)


class Outcome:
    """What came of a plan with one driver, to be compared."""

    def __init__(self, peer: Peer, log: EventLog) -> None:
        canonical = Canonical()
        self.events = log.canonical(canonical)
        self.notes = [(what, canonical.value(value)) for what, value in peer.notes]

    def noted(self, what: str) -> list[Any]:
        """The notes of that name, in order."""
        return [value for name, value in self.notes if name == what]

    def forget_progress(self, other: Outcome) -> None:
        """Drop, here and in `other`, which is a batch ahead, how far the reading has got."""
        for name in ("alive", "retrieved", "cursor_id"):
            pairs = zip(self.noted(name), other.noted(name), strict=True)
            # Whoever is ahead knows the end earlier, and has retrieved more.
            assert name != "alive" or all(mine >= others for mine, others in pairs)
            assert name != "retrieved" or all(mine <= others for mine, others in pairs)
        for outcome in (self, other):
            outcome.notes = [
                note for note in outcome.notes if note[0] not in ("alive", "retrieved", "cursor_id")
            ]


def without_read_ahead(wanted: list[Any], got: list[Any]) -> list[Any]:
    """`got` without one successful getMore that `wanted` does not have.

    If that getMore came to the cursor's end, then the killCursors of `wanted` is not needed.
    """
    for index, event in enumerate(got[:-1]):
        pair = [(kind, name) for kind, name, *_ in (event, got[index + 1])]
        if pair == [("started", "getMore"), ("succeeded", "getMore")]:
            rest = got[:index] + got[index + 2 :]
            if rest == wanted:
                return rest
            killing = [i for i, (_, name, *_) in enumerate(wanted) if name == "killCursors"]
            if rest == [e for i, e in enumerate(wanted) if i not in killing]:
                return wanted
    return got


def _first_difference(wanted: list[Any], got: list[Any]) -> str:
    for index, (one, other) in enumerate(zip_longest(wanted, got, fillvalue="nothing")):
        if one != other:
            return f"number {index} is with PyMongo\n{one}\nand with Motor\n{other}"
    raise AssertionError("no difference")


def _run_here(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("the plan waited for something, with a synchronous client")


@contextmanager
def pair_of(
    framework: Framework,
    client_factory: Callable[..., Any],
    mongo_uri: str,
    database_name: str,
    **options: Any,
) -> Iterator[Pair]:
    """The two drivers, with clients of the same `options`."""
    synchronous, motor = EventLog(), EventLog()
    options = {"appname": APP_NAME, "serverMonitoringMode": "poll", **options}
    with pymongo.MongoClient(mongo_uri, event_listeners=[synchronous], **options) as client:
        motor_client = client_factory(mongo_uri, event_listeners=[motor], **options)
        # From now on both know the deployment's time, which they send with each command.
        client.admin.command("ping")
        framework.run(lambda: motor_client.admin.command("ping"))
        yield Pair(framework, (client, synchronous), (motor_client, motor), database_name)
