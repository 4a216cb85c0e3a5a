"""What a pool of workers is doing and has done, in numbers, for programs that export metrics."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolStatistics"]


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """One pool at one moment.

    The first four are gauges. The last three are counters, which begin at zero in a forked child.
    The rate of `wait_seconds` is the mean length of the queue; divided by the rate of `waits`, it
    is the mean time that a call waits, if it has to wait.
    """

    #: The most workers that there are at once: ``MOTOR_MAX_WORKERS``, or the size of the client's
    #: own executor.
    max_workers: int
    #: The threads that exist: those at work, and those that wait a while for the next call.
    workers: int
    #: Calls that are on a worker: on their way to the server, waiting there, or being decoded.
    in_flight: int
    #: Calls that wait for a worker.
    queued: int
    #: Calls that have come.
    calls: int
    #: How many times a call had to wait. A call that takes turns waits once a turn.
    waits: int
    #: How long (in seconds) they waited in total; those that wait now count up to now.
    wait_seconds: float
