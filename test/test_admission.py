"""How many calls may run at once, by a clock and a processor that do as they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from motor import admission
from motor.admission import FULL, IDLE, SPAN, STRETCH, YOUNG, Admission

#: A share of the processor that says nothing in either direction.
BETWEEN = (IDLE + FULL) / 2


class Clock:
    """The time, and the processor time that the process has used."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.used = 50.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.used

    def advance(self, seconds: float, share: float = 0.0) -> None:
        """Let time pass, with so much of one processor in use."""
        self.now += seconds
        self.used += seconds * share


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    return clock


def busy_since(*times: float) -> list[Any]:
    return [SimpleNamespace(busy_since=since) for since in times]


def look(made: Admission, clock: Clock, *, share: float, times: int = 1) -> list[int]:
    """Look so often, each time after a span with that use of the processor: the limits then."""
    limits = []
    for _ in range(times):
        clock.advance(SPAN * 1.01, share)
        made.look()
        limits.append(made.limit)
    return limits


def test_limit_grows_by_one_while_the_processor_has_time_to_spare(clock: Clock) -> None:
    made = Admission(100, 4)
    assert made.limit == 4
    most = STRETCH * 4
    grown = look(made, clock, share=IDLE - 0.05, times=most)
    assert grown == [*range(5, most + 1), *([most] * 4)]


def test_limit_shrinks_by_one_while_the_processor_is_busy(clock: Clock) -> None:
    made = Admission(100, 4)
    look(made, clock, share=0, times=20)
    shrunk = look(made, clock, share=FULL + 0.05, times=made.most)
    assert shrunk == [*range(made.most - 1, 3, -1), *([4] * 4)]


@pytest.mark.parametrize("grown", [0, 3])
def test_limit_stays_where_the_processor_is_used_well(clock: Clock, grown: int) -> None:
    made = Admission(100, 4)
    look(made, clock, share=0, times=grown)
    assert look(made, clock, share=BETWEEN, times=5) == [4 + grown] * 5


def test_several_processors_in_use_are_no_time_to_spare(clock: Clock) -> None:
    # BSON's C code and TLS work without the interpreter lock now and then.
    made = Admission(100, 4)
    look(made, clock, share=0, times=1)
    assert look(made, clock, share=1.8) == [4]


def test_looks_in_quick_succession_count_as_one(clock: Clock) -> None:
    made = Admission(100, 4)
    for _ in range(3):
        clock.advance(SPAN / 3.5, share=1.0)
        made.look()
    assert made.limit == 4
    # Busy up to now, idle since: on the whole, there was time to spare.
    clock.advance(SPAN * 3, share=0.0)
    made.look()
    assert made.limit == 5


def test_a_pause_says_nothing_about_now(clock: Clock) -> None:
    made = Admission(100, 4)
    look(made, clock, share=0, times=3)
    assert made.limit == 7
    # Nobody waited, so nobody looked.
    clock.advance(60.0, share=0.0)
    made.look()
    assert made.limit == 4
    # The use of the processor is counted from there.
    assert look(made, clock, share=0, times=2) == [5, 6]


def test_young_calls_count_up_to_the_limit(clock: Clock) -> None:
    made = Admission(100, 4)
    assert made.allows_one_more(busy_since())
    assert made.allows_one_more(busy_since(*[clock.now] * 3))
    assert not made.allows_one_more(busy_since(*[clock.now] * 4))
    look(made, clock, share=0)
    assert made.allows_one_more(busy_since(*[clock.now] * 4))
    assert not made.allows_one_more(busy_since(*[clock.now] * 5))


def test_calls_grow_old_and_do_not_count_then(clock: Clock) -> None:
    made = Admission(100, 4)
    calls = busy_since(*[clock.now] * 4)
    clock.advance(YOUNG * 0.9)
    assert not made.allows_one_more(calls)
    clock.advance(YOUNG * 0.2)
    assert made.allows_one_more(calls)
    assert made.allows_one_more([*calls, *busy_since(*[clock.now] * 3)])
    assert not made.allows_one_more([*calls, *busy_since(*[clock.now] * 4)])


@pytest.mark.parametrize(("max_workers", "young_limit"), [(1, 1), (3, 2), (100, 4), (5, 5)])
def test_never_more_than_the_most_workers(clock: Clock, max_workers: int, young_limit: int) -> None:
    made = Admission(max_workers, young_limit)
    look(made, clock, share=0, times=50)
    assert made.limit == made.most <= max_workers
    old = busy_since(*[clock.now - 10] * max_workers)
    assert made.allows_one_more(old[:-1])
    assert not made.allows_one_more(old)


def test_a_limit_above_the_most_workers_is_the_most_workers(clock: Clock) -> None:
    made = Admission(2, 4)
    assert not made.limited
    assert made.allows_one_more(busy_since(clock.now))
    assert not made.allows_one_more(busy_since(*[clock.now] * 2))


@pytest.mark.parametrize(("max_workers", "limited"), [(4, False), (5, True)])
def test_it_is_limited_where_a_call_may_wait_beside_free_workers(
    clock: Clock, max_workers: int, limited: bool
) -> None:
    assert Admission(max_workers, 4).limited is limited
