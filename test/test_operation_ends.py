"""What becomes of outcomes that nobody fetches, and of the objects of those that were."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from motor.executor import AGAIN, WorkerPool
from support import Framework, async_wait_until, wait_until
from support.jobs import PATIENCE, Held, busy_pool, start


@pytest.fixture
def blocked() -> Iterator[tuple[WorkerPool, Held]]:
    with busy_pool() as both:
        yield both


# Loops that are closed --------------------------------------------------------------------------


def test_loop_closed_before_the_call_ends_discards_the_outcome(framework: Framework) -> None:
    pool, held, discarded = WorkerPool(1), Held(), []

    def work() -> str:
        held()
        return "result"

    async def main() -> None:
        start(pool, work, discard=lambda *outcome: discarded.append(outcome))
        await async_wait_until(held.began.is_set)

    framework.run(main)
    held.end.set()
    wait_until(lambda: discarded)
    assert discarded == [("result", None)]


def stopped_loop(main: Callable[[], Any]) -> asyncio.AbstractEventLoop:
    """A loop that has run `main` and will not run again, but is not closed yet."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    return loop


def test_loop_closed_with_outcomes_on_their_way_discards_them(blocked: Any) -> None:
    pool, held = blocked
    discarded: list[Any] = []

    async def main() -> None:
        for number in range(3):
            start(pool, int, number, discard=lambda *outcome: discarded.append(outcome))

    loop = stopped_loop(main)
    held.end.set()
    # The loop is told of the outcomes and does not come for them.
    wait_until(lambda: pool.load == 0)
    assert not discarded
    loop.close()
    wait_until(lambda: len(discarded) == 3)
    assert sorted(discarded) == [(0, None), (1, None), (2, None)]


def test_outcomes_after_those_that_a_closed_loop_left_are_discarded(blocked: Any) -> None:
    pool, held = blocked
    discarded: list[str] = []
    late = Held()

    async def main() -> None:
        start(pool, int, discard=lambda *outcome: discarded.append("early"))
        start(pool, late, discard=lambda *outcome: discarded.append("late"))

    loop = stopped_loop(main)
    held.end.set()
    assert late.began.wait(PATIENCE)
    loop.close()
    late.end.set()
    wait_until(lambda: len(discarded) == 2)
    assert set(discarded) == {"early", "late"}


def test_a_closed_loop_is_not_kept_alive_by_outcomes_it_never_fetched(blocked: Any) -> None:
    pool, held = blocked

    async def main() -> None:
        start(pool, int)

    loop = stopped_loop(main)
    held.end.set()
    wait_until(lambda: pool.load == 0)
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_again_ends_when_the_loop_is_closed(framework: Framework) -> None:
    pool = WorkerPool(1)

    async def main() -> None:
        start(pool, lambda: AGAIN)

    framework.run(main)
    wait_until(lambda: pool.load == 0)


def test_loops_that_close_while_outcomes_come_lose_none() -> None:
    pool = WorkerPool(4)
    discarded: list[Any] = []
    futures: list[Any] = []

    async def main() -> None:
        futures.extend([start(pool, int, discard=discarded_one) for _ in range(20)])
        await asyncio.sleep(0)

    def discarded_one(*outcome: Any) -> None:
        discarded.append(outcome)

    for _ in range(100):
        stopped_loop(main).close()

    def settled() -> bool:
        return len(discarded) + sum(future.done() for future in futures) == 100 * 20

    wait_until(settled, what="each outcome was either taken or discarded")


# Memory -----------------------------------------------------------------------------------------


class Payload:
    pass


@pytest.fixture
def no_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_success_leaves_no_reference_cycle(framework: Framework, no_gc: None) -> None:
    pool = WorkerPool(1)
    argument, refs = Payload(), []

    def work(_: Payload) -> Payload:
        result = Payload()
        refs.append(weakref.ref(result))
        return result

    refs.append(weakref.ref(argument))
    future = start(pool, work, argument)
    refs.append(weakref.ref(future))
    await future
    del argument, future
    await async_wait_until(lambda: not any(ref() for ref in refs), what="all is freed")


async def test_an_error_leaves_no_reference_cycle(framework: Framework, no_gc: None) -> None:
    pool = WorkerPool(1)
    refs: list[weakref.ref[Any]] = []

    class Trouble(Exception):
        pass

    def work(_: Payload) -> None:
        error = Trouble()
        refs.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def call() -> None:
        argument = Payload()
        refs.append(weakref.ref(argument))
        future = start(pool, work, argument)
        refs.append(weakref.ref(future))
        try:
            await future
        except Trouble:
            pass
        finally:
            del future

    await call()
    assert len(refs) == 3
    await async_wait_until(lambda: not any(ref() for ref in refs), what="all is freed")


async def test_cancelling_leaves_no_reference_cycle(framework: Framework, no_gc: None) -> None:
    pool, held = WorkerPool(1), Held()
    argument = Payload()
    future = start(pool, lambda _: held(), argument)
    await async_wait_until(held.began.is_set)
    refs = [weakref.ref(argument), weakref.ref(future)]
    future.cancel()
    held.end.set()
    del argument, future
    await async_wait_until(lambda: not any(ref() for ref in refs), what="all is freed")


async def test_calls_that_ended_leave_the_number_of_objects_as_it_was(framework: Framework) -> None:
    pool = WorkerPool(1)

    async def hundred() -> None:
        for _ in range(100):
            await start(pool, int)

    await hundred()
    gc.collect()
    before = len(gc.get_objects())
    await hundred()
    await hundred()
    gc.collect()
    assert len(gc.get_objects()) - before < 50
