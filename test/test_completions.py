"""Outcomes on their way to event loops: few wake-ups, and none is lost."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import motor.admission
import motor.completions
import motor.worker_pool
from motor.completions import SHARED
from motor.executor import AGAIN, WorkerPool
from motor.serial_queue import SerialQueue
from support import Framework, async_wait_until, run_python, wait_until
from support.jobs import PATIENCE, Held, run_all, start


@pytest.fixture
def all_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outcomes count as coming in quick succession however slow this machine is."""
    monkeypatch.setattr(motor.completions, "QUICK", math.inf)


@pytest.fixture
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How often Motor woke an event loop: a batch of outcomes each time."""
    seen: list[Any] = []
    original = asyncio.BaseEventLoop.call_soon_threadsafe

    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if callback.__module__.startswith("motor."):
            seen.append(type(callback))
        return original(self, callback, *args, **kwargs)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", call_soon_threadsafe)
    return seen


class OneWorker:
    """A pool with one worker, which is held, and others that it could have: jobs wait, watched.

    Many more jobs wait behind what a test starts, so that outcomes may wait for each other.
    """

    def __init__(self) -> None:
        self.pool = WorkerPool(2, young_limit=1)
        self.first, self.others = Held(), [Held() for _ in range(30)]

    def hold(self) -> None:
        self.pool.submit(self.first)
        assert self.first.began.wait(PATIENCE)

    def fill(self) -> None:
        for job in self.others:
            self.pool.submit(job)

    def release(self) -> None:
        for job in [self.first, *self.others]:
            job.end.set()


@pytest.fixture
def never_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is ever taken to be waiting for its server: one worker stays one."""
    monkeypatch.setattr(motor.admission, "YOUNG", math.inf)
    monkeypatch.setattr(motor.admission, "SPAN", math.inf)


@pytest.fixture
def one(never_old: None) -> Iterator[OneWorker]:
    made = OneWorker()
    made.hold()
    yield made
    made.release()
    wait_until(lambda: made.pool.load == 0)


# Sharing a wake-up ------------------------------------------------------------------------------


async def test_outcomes_in_quick_succession_share_wakeups(
    framework: Framework, all_quick: None, never_old: None, wakeups: list[Any]
) -> None:
    pool, held = WorkerPool(2, young_limit=1), Held()
    blocking = start(pool, held)
    futures = [start(pool, threading.Event().wait, 0.0001) for _ in range(400)]
    held.end.set()
    # The loop comes for each batch as soon as it is told of it.
    assert await asyncio.gather(*futures) == [False] * 400
    await blocking
    # Each was 8 outcomes, or fewer when the pool looked in between; near the end no more are held.
    assert len(wakeups) < 400 / 2


async def test_the_loop_is_woken_at_once_when_no_calls_wait(
    framework: Framework, all_quick: None, wakeups: list[Any]
) -> None:
    pool = WorkerPool(2, young_limit=1)
    for number in range(20):
        assert await start(pool, int, number) == number
    assert len(wakeups) == 20


async def test_outcomes_that_come_slowly_wake_the_loop_each(
    framework: Framework, one: OneWorker, monkeypatch: pytest.MonkeyPatch, wakeups: list[Any]
) -> None:
    monkeypatch.setattr(motor.completions, "QUICK", 0.0)
    monkeypatch.setattr(one.pool, "at_next_look", lambda function: pytest.fail("held"))
    future = start(one.pool, int, 7)
    one.fill()
    one.first.end.set()
    assert await asyncio.wait_for(future, PATIENCE) == 7
    assert len(wakeups) == 1


