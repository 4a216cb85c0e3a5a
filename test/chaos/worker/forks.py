"""Forks this process, and works in the child."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.worker.journal import Journal
from chaos.worker.lifetime import die_with_parent

_CHILD_SECONDS = 40

#: What the child does: an asynchronous function of its journal and its number.
ChildWork = Callable[[Journal, int], Any]


def fork_often(
    journal: Journal,
    directory: Path,
    work: ChildWork,
    stop: threading.Event,
    pause: float,
    count: int | None = None,
) -> None:
    """Fork until `stop` is set, or as often as `count` says, `pause` seconds apart."""
    number = 0
    while not stop.wait(pause) and (count is None or number < count):
        number += 1
        pid = os.fork()
        if not pid:
            _child(directory, work, number)
        begun = time.monotonic()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        journal.write("fork", number=number, code=code, seconds=time.monotonic() - begun)


def _child(directory: Path, work: ChildWork, number: int) -> None:
    code = 1
    try:
        die_with_parent()
        # Ends the child, however it hangs.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_CHILD_SECONDS)
        journal = Journal(directory / f"journal-fork-{number}.jsonl")
        asyncio.run(work(journal, number))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
