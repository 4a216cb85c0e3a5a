"""The sources of a file's bytes, and their destinations."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from motor.core.gridfs.ranges import COPY_BATCH, RangeReader

__all__ = ["as_bytes", "for_pymongo", "is_plain", "pieces_of", "write_file"]

Submit = Callable[..., Any]


def is_async(method: Any) -> bool:
    """Whether a method returns something to be awaited: a coroutine function, or one of Motor's."""
    function = getattr(method, "__func__", method)
    marked = getattr(function, "coroutine_annotation", False)
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or marked is True


def for_pymongo(stream: Any) -> Any:
    """A source or a destination as PyMongo takes it. Raises TypeError if it is asynchronous."""
    if isinstance(stream, (bytearray, memoryview)):
        return bytes(stream)
    methods = (getattr(stream, name, None) for name in ("read", "write"))
    if any(map(is_async, methods)) or hasattr(stream, "__aiter__"):
        raise TypeError(
            "an argument of this call is one that only PyMongo knows, so PyMongo transfers the "
            f"file, and it cannot use an asynchronous object: {stream!r}"
        )
    return stream


# Sources.


def is_plain(data: object) -> bool:
    """Whether `data` is itself what is to be written."""
    return isinstance(data, (bytes, bytearray, memoryview, str))


def as_bytes(data: Any, encoding: str | None) -> bytes:
    """What is to be written, as bytes that will not change.

    Raises TypeError for anything else, and for text without an encoding.
    """
    if isinstance(data, str):
        if encoding is None:
            raise TypeError("must specify an encoding for file in order to write str")
        return data.encode(encoding)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"can only write strings or file-like objects, not {type(data)}")
    return bytes(data)


async def pieces_of(source: Any, size: int, count: int, submit: Submit) -> AsyncIterator[list[Any]]:
    """What `source` has, as lists of pieces.

    - `source`: bytes; a file, whose method ``read(size)`` may be a coroutine function; or
      an asynchronous iterable
    - `size`, `count`: of how many bytes, and how many at once, to ask a file for
    - `submit`: runs a function on a worker, where files that are not asynchronous are read

    Raises TypeError for anything else.
    """
    read: Any = getattr(source, "read", None)
    if is_plain(source):
        view = memoryview(source).cast("B")
        for start in range(0, len(view), size * count):
            yield [view[start : start + size * count]]
    elif is_async(read) and not _is_grid_out(source):
        while piece := await read(size):
            yield [piece]
    elif hasattr(source, "__aiter__"):
        async for piece in source:
            yield [piece]
    elif callable(read):
        pieces = await submit(_read, (read, size, count))
        while pieces:
            yield pieces
            pieces = await submit(_read, (read, size, count))
    else:
        raise TypeError(
            "can only write strings, file-like objects or asynchronous iterables of bytes, not "
            f"{type(source)}"
        )


def _is_grid_out(source: Any) -> bool:
    # One of Motor's own reads ahead when it is iterated, and gives chunks.
    return hasattr(source, "iter_range")


def _read(read: Callable[[int], Any], size: int, count: int) -> list[Any]:
    """Read up to `count` pieces, on a worker. None at the file's end."""
    pieces: list[Any] = []
    while len(pieces) < count:
        piece = read(size)
        if inspect.isawaitable(piece):
            if inspect.iscoroutine(piece):
                piece.close()
            raise TypeError(
                f"{read!r} must return bytes or be a coroutine function, but it returned an "
                f"awaitable, {type(piece)}: use 'async def', or pass an asynchronous iterable"
            )
        if not piece:
            break
        pieces.append(piece)
        if len(piece) < size:
            # Fewer bytes are not the end: the rest may come later, as from a pipe.
            break
    return pieces


# Destinations.


async def write_file(grid_out: Any, destination: Any) -> None:
    """Write all bytes of `grid_out` to `destination`, and read the next ones meanwhile.

    Raises TypeError when it cannot be written to.
    """
    write = getattr(destination, "write", None)
    if not callable(write):
        raise TypeError(f"destination must have a method write(bytes): {destination!r} has none")
    drain = getattr(destination, "drain", None)
    reader = RangeReader(grid_out, 0, None, most=COPY_BATCH)
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
