"""How long this process lives: not longer than the harness, and not longer than planned."""

from __future__ import annotations

import ctypes
import math
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, even while it is stopped."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_after(seconds: float) -> None:
    """Have the kernel end this process after so many seconds."""
    signal.alarm(math.ceil(seconds))
