"""Runs cases: for each, every driver in turn, round after round."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmark.cases import Case
from benchmark.dataset import load
from benchmark.drivers import MOTOR, Driver
from benchmark.environments import Environments
from benchmark.processes import Unavailable, Worker, WorkerFailed, http_load
from benchmark.ratios import rotated
from benchmark.servers import Server

#: What a busy consumer spends on a document, in seconds.
BUSY = 5e-6

Round = dict[str, Any]


@dataclass
class Outcome:
    """What came of a case.

    - `rounds`: of each driver, what each round took; the rounds of all go together
    - `beats`: the same of the rounds that the heartbeat was measured in
    - `details`: what a driver's workload told when it was opened
    - `connections`: how many each driver's client had in the end
    - `left_out`: why the case was not run, or why a driver took no part
    """

    case: Case
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    beats: dict[str, list[Round]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    connections: dict[str, int | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Runner:
    """Runs cases one by one; each driver has a new process for each case.

    - `rounds`: overrides how many rounds a case has
    """

    def __init__(
        self,
        drivers: dict[str, Driver],
        environments: Environments,
        server: Server,
        loop: str = "asyncio",
        quick: bool = False,
        rounds: int | None = None,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        self._drivers = drivers
        self._environments = environments
        self._server = server
        self._loop = loop
        self._quick = quick
        self._rounds = rounds
        self._say = say
        self._turns: int | None = None

    def describe(self) -> dict[str, Any]:
        """Each driver's Python and packages."""
        with ExitStack() as stack:
            workers = self._start(self._drivers, stack)
            return {name: worker.ask("describe") for name, worker in workers.items()}

    def run(self, cases: Iterable[Case]) -> Iterable[Outcome]:
        """Run the cases, and yield what came of each."""
        cases = list(cases)
        for number, case in enumerate(cases, 1):
            start = time.monotonic()
            outcome = self._run(case)
            seconds = time.monotonic() - start
            self._say(f"[{number}/{len(cases)}] {case.name}: {seconds:.1f} s")
            for name, reason in outcome.left_out.items():
                self._say(f"    left out: {name}: {reason.strip()}")
            yield outcome

    def _run(self, case: Case) -> Outcome:
        outcome = Outcome(case)
        if case.route not in self._server.uris:
            outcome.left_out[case.name] = f"there is no way to the server over {case.route}"
            return outcome
        for collection in case.reads:
            load(self._server.database, collection)
        try:
            if case.measure == "memory":
                self._run_apart(case, outcome)
            else:
                self._run_together(case, outcome)
        except (WorkerFailed, subprocess.SubprocessError) as error:
            # The other cases go on.
            return Outcome(case, left_out={case.name: str(error)})
        return outcome

    # Processes that live as long as the case.

    def _run_together(self, case: Case, outcome: Outcome) -> None:
        with ExitStack() as stack:
            workers = self._start(case.drivers, stack)
            for name, worker in list(workers.items()):
                try:
                    outcome.details[name] = self._open(worker, case)
                except Unavailable as error:
                    outcome.left_out[name] = str(error)
                    del workers[name]
            if MOTOR in outcome.left_out:
                # Nothing to compare the others with.
                return
            # Connections are opened, and the interpreter learns what is called often.
            warm_ups, beats = case.warm_ups_for(self._quick), case.beats_for(self._quick)
            self._interleaved(case, outcome, workers, warm_ups, False)
            outcome.rounds = self._interleaved(case, outcome, workers, self._count(case), False)
            outcome.beats = self._interleaved(case, outcome, workers, beats, True)
            outcome.connections = {name: self._server.connections(name) for name in workers}
            for worker in workers.values():
                worker.ask("close")

    def _interleaved(
        self,
        case: Case,
        outcome: Outcome,
        workers: dict[str, Worker],
        count: int,
        heartbeat: bool,
    ) -> dict[str, list[Round]]:
        found: dict[str, list[Round]] = {name: [] for name in workers}
        for number in range(count):
            for name in rotated([*workers], number):
                found[name].append(self._round(case, outcome, workers[name], heartbeat))
        return found

    def _round(self, case: Case, outcome: Outcome, worker: Worker, heartbeat: bool) -> Round:
        if case.measure != "http":
            return worker.ask("round", heartbeat=heartbeat)
        worker.ask("begin", heartbeat=heartbeat)
        port = outcome.details[worker.driver.name]["port"]
        loaded = http_load(port, case.params_for(self._quick))
        return worker.ask("end") | loaded

    # A process for each round.

    def _run_apart(self, case: Case, outcome: Outcome) -> None:
        names = [name for name in self._drivers if name in case.drivers]
        outcome.rounds = {name: [] for name in names}
        for number in range(self._count(case)):
            for name in rotated(names, number):
                with ExitStack() as stack:
                    worker = self._start([name], stack)[name]
                    outcome.details[name] = self._open(worker, case)
                    outcome.rounds[name].append(worker.ask("round", heartbeat=False))
                    outcome.connections[name] = self._server.connections(name)
                    worker.ask("close")

    # Both.

    def _start(self, names: Iterable[str], stack: ExitStack) -> dict[str, Worker]:
        """Start the processes of those that take part, all at once."""
        return {
            name: stack.enter_context(Worker(driver, self._environments, self._loop))
            for name, driver in self._drivers.items()
            if name in names
        }

    def _count(self, case: Case) -> int:
        return self._rounds or case.rounds_for(self._quick)

    def _open(self, worker: Worker, case: Case) -> dict[str, Any]:
        params = case.params_for(self._quick)
        if "consumer" in params:
            if self._turns is None:
                # Once and for all, so that the work is the same for all.
                self._turns = int(worker.ask("calibrate", seconds=BUSY)["turns"])
            params = params | {"turns": self._turns}
        uri = self._server.uris[case.route]
        return worker.ask("open", workload=case.workload, uri=uri, params=params)
