"""A driver's process: `python -m chaos.worker`, told what to do on its standard input."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

from chaos.worker import leftovers
from chaos.worker.adapters import ADAPTERS
from chaos.worker.clients import BY_STEP, Clients
from chaos.worker.clock import set_forward, sleep_beside_faketime
from chaos.worker.forks import fork_often
from chaos.worker.journal import Journal
from chaos.worker.lifetime import die_after, die_with_parent
from chaos.worker.places import Jobs, Place
from chaos.worker.probe import probe_blocking
from chaos.worker.resolver import divert

_CLEAR_SECONDS = 15.0
_SAMPLE_SECONDS = 5.0
#: Seconds between two forks, as a multiple of the pace.
_FORK_PAUSE = 35.0
_FRAMEWORKS = {"main": "asyncio", "loop": "asyncio", "tornado": "tornado"}


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _heard() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        raise SystemExit("the harness has gone")
    told: dict[str, Any] = json.loads(line)
    return told


class Process:
    """The places of this process, and what is measured beside them."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._directory = Path(plan["directory"])
        self._journal = Journal(self._directory / "journal-main.jsonl")
        self._stop = threading.Event()
        self._adapter = ADAPTERS[plan["kind"]]()
        self._clients = Clients(plan, self._adapter, self._journal)

    def run(self) -> None:
        """Do what the plan says."""
        if self._plan["kind"] == "pymongo":
            before = self._run_probe()
        else:
            self._join(self._start(self._clients.warm_up))
            before = leftovers.held()
            _say(ready=True)
            _heard()
            self._work()
        _say(done=True, left=leftovers.left(before, _CLEAR_SECONDS))

    def _work(self) -> None:
        what = self._plan["what"]
        jobs = {
            "chaos": self._clients.chaos,
            "cancellations": self._clients.cancellations,
            "forks": self._clients.forks,
        }
        beside = [threading.Thread(target=self._sample, name="work-sample")]
        if what != "cancellations":
            self._clients.share()
            beside.append(threading.Thread(target=self._fork, name="work-fork"))
        beside.append(threading.Thread(target=self._listen, name="work-listen", daemon=True))
        places = self._start(jobs[what])
        for thread in beside:
            thread.start()
        if what == "chaos":
            self._stop.wait()
        elif what == "forks":
            beside[1].join()
            self._stop.set()
        else:
            self._join(places)
            self._stop.set()
        for place in places:
            place.finish()
        self._join(places)
        for thread in beside[:-1]:
            thread.join()
        if what != "cancellations":
            asyncio.run(self._clients.close_shared())

    def _run_probe(self) -> dict[str, Any]:
        before = leftovers.held()
        client = self._adapter.client(self._plan["uri"], "", **BY_STEP)
        _say(ready=True)
        _heard()
        plan = self._plan
        arguments = client, plan["database"], self._journal, self._stop, plan["pace"]
        thread = threading.Thread(target=probe_blocking, args=arguments, name="work-probe")
        thread.start()
        self._listen()
        thread.join()
        client.close()
        return before

    def _start(self, jobs: Jobs) -> list[Place]:
        places = [
            Place(name, _FRAMEWORKS[name], self._journal, jobs) for name in self._plan["places"]
        ]
        for place in places:
            place.start()
        return places

    def _join(self, places: list[Place]) -> None:
        for place in places:
            place.join()

    def _listen(self) -> None:
        while (told := _heard())["do"] == "set clock":
            set_forward(told["seconds"])
        self._stop.set()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self._journal.write(
                "memory",
                kilobytes=leftovers.resident_kilobytes(),
                # What is in use, however much the allocators keep for later.
                blocks=sys.getallocatedblocks(),
                threads=threading.active_count(),
            )

    def _fork(self) -> None:
        forks = self._plan["what"] == "forks"
        fork_often(
            self._journal,
            self._directory,
            self._clients.in_child,
            self._stop,
            pause=0.01 if forks else _FORK_PAUSE * self._plan["pace"],
            count=self._plan["count"] if forks else None,
        )


def main() -> None:
    """Run the process."""
    die_with_parent()
    plan = _heard()
    die_after(plan["limit"])
    divert(plan["host"])
    sleep_beside_faketime()
    Process(plan).run()


if __name__ == "__main__":
    main()
