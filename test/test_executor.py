"""The pool of workers by itself: the order of jobs, how often they run, and how many at once."""

from __future__ import annotations

import gc
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import motor.execution.admission
import motor.execution.pool
from motor.execution.admission import Admission
from motor.execution.call import AGAIN
from motor.execution.pool import WorkerPool
from support import wait_until
from support.jobs import (
    PATIENCE,
    Gauge,
    Held,
    add,
    is_quiet,
    lost_races,
    refuse_threads,
    run_all,
    threads_named,
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that leave after a millisecond without work, so that jobs meet leaving ones."""
    monkeypatch.setattr(motor.execution.pool, "LINGER", 0.001)


@pytest.fixture
def races() -> Iterator[None]:
    """See `lost_races`."""
    with lost_races():
        yield


@pytest.fixture
def always_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is ever taken to be waiting for its server, and no processor time is ever left."""
    monkeypatch.setattr(motor.execution.pool, "RECENT", time.monotonic() / 2)
    monkeypatch.setattr(motor.execution.admission, "IDLE", -1.0)


@pytest.fixture
def hold() -> Iterator[Callable[[WorkerPool, int], list[Held]]]:
    """`hold(pool, n)` adds n jobs that run until they are released, at the latest after the test.

    The pool's idle threads end after the test.
    """
    made: list[Held] = []
    pools: list[WorkerPool] = []

    def add_jobs(pool: WorkerPool, count: int) -> list[Held]:
        jobs = [Held() for _ in range(count)]
        made.extend(jobs)
        pools.append(pool)
        for job in jobs:
            add(pool, job)
        return jobs

    yield add_jobs
    for job in made:
        job.end.set()
    for pool in pools:
        pool.shutdown()


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`ticks(n)` waits until the monitor has looked n more times at a queue with jobs in it."""
    seen = threading.Semaphore(0)
    original = Admission.measure

    def measure(self: Admission) -> None:
        original(self)
        seen.release()

    monkeypatch.setattr(Admission, "measure", measure)

    def wait(count: int) -> None:
        while seen.acquire(blocking=False):
            pass
        for _ in range(count):
            assert seen.acquire(timeout=PATIENCE)

    return wait


# Order and number -----------------------------------------------------------------------------


def test_one_worker_runs_jobs_in_the_order_they_come() -> None:
    ran: list[int] = []
    run_all(WorkerPool(1), [lambda n=n: ran.append(n) for n in range(1000)])
    assert ran == list(range(1000))


def test_a_new_job_does_not_overtake_those_that_wait(
    hold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it, only new jobs and ended ones make the pool come to its queue.
    refuse_threads(monkeypatch, "-monitor")
    pool = WorkerPool(3, recent_limit=2)
    first, second = hold(pool, 2)
    assert second.began.wait(PATIENCE)
    ran: list[str] = []
    add(pool, lambda: ran.append("waited"))
    # The pool may grow again, but its queue comes first.
    first.end.set()
    add(pool, lambda: ran.append("came later"))
    wait_until(lambda: len(ran) == 2, PATIENCE)
    assert ran == ["waited", "came later"]


@pytest.mark.parametrize(("max_workers", "recent_limit"), [(1, 1), (3, 3), (16, 1), (16, 4)])
def test_every_job_of_many_threads_runs_exactly_once(
    impatient: None, max_workers: int, recent_limit: int
) -> None:
    pool = WorkerPool(max_workers, recent_limit=recent_limit)
    threads, each = 8, 250
    counts: Counter[tuple[int, int]] = Counter()
    lock, ended = threading.Lock(), threading.Semaphore(0)

    def add_some(thread: int) -> None:
        rng = random.Random(thread)
        for number in range(each):
            pause = rng.choice([0, 0, 0, 0, 0, 0, 0.0005, 0.003])

            def job(key: tuple[int, int] = (thread, number), pause: float = pause) -> None:
                if pause:
                    time.sleep(pause)
                with lock:
                    counts[key] += 1

            add(pool, job, ended.release)
            if rng.random() < 0.05:
                # Around the time at which idle workers leave.
                time.sleep(rng.uniform(0.0005, 0.002))

    adders = [threading.Thread(target=add_some, args=(n,)) for n in range(threads)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    for _ in range(threads * each):
        assert ended.acquire(timeout=PATIENCE), "a job was forgotten"
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert len(counts) == threads * each
    assert set(counts.values()) == {1}


def spin(seconds: float) -> None:
    """Wait for less than a thread could be made to sleep."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


@pytest.mark.parametrize("max_workers", [1, 2])
def test_no_job_is_forgotten_that_meets_a_worker_about_to_lie_down(
    races: None, monkeypatch: pytest.MonkeyPatch, max_workers: int
) -> None:
    # A worker that leaves would find what it has forgotten.
    monkeypatch.setattr(motor.execution.pool, "LINGER", 2 * PATIENCE)
    pool, ended, rng = WorkerPool(max_workers), threading.Semaphore(0), random.Random(1)
    for number in range(1000):
        add(pool, int, ended.release)
        spin(rng.uniform(0, 600e-6))
        # While the first one ends. No later job wakes a worker for it.
        add(pool, int, ended.release)
        for _ in range(2):
            assert ended.acquire(timeout=PATIENCE), f"round {number}"
    pool.shutdown()


@pytest.mark.parametrize(("max_workers", "recent_limit"), [(1, 1), (2, 2), (8, 1)])
def test_no_job_is_forgotten_that_meets_a_leaving_worker(
    impatient: None, races: None, max_workers: int, recent_limit: int
) -> None:
    pool = WorkerPool(max_workers, recent_limit=recent_limit)
    ended, rng = threading.Semaphore(0), random.Random(1)
    for number in range(500):
        add(pool, int, ended.release)
        assert ended.acquire(timeout=PATIENCE), f"round {number}"
        # The worker gives up after a millisecond: come just before, then, or after.
        spin(rng.uniform(0.9e-3, 1.3e-3))


@pytest.mark.parametrize(("max_workers", "recent_limit"), [(1, 1), (2, 2), (8, 1), (8, 4)])
def test_no_job_of_several_threads_is_forgotten(
    impatient: None, races: None, max_workers: int, recent_limit: int
) -> None:
    pool = WorkerPool(max_workers, recent_limit=recent_limit)
    together = threading.Barrier(4)
    forgotten: list[str] = []

    def one_after_the_other(thread: int) -> None:
        rng = random.Random(thread)
        done = threading.Event()
        for number in range(100):
            # All add one and wait, so that no later job wakes a worker for one that is forgotten.
            together.wait(2 * PATIENCE)
            done.clear()
            add(pool, int, done.set)
            if not done.wait(PATIENCE):
                forgotten.append(f"job {number} of thread {thread}")
                together.abort()
                return
            time.sleep(rng.uniform(0, 0.0014))

    def try_all(thread: int) -> None:
        with suppress(threading.BrokenBarrierError):
            one_after_the_other(thread)

    threads = [threading.Thread(target=try_all, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert forgotten == []


def test_a_repeated_job_lets_those_that_wait_go_first() -> None:
    pool = WorkerPool(1)
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


def test_a_repeated_job_is_delivered_once() -> None:
    pool, turns = WorkerPool(2), iter(range(5))
    delivered: list[int] = []
    add(pool, lambda: None if next(turns) == 4 else AGAIN, lambda: delivered.append(1))
    wait_until(lambda: delivered, PATIENCE)
    wait_until(lambda: is_quiet(pool), PATIENCE)
    assert delivered == [1]


def test_a_repeated_job_has_its_turn_beside_long_ones(hold: Any) -> None:
    pool = WorkerPool(8, recent_limit=1)
    turn, turns, done = Held(), [], threading.Event()

    def job() -> object:
        turns.append(1)
        if len(turns) == 1:
            turn()
            return AGAIN
        return None

    add(pool, job, done.set)
    assert turn.began.wait(PATIENCE)
    for long in hold(pool, 3):
        assert long.began.wait(PATIENCE)
    turn.end.set()
    assert done.wait(PATIENCE)


def test_finalizers_may_add_jobs_in_the_middle_of_anything(impatient: None) -> None:
    pool = WorkerPool(8, recent_limit=2)
    ended = threading.Semaphore(0)
    finalized = 0

    class Forgotten:
        """Adds a job when the garbage collector finds it, on any thread."""

        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            nonlocal finalized
            finalized += 1
            add(pool, int, ended.release)

    before = gc.get_threshold()
    gc.set_threshold(3)
    try:
        for _ in range(500):
            Forgotten()
            add(pool, lambda: [[] for _ in range(3)], ended.release)
            pool.statistics()
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert finalized == 500
    for _ in range(1000):
        assert ended.acquire(timeout=PATIENCE)


# Delivering -----------------------------------------------------------------------------------


def test_the_outcome_may_bring_the_next_job_to_the_same_worker() -> None:
    pool = WorkerPool(4)
    threads: list[int] = []
    done = threading.Event()

    def one_more() -> None:
        threads.append(threading.get_ident())
        if len(threads) < 50:
            add(pool, int, one_more)
        else:
            done.set()

    add(pool, int, one_more)
    assert done.wait(PATIENCE)
    assert len(set(threads)) == 1


def test_delivering_that_raises_is_reported_and_the_worker_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    pool = WorkerPool(1)
    threads: list[int] = []

    def deliver() -> None:
        threads.append(threading.get_ident())
        raise LookupError("on purpose")

    add(pool, int, deliver)
    wait_until(lambda: reported, PATIENCE)
    run_all(pool, [lambda: threads.append(threading.get_ident())])
    assert [args.exc_type for args in reported] == [LookupError]
    assert len(set(threads)) == 1
    wait_until(lambda: is_quiet(pool), PATIENCE)


def test_a_job_that_is_being_delivered_counts_as_running() -> None:
    pool, held = WorkerPool(2), Held()
    add(pool, int, held)
    assert held.began.wait(PATIENCE)
    assert pool.load == pool.statistics().in_flight == 1
    held.end.set()
    wait_until(lambda: pool.load == 0, PATIENCE)


# Admission ------------------------------------------------------------------------------------


def test_no_more_recent_jobs_begin_than_the_limit(
    always_recent: None, hold: Any, ticks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = WorkerPool(50, recent_limit=3)
    first = hold(pool, 3)
    for job in first:
        assert job.began.wait(PATIENCE)
    later = hold(pool, 10)
    ticks(5)
    assert not any(job.began.is_set() for job in later)
    first[0].end.set()
    assert later[0].began.wait(PATIENCE)
    ticks(5)
    assert not any(job.began.is_set() for job in later[1:])
    # From now on each one is taken to wait for its server.
    monkeypatch.setattr(motor.execution.pool, "RECENT", 0.0)
    for job in later:
        assert job.began.wait(PATIENCE)


def test_idle_workers_are_no_way_around_the_limit(
    hold: Any, ticks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motor.execution.admission, "IDLE", -1.0)
    monkeypatch.setattr(motor.execution.pool, "LINGER", PATIENCE)
    pool = WorkerPool(4, recent_limit=2)
    slow = hold(pool, 4)
    for job in slow:
        assert job.began.wait(PATIENCE)
    monkeypatch.setattr(motor.execution.pool, "RECENT", time.monotonic() / 2)
    for job in slow[:2]:
        job.end.set()
    wait_until(lambda: pool.statistics().in_flight == 2, PATIENCE)
    assert pool.statistics().workers == 4
    (waiting,) = hold(pool, 1)
    ticks(5)
    assert not waiting.began.is_set()
    monkeypatch.setattr(motor.execution.pool, "RECENT", 0.0)
    assert waiting.began.wait(PATIENCE)


def test_slow_jobs_let_more_in_up_to_the_most_workers(hold: Any, ticks: Any) -> None:
    pool = WorkerPool(10, recent_limit=2)
    jobs = hold(pool, 12)
    for job in jobs[:10]:
        assert job.began.wait(PATIENCE)
    ticks(5)
    assert not any(job.began.is_set() for job in jobs[10:])
    jobs[0].end.set()
    assert jobs[10].began.wait(PATIENCE)


def test_a_short_job_does_not_wait_for_long_ones(hold: Any) -> None:
    pool = WorkerPool(40, recent_limit=2)
    hold(pool, 30)
    run_all(pool, [int])


def test_never_more_workers_than_the_most() -> None:
    pool = WorkerPool(5, recent_limit=2)
    inside = Gauge()

    def job(pause: float) -> None:
        with inside:
            time.sleep(pause)

    pauses = random.Random(1).choices([0, 0.001, 0.004], k=400)
    run_all(pool, [lambda pause=pause: job(pause) for pause in pauses])
    assert 2 <= inside.most <= 5


def surplus(hold: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[WorkerPool, list[Held], list[int]]:
    """A pool for one recent job, whose four workers are busy; and a hundred short jobs that wait.

    The list will have the thread of each short job.
    """
    monkeypatch.setattr(motor.execution.admission, "IDLE", -1.0)
    monkeypatch.setattr(motor.execution.pool, "LINGER", PATIENCE)
    pool = WorkerPool(4, recent_limit=1, name="motor-surplus-test")
    held = hold(pool, 4)
    for job in held:
        assert job.began.wait(PATIENCE)
    # From now on no more are let in.
    wait_until(lambda: not threads_named("motor-surplus-test-monitor"), PATIENCE)
    refuse_threads(monkeypatch, "-monitor")
    threads: list[int] = []
    for _ in range(100):
        add(pool, lambda: threads.append(threading.get_ident()))
    return pool, held, threads


def test_a_surplus_worker_goes_to_sleep_when_calls_are_short(
    hold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, held, threads = surplus(hold, monkeypatch)
    monkeypatch.setattr(motor.execution.pool, "RECENT", math.inf)
    for job in held[:3]:
        job.end.set()
    wait_until(lambda: pool.statistics().in_flight == 1, PATIENCE)
    # One recent job is the limit, and one is there.
    assert threads == []
    held[3].end.set()
    wait_until(lambda: len(threads) == 100, PATIENCE)
    assert len(set(threads)) == 1


def test_a_worker_whose_call_was_long_goes_on(hold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, held, threads = surplus(hold, monkeypatch)
    monkeypatch.setattr(motor.execution.pool, "RECENT", 0.0)
    held[0].end.set()
    wait_until(lambda: len(threads) == 100, PATIENCE)
    assert len(set(threads)) == 1
    wait_until(lambda: pool.statistics().in_flight == 3, PATIENCE)
