"""What a pool of workers is doing and has done, in numbers, for whoever exports metrics."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolStatistics"]


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """One pool at one moment.

    The first four are gauges. The last three only grow, for as long as the process lives, and begin
    at zero in a forked child. The rate of `wait_seconds` is the mean length of the queue; divided
    by the rate of `waits` it is the mean time that a call which has to queue does so.
    """

    #: The most workers that there may ever be at once: ``MOTOR_MAX_WORKERS``, or the size of the
    #: client's own executor.
    max_workers: int
    #: Threads that there are: those at work, and those that linger for the next call.
    workers: int
    #: Calls that are on a worker, or on their event loop's thread: on their way to the server,
    #: waiting there, or being decoded.
    in_flight: int
    #: Calls that wait for a worker, or on their loop for others to end.
    queued: int
    #: Calls that ever came.
    calls: int
    #: How many times one of them had to queue. A call that takes turns queues once a turn.
    waits: int
    #: How long (in seconds) they queued, summed up, with what those queued now have waited so far.
    wait_seconds: float
