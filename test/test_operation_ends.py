"""Calls whose loop is closed, and the objects of calls that have ended."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from motor.execution.call import AGAIN, submit
from motor.execution.pool import WorkerPool
from support import Framework, async_wait_until, wait_until
from support.jobs import PATIENCE, Held, Presents, is_quiet, start

pytestmark = pytest.mark.every_loop

# Loops that are closed --------------------------------------------------------------------------


def test_what_runs_when_its_loop_is_closed_runs_to_its_end(framework: Framework) -> None:
    pool, held, ended = WorkerPool(1), Held(), []

    def work() -> str:
        held()
        ended.append("first")
        return "result"

    async def main() -> Any:
        future = start(pool, work)
        start(pool, ended.append, "second")
        await async_wait_until(held.began.is_set, PATIENCE)
        return future

    future = framework.run(main)
    held.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)
    # What waited was asked for too.
    assert ended == ["first", "second"]
    assert not future.done()


@pytest.mark.parametrize("wrap", [None, str.upper], ids=["plain", "wrapped"])
def test_a_repeated_call_ends_when_its_loop_is_closed(framework: Framework, wrap: Any) -> None:
    pool = WorkerPool(1)

    async def main() -> None:
        start(pool, lambda: AGAIN, caller=Presents(wrap) if wrap else None)

    framework.run(main)
    wait_until(lambda: is_quiet(pool), PATIENCE)


def test_a_loop_may_be_closed_by_the_time_a_call_is_made(framework: Framework) -> None:
    pool, ran = WorkerPool(1), []
    loop = asyncio.new_event_loop()
    loop.close()
    future = submit(pool, loop, ran.append, (1,))
    wait_until(lambda: ran and is_quiet(pool), PATIENCE)
    assert not future.done()


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
    await async_wait_until(lambda: not any(ref() for ref in refs), PATIENCE, what="all is freed")


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
    await async_wait_until(lambda: not any(ref() for ref in refs), PATIENCE, what="all is freed")


async def test_cancelling_leaves_no_reference_cycle(framework: Framework, no_gc: None) -> None:
    pool, held = WorkerPool(1), Held()
    argument = Payload()
    future = start(pool, lambda _: held(), argument)
    await async_wait_until(held.began.is_set, PATIENCE)
    refs = [weakref.ref(argument), weakref.ref(future)]
    future.cancel()
    held.end.set()
    del argument, future
    await async_wait_until(lambda: not any(ref() for ref in refs), PATIENCE, what="all is freed")


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
