"""The threads of the pool of workers: when they start and end, and what happens without them."""

from __future__ import annotations

import re
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import motor.execution.pool
from motor.execution.default import DEFAULT_MAX_WORKERS, max_workers_from_environment
from motor.execution.pool import WorkerPool
from motor.executor import default_executor
from support import run_python, wait_until
from support.jobs import (
    PATIENCE,
    Held,
    add,
    is_quiet,
    lost_races,
    refuse_threads,
    run_all,
    threads_named,
)


def start_thread(function: Any, name: str = "motor-test") -> threading.Thread:
    thread = threading.Thread(target=function, name=name)
    thread.start()
    return thread


# Workers ----------------------------------------------------------------------------------------


def test_an_idle_worker_takes_the_next_job_on_its_own_thread() -> None:
    pool = WorkerPool(4)
    seen: list[threading.Thread] = []
    for _ in range(50):
        run_all(pool, [lambda: seen.append(threading.current_thread())])
    assert len(set(seen)) == 1


def test_a_job_is_forgotten_when_it_is_done() -> None:
    pool = WorkerPool(1)

    class Argument:
        pass

    argument = Argument()
    gone = weakref.ref(argument)
    run_all(pool, [lambda argument=argument: None])
    del argument
    wait_until(lambda: gone() is None, PATIENCE, what="the worker lets go of its job")


def test_threads_are_named_after_motor() -> None:
    for pool, name in [
        (default_executor(), "motor-worker"),
        (WorkerPool(1, name="motor-awaiting"), "motor-awaiting"),
    ]:
        seen: list[str] = []
        run_all(pool, [lambda seen=seen: seen.append(threading.current_thread().name)])
        assert seen == [name]


def test_workers_are_daemons_that_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.01)
    pool = WorkerPool(3, recent_limit=1, name="motor-daemon-test")
    seen: list[bool] = []
    run_all(pool, [lambda: seen.append(threading.current_thread().daemon)] * 5)
    assert seen == [True] * 5
    wait_until(lambda: not threads_named("motor-daemon-test"), PATIENCE)
    assert pool.statistics().workers == 0
    run_all(pool, [lambda: seen.append(True)])


def hold_workers(pool: WorkerPool, count: int) -> None:
    """Have so many workers started, and release them all."""
    held = [Held() for _ in range(count)]
    for job in held:
        add(pool, job)
    for job in held:
        assert job.began.wait(PATIENCE)
    for job in held:
        job.end.set()


def test_the_last_thread_may_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.01)
    pool = WorkerPool(3, name="motor-last-test", keeps_one=True)
    hold_workers(pool, 3)
    wait_until(lambda: len(threads_named("motor-last-test")) == 1, PATIENCE)
    (last,) = threads_named("motor-last-test")
    seen: list[threading.Thread] = []
    for _ in range(3):
        # Several times as long as others linger.
        time.sleep(0.05)
        run_all(pool, [lambda: seen.append(threading.current_thread())])
    assert seen == [last] * 3
    pool.shutdown()
    wait_until(lambda: not threads_named("motor-last-test"), PATIENCE)


def test_the_last_thread_stays_where_several_would_leave_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.001)
    with lost_races():
        pool = WorkerPool(4, name="motor-last-test", keeps_one=True)
        for _ in range(50):
            hold_workers(pool, 4)
            wait_until(lambda: pool.statistics().workers <= 1, PATIENCE)
            assert pool.statistics().workers == 1
    pool.shutdown()


def test_shutdown_lets_idle_threads_end_and_work_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor.execution.pool, "LINGER", PATIENCE)
    pool, busy = WorkerPool(4, name="motor-shutdown-test"), Held()
    add(pool, busy)
    assert busy.began.wait(PATIENCE)
    hold_workers(pool, 3)
    wait_until(lambda: pool.statistics().in_flight == 1, PATIENCE)
    assert pool.statistics().workers == 4
    pool.shutdown(wait=False)
    wait_until(lambda: len(threads_named("motor-shutdown-test")) == 1, PATIENCE)
    busy.end.set()
    hold_workers(pool, 4)
    pool.shutdown()
    wait_until(lambda: not threads_named("motor-shutdown-test"), PATIENCE)
    run_all(pool, [int] * 10)
    pool.shutdown()


# Draining ---------------------------------------------------------------------------------------


def test_drain_waits_for_the_jobs_that_have_come_and_for_no_later_one() -> None:
    pool, ran = WorkerPool(1), []
    later = Held()

    def job(number: int) -> None:
        time.sleep(0.002)
        ran.append(number)
        if number == 19:
            add(pool, later)

    for number in range(20):
        add(pool, partial(job, number))
    pool.drain()
    assert ran == list(range(20))
    later.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)


@pytest.mark.parametrize("what", ["job", "delivery"])
def test_drain_waits_for_what_has_begun(what: str) -> None:
    pool, held, drained = WorkerPool(4), Held(), threading.Event()
    add(pool, *((held,) if what == "job" else (int, held)))
    assert held.began.wait(PATIENCE)

    def drain() -> None:
        pool.drain()
        drained.set()

    thread = start_thread(drain)
    assert not drained.wait(0.05)
    held.end.set()
    thread.join(PATIENCE)
    assert drained.is_set()


