"""One call's way to a worker and back, without a server."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from motor.executor import AGAIN, WorkerPool
from motor.operation import OperationFuture
from support import Framework, async_wait_until, wait_until
from support.jobs import PATIENCE, Held, busy_pool, start

_variable: contextvars.ContextVar[str] = contextvars.ContextVar("_variable", default="unset")


@pytest.fixture
def pool() -> WorkerPool:
    return WorkerPool(4)


@pytest.fixture
def blocked() -> Iterator[tuple[WorkerPool, Held]]:
    with busy_pool() as both:
        yield both


async def all_done(pool: WorkerPool) -> None:
    await async_wait_until(lambda: pool.load == 0)


# Outcomes ---------------------------------------------------------------------------------------


async def test_future_has_what_the_function_returns(framework: Framework, pool: Any) -> None:
    future = start(pool, "{}-{}".format, 1, 2)
    assert isinstance(future, OperationFuture)
    assert isinstance(future, asyncio.Future)
    assert await future == "1-2"


async def test_wrap_turns_the_result_on_the_worker(framework: Framework, pool: Any) -> None:
    where: list[threading.Thread] = []

    def wrap(value: int) -> int:
        where.append(threading.current_thread())
        return value + 1

    assert await start(pool, lambda: 1, wrap=wrap) == 2
    assert where[0] is not threading.current_thread()


async def test_an_error_keeps_the_traceback_of_the_function(framework: Framework) -> None:
    def fails_in_here() -> None:
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose") as caught:
        await start(WorkerPool(1), fails_in_here)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-1] == "fails_in_here"


@pytest.mark.parametrize("where", ["function", "wrap"])
async def test_stop_iteration_becomes_a_runtime_error(
    framework: Framework, pool: Any, where: str
) -> None:
    def stop(_: object = None) -> None:
        raise StopIteration("at the end")

    future = start(pool, stop) if where == "function" else start(pool, lambda: 1, wrap=stop)
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        await asyncio.wait_for(future, PATIENCE)
    assert isinstance(caught.value.__cause__, StopIteration)


async def test_an_error_that_is_no_exception_reaches_the_caller(pool: Any) -> None:
    class Unusual(BaseException):
        pass

    def fail() -> None:
        raise Unusual

    with pytest.raises(Unusual):
        await start(pool, fail)
    assert await start(pool, lambda: "alive") == "alive"


# Context ----------------------------------------------------------------------------------------


async def test_context_variables_go_in_and_do_not_come_out(framework: Framework, pool: Any) -> None:
    def change() -> str:
        before = _variable.get()
        _variable.set("worker's")
        return before

    _variable.set("caller's")
    future = start(pool, change)
    _variable.set("too late")
    assert await future == "caller's"
    assert _variable.get() == "too late"
    assert await asyncio.create_task(start(pool, _variable.get)) == "too late"


async def test_calls_share_no_context(pool: Any) -> None:
    async def one(name: str) -> None:
        _variable.set(name)
        for _ in range(20):
            assert await start(pool, _variable.get) == name

    await asyncio.gather(*(one(f"task {n}") for n in range(20)))


# Waking the loop --------------------------------------------------------------------------------


@pytest.fixture
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Motor scheduled on event loops from other threads."""
    seen: list[Any] = []
    original = asyncio.BaseEventLoop.call_soon_threadsafe

    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if callback.__module__.startswith("motor."):
            seen.append(callback)
        return original(self, callback, *args, **kwargs)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", call_soon_threadsafe)
    return seen


async def test_loop_is_woken_once_for_many_outcomes(
    framework: Framework, wakeups: list[Any]
) -> None:
    pool = WorkerPool(4)
    futures = [start(pool, int, n) for n in range(500)]
    # Not awaiting, the loop is busy, and all outcomes come in the meantime.
    wait_until(lambda: pool.load == 0)
    assert len(wakeups) == 1
    assert not any(future.done() for future in futures)
    assert await asyncio.gather(*futures) == list(range(500))


async def test_no_outcome_is_forgotten_between_wakeups(framework: Framework) -> None:
    pool = WorkerPool(8)

    async def client(number: int) -> int:
        total = 0
        for n in range(100):
            total += await start(pool, int, n)
            if n % 10 == number % 10:
                await asyncio.sleep(0)
        return total

    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*map(client, range(40))) == [sum(range(100))] * 40


async def test_an_outcome_that_raises_does_not_hold_up_the_others(
    framework: Framework, loop_errors: list[Any], blocked: Any
) -> None:
    pool, held = blocked

    def discard(result: Any, error: Any) -> None:
        raise ValueError("on purpose")

    futures = [start(pool, int, n, discard=discard) for n in range(5)]
    held.end.set()
    wait_until(lambda: pool.load == 0)
    for future in futures[1:4]:
        # Done by now, but the loop does not know yet.
        future.cancel()
    assert await asyncio.wait_for(asyncio.gather(futures[0], futures[4]), PATIENCE) == [0, 4]
    assert [str(context["exception"]) for context in loop_errors] == ["on purpose"] * 3


# Cancelling -------------------------------------------------------------------------------------


async def test_cancelled_before_a_worker_took_it_is_never_run(
    framework: Framework, blocked: Any
) -> None:
    pool, held = blocked
    ran: list[str] = []
    future = start(pool, ran.append, "cancelled")
    other = start(pool, ran.append, "other")
    future.cancel()
    held.end.set()
    await other
    with pytest.raises(asyncio.CancelledError):
        await future
    assert ran == ["other"]


async def test_cancelled_while_it_runs_ends_and_is_discarded(
    framework: Framework, pool: Any
) -> None:
    held = Held()
    discarded: list[Any] = []

    def work() -> str:
        held()
        return "result"

    future = start(pool, work, discard=lambda *outcome: discarded.append(outcome))
    await async_wait_until(held.began.is_set)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    assert not discarded
    held.end.set()
    await all_done(pool)
    assert discarded == [("result", None)]


async def test_cancelled_while_it_runs_discards_an_error_too(
    framework: Framework, pool: Any
) -> None:
    held = Held()
    discarded: list[Any] = []

    def work() -> None:
        held()
        raise ValueError("on purpose")

    future = start(pool, work, discard=lambda *outcome: discarded.append(outcome))
    await async_wait_until(held.began.is_set)
    future.cancel()
    held.end.set()
    await all_done(pool)
    ((result, error),) = discarded
    assert result is None
    assert str(error) == "on purpose"


async def test_cancelled_when_the_outcome_is_on_its_way_is_discarded(
    framework: Framework, pool: Any
) -> None:
    discarded: list[Any] = []
    future = start(pool, lambda: 7, discard=lambda *outcome: discarded.append(outcome))
    wait_until(lambda: pool.load == 0)
    future.cancel()
    await async_wait_until(lambda: discarded)
    assert discarded == [(7, None)]


async def test_an_outcome_that_was_taken_is_not_discarded(framework: Framework, pool: Any) -> None:
    discarded: list[Any] = []
    future = start(pool, lambda: 7, discard=lambda *outcome: discarded.append(outcome))
    assert await future == 7
    future.cancel()
    await start(pool, lambda: None)
    assert not discarded


async def test_again_ends_when_the_future_is_cancelled(framework: Framework, pool: Any) -> None:
    turns: list[None] = []
    discarded: list[Any] = []

    def turn() -> object:
        turns.append(None)
        return AGAIN

    future = start(pool, turn, discard=lambda *outcome: discarded.append(outcome))
    await async_wait_until(lambda: len(turns) > 10)
    future.cancel()
    await all_done(pool)
    assert not discarded
