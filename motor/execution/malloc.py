"""Memory for large messages: kept for the next ones, and cleared before it is needed.

The GNU C library gets each large block from the operating system, and gives it back as soon as it
is free. Each time, the system clears every page at its first use: for a file from GridFS, that
takes as long as all the rest. But the library adapts: when a block of up to 32 MB is freed, from
then on it keeps blocks up to that size, and up to twice as much free memory in all. A reply has
16 MB at most, which makes 32 MB: less than three replies and their documents need. So the library
is tuned at the first large message.

Nothing changes with other C libraries, or if ``MALLOC_TRIM_THRESHOLD_`` or
``MALLOC_MMAP_THRESHOLD_`` is set in the environment.
"""

from __future__ import annotations

import contextlib
import sys
import threading

__all__ = ["LARGE_BLOCK", "keep_large_blocks", "touch_ahead"]

#: From how many bytes on a message is large.
LARGE_BLOCK = 1024 * 1024

#: How many bytes the largest block has to which the library adapts, with what it adds to each.
_LARGEST_BLOCK = 32 * 1024 * 1024 - 64 * 1024

_kept = False


def keep_large_blocks() -> None:
    """Free a block of the largest size that matters, once in a process. No page is touched."""
    global _kept
    if not _kept:
        _kept = True
        bytes(_LARGEST_BLOCK)


class _Touched(threading.local):
    """How large a block is whose pages this thread has touched, in bytes."""

    size = LARGE_BLOCK


_touched = _Touched()


def touch_ahead(size: int) -> None:
    """Have the system clear the pages of a block of `size` bytes, before this thread needs one.

    Who fills new memory waits until the system has cleared its pages: 15 milliseconds for 16 MB.
    Python has the interpreter lock meanwhile, but not while it reads a file. Each thread has memory
    of its own, which is touched once.
    """
    if size <= _touched.size or sys.platform != "linux":
        return
    _touched.size = size
    keep_large_blocks()
    # Without it, receiving only takes longer.
    with contextlib.suppress(OSError, MemoryError), open("/dev/zero", "rb", buffering=0) as zeros:
        zeros.read(min(size, _LARGEST_BLOCK))
