"""The measurements of a round: time, processor time, threads, and the loop's stalls."""

from __future__ import annotations

import gc
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmark.worker.heartbeat import Heartbeat


class Meter:
    """Runs from its making to `stop`.

    - `heartbeat`: whether to measure the loop's stalls
    - `collector`: whether Python's cyclic garbage collector may run meanwhile
    """

    def __init__(self, heartbeat: bool, collector: bool = True) -> None:
        if not collector:
            gc.disable()
        self._heartbeat = Heartbeat() if heartbeat else None
        self._cpu = time.process_time()
        self._start = time.perf_counter()

    def stop(self) -> dict[str, Any]:
        """The use since the start: seconds, processor seconds, threads, stalls."""
        seconds = time.perf_counter() - self._start
        cpu = time.process_time() - self._cpu
        used: dict[str, Any] = {"seconds": seconds, "cpu": cpu}
        used["threads"] = threading.active_count()
        if self._heartbeat is not None:
            used["stall"] = self._heartbeat.stop()
            used["threads"] = max(used["threads"], self._heartbeat.threads)
        # Only after the heartbeat's end: a collection might run in between.
        gc.enable()
        return used


def peak_memory() -> float:
    """The most memory, in MB, that this process has ever had."""
    # Not getrusage: on Linux, a child begins with the parent's value.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
