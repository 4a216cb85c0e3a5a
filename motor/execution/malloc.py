"""Lets the C library keep the memory of large messages for the next ones.

The GNU C library gets large blocks from the operating system one by one, and gives them back as
soon as they are free. Each time, the system clears every page that is used for the first time: for
a file from GridFS that takes as long as all the rest. The library learns, however. When the first
block of some size is freed, it keeps those up to that size, and up to twice as much free memory
in all. Replies have 16 MB at most, and a program that has read such a batch keeps memory for it.
But with somewhat smaller ones, and several on their way at once, what is kept is never quite
enough. So the lesson is given at the first large message.

Other C libraries, and those that were told otherwise (``MALLOC_TRIM_THRESHOLD_`` and
``MALLOC_MMAP_THRESHOLD_`` in the environment), do as they always do.
"""

from __future__ import annotations

__all__ = ["LARGE_BLOCK", "keep_large_blocks"]

#: How many bytes a message has that is worth the lesson.
LARGE_BLOCK = 1024 * 1024

#: How many bytes the largest reply has.
_LARGEST_REPLY = 16 * 1024 * 1024

_kept = False


def keep_large_blocks() -> None:
    """Free a block as large as a reply can be, once in a process. None of its pages is touched."""
    global _kept
    if not _kept:
        _kept = True
        bytes(_LARGEST_REPLY)
