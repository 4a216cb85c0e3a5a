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

from support.canonical import Canonical
from support.corpus_events import EventLog, canonical_events, difference_beside_read_ahead
from support.framework import Framework

__all__ = ["APP_NAME", "Outcome", "Pair", "Peer", "examples", "pair_of"]

#: The `appName` of both clients, for fail points that concern only them.
APP_NAME = "corpus"

#: The names of the notes that say how far the reading of a cursor has got.
PROGRESS = ("alive", "retrieved", "cursor_id")

#: How many times more examples to try than usual, and then new ones.
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
            # A synchronous cursor's documents are not awaitables, although their class may be.
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
        ahead: bool = True,
        brief: bool = False,
    ) -> Outcome:
        """Fail unless both come to the same results, errors and events.

        - `prepare`: called before each of them
        - `ahead`: whether Motor may read the next batch before the plan asks for it
        - `brief`: whether to look at the events' names only, where documents are large

        Returns what came of it, to see whether the plan did what a test is about.
        """
        expected = self._carry_out(plan, prepare, self._synchronous, _run_here, brief)
        found = self._carry_out(plan, prepare, self._motor, self.framework.run, brief)
        if found.events != expected.events:
            difference = _first_difference(expected.events, found.events)
            assert ahead, difference
            assert not brief, difference
            complaint = difference_beside_read_ahead(expected.raw_events, found.raw_events)
            assert complaint is None, f"{difference}\n\n{complaint}"
        if found.notes != expected.notes and ahead:
            expected.forget_progress(found)
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
        log.notes = peer.notes
        run(plan(peer))
        return Outcome(peer, log)


class Outcome:
    """What came of a plan with one driver, to be compared."""

    def __init__(self, peer: Peer, log: EventLog) -> None:
        canonical = Canonical()
        self.raw_events = list(log.events)
        self.events = canonical_events(self.raw_events, canonical)
        self.notes = [(what, canonical.value(value)) for what, value in peer.notes]
        self._progress = [note for note in peer.notes if note[0] in PROGRESS]

    def noted(self, what: str) -> list[Any]:
        """The notes of that name, in order."""
        return [value for name, value in self.notes if name == what]

    def forget_progress(self, other: Outcome) -> None:
        """Drop how far the reading has got, here and in `other`, which may be a batch ahead."""
        if [name for name, _ in self._progress] != [name for name, _ in other._progress]:
            return
        for (name, mine), (_, others) in zip(self._progress, other._progress, strict=True):
            # The one that is ahead has retrieved more, and knows the end earlier.
            may_be = mine is others is None or (
                mine <= others if name == "retrieved" else mine >= others
            )
            if name == "cursor_id" and not mine and self.noted("error"):
                # If its first batch cannot be decoded, PyMongo's cursor never has an id, and is
                # left open on the server. Motor's has one if the batch was left undecoded at first.
                may_be = True
            assert may_be, f"{name} is {mine} with PyMongo, and {others} with Motor"
        for outcome in (self, other):
            outcome.notes = [note for note in outcome.notes if note[0] not in PROGRESS]


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
    *,
    watched: bool = True,
    **options: Any,
) -> Iterator[Pair]:
    """The two drivers, with clients of the same `options`.

    - `watched`: whether listeners see their commands. Replies that a listener sees are
      decoded another way
    """
    synchronous, motor = EventLog(), EventLog()
    listeners = ([synchronous], [motor]) if watched else ([], [])
    options = {"appname": APP_NAME, "serverMonitoringMode": "poll", **options}
    with pymongo.MongoClient(mongo_uri, event_listeners=listeners[0], **options) as client:
        motor_client = client_factory(mongo_uri, event_listeners=listeners[1], **options)
        # From now on both know the deployment's time, which they send with each command.
        client.admin.command("ping")
        framework.run(lambda: motor_client.admin.command("ping"))
        yield Pair(framework, (client, synchronous), (motor_client, motor), database_name)