def test_drain_waits_for_a_job_that_a_worker_takes_at_this_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking = Held()

    def monotonic() -> float:
        # What a worker does with a job first is to read the clock.
        if threading.current_thread().name == "motor-take-test" and not taking.began.is_set():
            taking()
        return time.monotonic()

    clock = SimpleNamespace(monotonic=monotonic, sleep=time.sleep)
    monkeypatch.setattr(motor.execution.pool, "time", clock)
    pool, ran, seen = WorkerPool(1, name="motor-take-test"), [], []
    add(pool, lambda: ran.append("job"))
    assert taking.began.wait(PATIENCE)

    def drain() -> None:
        pool.drain()
        seen.extend(ran)

    thread = start_thread(drain)
    thread.join(0.05)
    taking.end.set()
    thread.join(PATIENCE)
    assert seen == ["job"]


def test_drain_of_an_idle_pool_returns() -> None:
    pool = WorkerPool(2)
    pool.drain()
    run_all(pool, [int])
    pool.drain()
    assert pool.load == 0


# When no thread can be started ------------------------------------------------------------------


def test_a_job_that_gets_no_thread_is_refused_and_never_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, ran = WorkerPool(4, name="motor-none-test"), []
    with monkeypatch.context() as patch:
        refuse_threads(patch, "motor-none-test")
        with pytest.raises(RuntimeError, match="can't start"):
            add(pool, lambda: ran.append("refused"))
    assert is_quiet(pool)
    run_all(pool, [lambda: ran.append("taken")])
    assert ran == ["taken"]


def test_a_job_that_gets_no_thread_of_its_own_waits_for_those_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, busy = WorkerPool(4, name="motor-none-test"), Held()
    add(pool, busy)
    assert busy.began.wait(PATIENCE)
    refuse_threads(monkeypatch, "motor-none-test")
    ended = threading.Semaphore(0)
    for _ in range(20):
        add(pool, int, ended.release)
    busy.end.set()
    for _ in range(20):
        assert ended.acquire(timeout=PATIENCE)


def test_no_job_is_lost_where_several_get_no_thread_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, both = WorkerPool(4, name="motor-none-test"), threading.Barrier(2)
    original = threading.Thread.start
    ended, refused = threading.Semaphore(0), []

    def start(thread: threading.Thread) -> None:
        if thread.name == "motor-none-test":
            with suppress(threading.BrokenBarrierError):
                both.wait(1)
            raise RuntimeError("can't start new thread")
        original(thread)

    def add_one() -> None:
        try:
            add(pool, int, ended.release)
        except RuntimeError:
            refused.append(1)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        for thread in [start_thread(add_one) for _ in range(2)]:
            thread.join(PATIENCE)
    # Without a thread there is nothing that could run what was not refused.
    assert len(refused) == 2
    assert is_quiet(pool)


def test_no_thread_for_the_monitor_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, busy = WorkerPool(4, recent_limit=1), Held()
    add(pool, busy)
    assert busy.began.wait(PATIENCE)
    refuse_threads(monkeypatch, "-monitor")
    done = threading.Event()
    add(pool, int, done.set)
    busy.end.set()
    assert done.wait(PATIENCE)


def test_the_monitor_goes_on_where_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, busy = WorkerPool(4, recent_limit=1, name="motor-monitor-test"), Held()
    add(pool, busy)
    assert busy.began.wait(PATIENCE)
    tried = threading.Event()
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "motor-monitor-test":
            tried.set()
            raise RuntimeError("can't start new thread")
        original(thread)

    waiting = Held()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        add(pool, waiting)
        assert tried.wait(PATIENCE)
    # Once there are threads again, it does not wait for the one at work.
    assert waiting.began.wait(PATIENCE)
    waiting.end.set()
    busy.end.set()
    wait_until(lambda: is_quiet(pool), PATIENCE)


# The default pool -------------------------------------------------------------------------------


def test_default_executor_is_one_for_the_process() -> None:
    pools: list[WorkerPool] = []
    threads = [start_thread(lambda: pools.append(default_executor())) for _ in range(8)]
    for thread in threads:
        thread.join()
    assert set(pools) == {default_executor()}


@pytest.mark.parametrize("most", [1, 3, 7])
def test_motor_max_workers_bounds_the_threads(most: int) -> None:
    code = """
        import sys, threading
        from motor.executor import default_executor

        most, pool = int(sys.argv[1]), default_executor()
        now, peak, lock, full = 0, 0, threading.Lock(), threading.Event()

        def job():
            global now, peak
            with lock:
                now += 1
                peak = max(peak, now)
                if now == most:
                    full.set()
            assert full.wait(60)
            with lock:
                now -= 1

        for future in [pool.submit(job) for _ in range(10 * most)]:
            future.result(60)
        assert peak == most, peak
        threads = [t.name for t in threading.enumerate() if t.name.startswith("motor-")]
        # One may be the monitor.
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
