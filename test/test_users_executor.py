"""Calls on the threads of an executor that the user gave."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from motor.execution.call import AGAIN
from motor.execution.users_executor import UsersExecutor
from motor.executor import default_executor
from support import Framework, wait_until
from support.jobs import PATIENCE, Gauge, Held, add, is_quiet, run_all, start


def make_executor(max_workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers, thread_name_prefix="user-test")


def test_it_runs_jobs_on_the_executors_threads_alone() -> None:
    with make_executor(3) as executor:
        pool = UsersExecutor(executor)
        assert pool.max_workers == 3
        seen: set[str] = set()
        inside, together = Gauge(), threading.Barrier(3)

        def job() -> None:
            with inside:
                seen.add(threading.current_thread().name)
                together.wait(PATIENCE)

        run_all(pool, [job] * 30)
        assert inside.most == 3
        assert all(name.startswith("user-test") for name in seen)


def test_it_shares_the_executor_with_other_work() -> None:
    with make_executor(1) as executor:
        pool = UsersExecutor(executor)
        other, done = Held(), threading.Event()
        future = executor.submit(other)
        add(pool, int, done.set)
        assert not done.wait(0.02)
        other.end.set()
        assert done.wait(PATIENCE)
        future.result()


def test_anything_else_is_refused() -> None:
    with ProcessPoolExecutor(1) as processes:
        for wrong in (object(), 4, "threads", processes):
            with pytest.raises(TypeError, match="ThreadPoolExecutor"):
                UsersExecutor(wrong)  # type: ignore[arg-type]


def test_any_kind_of_thread_pool_will_do() -> None:
    class Threads(ThreadPoolExecutor):
        pass

    with Threads(1) as executor:
        run_all(UsersExecutor(executor), [int] * 5)
    run_all(UsersExecutor(default_executor()), [int] * 5)


def test_a_repeated_job_lets_those_that_wait_go_first() -> None:
    with make_executor(1) as executor:
        pool = UsersExecutor(executor)
        ran: list[str] = []
        both_added, done = threading.Event(), threading.Event()

        def twice() -> object:
            assert both_added.wait(PATIENCE)
            ran.append("again")
            return AGAIN if ran.count("again") < 2 else None

        add(pool, twice, done.set)
        add(pool, lambda: ran.append("other"))
        both_added.set()
        assert done.wait(PATIENCE)
        assert ran == ["again", "other", "again"]


async def test_calls_have_outcomes_and_errors(framework: Framework) -> None:
    with make_executor(2) as executor:
        pool = UsersExecutor(executor)
        assert await start(pool, "{}-{}".format, 1, 2) == "1-2"
        with pytest.raises(ValueError, match="no number"):
            await start(pool, int, "no number")


# Executors that are shut down -------------------------------------------------------------------


def test_a_job_is_refused_once_the_executor_is_shut_down() -> None:
    executor = make_executor(1)
    pool = UsersExecutor(executor)
    run_all(pool, [int])
    executor.shutdown()
    ran: list[str] = []
    with pytest.raises(RuntimeError, match="after shutdown"):
        add(pool, lambda: ran.append("too late"))
    assert is_quiet(pool)
    assert ran == []


def test_what_waits_is_done_although_the_executor_was_shut_down() -> None:
    executor = make_executor(1)
    pool, busy, ended = UsersExecutor(executor), Held(), threading.Semaphore(0)
    add(pool, busy)
    assert busy.began.wait(PATIENCE)
    for _ in range(5):
        add(pool, int, ended.release)
    executor.shutdown(wait=False)
    busy.end.set()
    for _ in range(5):
        assert ended.acquire(timeout=PATIENCE)
    executor.shutdown()


def test_what_waits_is_done_although_the_executor_gives_it_up() -> None:
    executor = make_executor(1)
    busy, ended = Held(), threading.Semaphore(0)
    executor.submit(busy)
    assert busy.began.wait(PATIENCE)
    pool = UsersExecutor(executor)
    for _ in range(5):
        add(pool, int, ended.release)
    executor.shutdown(wait=False, cancel_futures=True)
    for _ in range(5):
        assert ended.acquire(timeout=PATIENCE)
    busy.end.set()
    executor.shutdown()
    wait_until(lambda: is_quiet(pool), PATIENCE)


def test_jobs_are_done_once_or_refused_while_the_executor_is_shut_down() -> None:
    for _ in range(30):
        executor = make_executor(2)
        pool = UsersExecutor(executor)
        ran: list[int] = []
        taken: list[int] = []

        def add_some(pool: UsersExecutor = pool, ran: Any = ran, taken: Any = taken) -> None:
            for number in range(100):
                try:
                    add(pool, lambda number=number: ran.append(number))
                except RuntimeError:
                    return
                taken.append(number)

        thread = threading.Thread(target=add_some)
        thread.start()
        wait_until(lambda taken=taken: taken, PATIENCE)
        executor.shutdown(cancel_futures=True)
        thread.join()
        wait_until(lambda pool=pool: is_quiet(pool), PATIENCE)
        wait_until(lambda ran=ran, taken=taken: len(ran) >= len(taken), PATIENCE)
        assert sorted(ran) == taken


async def test_a_repeated_call_comes_to_its_end_although_the_executor_is_shut_down(
    framework: Framework,
) -> None:
    executor = make_executor(1)
    pool, held, turns = UsersExecutor(executor), Held(), []

    def turn() -> object:
        turns.append(1)
        if len(turns) > 1:
            return "done"
        held()
        return AGAIN

    future = start(pool, turn)
    assert held.began.wait(PATIENCE)
    executor.shutdown(wait=False)
    held.end.set()
    # With its result, or with an error: what must not be is that it is awaited for ever.
    done, _ = await asyncio.wait({future}, timeout=PATIENCE)
    executor.shutdown()
    assert done
    assert future.exception() is not None or future.result() == "done"


# Executors without threads ----------------------------------------------------------------------


class FewThreads(ThreadPoolExecutor):
    """Queues the work and then fails to start a thread for it, as the real one does."""

    failing = False

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        future = super().submit(*args, **kwargs)
        if self.failing:
            raise RuntimeError("can't start new thread")
        return future


@pytest.mark.parametrize("when", ["while a worker is busy", "while workers are idle"])
def test_a_job_is_refused_or_done_once_where_its_thread_does_not_start(when: str) -> None:
    busy = Held()
    with FewThreads(2, thread_name_prefix="user-test") as executor:
        pool = UsersExecutor(executor)
        if when == "while a worker is busy":
            add(pool, busy)
            assert busy.began.wait(PATIENCE)
        executor.failing = True
        ran: list[int] = []
        refused: list[int] = []
        for number in range(200):
            try:
                add(pool, lambda number=number: ran.append(number))
            except RuntimeError:
                refused.append(number)
        executor.failing = False
        busy.end.set()
    assert is_quiet(pool)
    assert sorted(ran + refused) == list(range(200))


# Statistics -------------------------------------------------------------------------------------


def test_it_counts_what_runs_and_waits() -> None:
    busy = Held()
    with make_executor(1) as executor:
        pool = UsersExecutor(executor)
        add(pool, busy)
        assert busy.began.wait(PATIENCE)
        add(pool, int)
        add(pool, int)
        now = pool.statistics()
        assert (now.max_workers, now.workers, now.in_flight, now.queued, now.calls) == (
            (1, 1, 1, 2, 3)
        )
        wait_until(lambda: pool.statistics().wait_seconds > now.wait_seconds + 0.01, PATIENCE)
        busy.end.set()
        wait_until(lambda: is_quiet(pool), PATIENCE)
        after = pool.statistics()
        assert after.calls == 3
        assert after.wait_seconds > now.wait_seconds


def test_a_repeated_job_is_one_call() -> None:
    with make_executor(1) as executor:
        pool, turns = UsersExecutor(executor), iter(range(3))
        done = threading.Event()
        add(pool, lambda: None if next(turns, None) is None else AGAIN, done.set)
        assert done.wait(PATIENCE)
        assert pool.statistics().calls == 1
