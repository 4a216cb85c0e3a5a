"""What takes the calls of a client: greenlets, or the workers behind them.

Private names: ``_topology`` of a client, with ``get_server_by_address``; ``pool`` of a server; and
``conns`` of a pool, its free connections; and the ``_compression_settings`` of a
client's options, where there are such.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pymongo.read_preferences import ReadPreference

from motor.accelerators.greenlets.calls import call_of
from motor.accelerators.greenlets.connections import can_wait, pause_before_retries
from motor.accelerators.greenlets.registry import scheduler_of
from motor.accelerators.greenlets.scheduler import Scheduler
from motor.accelerators.greenlets.targets import target_of
from motor.execution.lifecycle import after_fork_in_child
from motor.execution.pool import WorkerPool
from motor.execution.pool_statistics import PoolStatistics

__all__ = ["InlinePool"]


class InlinePool:
    """Takes the calls of a client: greenlets run those with a `target_of`, workers the others.

    - `workers`: the pool that Motor's clients share
    - `client`: the PyMongo client
    """

    delays_exit = True

    def __init__(self, workers: WorkerPool, client: Any) -> None:
        self.workers: WorkerPool = workers
        self._client = weakref.ref(client)
        self._description: Any = None
        #: The connection pools of the servers that take writes, and of all that take reads.
        self._writable: list[Any] = []
        self._readable: list[Any] = []
        self._reset()
        after_fork_in_child(self._reset)
        pause_before_retries(client)

    def _reset(self) -> None:
        self._scheduler: weakref.ref[Scheduler] | None = None
        # Of the jobs in greenlets.
        self.running: int = 0
        self.queued: int = 0
        self.calls: int = 0
        self.waits: int = 0
        self.wait_seconds: float = 0.0

    @classmethod
    def around(cls, workers: Any, client: Any) -> Any:
        """What takes the calls of `client`: the workers, if they encrypt or compress.

        Raises ValueError when `workers` are those of the user's own executor.
        """
        if not isinstance(workers, WorkerPool):
            raise ValueError(
                "A client with an executor= of its own cannot use the accelerator greenlets, which "
                "runs calls on the event loop's thread: leave one of them out (MOTOR_ACCELERATORS)"
            )
        options = client.options
        compression = getattr(options.pool_options, "_compression_settings", None)
        if options.auto_encryption_opts is not None or getattr(compression, "compressors", None):
            return workers
        return cls(workers, client)

    def add(self, job: Any) -> None:
        """Run `job` in a greenlet, now or soon, or on a worker. Raises like the workers' `add`."""
        target = target_of(job)
        scheduler = None if target is None else self._scheduler_of(job, target)
        if scheduler is None:
            self.workers.add(job)
        else:
            scheduler.add(job, self, target)

    def _scheduler_of(self, job: Any, target: Any) -> Scheduler | None:
        """The scheduler of the loop that a job belongs to, if that runs on this thread."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        if call_of(job).future.get_loop() is not loop:
            return None
        scheduler = None if self._scheduler is None else self._scheduler()
        if scheduler is None or scheduler.loop is not loop:
            if not self.is_connected(target):
                return None
            try:
                scheduler = scheduler_of(loop)
            except NotImplementedError:
                # A loop that watches no files.
                return None
            self._scheduler = weakref.ref(scheduler)
        return scheduler if scheduler.on_its_thread() else None

    def is_connected(self, target: Any) -> bool:
        """Whether a call finds a server and a free connection.

        - `target`: the collection or database that it asks
        """
        client = self._client()
        if client is None:
            return False
        description = client.topology_description
        if description is not self._description:
            self._find_pools(client, description)
        anywhere = target.read_preference.mode != ReadPreference.PRIMARY.mode
        pools = self._readable if anywhere else self._writable
        for pool in pools:
            try:
                if not can_wait(pool.conns[0]):
                    return False
            except IndexError:
                return False
        return bool(pools)

    def _find_pools(self, client: Any, description: Any) -> None:
        servers = description.server_descriptions().values()
        if description.topology_type_name == "Single":
            readable = writable = [each for each in servers if each.is_server_type_known]
        else:
            readable = [each for each in servers if each.is_readable]
            writable = [each for each in servers if each.is_writable]
        self._readable = _pools_of(client, readable)
        self._writable = _pools_of(client, writable)
        self._description = description

    # Statistics.

    def statistics(self) -> PoolStatistics:
        """What the workers and the greenlets of this client are doing, and have done so far."""
        workers = self.workers.statistics()
        return replace(
            workers,
            in_flight=workers.in_flight + self.running,
            queued=workers.queued + self.queued,
            calls=workers.calls + self.calls,
            waits=workers.waits + self.waits,
            wait_seconds=workers.wait_seconds + self.wait_seconds,
        )


def _pools_of(client: Any, servers: Iterable[Any]) -> list[Any]:
    found = (client._topology.get_server_by_address(each.address) for each in servers)
    return [server.pool for server in found if server is not None]
