"""The quickstart's output: its steps, their results, and its progress."""

from __future__ import annotations

import sys
from typing import Any

BAR_WIDTH = 40


class UnexpectedResult(Exception):
    """A result is not what the quickstart expects."""


def heading(text: str) -> None:
    """Begin a new part."""
    print(f"\n{text}\n{'=' * len(text)}", flush=True)


def step(text: str) -> None:
    """Say what happens next."""
    print(f"\n* {text}", flush=True)


def expect(what: str, came_back: Any, expected: Any) -> None:
    """Print a result; raise UnexpectedResult if it is not the expected one."""
    if came_back != expected:
        raise UnexpectedResult(f"{what}: expected {expected!r}, but got {came_back!r}")
    print(f"    {what}: {came_back!r}", flush=True)


class ProgressBar:
    """Shows how much of `total` is done: a bar on a terminal, else a line for each quarter."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._on_terminal = sys.stdout.isatty()
        self._steps = 100 if self._on_terminal else 4
        self._shown = 0

    def show(self, done: int) -> None:
        """Draw it again if it has changed."""
        reached = done * self._steps // self._total
        if reached == self._shown:
            return
        self._shown = reached
        text = f"    {done:>7,} of {self._total:,}"
        if self._on_terminal:
            bar = "#" * (done * BAR_WIDTH // self._total)
            text = f"\r{text} [{bar:<{BAR_WIDTH}}]"
        ended = done >= self._total or not self._on_terminal
        print(text, end="\n" if ended else "", flush=True)
