"""Outcomes on their way to event loops: few wake-ups, and no lost outcome."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from motor.execution.call import submit
from motor.execution.completions import AtDelivery, deliver
from motor.execution.pool import WorkerPool
from support import Framework, async_wait_until, run_python, wait_until
from support.jobs import PATIENCE, Held, busy_pool, is_quiet, start

try:
    import uvloop
except ImportError:
    uvloop = None

LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(
        getattr(uvloop, "new_event_loop", None),
        id="uvloop",
        marks=pytest.mark.skipif(uvloop is None, reason="uvloop is not installed"),
    ),
]


@pytest.fixture
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How often Motor woke an event loop."""
    seen: list[Any] = []
    original = asyncio.BaseEventLoop.call_soon_threadsafe

    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if callback.__module__.startswith("motor."):
            seen.append(type(callback))
        return original(self, callback, *args, **kwargs)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", call_soon_threadsafe)
    return seen


@pytest.fixture
def blocked() -> Iterator[tuple[WorkerPool, Held]]:
    """A pool whose only worker is busy until the job beside it is released."""
    with busy_pool() as both:
        yield both


# Waking the loop --------------------------------------------------------------------------------


async def test_a_loop_is_woken_once_for_many_outcomes(
    framework: Framework, wakeups: list[Any]
) -> None:
    pool = WorkerPool(4)
    futures = [start(pool, int, n) for n in range(500)]
    # Not awaiting, the loop is busy, and all outcomes come in the meantime.
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert len(wakeups) == 1
    assert not any(future.done() for future in futures)
    assert await asyncio.gather(*futures) == list(range(500))


async def test_a_loop_that_waits_is_woken_for_each_outcome(
    framework: Framework, wakeups: list[Any]
) -> None:
    pool = WorkerPool(2, recent_limit=1)
    for number in range(20):
        assert await start(pool, int, number) == number
    assert len(wakeups) == 20


async def test_outcomes_come_in_the_order_of_delivery(framework: Framework) -> None:
    loop = asyncio.get_running_loop()
    came: list[int] = []
    futures = [loop.create_future() for _ in range(500)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: came.append(number))

    def deliver_all() -> None:
        for number, future in enumerate(futures):
            deliver(future, number, None)

    await asyncio.gather(asyncio.to_thread(deliver_all), *futures)
    assert came == list(range(500))
    assert [future.result() for future in futures] == came


async def test_an_outcome_may_be_delivered_on_the_loops_own_thread(framework: Framework) -> None:
    future = asyncio.get_running_loop().create_future()
    deliver(future, 7, None)
    assert not future.done()
    assert await asyncio.wait_for(future, PATIENCE) == 7


async def test_many_tasks_get_each_outcome(framework: Framework) -> None:
    pool = WorkerPool(12, recent_limit=3)

    async def task(number: int) -> int:
        total = 0
        for n in range(60):
            total += await start(pool, int, n)
            if n % 10 == number % 10:
                await asyncio.sleep(0)
        return total

    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*map(task, range(50))) == [sum(range(60))] * 50


def test_several_loops_get_their_own_outcomes(framework: Framework) -> None:
    pool = WorkerPool(8, recent_limit=2)
    results: list[Any] = []

    async def main() -> list[int]:
        return await asyncio.gather(*(start(pool, int, n) for n in range(300)))

    def run() -> None:
        results.append(Framework(framework.name).run(main))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert results == [list(range(300))] * 4


async def test_a_done_or_cancelled_future_stays_as_it_is(framework: Framework) -> None:
    loop = asyncio.get_running_loop()
    done, cancelled, last = (loop.create_future() for _ in range(3))
    done.set_result("before")
    cancelled.cancel()
    for future in (done, cancelled):
        deliver(future, "after", None)
        deliver(future, None, ValueError("after"))
    deliver(last, "last", None)
    assert await asyncio.wait_for(last, PATIENCE) == "last"
    assert done.result() == "before"
    assert cancelled.cancelled()


# Results that are made on the loop --------------------------------------------------------------


async def test_a_result_is_made_on_the_loop(framework: Framework) -> None:
    pool, where = WorkerPool(1), []

    def make() -> int:
        where.append((threading.current_thread(), asyncio.get_running_loop()))
        return 7

    future = start(pool, lambda: AtDelivery(make))
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert where == []
    assert await future == 7
    assert where == [(threading.current_thread(), asyncio.get_running_loop())]


