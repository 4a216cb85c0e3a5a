"""One call's way to a worker and back, without a server."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from motor.execution.call import AGAIN
from motor.execution.pool import WorkerPool
from motor.operation import OperationFuture
from support import Framework, async_wait_until, wait_until
from support.jobs import PATIENCE, Held, Presents, busy_pool, is_quiet, refuse_threads, start

pytestmark = pytest.mark.every_loop

_variable: contextvars.ContextVar[str] = contextvars.ContextVar("_variable", default="unset")


@pytest.fixture
def pool() -> WorkerPool:
    return WorkerPool(4)


@pytest.fixture
def blocked() -> Iterator[tuple[WorkerPool, Held]]:
    with busy_pool() as both:
        yield both


async def all_done(pool: WorkerPool) -> None:
    await async_wait_until(lambda: is_quiet(pool), PATIENCE)


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

    assert await start(pool, lambda: 1, caller=Presents(wrap)) == 2
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

    future = (
        start(pool, stop) if where == "function" else start(pool, lambda: 1, caller=Presents(stop))
    )
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


# Calls that get no worker -----------------------------------------------------------------------


async def test_a_call_that_gets_no_thread_fails_at_once(
    framework: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, ran = WorkerPool(2, name="motor-none-test"), []
    with monkeypatch.context() as patch:
        refuse_threads(patch, "motor-none-test")
        with pytest.raises(RuntimeError, match="can't start"):
            start(pool, ran.append, "refused")
    await start(pool, ran.append, "taken")
    assert ran == ["taken"]


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


@pytest.mark.parametrize("outcome", ["result", "error"])
async def test_cancelled_while_it_runs_ends_and_its_outcome_is_dropped(
    framework: Framework, pool: Any, outcome: str
) -> None:
    held, ended = Held(), []

    def work() -> str:
        held()
        ended.append(1)
        if outcome == "error":
            raise ValueError("on purpose")
        return "result"

    future = start(pool, work)
    await async_wait_until(held.began.is_set, PATIENCE)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    assert not ended
    held.end.set()
    # An error of it would be reported by the loop.
    await all_done(pool)
    await start(pool, int)
    assert ended == [1]
    assert future.cancelled()


async def test_cancelled_while_its_outcome_is_on_its_way(framework: Framework, pool: Any) -> None:
    future = start(pool, lambda: 7)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert future.cancel()
    await start(pool, int)
    with pytest.raises(asyncio.CancelledError):
        await future


async def test_cancelled_after_its_end_changes_nothing(framework: Framework, pool: Any) -> None:
    future = start(pool, lambda: 7)
    assert await future == 7
    assert not future.cancel()
    assert future.result() == 7


async def test_a_repeated_call_ends_with_the_result_of_its_last_turn(
    framework: Framework, pool: Any
) -> None:
    turns = iter([AGAIN, AGAIN, "last"])
    assert await start(pool, lambda: next(turns), caller=Presents(str.upper)) == "LAST"


async def test_a_repeated_call_ends_when_its_future_is_cancelled(
    framework: Framework, pool: Any
) -> None:
    turns: list[None] = []

    def turn() -> object:
        turns.append(None)
        return AGAIN

    future = start(pool, turn)
    await async_wait_until(lambda: len(turns) > 10, PATIENCE)
    future.cancel()
    await all_done(pool)
