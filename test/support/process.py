"""Run Python in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import random
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.wait import PATIENCE, wait_until


def run_python(
    code: str, *args: str, timeout: float = PATIENCE, check: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `code` (dedented) with `args` and the same `motor` as here; warnings are errors.

    `env` adds to the environment. With `check`, a non-zero exit fails the test with its output.
    """
    done = subprocess.run(
        _command(code, args),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=_environment(env),
        check=False,
    )
    if check:
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextmanager
def start_python(code: str, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Like `run_python` without waiting; stdin and stdout are pipes. Killed at the end."""
    process = subprocess.Popen(
        _command(code, args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(env),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def free_port() -> int:
    """A port that nothing listens on, out of the range that connections get theirs from."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until_serves(
    process: subprocess.Popen[Any], ask: Callable[[], Any], patience: float = PATIENCE
) -> Any:
    """Wait until `ask()` gets an answer from the program; fails at once when that has ended."""

    def answer() -> Any:
        try:
            return ask()
        except ConnectionRefusedError:
            assert process.poll() is None, f"the program has ended: {process.returncode}"
            return None

    return wait_until(answer, patience, "the program serves")


def _command(code: str, args: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *args]


def _environment(env: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": _directory_of_motor(), **env}


def _directory_of_motor() -> str:
    spec = importlib.util.find_spec("motor")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(spec.submodule_search_locations[0]).parent)