@pytest.mark.parametrize("when", ["before it runs", "while it runs", "on its way"])
async def test_a_result_is_not_made_for_a_cancelled_future(
    framework: Framework, blocked: Any, when: str
) -> None:
    pool, held = blocked
    made: list[str] = []
    running = Held()

    def work() -> AtDelivery:
        running()
        return AtDelivery(lambda: made.append("made"))

    future = start(pool, work)
    if when == "before it runs":
        future.cancel()
    held.end.set()
    if when == "while it runs":
        await async_wait_until(running.began.is_set, PATIENCE)
        future.cancel()
    running.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)
    future.cancel()
    await start(pool, int)
    assert future.cancelled()
    assert made == []


@pytest.mark.parametrize("error", [ValueError, StopIteration])
async def test_an_error_in_making_a_result_is_that_of_the_call(
    framework: Framework, error: type[Exception]
) -> None:
    pool = WorkerPool(1)

    def make() -> None:
        raise error("on purpose")

    failing = start(pool, lambda: AtDelivery(make))
    last = start(pool, lambda: "last")
    # A future cannot carry a StopIteration as it is.
    with pytest.raises((error, RuntimeError)):
        await asyncio.wait_for(failing, PATIENCE)
    assert await asyncio.wait_for(last, PATIENCE) == "last"


def test_an_interrupt_costs_no_other_outcome() -> None:
    pool = WorkerPool(1)
    loop = asyncio.new_event_loop()

    class Interrupted(asyncio.Future[Any]):
        def set_result(self, result: Any) -> None:
            raise KeyboardInterrupt

    async def main() -> list[int]:
        calls = [start(pool, int, n) for n in range(2)]
        deliver(Interrupted(), None, None)
        calls += [start(pool, int, n) for n in range(2, 5)]
        wait_until(lambda: is_quiet(pool), PATIENCE)
        return await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)

    try:
        task = loop.create_task(main())
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(task)
        # The loop comes for the others when it runs again.
        assert loop.run_until_complete(task) == list(range(5))
    finally:
        loop.close()


def test_an_interrupt_in_making_a_result_comes_to_who_awaits_it() -> None:
    pool = WorkerPool(1)

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        with pytest.raises(KeyboardInterrupt):
            await start(pool, lambda: AtDelivery(interrupt))
        await start(pool, lambda: AtDelivery(interrupt))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


# Loops that close -------------------------------------------------------------------------------


@pytest.mark.parametrize("new_loop", LOOPS)
def test_outcomes_for_a_closed_loop_are_dropped(new_loop: Any, blocked: Any) -> None:
    pool, held = blocked
    made: list[int] = []
    running = Held()

    async def main() -> list[Any]:
        return [
            start(pool, lambda: AtDelivery(lambda: made.append(1))),
            start(pool, running),
            start(pool, int, "no number"),
        ]

    loop = new_loop()
    futures = loop.run_until_complete(main())
    # The first outcome is on its way when the loop is closed, and the others come later.
    held.end.set()
    assert running.began.wait(PATIENCE)
    loop.close()
    running.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert not any(future.done() for future in futures)
    assert made == []


def loop_with_outcomes_on_their_way(new_loop: Any, blocked: Any) -> asyncio.AbstractEventLoop:
    pool, held = blocked

    async def main() -> None:
        for number in range(10):
            start(pool, int, number)

    loop: asyncio.AbstractEventLoop = new_loop()
    loop.run_until_complete(main())
    held.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)
    return loop


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_closed_loop_is_not_kept_alive_by_outcomes_on_their_way(
    new_loop: Any, blocked: Any
) -> None:
    loop = loop_with_outcomes_on_their_way(new_loop, blocked)
    gone = weakref.ref(loop)
    loop.close()
    del loop
    gc.collect()
    assert gone() is None


def test_a_lost_loop_is_not_kept_alive_by_outcomes_on_their_way(blocked: Any) -> None:
    loop = loop_with_outcomes_on_their_way(asyncio.new_event_loop, blocked)
    gone = weakref.ref(loop)
    del loop
    with pytest.warns(ResourceWarning, match="unclosed"):
        gc.collect()
    assert gone() is None


