"""What this process holds: threads, descriptors, sockets, memory."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import resource
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

#: The drivers' shared pools live as long as the process.
_POOLS = ("motor-", "ThreadPoolExecutor", "MainThread", "work-", "asyncio_")


def resident_kilobytes() -> int:
    """The resident size of this process, without what glibc keeps for later use.

    What glibc keeps goes up and down by several megabytes, and would hide a slow leak.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def held() -> dict[str, Any]:
    """What is held now."""
    targets = []
    for name in os.listdir("/proc/self/fd"):
        try:
            targets.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
    kinds = Counter(re.sub(r":.*", "", target) for target in targets)
    threads = [t.name for t in threading.enumerate() if not t.name.startswith(_POOLS)]
    return {"threads": threads, "sockets": kinds["socket"], "descriptors": len(targets)}


def left(before: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What is held in addition to `before`, and still is after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        gc.collect()
        now = held()
        more = {
            "threads": sorted((Counter(now["threads"]) - Counter(before["threads"])).elements()),
            "sockets": max(0, now["sockets"] - before["sockets"]),
            "descriptors": max(0, now["descriptors"] - before["descriptors"]),
        }
        if not any(more.values()) or time.monotonic() > deadline:
            return more
        time.sleep(0.1)
