"""One run: servers and proxies, a process for each driver, faults, and then the books."""

from __future__ import annotations

import math
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from chaos import report, server_side, setting
from chaos.drivers import Candidate, chosen, environments
from chaos.faults import FAULTS, World, strike
from chaos.gaps import Struck
from chaos.network import Network
from chaos.options import Options
from chaos.plan import PLACES
from chaos.processes import Worker, WorkerFailed
from chaos.replica_set import ReplicaSet
from chaos.results import Result
from chaos.schedule import Fault, schedule
from chaos.tally import Tally

_HEALTHY_SECONDS = 60.0
#: Beyond the faults: the start, what workers may take to end, the books.
_SPARE_SECONDS = 600.0


def planned(options: Options) -> list[Fault]:
    """The faults of a run."""
    if options.what != "chaos":
        return []
    wanted = FAULTS
    if options.faults is not None:
        wanted = {name: FAULTS[name] for name in FAULTS if name.startswith(tuple(options.faults))}
    return schedule(options.seed, options.seconds, wanted, options.rest) if wanted else []


def run(options: Options) -> int:
    """Run it and print the report; 1 if something of Motor's is not as it must be."""
    candidates = chosen(options.drivers)
    _say(f"seed {options.seed}")
    made = environments(options.cache, sys.executable, candidates)
    # If anything hangs, this process still ends in time, with all processes that it has started.
    signal.alarm(math.ceil(options.seconds + options.count + _SPARE_SECONDS))
    directory = options.results or Path(tempfile.mkdtemp(prefix="motor-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            replica_set = stack.enter_context(ReplicaSet())
            names = [candidate.name for candidate in candidates]
            network = Network(names, replica_set.addresses, options.seed)
            stack.enter_context(network)
            run = _Run(options, candidates, replica_set, network, directory)
            return run.run(stack, made)
    finally:
        signal.alarm(0)
        if options.results is None:
            shutil.rmtree(directory, ignore_errors=True)


class _Run:
    def __init__(
        self,
        options: Options,
        candidates: list[Candidate],
        replica_set: ReplicaSet,
        network: Network,
        directory: Path,
    ) -> None:
        self._options = options
        self._candidates = candidates
        self._replica_set = replica_set
        self._network = network
        self._directory = directory
        self._databases = {c.name: "chaos_" + c.name.replace(".", "_") for c in candidates}

    def run(self, stack: ExitStack, made: Any) -> int:
        with self._replica_set.client() as client:
            for database in self._databases.values():
                setting.prepare(client, database)
        self._sessions_before = server_side.sessions(self._replica_set)
        workers = [self._worker(stack, made, candidate) for candidate in self._candidates]
        results = {worker.candidate.name: Result(worker.candidate) for worker in workers}
        for worker in workers:
            worker.wait_for("ready")
        for worker in workers:
            worker.begin()
        world = World(self._replica_set, self._network, workers)
        struck = self._strike(world) if self._options.what == "chaos" else []
        for worker in workers:
            if self._options.what == "chaos":
                worker.finish()
        for worker in workers:
            result = results[worker.candidate.name]
            try:
                result.left = worker.wait_for("done")["left"]
            except WorkerFailed as error:
                result.findings["worker failed"] += 1
                _say(str(error))
            worker.close()
        return self._check(workers, results, struck)

    def _worker(self, stack: ExitStack, made: Any, candidate: Candidate) -> Worker:
        directory = self._directory / candidate.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        members = ",".join(f"{host}:{port}" for host, port in self._replica_set.addresses)
        plan = {
            "what": self._options.what,
            "seconds": self._options.seconds + self._options.count,
            "count": self._options.count,
            "seed": self._options.seed,
            "pace": self._options.pace,
            "faketime": self._options.faketime,
            "places": PLACES,
            "host": self._network.host(candidate.name),
            "uri": f"mongodb://{members}/?replicaSet=chaos",
            "database": self._databases[candidate.name],
        }
        worker = Worker(candidate, made, directory, plan)
        stack.callback(worker.close)
        return worker

    def _strike(self, world: World) -> list[Struck]:
        begun = time.monotonic()
        struck = []
        for fault in planned(self._options):
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            if time.monotonic() - begun > self._options.seconds:
                # Some took longer than planned: the run does not.
                break
            at = time.monotonic()
            problem = ""
            try:
                strike(world, fault)
            except Exception as error:
                problem = repr(error)[:200]
            struck.append(Struck(fault, at, time.monotonic(), problem))
            shown = f"{at - begun:7.1f} s  {fault.name} ({fault.who}) {fault.seconds} s {problem}"
            _say(shown)
        time.sleep(max(0.0, begun + self._options.seconds - time.monotonic()))
        self._network.heal()
        self._replica_set.revive()
        self._replica_set.wait_healthy(_HEALTHY_SECONDS)
        return struck

    def _check(
        self, workers: list[Worker], results: dict[str, Result], struck: list[Struck]
    ) -> int:
        drivers = {database: name for name, database in self._databases.items()}
        left = server_side.left(self._replica_set, drivers)
        sessions = server_side.sessions(self._replica_set) - self._sessions_before
        with self._replica_set.client() as client:
            for worker in workers:
                name = worker.candidate.name
                result = results[name]
                failed = result.findings
                result.read(worker, client[self._databases[name]])
                result.findings += failed
                result.left_at_servers = left[name]
        found = [*results.values()]
        _say(report.faults(struck))
        sys.stdout.write(report.text(struck, found) + "\n")
        tally = Tally(self._options.tally)
        tally.add(struck, found)
        if self._options.table is not None:
            titles = {result.candidate.name: result.candidate.title for result in found}
            self._options.table.write_text(report.table(tally.runs, titles))
            _say(f"the table is of {len(tally.runs)} runs with {tally.faults} faults")
        motors = [result for result in found if result.candidate.kind == "motor"]
        # Where connections were cut, cursors may be left that no client could have closed.
        quiet = self._options.what != "chaos"
        bad = any(
            result.findings or result.left_in_process or (quiet and result.left_at_servers)
            for result in motors
        )
        # Sessions do not say whose they are: only alone it is Motor that left them.
        dropped = sum(result.errors.network for result in motors)
        bad |= quiet and motors == found and len(sessions) > dropped
        _say(f"{len(sessions)} sessions left at the servers, by all drivers together")
        _say(f"seed {self._options.seed}: Motor's books {'DO NOT BALANCE' if bad else 'balance'}")
        return int(bad)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
