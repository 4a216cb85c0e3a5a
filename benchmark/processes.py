"""The processes that the harness starts: workers, the proxy, the load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from benchmark.drivers import ROOT, Driver
from benchmark.environments import Environments


class WorkerFailed(Exception):
    """A worker answered with an error, or ended."""


class Unavailable(Exception):
    """The driver lacks what the case needs."""


class Worker:
    """One driver's process, which carries out commands and waits for more."""

    def __init__(self, driver: Driver, environments: Environments, loop: str) -> None:
        self.driver = driver
        # -P: the current directory may be the checkout, whose `motor` is not the one to measure.
        command = [environments.python_of(driver), "-P", "-m", "benchmark.worker"]
        without = ["--without", driver.without] if driver.without else []
        self._process = subprocess.Popen(
            [*command, driver.name, driver.adapter, loop, *without],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environments.variables(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker do something, and return its answer.

        Raises WorkerFailed, or Unavailable when the driver lacks something for it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            # The missing answer shows that the worker has ended.
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise WorkerFailed(f"the process of {self.driver.name} ended with {code} in {do!r}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(f"{self.driver.name} failed in {do!r}:\n{answer['error']}")
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer

    def stop(self) -> None:
        """End the process, by force if it does not within seconds."""
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


class Burner:
    """A process that keeps one processor busy."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()


class Proxy:
    """The proxy that delays, in a process of its own, in front of a host and port."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.proxy", host, str(port), str(delay)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_with_root(),
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate()


def http_load(port: int, params: dict[str, Any]) -> dict[str, Any]:
    """Load a service from a process of its own; see `benchmark.load`."""
    arguments = [str(port), str(params["connections"]), str(params["seconds"])]
    arguments += ["busy"] if params["busy"] else []
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.load", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=_with_root(),
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _with_root() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
