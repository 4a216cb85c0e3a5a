"""The condition that threads and strands wait on, as threads see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from motor.condition import Condition
from support import wait_until

PATIENCE = 10.0


@pytest.fixture
def condition() -> Condition:
    return Condition(threading.Lock())


@pytest.fixture
def wait(condition: Condition) -> Iterator[Callable[..., Future[bool]]]:
    """Wait on the condition in a thread; returns when the thread does."""
    with ThreadPoolExecutor() as executor:

        def begin(timeout: float = PATIENCE) -> Future[bool]:
            about_to_wait = threading.Event()

            def run() -> bool:
                with condition:
                    about_to_wait.set()
                    return condition.wait(timeout)

            waiting = executor.submit(run)
            assert about_to_wait.wait(PATIENCE)
            with condition:
                # The lock is free: it waits.
                return waiting

        yield begin
        with condition:
            condition.notify_all()


def test_notify_wakes_as_many_as_it_is_told_in_the_order_they_came(
    condition: Condition, wait: Any
) -> None:
    waiting = [wait() for _ in range(5)]
    with condition:
        condition.notify()
    assert waiting[0].result(PATIENCE)
    with condition:
        condition.notify(2)
    assert waiting[1].result(PATIENCE)
    assert waiting[2].result(PATIENCE)
    assert not waiting[3].done()
    with condition:
        condition.notify_all()
    assert waiting[3].result(PATIENCE)
    assert waiting[4].result(PATIENCE)


def test_notify_without_anybody_waiting_is_forgotten(condition: Condition) -> None:
    with condition:
        condition.notify()
        condition.notify_all()
        assert not condition.wait(0.001)
        assert not condition.wait(0)
        assert not condition.wait(-1)


def test_who_has_waited_in_vain_takes_nothing_from_others(condition: Condition, wait: Any) -> None:
    assert not wait(0.001).result(PATIENCE)
    waiting = wait()
    with condition:
        condition.notify()
    assert waiting.result(PATIENCE)


def test_wait_for_a_predicate(condition: Condition, wait: Any) -> None:
    seen: list[int] = []
    with ThreadPoolExecutor(1) as executor:

        def look() -> bool:
            with condition:
                return condition.wait_for(lambda: bool(seen), PATIENCE)

        waiting = executor.submit(look)
        with condition:
            seen.append(1)
            condition.notify_all()
        assert waiting.result(PATIENCE)


def test_lock_is_held_again_after_waiting(condition: Condition) -> None:
    with condition:
        condition.wait(0.001)
        with ThreadPoolExecutor(1) as executor:
            assert not executor.submit(condition.acquire, False).result()
    assert condition.acquire(blocking=False)
    condition.release()


def test_no_notification_is_lost_between_many(condition: Condition) -> None:
    tokens, taken, count = [0], [0], 500

    def take() -> None:
        for _ in range(count):
            with condition:
                while not tokens[0]:
                    condition.wait(PATIENCE)
                tokens[0] -= 1
                taken[0] += 1

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(4 * count):
        with condition:
            tokens[0] += 1
            condition.notify()
        if number % 50 == 0:
            time.sleep(0)
    wait_until(lambda: taken[0] == 4 * count)
    for thread in threads:
        thread.join()
