"""The threads that the pool of workers lives on: whose they are, and when they come and go."""

from __future__ import annotations

import re
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

import motor.worker_pool
from motor.executor import (
    DEFAULT_MAX_WORKERS,
    WorkerPool,
    default_executor,
    max_workers_from_environment,
    pool_on,
)
from support import run_python, wait_until
from support.jobs import PATIENCE, Gauge, Held, run_all


def make_executor(max_workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers, thread_name_prefix="motor-test")


def names(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


# Workers ----------------------------------------------------------------------------------------


def test_workers_without_work_give_back_their_threads() -> None:
    with make_executor(2) as executor:
        pool = pool_on(executor)
        run_all(pool, [lambda: None] * 10)
        # Both threads are the executor's again only when no worker waits for work on one.
        together = threading.Barrier(2)
        for future in [executor.submit(together.wait, PATIENCE) for _ in range(2)]:
            future.result(PATIENCE)
        assert pool.load == 0


def test_an_idle_worker_takes_the_next_job_on_its_own_thread() -> None:
    pool = WorkerPool(4)
    seen: list[threading.Thread] = []

    def job() -> None:
        seen.append(threading.current_thread())

    def idle_one_was_met() -> bool:
        run_all(pool, [job])
        wait_until(lambda: pool._idle or not pool._busy)
        met = bool(pool._idle)
        run_all(pool, [job])
        return met and seen[-1] is seen[-2]

    wait_until(idle_one_was_met)


def test_a_job_is_forgotten_when_it_is_done() -> None:
    pool = WorkerPool(1)

    class Argument:
        pass

    argument = Argument()
    gone = weakref.ref(argument)
    run_all(pool, [lambda argument=argument: None])
    del argument
    wait_until(lambda: gone() is None, what="the worker lets go of its job")


def test_jobs_that_raise_are_reported_and_do_not_cost_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    pool = WorkerPool(2)

    def job() -> None:
        raise ValueError("on purpose")

    run_all(pool, [job] * 10)
    wait_until(lambda: pool.load == 0)
    assert [args.exc_type for args in reported] == [ValueError] * 10
    inside = threading.Barrier(2)
    run_all(pool, [lambda: inside.wait(PATIENCE)] * 2)


def test_threads_are_named_after_motor() -> None:
    for pool, pattern in [
        (default_executor(), "motor-worker"),
        (WorkerPool(1, name="motor-awaiting"), "motor-awaiting"),
    ]:
        seen: list[str] = []
        run_all(pool, [lambda seen=seen: seen.append(threading.current_thread().name)])
        assert re.fullmatch(pattern, seen[0])


def test_own_threads_are_daemons_that_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.worker_pool, "LINGER", 0.01)
    pool = WorkerPool(3, name="motor-daemon-test")
    seen: list[bool] = []
    run_all(pool, [lambda: seen.append(threading.current_thread().daemon)] * 5)
    assert seen == [True] * 5
    wait_until(lambda: not names("motor-daemon-test"))


def test_the_last_thread_may_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.worker_pool, "LINGER", 0.01)
    pool = WorkerPool(3, name="motor-last-test", keeps_one=True)
    held = [Held() for _ in range(3)]
    for job in held:
        pool.submit(job)
    for job in held:
        assert job.began.wait(PATIENCE)
    for job in held:
        job.end.set()
    wait_until(lambda: len(names("motor-last-test")) == 1)
    time.sleep(0.05)
    seen: list[threading.Thread] = []
    run_all(pool, [lambda: seen.append(threading.current_thread())])
    time.sleep(0.05)
    run_all(pool, [lambda: seen.append(threading.current_thread())])
    assert seen[0] is seen[1]
    pool._keeps_one = False
    wait_until(lambda: not names("motor-last-test"))


# A user's executor ------------------------------------------------------------------------------


def test_pool_on_a_users_executor_starts_no_thread_of_its_own() -> None:
    with make_executor(3) as executor:
        pool = pool_on(executor)
        assert pool.max_workers == 3
        seen: set[str] = set()
        inside = Gauge()

        def job() -> None:
            with inside:
                seen.add(threading.current_thread().name)
                time.sleep(0.001)

        run_all(pool, [job] * 30)
        assert inside.most == 3
        assert all(name.startswith("motor-test") for name in seen)


def test_pool_shares_a_users_executor_with_other_work() -> None:
    with make_executor(1) as executor:
        pool = pool_on(executor)
        other = Held()
        future = executor.submit(other)
        done = threading.Event()
        pool.submit(done.set)
        assert not done.wait(0.02)
        other.end.set()
        assert done.wait(PATIENCE)
        future.result()


@pytest.mark.parametrize("wrong", [object(), 4, "threads"])
def test_anything_else_is_no_executor(wrong: Any) -> None:
    with pytest.raises(TypeError, match="ThreadPoolExecutor"):
        pool_on(wrong)


def test_submit_raises_once_the_users_executor_is_shut_down() -> None:
    executor = make_executor(1)
    pool = pool_on(executor)
    run_all(pool, [lambda: None])
    wait_until(lambda: not pool._idle and pool.load == 0)
    executor.shutdown()
    ran: list[str] = []
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(lambda: ran.append("too late"))
    assert pool.load == 0
    assert ran == []


