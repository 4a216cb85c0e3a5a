"""The pool of workers by itself: in which order, how often and how many at once jobs run."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import motor.worker_pool
from motor import admission
from motor.admission import young
from motor.executor import AGAIN, WorkerPool
from support import wait_until
from support.jobs import PATIENCE, Gauge, Held, run_all


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that leave after five milliseconds without work, so that jobs meet leaving ones."""
    monkeypatch.setattr(motor.worker_pool, "LINGER", 0.005)


@pytest.fixture
def hold() -> Iterator[Callable[[WorkerPool, int], list[Held]]]:
    """`hold(pool, n)` submits n jobs that run until they are released, at the latest after the
    test."""
    made: list[Held] = []

    def submit(pool: WorkerPool, count: int) -> list[Held]:
        jobs = [Held() for _ in range(count)]
        made.extend(jobs)
        for job in jobs:
            pool.submit(job)
        return jobs

    yield submit
    for job in made:
        job.end.set()


# Order and number -----------------------------------------------------------------------------


def test_one_worker_runs_jobs_in_the_order_they_come() -> None:
    ran: list[int] = []
    run_all(WorkerPool(1), [lambda n=n: ran.append(n) for n in range(1000)])
    assert ran == list(range(1000))


def test_a_new_job_does_not_overtake_those_that_wait(hold: Any) -> None:
    pool = WorkerPool(3, young_limit=1)
    # No watch: only new jobs and ended ones make the pool look at its queue.
    pool._lacks_watch = lambda: False  # type: ignore[method-assign]
    (first,) = hold(pool, 1)
    assert first.began.wait(PATIENCE)
    ran: list[str] = []
    pool.submit(lambda: ran.append("waited"))
    # Now that the first is old, the pool may grow.
    wait_until(lambda: young(pool._busy) == 0)
    pool.submit(lambda: ran.append("came later"))
    wait_until(lambda: len(ran) == 2)
    assert ran == ["waited", "came later"]


@pytest.mark.parametrize(("max_workers", "young_limit"), [(1, 1), (3, 3), (16, 1), (16, 4)])
def test_every_job_of_many_threads_runs_exactly_once(
    impatient: None, max_workers: int, young_limit: int
) -> None:
    pool = WorkerPool(max_workers, young_limit=young_limit)
    threads, each = 8, 250
    counts: Counter[tuple[int, int]] = Counter()
    ended = threading.Semaphore(0)

    def submit_some(thread: int) -> None:
        rng = random.Random(thread)
        for number in range(each):
            pause = rng.choice([0, 0, 0, 0, 0, 0, 0.0005, 0.003])

            def job(key: tuple[int, int] = (thread, number), pause: float = pause) -> None:
                if pause:
                    time.sleep(pause)
                counts[key] += 1
                ended.release()

            pool.submit(job)
            if rng.random() < 0.02:
                # Around the time at which idle workers leave.
                time.sleep(rng.uniform(0.003, 0.007))

    submitters = [threading.Thread(target=submit_some, args=(n,)) for n in range(threads)]
    for submitter in submitters:
        submitter.start()
    for submitter in submitters:
        submitter.join()
    for _ in range(threads * each):
        assert ended.acquire(timeout=PATIENCE), "a job was forgotten"
    wait_until(lambda: pool.load == 0)
    assert len(counts) == threads * each
    assert set(counts.values()) == {1}


def test_a_job_that_meets_a_leaving_worker_is_not_forgotten(impatient: None) -> None:
    pool = WorkerPool(2)
    done = threading.Event()
    for attempt in range(120):
        done.clear()
        pool.submit(done.set)
        assert done.wait(PATIENCE), f"attempt {attempt}"
        # The worker gives up waiting after five milliseconds: come just before, then, or after.
        time.sleep(0.0046 + attempt % 12 * 0.0001)


def test_again_lets_those_that_wait_go_first() -> None:
    pool = WorkerPool(1)
    ran: list[str] = []
    both_submitted, done = threading.Event(), threading.Event()

    def twice() -> object:
        assert both_submitted.wait(PATIENCE)
        ran.append("again")
        if ran.count("again") < 2:
            return AGAIN
        done.set()
        return None

    pool.submit(twice)
    pool.submit(lambda: ran.append("other"))
    both_submitted.set()
    assert done.wait(PATIENCE)
    assert ran == ["again", "other", "again"]


# Admission --------------------------------------------------------------------------------------


def test_no_more_young_jobs_run_at_once_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # None grows old on a busy machine, and the processor is taken to have no time to spare.
    monkeypatch.setattr(admission, "YOUNG", 600.0)
    monkeypatch.setattr(admission, "IDLE", -1.0)
    pool = WorkerPool(50, young_limit=3)
    inside = Gauge()

    def job() -> None:
        with inside:
            sum(range(200))

    run_all(pool, [job] * 2000)
    assert 1 <= inside.most <= 3


def test_idle_workers_are_no_way_around_the_limit(hold: Any) -> None:
    pool = WorkerPool(4, young_limit=2)
    old = hold(pool, 4)
    for job in old:
        assert job.began.wait(PATIENCE)
    # Nobody has lost patience yet when the next jobs come.
    for job in old[:2]:
        job.end.set()
    wait_until(lambda: pool._idle or pool.load == 2)
    with pool._lock:
        for worker in pool._busy:
            worker.busy_since = time.monotonic() + 60  # For ever young.
        # The processor has had time to spare.
        pool._admission.limit = pool._admission.young_limit
        pool.submit(lambda: None)
        assert len(pool._busy) == 2
        assert len(pool._queue) == 1
        for worker in pool._busy:
            worker.busy_since = 0
    wait_until(lambda: pool.load == 2)


def test_slow_jobs_let_more_in_up_to_the_most_workers(hold: Any) -> None:
    pool = WorkerPool(10, young_limit=2)
    jobs = hold(pool, 12)
    for job in jobs[:10]:
        assert job.began.wait(PATIENCE)
    assert not any(job.began.wait(0.02) for job in jobs[10:])
    jobs[0].end.set()
    assert jobs[10].began.wait(PATIENCE)


def test_a_short_job_does_not_wait_for_long_ones(hold: Any) -> None:
    pool = WorkerPool(40, young_limit=2)
    hold(pool, 30)
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(PATIENCE)


def test_never_more_workers_than_the_most() -> None:
    pool = WorkerPool(5, young_limit=2)
    inside = Gauge()

    def job(pause: float) -> None:
        with inside:
            time.sleep(pause)

    pauses = random.Random(1).choices([0, 0.001, 0.004], k=400)
    run_all(pool, [lambda pause=pause: job(pause) for pause in pauses])
    assert 2 <= inside.most <= 5
