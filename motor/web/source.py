"""Find the file for a request, and read the bytes that the answer needs."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import gridfs
from bson.errors import InvalidId

from motor.core import AgnosticGridOut, legacy_hooks

__all__ = [
    "BadRevision",
    "begun_body",
    "check_grid_out",
    "find_file",
    "open_by_name",
    "parse_revision",
    "read_body",
]

#: GridFS's "newest".
NEWEST = -1

_REVISION = re.compile("-?[0-9]+")
#: More digits than any number of revisions, and than MongoDB's integers, have.
_MAX_DIGITS = 9


class BadRevision(ValueError):
    """A URL's `revision` is not a number."""


def parse_revision(values: Iterable[str]) -> int:
    """The revision that a URL asks for, from the values of its `revision` parameter.

    As GridFS counts: 0 is the oldest file of a name, 1 the next, -1 the newest, -2 the one before.
    The newest if there is no such parameter. Raises BadRevision, or gridfs.NoFile for a number that
    no file can have.
    """
    given = list(values)
    if not given:
        return NEWEST
    if len(given) > 1 or not _REVISION.fullmatch(given[0]):
        raise BadRevision("revision must be one whole number: 0 is the oldest, -1 the newest")
    if len(given[0]) > _MAX_DIGITS:
        raise gridfs.NoFile("no file has so many revisions")
    return int(given[0])


async def open_by_name(bucket: Any, filename: str, revision: int = NEWEST) -> Any:
    """The open ``GridOut`` of a revision of a name. Raises gridfs.NoFile."""
    try:
        filename.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, from a URL that is not UTF-8: MongoDB has no such names.
        raise gridfs.NoFile("the name in the URL is not UTF-8") from None
    return await bucket.open_download_stream_by_name(filename, revision=revision)


def check_grid_out(grid_out: object, what: str) -> None:
    """Raise TypeError unless `grid_out` is a Motor ``GridOut``."""
    if not isinstance(grid_out, AgnosticGridOut):
        raise TypeError(f"{what} must be a GridOut of a Motor bucket, not {grid_out!r}")


async def find_file(
    get_gridfs_file: Callable[..., Awaitable[Any]], bucket: Any, filename: str, request: Any
) -> Any:
    """The open ``GridOut`` that `get_gridfs_file` chooses; None if there is no such file.

    Raises TypeError if it gives anything but a Motor ``GridOut``.
    """
    try:
        try:
            chosen = get_gridfs_file(bucket, filename, request)
        except TypeError:
            # In Motor 0.x it took two arguments.
            arguments = bucket, filename, request
            old_call = legacy_hooks.refused(get_gridfs_file, "get_gridfs_file", arguments, {})
            if old_call is None:
                raise
            chosen = old_call()
        grid_out = await chosen
        check_grid_out(grid_out, "the result of get_gridfs_file, if it does not raise NoFile,")
        return await grid_out.open()
    except (gridfs.NoFile, InvalidId):
        return None


async def read_body(grid_out: Any, body: Iterable[bytes | range]) -> AsyncGenerator[bytes, None]:
    """The bytes of a `ResponsePlan.body`, piece by piece, reading little more than is taken.

    Close it (``contextlib.aclosing``) when the client has gone: that ends the reading.
    """
    for part in body:
        if isinstance(part, bytes):
            yield part
            continue
        async with aclosing(grid_out.iter_range(part.start, part.stop)) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def begun_body(
    grid_out: Any, body: Iterable[bytes | range]
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The same pieces, of which the first has been read.

    A file that cannot be read is an error while there is still time to answer so.
    """
    async with aclosing(read_body(grid_out, body)) as pieces:
        first = await anext(pieces, None)
        async with aclosing(_beginning_with(first, pieces)) as all_pieces:
            yield all_pieces


async def _beginning_with(
    first: bytes | None, pieces: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    if first is not None:
        yield first
        async for piece in pieces:
            yield piece