def test_what_waits_is_done_although_the_users_executor_was_shut_down() -> None:
    executor = make_executor(2)
    pool, busy, ran = pool_on(executor), Held(), []
    pool.submit(busy)
    assert busy.began.wait(PATIENCE)
    executor.shutdown(wait=False)
    # The worker that there is takes it on.
    pool.submit(lambda: ran.append("waiting"))
    busy.end.set()
    wait_until(lambda: pool.load == 0)
    assert ran == ["waiting"]
    executor.shutdown()


def test_what_waits_for_a_thread_is_done_although_the_executor_gives_it_up() -> None:
    executor = make_executor(1)
    busy, done = Held(), threading.Event()
    executor.submit(busy)
    assert busy.began.wait(PATIENCE)
    pool = pool_on(executor)
    pool.submit(done.set)
    executor.shutdown(wait=False, cancel_futures=True)
    assert done.wait(PATIENCE)
    busy.end.set()
    executor.shutdown()
    wait_until(lambda: pool.load == 0)


# Draining ---------------------------------------------------------------------------------------


def test_drain_waits_for_the_jobs_that_have_come_and_for_no_later_one() -> None:
    pool, ran = WorkerPool(1, name="motor-test"), []
    later = Held()

    def job(number: int) -> None:
        time.sleep(0.002)
        ran.append(number)
        if number == 19:
            pool.submit(later)

    for number in range(20):
        pool.submit(partial(job, number))
    pool.drain()
    assert ran == list(range(20))
    later.end.set()
    wait_until(lambda: pool.load == 0)


def test_drain_waits_for_jobs_that_have_begun() -> None:
    pool, busy = WorkerPool(4, name="motor-test"), Held()
    pool.submit(busy)
    assert busy.began.wait(PATIENCE)
    drained = threading.Event()

    def drain() -> None:
        pool.drain()
        drained.set()

    thread = threading.Thread(target=drain)
    thread.start()
    assert not drained.wait(0.05)
    busy.end.set()
    assert drained.wait(PATIENCE)
    thread.join()


# When no thread can be started ------------------------------------------------------------------


class FewThreads(ThreadPoolExecutor):
    """Queues the work and then fails to start a thread for it, as the real one does."""

    failing = False

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        future = super().submit(*args, **kwargs)
        if self.failing:
            raise RuntimeError("can't start new thread")
        return future


def test_a_job_runs_once_although_its_thread_seemed_not_to_start() -> None:
    busy = Held()
    with FewThreads(2, thread_name_prefix="motor-test") as executor:
        pool = pool_on(executor)
        pool.submit(busy)
        assert busy.began.wait(PATIENCE)
        executor.failing = True
        ran: list[int] = []
        for number in range(200):
            pool.submit(lambda number=number: ran.append(number))
        executor.failing = False
        busy.end.set()
        wait_until(lambda: pool.load == 0)
        assert sorted(ran) == list(range(200))


def test_no_thread_for_the_watch_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, busy = WorkerPool(4, young_limit=1), Held()
    pool.submit(busy)
    assert busy.began.wait(PATIENCE)

    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pool._lock:
        for worker in pool._busy:
            worker.busy_since = time.monotonic() + 60  # For ever young.
    done = threading.Event()
    pool.submit(done.set)
    busy.end.set()
    assert done.wait(PATIENCE)


def test_a_finalizer_may_submit_in_the_middle_of_anything() -> None:
    pool = WorkerPool(1)
    done = threading.Event()
    # The garbage collector may call a finalizer while this very thread holds the lock.
    with pool._lock:
        pool.submit(done.set)
    assert done.wait(PATIENCE)


# The default pool -------------------------------------------------------------------------------


def test_default_executor_is_one_for_the_process() -> None:
    pools: list[WorkerPool] = []
    threads = [threading.Thread(target=lambda: pools.append(default_executor())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(pools) == {default_executor()}


@pytest.mark.parametrize("most", [1, 3, 7])
def test_motor_max_workers_bounds_the_threads(most: int) -> None:
    code = """
        import sys, threading, time
        from motor.executor import default_executor

        most, pool, ended = int(sys.argv[1]), default_executor(), threading.Semaphore(0)
        now, peak, lock = 0, 0, threading.Lock()

        def job():
            global now, peak
            with lock:
                now += 1
                peak = max(peak, now)
            time.sleep(0.005)
            with lock:
                now -= 1
            ended.release()

        for _ in range(10 * most):
            pool.submit(job)
        for _ in range(10 * most):
            assert ended.acquire(timeout=10)
        assert peak == most, peak
        threads = [t.name for t in threading.enumerate() if t.name.startswith("motor-")]
        # One may watch over the others.
        assert len(threads) <= most + 1, threads
    """
    run_python(code, str(most), MOTOR_MAX_WORKERS=str(most))


@pytest.mark.parametrize("wrong", ["abc", "0", "-3", "2.5"])
def test_motor_max_workers_that_is_no_number_is_refused(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTOR_MAX_WORKERS", wrong)
    with pytest.raises(ValueError, match=re.escape(repr(wrong))):
        max_workers_from_environment()


def test_motor_max_workers_that_is_empty_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOTOR_MAX_WORKERS", " ")
    assert max_workers_from_environment() == DEFAULT_MAX_WORKERS
