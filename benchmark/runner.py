"""Runs cases: for each, every driver in turn, round after round, process after process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.cases import Case, Effort
from benchmark.dataset import load
from benchmark.drivers import MOTOR, Driver
from benchmark.environments import Environments
from benchmark.processes import Burner, Unavailable, Worker, WorkerFailed, http_load
from benchmark.ratios import rotated
from benchmark.servers import Server
from benchmark.setups import Setup

#: What a busy consumer spends on a document, in seconds.
BUSY = 5e-6

#: For estimates, in seconds: the start of the drivers' processes, the start of a client, and the
#: time of a round besides its work.
START, OPEN, BETWEEN = 0.7, 0.1, 0.03

Round = dict[str, Any]


@dataclass
class Outcome:
    """The measurements of a case with one setup.

    - `rounds`: for each driver, the measurements of each round, with the number of its process as
      `process`
    - `beats`: the same for the rounds with the heartbeat; `uncollected`: for the rounds with the
      heartbeat and without Python's garbage collector
    - `details`: for each process, what a driver's workload returned when it was opened
    - `connections`: how many connections each driver's client had at the end
    - `left_out`: why the case was not run, or why a driver took no part
    """

    case: Case
    setup: Setup
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    beats: dict[str, list[Round]] = field(default_factory=dict)
    uncollected: dict[str, list[Round]] = field(default_factory=dict)
    details: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    connections: dict[str, int | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Runner:
    """Runs cases one by one; each driver has new processes for each case.

    - `rounds`, `processes`: override how many a case has
    """

    def __init__(
        self,
        drivers: dict[str, Driver],
        environments: Environments,
        server: Server,
        loop: str = "asyncio",
        quick: bool = False,
        rounds: int | None = None,
        processes: int | None = None,
    ) -> None:
        self.setup = Setup(loop, environments.python_version)
        self._drivers = drivers
        self._environments = environments
        self._server = server
        self._quick = quick
        self._rounds = rounds
        self._processes = processes
        self._turns: int | None = None

    def describe(self) -> dict[str, Any]:
        """Each driver's Python and packages."""
        with ExitStack() as stack:
            workers = self._start(self._drivers, stack)
            return {name: worker.ask("describe") for name, worker in workers.items()}

    def estimate(self, case: Case) -> float:
        """About how many seconds the case will take."""
        effort = self._effort(case)
        names = self._taking_part(case)
        apart = len(names) if case.measure == "memory" else 1
        rounds = effort.rounds + 2 * effort.beats + effort.warm_ups / 2
        each = START * apart + len(names) * (OPEN + rounds * (case.seconds + BETWEEN))
        return effort.processes * each

    def run(self, case: Case) -> Outcome:
        """Run a case. Errors are in the outcome."""
        outcome = Outcome(case, self.setup)
        if case.route not in self._server.uris:
            outcome.left_out[case.name] = f"there is no way to the server over {case.route}"
            return outcome
        params = case.params_for(self._quick)
        for collection in {params.get("collection", name) for name in case.reads}:
            load(self._server.database, collection)
        try:
            for process in range(self._effort(case).processes):
                if case.measure == "memory":
                    self._run_apart(case, outcome, process)
                else:
                    self._run_together(case, outcome, process)
        except (WorkerFailed, subprocess.SubprocessError) as error:
            # The other cases go on.
            return Outcome(case, self.setup, left_out={case.name: str(error)})
        return outcome

    def _effort(self, case: Case) -> Effort:
        effort = case.effort(self._quick)
        if self._rounds and case.measure != "memory":
            effort = replace(effort, rounds=self._rounds)
        return replace(effort, processes=self._processes or effort.processes)

    # The processes of all drivers run at the same time.

    def _run_together(self, case: Case, outcome: Outcome, process: int) -> None:
        with ExitStack() as stack:
            for _ in range(case.params.get("burners", 0)):
                stack.enter_context(Burner())
            workers = self._start(self._taking_part(case), stack)
            for name, worker in list(workers.items()):
                try:
                    self._open(worker, case, outcome)
                except Unavailable as error:
                    outcome.left_out[name] = str(error)
                    del workers[name]
            if MOTOR in outcome.left_out:
                # There is nothing to compare the others with.
                return
            effort = self._effort(case)
            for _ in range(effort.warm_ups):
                for worker in workers.values():
                    worker.ask("warm_up")
            # The heartbeat first: the first use of anything in a process makes the longest stalls.
            for found, count, measured in (
                (outcome.beats, effort.beats, {"heartbeat": True}),
                (outcome.uncollected, effort.beats, {"heartbeat": True, "collector": False}),
                (outcome.rounds, effort.rounds, {"heartbeat": False}),
            ):
                for number in range(count):
                    for name in rotated([*workers], process * count + number):
                        taken = self._round(case, outcome, workers[name], measured)
                        found.setdefault(name, []).append(taken | {"process": process})
            outcome.connections = {name: self._server.connections(name) for name in workers}
            for worker in workers.values():
                worker.ask("close")

    def _round(
        self, case: Case, outcome: Outcome, worker: Worker, measured: dict[str, bool]
    ) -> Round:
        if case.measure != "http":
            return worker.ask("round", **measured)
        worker.ask("begin", **measured)
        port = outcome.details[worker.driver.name][-1]["port"]
        loaded = http_load(port, case.params_for(self._quick))
        return worker.ask("end") | loaded

    # One driver's process after the other, each for one round.

    def _run_apart(self, case: Case, outcome: Outcome, process: int) -> None:
        for name in rotated(self._taking_part(case), process):
            with ExitStack() as stack:
                worker = self._start([name], stack)[name]
                self._open(worker, case, outcome)
                taken = worker.ask("round", heartbeat=False) | {"process": process}
                outcome.rounds.setdefault(name, []).append(taken)
                outcome.connections[name] = self._server.connections(name)
                worker.ask("close")

    # Both.

    def _taking_part(self, case: Case) -> list[str]:
        return [name for name in self._drivers if case.takes(name)]

    def _start(self, names: Iterable[str], stack: ExitStack) -> dict[str, Worker]:
        """Start the processes of these drivers, all at once."""
        return {
            name: stack.enter_context(
                Worker(self._drivers[name], self._environments, self.setup.loop)
            )
            for name in names
        }

    def _open(self, worker: Worker, case: Case, outcome: Outcome) -> None:
        params = case.params_for(self._quick)
        if "consumer" in params:
            if self._turns is None:
                # Measured once, so that the work is the same for all.
                self._turns = int(worker.ask("calibrate", seconds=BUSY)["turns"])
            params = params | {"turns": self._turns}
        uri = self._server.uris[case.route]
        details = worker.ask("open", workload=case.workload, uri=uri, params=params)
        outcome.details.setdefault(worker.driver.name, []).append(details)
