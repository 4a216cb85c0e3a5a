"""The process of one driver, seen from the harness."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmark.environments import Environments
from chaos.drivers import Candidate
from chaos.faketime import Clock

#: How long the process may take, beyond the time of the work, before it is killed.
_SPARE_SECONDS = 180.0


class WorkerFailed(Exception):
    """A driver's process ended before its time."""


class Worker:
    """Starts the process with its plan. What it did is in the journals in its directory."""

    def __init__(
        self,
        candidate: Candidate,
        environments: Environments,
        directory: Path,
        plan: dict[str, Any],
    ) -> None:
        self.candidate = candidate
        self.directory = directory
        self._limit = plan["seconds"] + _SPARE_SECONDS
        self._clock = Clock(directory / "clock") if plan["faketime"] else None
        command = [environments.python_of(candidate.driver), "-P", "-m", "chaos.worker"]
        with (directory / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._variables(environments),
                start_new_session=True,
            )
        plan = {**plan, "kind": candidate.kind, "directory": str(directory)}
        self._tell({"limit": self._limit, **plan})

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_for(self, what: str) -> dict[str, Any]:
        """Wait until the process says that it is `ready`, has `finished` or is `done`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if what in answer:
                return answer
        errors = (self.directory / "stderr").read_text(errors="replace")[-2000:]
        code = self._process.wait()
        name = self.candidate.name
        raise WorkerFailed(f"{name} ended with {code} before it was {what}:\n{errors}")

    def begin(self) -> None:
        """Have the work begin."""
        self._tell({"do": "begin"})

    def finish(self) -> None:
        """Have the work come to its end."""
        self._tell({"do": "finish"})

    def stop(self) -> None:
        """Stop the process for a while: `go_on`."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Have the process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def set_clock(self, seconds: int) -> None:
        """Set the process's clock forward."""
        if self._clock is not None:
            self._clock.set_forward(seconds)
            return
        self._tell({"do": "set clock", "seconds": seconds})

    def close(self) -> None:
        """End the process, by force if it does not end by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            # Waiting for the process reports that it has ended.
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _variables(self, environments: Environments) -> dict[str, str]:
        variables = environments.variables()
        if self._clock is not None:
            variables |= self._clock.variables
        variables.pop("MOTOR_ACCELERATORS", None)
        if self.candidate.accelerators is not None:
            variables["MOTOR_ACCELERATORS"] = self.candidate.accelerators
        return variables
