"""Where a file's bytes may go."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from motor.core.gridfs.reading import RangeReader

if TYPE_CHECKING:
    from motor.core.gridfs.grid_out import AgnosticGridOut

__all__ = ["is_async", "write_file"]

#: How many bytes are read at once for a destination that takes all of them. In fewer, the server
#: needs longer; in more, the first bytes are late and much memory is used.
BATCH_BYTES = 8 * 1024 * 1024

#: How many such batches are on their way while one is written.
AHEAD = 1


def is_async(method: Any) -> bool:
    """Whether a method returns something to be awaited: a coroutine function, or one of Motor's."""
    function = getattr(method, "__func__", method)
    marked = getattr(function, "coroutine_annotation", False)
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or marked is True


async def write_file(grid_out: AgnosticGridOut, destination: Any) -> None:
    """Write all bytes of `grid_out` to `destination`, and read the next ones meanwhile.

    Raises TypeError when it cannot be written to.
    """
    write = getattr(destination, "write", None)
    if not callable(write):
        raise TypeError(f"destination must have a method write(bytes), and {destination!r} has not")
    drain = getattr(destination, "drain", None)
    reader = RangeReader(grid_out, 0, None, batch_bytes=BATCH_BYTES, ahead=AHEAD)
    try:
        while pieces := await reader.next_batch():
            if is_async(write):
                for piece in pieces:
                    await write(piece)
            elif is_async(drain):
                # An asyncio.StreamWriter, which belongs to the loop's thread.
                for piece in pieces:
                    write(piece)
                    await drain()  # type: ignore[misc]
            else:
                left = await grid_out._submit_function(_write_all, (write, pieces))
                while left:
                    await left.pop(0)
    finally:
        await reader.aclose()


def _write_all(write: Callable[[bytes], Any], pieces: list[bytes]) -> list[Any]:
    """Write on a worker. Returns what is still to be awaited."""
    results = (write(piece) for piece in pieces)
    return [result for result in results if inspect.isawaitable(result)]
