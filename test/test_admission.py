"""How many calls may run at once, with a clock and a processor that the tests control."""

from __future__ import annotations

import pytest

from motor.execution import admission
from motor.execution.admission import FULL, IDLE, SPAN, STRETCH, Admission

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


def measure(made: Admission, clock: Clock, *, share: float, times: int = 1) -> list[int]:
    """Measure so often, each time after a span with that use of the processor: the limits then."""
    limits = []
    for _ in range(times):
        clock.advance(SPAN * 1.01, share)
        made.measure()
        limits.append(made.limit)
    return limits


def test_limit_grows_by_one_while_the_processor_has_time_to_spare(clock: Clock) -> None:
    made = Admission(100, 4)
    assert made.limit == 4
    most = STRETCH * 4
    grown = measure(made, clock, share=IDLE - 0.05, times=most)
    assert grown == [*range(5, most + 1), *([most] * 4)]


def test_limit_shrinks_by_one_while_the_processor_is_busy(clock: Clock) -> None:
    made = Admission(100, 4)
    measure(made, clock, share=0, times=20)
    shrunk = measure(made, clock, share=FULL + 0.05, times=made.most)
    assert shrunk == [*range(made.most - 1, 3, -1), *([4] * 4)]


@pytest.mark.parametrize("grown", [0, 3])
def test_limit_stays_where_the_processor_is_used_well(clock: Clock, grown: int) -> None:
    made = Admission(100, 4)
    measure(made, clock, share=0, times=grown)
    assert measure(made, clock, share=BETWEEN, times=5) == [4 + grown] * 5


def test_several_processors_in_use_are_no_time_to_spare(clock: Clock) -> None:
    # BSON's C code and TLS work without the interpreter lock now and then.
    made = Admission(100, 4)
    measure(made, clock, share=0, times=1)
    assert measure(made, clock, share=1.8) == [4]


def test_measurements_in_quick_succession_count_as_one(clock: Clock) -> None:
    made = Admission(100, 4)
    for _ in range(3):
        clock.advance(SPAN / 3.5, share=1.0)
        made.measure()
    assert made.limit == 4
    # Busy up to now, idle since: on the whole, there was time to spare.
    clock.advance(SPAN * 3, share=0.0)
    made.measure()
    assert made.limit == 5


def test_a_pause_says_nothing_about_now(clock: Clock) -> None:
    made = Admission(100, 4)
    measure(made, clock, share=0, times=3)
    assert made.limit == 7
    # No call waited, so nothing was measured.
    clock.advance(60.0, share=0.0)
    made.measure()
    assert made.limit == 4
    # The use of the processor is counted from there.
    assert measure(made, clock, share=0, times=2) == [5, 6]


@pytest.mark.parametrize(
    ("max_workers", "recent_limit"), [(1, 1), (3, 2), (100, 4), (5, 5), (2, 4)]
)
def test_never_more_than_the_most_workers(
    clock: Clock, max_workers: int, recent_limit: int
) -> None:
    made = Admission(max_workers, recent_limit)
    assert made.limit == made.recent_limit == min(recent_limit, max_workers)
    measure(made, clock, share=0, times=50)
    assert made.limit == made.most == min(STRETCH * recent_limit, max_workers)
    measure(made, clock, share=1, times=50)
    assert made.limit == made.recent_limit