async def test_at_most_so_many_outcomes_wait_for_each_other(
    framework: Framework, one: OneWorker, all_quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody looks: only the number of outcomes is left to wake the loop.
    looks: list[Callable[[], object]] = []
    monkeypatch.setattr(one.pool, "at_next_look", lambda look: looks.append(look) or True)
    futures = [start(one.pool, int, n) for n in range(SHARED)]
    one.fill()
    one.first.end.set()
    assert await asyncio.wait_for(asyncio.gather(*futures), PATIENCE) == [*range(SHARED)]
    assert len(looks) == 1


# The watch --------------------------------------------------------------------------------------


async def test_an_outcome_that_is_held_is_delivered_although_nothing_else_ends(
    framework: Framework, one: OneWorker, all_quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    original = one.pool.at_next_look

    def at_next_look(function: Any) -> bool:
        there = original(function)
        if there:
            held.set()
        return there

    monkeypatch.setattr(one.pool, "at_next_look", at_next_look)
    future = start(one.pool, int, 7)
    one.fill()
    one.first.end.set()
    # The jobs behind it run until the test ends, so no other outcome comes.
    assert await asyncio.wait_for(future, PATIENCE) == 7
    assert held.is_set(), "the outcome was not held in the first place"
    assert not one.others[0].end.is_set()


def test_what_is_to_be_done_at_the_next_look_is_done_once(one: OneWorker) -> None:
    looks: list[str] = []
    assert not one.pool.at_next_look(lambda: looks.append("without a watch"))
    one.fill()
    assert one.pool.at_next_look(lambda: looks.append("with one"))
    assert one.pool.at_next_look(lambda: looks.append("and another"))
    wait_until(lambda: len(looks) == 2)
    later: list[str] = []
    assert one.pool.at_next_look(lambda: later.append("later"))
    wait_until(lambda: later)
    assert looks == ["with one", "and another"]


def test_what_raises_at_the_next_look_ends_no_watch(
    one: OneWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    one.fill()
    looks: list[str] = []
    assert one.pool.at_next_look(lambda: int("no number"))
    assert one.pool.at_next_look(lambda: looks.append("after it"))
    wait_until(lambda: looks)
    assert one.pool.at_next_look(lambda: looks.append("at the next"))
    wait_until(lambda: len(looks) == 2)
    assert [args.exc_type for args in reported] == [ValueError]


def test_nothing_is_forgotten_by_a_watch_that_ends(
    monkeypatch: pytest.MonkeyPatch, never_old: None
) -> None:
    # It ends after each look that finds no job waiting.
    monkeypatch.setattr(motor.worker_pool, "LOOK", 0.0002)
    monkeypatch.setattr(motor.worker_pool, "WATCH_LINGER", 0.0)
    pool = WorkerPool(2, young_limit=1)
    promised, done = 0, []
    for _ in range(300):
        run_all(pool, [int] * 5)
        for _ in range(20):
            promised += pool.at_next_look(lambda: done.append(1))
    wait_until(lambda: len(done) == promised)
    assert promised, "no watch was met"


def test_without_a_thread_for_the_watch_nothing_waits_for_it(
    one: OneWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    class NoThread:
        def __init__(self, **_: Any) -> None:
            # Between the promise of a watch and its start.
            assert one.pool.at_next_look(lambda: looks.append("done"))

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(motor.worker_pool.threading, "Thread", NoThread)
        one.pool.submit(one.others[0])
    assert looks == ["done"]
    assert not one.pool.at_next_look(lambda: None)


def test_a_watch_that_has_to_work_itself_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, never_old: None
) -> None:
    monkeypatch.setattr(motor.worker_pool, "LINGER", 0.0)
    pool = WorkerPool(2, young_limit=1)
    blocking, waiting = Held(), Held()
    original = pool._start

    def no_thread(worker: Any) -> bool:
        # All that were at work have gone, and no thread is to be had.
        blocking.end.set()
        wait_until(lambda: pool._busy == {worker} and not pool._idle)
        return original(worker)

    def spawn(worker: Any) -> None:
        raise RuntimeError("can't start new thread")

    looks: list[str] = []
    pool.submit(blocking)
    assert blocking.began.wait(PATIENCE)
    monkeypatch.setattr(pool, "_start", no_thread)
    monkeypatch.setattr(pool, "_spawn", spawn)
    pool.submit(waiting)
    monkeypatch.setattr(motor.admission, "YOUNG", 0.0)
    # The watch takes the job, which is no reason to keep others waiting until it is done.
    assert waiting.began.wait(PATIENCE)
    if pool.at_next_look(lambda: looks.append("done")):
        wait_until(lambda: looks)
    waiting.end.set()
    wait_until(lambda: pool.load == 0)


def test_a_job_that_has_another_turn_gets_it_beside_long_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = WorkerPool(8, young_limit=1)
    monkeypatch.setattr(motor.worker_pool, "WATCH_LINGER", 0.0)
    long, turns = Held(), []
    turn_ends = Held()

    def job() -> object:
        turns.append(1)
        if len(turns) == 1:
            turn_ends()
            return AGAIN
        return None

    pool.submit(job)
    assert turn_ends.began.wait(PATIENCE)
    # Old by now, so that another may begin beside it; young, that one keeps it from going on.
    wait_until(lambda: motor.admission.young(pool._busy) == 0)
    wait_until(lambda: not pool._watched)
    monkeypatch.setattr(motor.admission, "YOUNG", 0.3)
    for worker in pool._busy:
        worker.busy_since -= 1
    pool.submit(long)
    assert long.began.wait(PATIENCE)
    assert not pool._watched
    turn_ends.end.set()
    try:
        wait_until(lambda: len(turns) == 2)
    finally:
        long.end.set()
        wait_until(lambda: pool.load == 0)


# Loops that close -------------------------------------------------------------------------------


def loop_with(main: Callable[[], Any]) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    return loop


@pytest.mark.parametrize("when", ["before the look", "after the look"])
def test_outcomes_that_are_held_for_a_loop_that_closes_are_discarded(
    one: OneWorker, all_quick: None, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    looks: list[Callable[[], object]] = []
    monkeypatch.setattr(one.pool, "at_next_look", lambda look: looks.append(look) or True)
    discarded: list[Any] = []

    async def main() -> None:
        for number in range(3):
            start(one.pool, int, number, discard=lambda *outcome: discarded.append(outcome))

    loop = loop_with(main)
    one.fill()
    one.first.end.set()
    assert one.others[0].began.wait(PATIENCE)
    wait_until(lambda: not one.pool._ending)
    assert len(looks) == 1
    assert not discarded
    if when == "after the look":
        looks.pop()()
        assert not discarded
        loop.close()
    else:
        loop.close()
        looks.pop()()
    wait_until(lambda: len(discarded) == 3)
    assert sorted(discarded) == [(0, None), (1, None), (2, None)]


def test_each_of_many_outcomes_is_taken_or_discarded_as_loops_close(all_quick: None) -> None:
    pool = WorkerPool(8, young_limit=2)
    discarded: list[Any] = []
    futures: list[Any] = []

    async def main() -> None:
        futures.extend([start(pool, int, discard=discard) for _ in range(30)])
        await futures[-20]

    def discard(*outcome: Any) -> None:
        discarded.append(outcome)

    for _ in range(60):
        loop_with(main).close()

    def settled() -> bool:
        return len(discarded) + sum(future.done() for future in futures) == 60 * 30

    wait_until(settled, what="each outcome was either taken or discarded")


async def test_many_tasks_get_each_outcome(framework: Framework, all_quick: None) -> None:
    pool = WorkerPool(12, young_limit=3)

    async def task(number: int) -> int:
        total = 0
        for n in range(60):
            total += await start(pool, int, n)
            if n % 10 == number % 10:
                await asyncio.sleep(0)
        return total

    async with asyncio.timeout(PATIENCE * 3):
        assert await asyncio.gather(*map(task, range(50))) == [sum(range(60))] * 50


def test_several_loops_get_their_own_outcomes(framework: Framework, all_quick: None) -> None:
    pool = WorkerPool(8, young_limit=2)
    results: list[Any] = []

    async def main() -> list[int]:
        return await asyncio.gather(*(start(pool, int, n) for n in range(300)))

    def run() -> None:
        results.append(Framework(framework.name).run(main))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    assert results == [list(range(300))] * 4


# The rest of a job ------------------------------------------------------------------------------


async def test_calls_one_after_the_other_keep_to_one_thread(framework: Framework) -> None:
    pool = WorkerPool(8, young_limit=4)
    used = {await start(pool, threading.get_ident) for _ in range(200)}
    assert len(used) == 1


async def test_calls_one_after_the_other_in_a_queue_keep_to_one_thread(
    framework: Framework,
) -> None:
    pool, queue = WorkerPool(8, young_limit=4), SerialQueue()
    used = {await start(pool, threading.get_ident, queue=queue) for _ in range(200)}
    assert len(used) == 1


def test_the_rest_of_a_job_runs_when_its_worker_may_have_the_next() -> None:
    pool = WorkerPool(1)
    ran: list[Any] = []
    done = threading.Event()

    def rest() -> None:
        ran.append(("rest", threading.get_ident(), len(pool._busy)))
        pool.submit(lambda: (ran.append(("next", threading.get_ident(), None)), done.set()))

    pool.submit(lambda: rest)
    assert done.wait(PATIENCE)
    (_, thread, busy), (_, next_thread, _) = ran
    assert busy == 0
    assert thread == next_thread


def test_a_rest_that_raises_is_reported_and_the_worker_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    pool = WorkerPool(1)
    threads: list[int] = []

    def rest() -> None:
        threads.append(threading.get_ident())
        raise LookupError("on purpose")

    pool.submit(lambda: rest)
    wait_until(lambda: reported)
    run_all(pool, [lambda: threads.append(threading.get_ident())])
    assert [args.exc_type for args in reported] == [LookupError]
    assert len(set(threads)) == 1
    wait_until(lambda: pool.load == 0)


def test_a_job_whose_rest_is_not_done_counts_as_running() -> None:
    pool, held, drained = WorkerPool(2), Held(), threading.Event()
    pool.submit(lambda: held)
    assert held.began.wait(PATIENCE)
    assert pool.load == 1

    def drain() -> None:
        pool.drain()
        drained.set()

    thread = threading.Thread(target=drain)
    thread.start()
    assert not drained.wait(0.1)
    held.end.set()
    thread.join(PATIENCE)
    assert drained.is_set()
    assert pool.load == 0


class Result:
    """Something that one can tell to be gone."""


async def test_a_worker_lets_go_of_an_outcome_while_the_next_in_the_queue_runs(
    framework: Framework,
) -> None:
    pool, queue, second = WorkerPool(2), SerialQueue(), Held()
    first_may_end = Held()
    gone: list[Any] = []

    def first() -> Result:
        first_may_end()
        result = Result()
        gone.append(weakref.ref(result))
        return result

    future, running = start(pool, first, queue=queue), start(pool, second, queue=queue)
    first_may_end.end.set()
    assert isinstance(await future, Result)
    assert await asyncio.to_thread(second.began.wait, PATIENCE)
    del future
    try:
        wait_until(lambda: gone[0]() is None)
    finally:
        second.end.set()
    await running


async def test_an_outcome_in_a_queue_does_not_wait_for_the_next_call(framework: Framework) -> None:
    pool, queue, first, second = WorkerPool(2), SerialQueue(), Held(), Held()
    one, two = start(pool, first, queue=queue), start(pool, second, queue=queue)
    first.end.set()
    await asyncio.wait_for(one, PATIENCE)
    assert not two.done()
    second.end.set()
    await two


async def test_a_queue_goes_on_although_handing_over_raises(
    framework: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    pool, queue, held = WorkerPool(2), SerialQueue(), Held()

    def discard(result: Any, error: Any) -> None:
        raise LookupError("on purpose")

    cancelled = start(pool, held, queue=queue, discard=discard)
    last = start(pool, lambda: "last", queue=queue)
    assert await asyncio.to_thread(held.began.wait, PATIENCE)
    cancelled.cancel()
    held.end.set()
    assert await asyncio.wait_for(last, PATIENCE) == "last"
    await async_wait_until(lambda: reported)
    assert [args.exc_type for args in reported] == [LookupError]


# After a fork -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("held", [True, False], ids=["held", "on its way"])
def test_a_forked_child_leaves_the_parents_outcomes_alone(held: bool) -> None:
    code = """
    import asyncio, gc, os, sys, threading, time, warnings
    warnings.filterwarnings("ignore", ".*fork.*")
    from motor import completions
    from motor.executor import WorkerPool
    from motor.operation import submit

    held = sys.argv[1] == "True"
    pool = WorkerPool(1)
    discarded, looks = [], []
    if held:
        completions.QUICK = float("inf")
        pool.at_next_look = lambda look: looks.append(look) or True
        WorkerPool.waiting = 100

    async def main():
        discard = lambda *outcome: discarded.append(outcome)
        submit(pool, asyncio.get_running_loop(), end.wait, discard=discard)

    end = threading.Event()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    # From now on the loop comes for nothing any more.
    end.set()
    pool.drain()
    assert len(looks) == held
    pid = os.fork()
    if not pid:
        looks.clear()
        loop._ready.clear()
        gc.collect()
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(10)
        # Discarding would run on a thread that threading does not know of.
        time.sleep(0.1)
        os._exit(len(discarded))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # In the parent, all is as if there had been no child.
    loop.close()
    looks.clear()
    deadline = time.monotonic() + 10
    while not discarded and time.monotonic() < deadline:
        time.sleep(0.001)
    assert discarded == [(True, None)]
    """
    run_python(code, str(held))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_outcomes_come_in_a_forked_child_whatever_a_worker_was_at() -> None:
    code = """
    import asyncio, os, sys, threading, time, warnings
    warnings.filterwarnings("ignore", ".*fork.*")
    from motor import completions
    from motor.executor import WorkerPool
    from motor.operation import submit

    pool = WorkerPool(8, young_limit=2)

    async def main():
        loop = asyncio.get_running_loop()
        calls = [submit(pool, loop, int, (n,)) for n in range(200)]
        assert await asyncio.wait_for(asyncio.gather(*calls), 20) == [*range(200)]

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
    run_python(code)