@pytest.mark.parametrize("new_loop", LOOPS)
def test_loops_close_while_workers_deliver_and_none_is_lost(new_loop: Any) -> None:
    """Many workers deliver to loops that close at any moment, and to some that stay."""
    pool = WorkerPool(12)
    gone: list[weakref.ref[Any]] = []
    lasting: list[list[int]] = []
    errors: list[Any] = []
    over = threading.Event()

    def close_many() -> None:
        for number in range(60):
            loop = new_loop()
            loop.set_exception_handler(lambda _, context: errors.append(context))

            async def main(count: int = number % 30) -> None:
                futures = [start(pool, int, n) for n in range(30)]
                # Closes with all on their way, or some, or few.
                assert await futures[count] == count

            loop.run_until_complete(main())
            loop.close()
            gone.append(weakref.ref(loop))
            if not number % 10:
                gc.collect()

    async def stay() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, c: errors.append(c))
        while not over.is_set():
            calls = [start(pool, int, n) for n in range(40)]
            lasting.append(await asyncio.wait_for(asyncio.gather(*calls), PATIENCE))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", errors.append)
        staying = [threading.Thread(target=asyncio.run, args=(stay(),)) for _ in range(2)]
        closing = [threading.Thread(target=close_many) for _ in range(4)]
        for thread in staying + closing:
            thread.start()
        for thread in closing:
            thread.join(2 * PATIENCE)
        over.set()
        for thread in staying:
            thread.join(2 * PATIENCE)
        wait_until(lambda: is_quiet(pool), PATIENCE)
        assert errors == []
    assert len(gone) == 240
    assert lasting
    assert all(values == list(range(40)) for values in lasting)

    def all_gone() -> bool:
        gc.collect()
        return not any(ref() for ref in gone)

    wait_until(all_gone, PATIENCE, what="no closed loop lives on")


def test_finalizers_may_make_calls_while_loops_close() -> None:
    """The garbage collector runs them in the middle of anything, on workers too."""
    pool, errors = WorkerPool(8), []
    finalized = 0
    lasting = asyncio.new_event_loop()
    made: list[Any] = []

    class Forgotten:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            nonlocal finalized
            finalized += 1
            made.append(submit(pool, lasting, int, (7,)))

    async def main() -> None:
        calls = [start(pool, lambda: Forgotten() and None) for _ in range(30)]
        await calls[15]

    async def all_made() -> None:
        await async_wait_until(lambda: all(future.done() for future in list(made)), PATIENCE)

    before = gc.get_threshold()
    gc.set_threshold(20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", errors.append)
        patch.setattr(threading, "excepthook", errors.append)
        try:
            for _ in range(30):
                loop = asyncio.new_event_loop()
                loop.run_until_complete(main())
                loop.close()
            wait_until(lambda: is_quiet(pool), PATIENCE)
            gc.collect()
            lasting.run_until_complete(all_made())
        finally:
            gc.set_threshold(*before)
            lasting.close()
        assert errors == []
    assert finalized == len(made) == 900
    assert {future.result() for future in made} == {7}


# After a fork -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_outcomes_come_in_a_child_forked_at_any_step_of_a_worker() -> None:
    code = """
    import asyncio, os, threading, warnings
    warnings.filterwarnings("ignore", ".*fork.*")
    from motor.execution.call import submit
    from motor.execution.pool import WorkerPool

    pool = WorkerPool(8, recent_limit=2)

    async def main():
        loop = asyncio.get_running_loop()
        calls = [submit(pool, loop, int, (n,)) for n in range(200)]
        assert await asyncio.wait_for(asyncio.gather(*calls), 60) == [*range(200)]

    def busy():
        while not end.is_set():
            asyncio.run(main())

    end = threading.Event()
    thread = threading.Thread(target=busy)
    thread.start()
    for _ in range(20):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                asyncio.run(main())
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    end.set()
    thread.join()
    """
    run_python(code, timeout=180)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_loop_that_a_child_goes_on_with_gets_the_childs_outcomes() -> None:
    code = """
    import asyncio, os, warnings
    warnings.filterwarnings("ignore", ".*fork.*")
    from motor.execution.call import submit
    from motor.execution.pool import WorkerPool

    pool = WorkerPool(2)

    async def main(number):
        call = submit(pool, asyncio.get_running_loop(), int, (number,))
        return await asyncio.wait_for(call, 60)

    async def leave_one():
        submit(pool, asyncio.get_running_loop(), int)

    loop = asyncio.SelectorEventLoop()
    assert loop.run_until_complete(main(1)) == 1
    # An outcome is on its way, for which the loop was woken.
    loop.run_until_complete(leave_one())
    pool.drain()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = loop.run_until_complete(main(7)) != 7
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert loop.run_until_complete(main(8)) == 8
    loop.close()
    """
    run_python(code)
